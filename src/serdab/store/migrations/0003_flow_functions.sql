-- The engine's own statements on the server. A name carries a version, because old and new workers overlap in a deploy.

create type claimed_v1 as (
    run_id uuid, parent uuid, seq bigint, code bigint, timeout_s real, priority smallint, crashes smallint,
    again boolean, cancelled boolean, queue text, workflow text, input bytea
);

-- ── Claim ───────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Moves up to p_want runs from ready to lease. p_lows has a low-water sequence for each queue and priority: behind it
-- lie only dead rows, which a held snapshot may keep for long.
create function claim_v1(p_worker integer, p_want integer, p_queues text[], p_lows bigint[])
returns setof claimed_v1 language plpgsql as $$
declare
    wanted  integer  := p_want;
    got     integer;
    segment_now smallint := ring_segment();
begin
    for q in 1..cardinality(p_queues) loop
        for p in 0..2 loop
            return query
                with c as materialized (
                    select r.queue, r.priority, r.seq, r.segment, r.run_id, r.crashes, r.again
                      from ready r
                     where r.queue = p_queues[q] and r.priority = p::smallint and r.seq >= p_lows[q * 3 - 2 + p]
                     order by r.seq limit wanted for update skip locked
                ), d as (
                    delete from ready r using c
                     where r.queue = c.queue and r.priority = c.priority and r.seq = c.seq and r.segment = c.segment
                    returning c.*
                ), l as (
                    insert into lease (run_id, claimed_at, worker, segment, priority, crashes, queue)
                    select d.run_id, now(), p_worker, segment_now, d.priority, d.crashes, d.queue from d
                )
                select u.run_id, u.parent, d.seq, u.code, u.timeout_s, u.priority, d.crashes, d.again,
                       exists (select from cancel_request k where k.run_id = u.run_id), u.queue, u.workflow, u.input
                  from d join run u on u.run_id = d.run_id;
            get diagnostics got = row_count;
            wanted := wanted - got;
            if wanted <= 0 then return; end if;
        end loop;
    end loop;
end $$;

-- One suspect at a time, for a worker that runs it alone.
create function claim_alone_v1(p_worker integer, p_queues text[])
returns setof claimed_v1 language sql as $$
    with c as materialized (
        select s.* from suspect s where s.queue = any (p_queues) order by s.since limit 1 for update skip locked
    ), d as (
        delete from suspect s using c where s.run_id = c.run_id returning c.*
    ), l as (
        insert into lease (run_id, claimed_at, worker, segment, priority, crashes, queue)
        select d.run_id, now(), p_worker, ring_segment(), d.priority, d.crashes, d.queue from d
    )
    select u.run_id, u.parent, 0::bigint, u.code, u.timeout_s, u.priority, d.crashes, true,
           exists (select from cancel_request k where k.run_id = u.run_id), u.queue, u.workflow, u.input
      from d join run u on u.run_id = d.run_id
$$;

-- ── Flush: the fence first, then everything, in one transaction ────────────────────────────────────────────────────

-- The row lock is a statement of its own, so that each later one sees what is committed after a wait for rescue.
create function check_fence_v1(p_worker integer) returns void language plpgsql as $$
declare
    w record;
begin
    select lease_until, gone_at into w from worker where worker_id = p_worker for key share;
    if not found or w.gone_at is not null then
        raise exception 'worker % was taken for dead: its runs are with others', p_worker using errcode = 'SD001';
    elsif w.lease_until < clock_timestamp() then
        raise exception 'the lease of worker % has lapsed: renew it first', p_worker using errcode = 'SD002';
    end if;
end $$;

-- p_again: this batch may have been committed before, its answer lost; what is there already stays as it is.
create function flush_v1(
    p_worker integer, p_again boolean,
    s_run uuid[], s_key text[], s_digest bigint[], s_us integer[], s_attempt smallint[], s_failed boolean[],
    s_output bytea[],
    o_run uuid[], o_status text[], o_output bytea[],
    p_want integer, p_queues text[], p_lows bigint[]
) returns setof claimed_v1 language plpgsql as $$
begin
    perform check_fence_v1(p_worker);
    if p_again then
        insert into step_result (run_id, step_key, digest, duration_us, attempt, failed, output, worker)
        select r, k, d, u, a, f, o, p_worker
          from unnest(s_run, s_key, s_digest, s_us, s_attempt, s_failed, s_output) t (r, k, d, u, a, f, o)
        on conflict do nothing;
        insert into run_outcome (run_id, status, output, worker)
        select r, s::"char", o, p_worker from unnest(o_run, o_status, o_output) t (r, s, o)
        on conflict do nothing;
    else
        if cardinality(s_run) > 0 then
            insert into step_result (run_id, step_key, digest, duration_us, attempt, failed, output, worker)
            select r, k, d, u, a, f, o, p_worker
              from unnest(s_run, s_key, s_digest, s_us, s_attempt, s_failed, s_output) t (r, k, d, u, a, f, o);
        end if;
        if cardinality(o_run) > 0 then
            insert into run_outcome (run_id, status, output, worker)
            select r, s::"char", o, p_worker from unnest(o_run, o_status, o_output) t (r, s, o);
        end if;
    end if;
    if cardinality(o_run) > 0 then
        delete from lease l using unnest(o_run) o where l.run_id = o and l.worker = p_worker;
    end if;
    if p_want > 0 then
        return query select * from claim_v1(p_worker, p_want, p_queues, p_lows);
    end if;
end $$;

-- ── Start ───────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Answers, for each row that has a key, which run holds it now and whether its input is the same.
create function start_runs_v1(
    p_again boolean,
    c_run uuid[], c_parent uuid[], c_code bigint[], c_timeout real[], c_priority smallint[], c_queue text[],
    c_workflow text[], c_input bytea[], c_key text[], c_digest bigint[], c_at timestamptz[]
) returns table (place integer, run_id uuid, same boolean) language plpgsql as $$
declare
    keyed boolean := exists (select from unnest(c_key) k where k is not null);
    fresh integer[];
begin
    if keyed then
        insert into run_key (queue, key, run_id, input_digest)
        select q, k, r, d from unnest(c_queue, c_key, c_run, c_digest) t (q, k, r, d)
         where k is not null order by q, k
        on conflict do nothing;
        return query
            select n::integer, y.run_id, y.input_digest = d
              from unnest(c_queue, c_key, c_digest) with ordinality t (q, k, d, n)
              join run_key y on y.queue = q and y.key = k;
    end if;
    if keyed or p_again then
        select array_agg(n order by n) into fresh
          from unnest(c_run, c_queue, c_key) with ordinality t (r, q, k, n)
         where (k is null or exists (select from run_key y where y.queue = q and y.key = k and y.run_id = r))
           and not exists (select from run u where u.run_id = r);
        if fresh is null then return; end if;
    end if;
    insert into run (run_id, parent, code, timeout_s, priority, queue, workflow, input)
    select r, a, c, s, p, q, w, i
      from unnest(c_run, c_parent, c_code, c_timeout, c_priority, c_queue, c_workflow, c_input) with ordinality
           t (r, a, c, s, p, q, w, i, n)
     where fresh is null or n = any (fresh);
    insert into ready (segment, priority, queue, run_id)
    select ring_segment(), p, q, r
      from unnest(c_run, c_priority, c_queue, c_at) with ordinality t (r, p, q, w, n)
     where w is null and (fresh is null or n = any (fresh)) order by n;
    insert into parked (run_id, wake_at, priority, crashes, queue, why, firsts, lasts, sizes)
    select r, w, p, 0, q, 'deferred', '{}', '{}', '{}'
      from unnest(c_run, c_priority, c_queue, c_at) with ordinality t (r, p, q, w, n)
     where w is not null and (fresh is null or n = any (fresh));
end $$;

-- ── Wake ────────────────────────────────────────────────────────────────────────────────────────────────────────────

create function wake_runs_v1(p_runs uuid[]) returns setof text language sql as $$
    with d as (
        delete from parked p using unnest(p_runs) r where p.run_id = r returning p.*
    ), i as (
        insert into ready (segment, priority, queue, run_id, crashes, again)
        select ring_segment(), priority, queue, run_id, crashes, true from d order by parked_at
    )
    select distinct queue from d
$$;

-- Wakes what is due; answers the queues that got something.
create function wake_due_v1(p_most integer) returns setof text language sql as $$
    select wake_runs_v1(array(
        select run_id from parked where wake_at <= clock_timestamp() order by wake_at limit p_most
           for update skip locked))
$$;

-- Wakes parents whose children have all ended. Looks at one unfinished group at most, and forgets finished ones.
create function wake_parents_v1(p_parents uuid[]) returns setof text language plpgsql as $$
declare
    p     record;
    ended integer;
begin
    for p in select * from parked where run_id = any (p_parents) and cardinality(firsts) > 0 order by run_id for update
    loop
        ended := 0;
        for i in 1..cardinality(p.firsts) loop
            exit when (select count(*) from run_outcome o where o.run_id between p.firsts[i] and p.lasts[i])
                      < p.sizes[i];
            ended := i;
        end loop;
        if ended = cardinality(p.firsts) then
            return query select wake_runs_v1(array[p.run_id]);
        elsif ended > 0 then
            update parked set firsts = firsts[ended + 1:], lasts = lasts[ended + 1:], sizes = sizes[ended + 1:]
             where run_id = p.run_id;
        end if;
    end loop;
end $$;

-- ── The rarer half of a flush ───────────────────────────────────────────────────────────────────────────────────────

create function flush_more_v1(
    p_worker integer, p_again boolean,
    s_run uuid[], s_key text[], s_digest bigint[], s_us integer[], s_attempt smallint[], s_failed boolean[],
    s_output bytea[],
    o_run uuid[], o_status text[], o_output bytea[],
    p_want integer, p_queues text[], p_lows bigint[],
    a_run uuid[], a_key text[], a_attempt smallint[], a_us integer[], a_retry_in_s real[], a_error bytea[],
    g_run uuid[], g_fraction real[], g_message text[],
    p_parks jsonb, h_run uuid[],
    c_run uuid[], c_parent uuid[], c_code bigint[], c_timeout real[], c_priority smallint[], c_queue text[],
    c_workflow text[], c_input bytea[]
) returns setof claimed_v1 language plpgsql as $$
begin
    perform check_fence_v1(p_worker);
    insert into step_attempt (run_id, step_key, attempt, duration_us, retry_at, error, worker)
    select r, k, a, u, clock_timestamp() + make_interval(secs => s), e, p_worker
      from unnest(a_run, a_key, a_attempt, a_us, a_retry_in_s, a_error) t (r, k, a, u, s, e)
     where not p_again or not exists (
            select from step_attempt x where x.run_id = r and x.step_key = k and x.attempt = a and x.worker = p_worker);
    insert into progress (run_id, fraction, message)
    select distinct on (r) r, f, m from unnest(g_run, g_fraction, g_message) with ordinality t (r, f, m, n)
     order by r, n desc
    on conflict (run_id) do update set fraction = excluded.fraction, message = excluded.message, told_at = default;
    if cardinality(c_run) > 0 then
        perform start_runs_v1(p_again, c_run, c_parent, c_code, c_timeout, c_priority, c_queue, c_workflow, c_input,
            array_fill(null::text, array[cardinality(c_run)]), array_fill(0::bigint, array[cardinality(c_run)]),
            array_fill(null::timestamptz, array[cardinality(c_run)]));
    end if;
    return query select * from flush_v1(p_worker, p_again, s_run, s_key, s_digest, s_us, s_attempt, s_failed, s_output,
        o_run, o_status, o_output, p_want, p_queues, p_lows);
    -- Parks and hand-backs come after the claim, so that nobody claims at once what he has just put down.
    with k as (
        select * from jsonb_to_recordset(p_parks)
            as x (run uuid, wake_at timestamptz, why text, firsts uuid[], lasts uuid[], sizes integer[])
    ), l as (
        delete from lease l using k where l.run_id = k.run and l.worker = p_worker
        returning k.*, l.priority, l.queue
    )
    insert into parked (run_id, wake_at, priority, crashes, queue, why, firsts, lasts, sizes)
    select run, wake_at, priority, 0, queue, why, firsts, lasts, sizes from l;
    if exists (select from cancel_request) then
        perform wake_runs_v1(array(
            select run_id from cancel_request join jsonb_to_recordset(p_parks) as x (run uuid) on x.run = run_id));
    end if;
    perform hand_back_v1(p_worker, h_run);
end $$;

-- A drain is no crash: the count of crashes stays as it is.
create function hand_back_v1(p_worker integer, p_runs uuid[]) returns integer language sql as $$
    with l as (
        delete from lease l using unnest(p_runs) r where l.run_id = r and l.worker = p_worker returning l.*
    ), i as (
        insert into ready (segment, priority, queue, run_id, crashes, again)
        select ring_segment(), priority, queue, run_id, crashes, true from l order by claimed_at, run_id
    )
    select count(*)::integer from l
$$;

-- ── Workers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

create function register_worker_v1(p_lease_s real, p_pid integer, p_alone boolean, p_host text, p_queues text[])
returns integer language sql as $$
    insert into worker (lease_until, pid, alone, host, queues)
    values (clock_timestamp() + make_interval(secs => p_lease_s), p_pid, p_alone, p_host, p_queues)
    returning worker_id
$$;

-- Renews the lease unless the worker was taken for dead; tells the database's time and which of its runs to cancel.
create function heartbeat_v1(p_worker integer, p_lease_s real)
returns table (alive boolean, told_at timestamptz, cancelled uuid[]) language plpgsql as $$
begin
    update worker set lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
     where worker_id = p_worker and gone_at is null;
    return query select found, clock_timestamp(), array(
        select k.run_id from cancel_request k join lease l on l.run_id = k.run_id and l.worker = p_worker);
end $$;

-- The end of a worker that leaves in order: what it still holds goes back.
create function release_worker_v1(p_worker integer) returns integer language plpgsql as $$
begin
    perform from worker where worker_id = p_worker and gone_at is null for update;
    if not found then return 0; end if;
    update worker set gone_at = clock_timestamp() where worker_id = p_worker;
    return hand_back_v1(p_worker, array(select run_id from lease where worker = p_worker));
end $$;

-- When this server last came up: a crash restart keeps the postmaster, but not its checkpointer.
create function up_since() returns timestamptz language sql stable as $$
    select greatest(pg_postmaster_start_time(),
        (select max(backend_start) from pg_stat_activity where backend_type = 'checkpointer'))
$$;

-- Takes the runs of workers whose lease has lapsed. A database that was away expires nobody: lease time counts from
-- the moment it came up. The lock waits for no flush: who flushes now is not dead, and is looked at again next time.
-- A run that recorded a step since its claim made progress, and its count of crashes begins anew.
create function rescue_v1(p_lease_s real, p_suspect_after integer, p_poison_after integer, p_poison bytea)
returns table (dead_worker integer, again integer, suspects integer, dead integer, queues text[], parents uuid[])
language plpgsql as $$
declare
    w record;
begin
    if clock_timestamp() < up_since() + make_interval(secs => p_lease_s) then return; end if;
    for w in select worker_id from worker
              where gone_at is null and lease_until < clock_timestamp() order by worker_id for update skip locked
    loop
        update worker x
           set gone_at = clock_timestamp(),
               rescued = (select count(*) from lease l where l.worker = w.worker_id)
         where x.worker_id = w.worker_id;
        return query
            with l as (
                delete from lease x where x.worker = w.worker_id returning x.*
            ), c as materialized (
                select l.*, case when exists (select from step_result s where s.run_id = l.run_id
                        and s.worker = w.worker_id and s.ended_at >= l.claimed_at) then 1 else l.crashes + 1 end as n
                  from l
            ), r as (
                insert into ready (segment, priority, queue, run_id, crashes, again)
                select ring_segment(), priority, queue, run_id, n, true from c where n < p_suspect_after
                 order by claimed_at, run_id
            ), s as (
                insert into suspect (run_id, priority, crashes, queue)
                select run_id, priority, n, queue from c
                 where n >= p_suspect_after and n < p_suspect_after + p_poison_after
            ), o as (
                insert into run_outcome (run_id, status, worker, output)
                select run_id, 'x', w.worker_id, p_poison from c where n >= p_suspect_after + p_poison_after
                on conflict do nothing returning run_id
            ), t as (
                select w.worker_id as id,
                    count(*) filter (where n < p_suspect_after) as a,
                    count(*) filter (where n >= p_suspect_after and n < p_suspect_after + p_poison_after) as b,
                    count(*) filter (where n >= p_suspect_after + p_poison_after) as d,
                    array_agg(distinct queue) as q,
                    (select array_agg(u.parent) from o join run u on u.run_id = o.run_id where u.parent is not null) as p
                  from c
            )
            select t.id, t.a::integer, t.b::integer, t.d::integer, t.q, t.p from t;
    end loop;
end $$;

-- ── Cancel ──────────────────────────────────────────────────────────────────────────────────────────────────────────

-- One run: ended here when nobody holds it, else asked of its worker. The request is committed with the answer and
-- stays until the run has ended, so that a run on its way from one table to another is cancelled at its next claim.
create function cancel_run_v1(p_run uuid, p_reason text, p_output bytea) returns text language plpgsql as $$
declare
    n integer := 0;
    m integer;
begin
    if exists (select from run_outcome where run_id = p_run) then return 'ended'; end if;
    if not exists (select from run where run_id = p_run) then return 'unknown'; end if;
    insert into cancel_request (run_id, reason) values (p_run, p_reason) on conflict do nothing;
    delete from parked where run_id = p_run;
    get diagnostics m = row_count; n := n + m;
    delete from suspect where run_id = p_run;
    get diagnostics m = row_count; n := n + m;
    delete from ready r using run u
     where u.run_id = p_run and r.run_id = p_run and r.queue = u.queue and r.priority = u.priority;
    get diagnostics m = row_count; n := n + m;
    if n = 0 then return 'asked'; end if;
    insert into run_outcome (run_id, status, worker, output) values (p_run, 'c', 0, p_output);
    delete from cancel_request where run_id = p_run;
    return 'cancelled';
end $$;

create function with_descendants(p_runs uuid[]) returns setof uuid language sql stable as $$
    with recursive d as (
        select r from unnest(p_runs) r
        union
        select u.run_id from d join run u on u.parent = d.r
    )
    select r from d
$$;

-- ── Redrive: an outcome never changes, so what is tried again is a new run with the steps that went well ────────────

create function redrive_run_v1(p_old uuid, p_new uuid, p_keys text[]) returns uuid language plpgsql as $$
declare
    taken uuid;
begin
    insert into redrive (old_run, new_run) values (p_old, p_new) on conflict do nothing;
    select new_run into taken from redrive where old_run = p_old;
    if taken <> p_new then return taken; end if;
    insert into run (run_id, parent, code, timeout_s, priority, queue, workflow, input)
    select p_new, null, code, timeout_s, priority, queue, workflow, input from run where run_id = p_old;
    insert into step_result (run_id, step_key, digest, duration_us, attempt, failed, output, worker)
    select p_new, step_key, digest, duration_us, attempt, false, output, worker from step_result
     where run_id = p_old and not failed and step_key = any (p_keys);
    insert into ready (segment, priority, queue, run_id, again)
    select ring_segment(), priority, queue, p_new, true from run where run_id = p_new;
    update run_key set run_id = p_new where run_id = p_old;
    return p_new;
end $$;
