-- Functions of the engine whose plans do not depend on statistics. A queue is empty most of the time: after a VACUUM of
-- empty tables the planner takes them for empty for good, a join with a tiny table may be planned either way round, and
-- a cached plan that reads the whole of ready for each claimed run stays until the next ANALYZE, whatever has come in.
-- So no table of the hot path is joined: rows are found by conditions on the table itself (= any), or by a lateral
-- subquery with `offset 0`, which can only be looked up row by row.

create or replace function claim_v1(p_worker integer, p_want integer, p_queues text[], p_priorities smallint[], p_lows bigint[])
returns setof claimed_v1 language sql as $$
    with c as materialized (
        select x.*
          from unnest(p_queues, p_priorities, p_lows) lane (queue, priority, low),
               lateral (select r.queue, r.priority, r.seq, r.segment, r.run_id, r.crashes, r.again
                          from ready r
                         where r.queue = lane.queue and r.priority = lane.priority and r.seq >= lane.low
                         order by r.seq limit p_want for update skip locked) x
         limit p_want
    ), d as (
        -- Locked above, and seq is of one row only: these are the rows of c.
        delete from ready r
         where r.queue = any (array(select distinct queue from c))
           and r.priority = any (array(select distinct priority from c))
           and r.seq = any (array(select seq from c))
           and r.segment = any (array(select distinct segment from c))
    ), l as (
        insert into lease (run_id, claimed_at, worker, segment, priority, crashes, queue)
        select c.run_id, now(), p_worker, ring_segment(), c.priority, c.crashes, c.queue from c
    )
    select c.run_id, u.parent, c.seq, u.code, u.timeout_s, u.priority, c.crashes, c.again,
           exists (select from cancel_request k where k.run_id = c.run_id offset 0), u.queue, u.workflow, u.input
      from c, lateral (select * from run where run_id = c.run_id offset 0) u
$$;

create or replace function claim_alone_v1(p_worker integer, p_queues text[])
returns setof claimed_v1 language plpgsql as $$
begin
    perform check_fence_v1(p_worker);
    return query
        with c as materialized (
            select s.* from suspect s where s.queue = any (p_queues) order by s.since limit 1 for update skip locked
        ), d as (
            delete from suspect s where s.run_id = any (array(select c.run_id from c))
        ), l as (
            insert into lease (run_id, claimed_at, worker, segment, priority, crashes, queue)
            select c.run_id, now(), p_worker, ring_segment(), c.priority, c.crashes, c.queue from c
        )
        select c.run_id, u.parent, 0::bigint, u.code, u.timeout_s, u.priority, c.crashes, true,
               exists (select from cancel_request k where k.run_id = c.run_id offset 0), u.queue, u.workflow, u.input
          from c, lateral (select * from run r where r.run_id = c.run_id offset 0) u;
end $$;

-- p_again: this batch may have been committed before, its answer lost; what is there already stays as it is.
create or replace function flush_v1(
    p_worker integer, p_again boolean,
    s_run uuid[], s_key text[], s_digest bigint[], s_us integer[], s_attempt smallint[], s_failed boolean[],
    s_output bytea[],
    o_run uuid[], o_status text[], o_output bytea[],
    p_want integer, p_queues text[], p_priorities smallint[], p_lows bigint[]
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
        delete from lease l where l.run_id = any (o_run) and l.worker = p_worker;
        if exists (select from cancel_request) then
            delete from cancel_request k where k.run_id = any (o_run);
        end if;
    end if;
    if p_want > 0 then
        return query select * from claim_v1(p_worker, p_want, p_queues, p_priorities, p_lows);
    end if;
end $$;

create or replace function flush_more_v1(
    p_worker integer, p_again boolean,
    s_run uuid[], s_key text[], s_digest bigint[], s_us integer[], s_attempt smallint[], s_failed boolean[],
    s_output bytea[],
    o_run uuid[], o_status text[], o_output bytea[],
    p_want integer, p_queues text[], p_priorities smallint[], p_lows bigint[],
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
            select from step_attempt x where x.run_id = r and x.step_key = k and x.attempt = a and x.worker = p_worker
            offset 0);
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
        o_run, o_status, o_output, p_want, p_queues, p_priorities, p_lows);
    -- Parks and hand-backs come after the claim, so that nobody claims at once what he has just put down.
    with k as materialized (
        select x.*, l.priority, l.queue
          from jsonb_to_recordset(p_parks)
                   as x (run uuid, wake_at timestamptz, why text, firsts uuid[], lasts uuid[], sizes integer[]),
               lateral (select * from lease where run_id = x.run and worker = p_worker for update offset 0) l
    ), d as (
        delete from lease l where l.run_id = any (array(select run from k)) and l.worker = p_worker
    )
    insert into parked (run_id, wake_at, priority, crashes, queue, why, firsts, lasts, sizes)
    select run, wake_at, priority, 0, queue, why, firsts, lasts, sizes from k;
    if exists (select from cancel_request) then
        perform wake_runs_v1(array(
            select run_id from cancel_request
             where run_id in (select run from jsonb_to_recordset(p_parks) as x (run uuid))));
    end if;
    perform hand_back_v1(p_worker, h_run);
end $$;

-- A drain is no crash: the count of crashes stays as it is, and a suspect stays one.
create or replace function hand_back_v1(p_worker integer, p_runs uuid[]) returns integer language sql as $$
    with l as (
        delete from lease l where l.run_id = any (p_runs) and l.worker = p_worker
        returning l.*, coalesce((select alone from worker where worker_id = p_worker), false) as alone
    ), i as (
        insert into ready (segment, priority, queue, run_id, crashes, again)
        select ring_segment(), priority, queue, run_id, crashes, true from l where not alone order by claimed_at, run_id
    ), s as (
        insert into suspect (run_id, priority, crashes, queue)
        select run_id, priority, crashes, queue from l where alone
    )
    select count(*)::integer from l
$$;

create or replace function wake_runs_v1(p_runs uuid[]) returns setof text language sql as $$
    with d as (
        delete from parked p where p.run_id = any (p_runs) returning p.*
    ), i as (
        insert into ready (segment, priority, queue, run_id, crashes, again)
        select ring_segment(), priority, queue, run_id, crashes, true from d order by parked_at
    )
    select distinct queue from d
$$;

-- Answers, for each row that has a key, which run holds it now and whether its input is the same. It runs on any
-- connection: a table that was small a moment ago is not read whole for that.
create or replace function start_runs_v1(
    p_again boolean,
    c_run uuid[], c_parent uuid[], c_code bigint[], c_timeout real[], c_priority smallint[], c_queue text[],
    c_workflow text[], c_input bytea[], c_key text[], c_digest bigint[], c_at timestamptz[]
) returns table (place integer, run_id uuid, same boolean) language plpgsql set enable_seqscan = off as $$
declare
    keyed boolean := cardinality(array_remove(c_key, null)) > 0;
    fresh integer[];
begin
    if keyed then
        insert into run_key (queue, key, run_id, input_digest)
        select q, k, r, d from unnest(c_queue, c_key, c_run, c_digest) t (q, k, r, d)
         where k is not null order by q, k
        on conflict do nothing;
        return query
            select n::integer, y.run_id, y.input_digest = d
              from unnest(c_queue, c_key, c_digest) with ordinality t (q, k, d, n),
                   lateral (select x.* from run_key x where x.queue = q and x.key = k offset 0) y;
    end if;
    if keyed or p_again then
        select array_agg(n order by n) into fresh
          from unnest(c_run, c_queue, c_key) with ordinality t (r, q, k, n)
         where (k is null or exists (select from run_key y where y.queue = q and y.key = k and y.run_id = r offset 0))
           and not exists (select from run u where u.run_id = r offset 0);
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
    if cardinality(array_remove(c_at, null)) > 0 then
        insert into parked (run_id, wake_at, priority, crashes, queue, why, firsts, lasts, sizes)
        select r, w, p, 0, q, 'deferred', '{}', '{}', '{}'
          from unnest(c_run, c_priority, c_queue, c_at) with ordinality t (r, p, q, w, n)
         where w is not null and (fresh is null or n = any (fresh));
    end if;
end $$;
