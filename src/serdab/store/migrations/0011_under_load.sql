-- Where each lane of the ready table begins, whatever has been claimed before it. By index, for the statistics of a
-- queue that is empty most of the time say that reading it whole is cheap.
create function first_ready_v1(p_queues text[], p_priorities smallint[])
returns table (queue text, priority smallint, seq bigint)
language sql stable set enable_seqscan = off set enable_bitmapscan = off as $$
    select lane.queue, lane.priority, first.seq
      from unnest(p_queues, p_priorities) lane (queue, priority),
           lateral (select r.seq from ready r where r.queue = lane.queue and r.priority = lane.priority
                     order by r.seq limit 1 offset 0) first
$$;

-- p_again: this batch may have been committed before, its answer lost; what is there already stays as it is.
-- An attempt, a failure and a status that are not sent are the usual ones: the first, none, done.
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
        select r, k, d, u, coalesce(a, 1), coalesce(f, false), o, p_worker
          from unnest(s_run, s_key, s_digest, s_us, s_attempt, s_failed, s_output) t (r, k, d, u, a, f, o)
        on conflict do nothing;
        insert into run_outcome (run_id, status, output, worker)
        select r, coalesce(s, 'd')::"char", o, p_worker from unnest(o_run, o_status, o_output) t (r, s, o)
        on conflict do nothing;
    else
        if cardinality(s_run) > 0 then
            insert into step_result (run_id, step_key, digest, duration_us, attempt, failed, output, worker)
            select r, k, d, u, coalesce(a, 1), coalesce(f, false), o, p_worker
              from unnest(s_run, s_key, s_digest, s_us, s_attempt, s_failed, s_output) t (r, k, d, u, a, f, o);
        end if;
        if cardinality(o_run) > 0 then
            insert into run_outcome (run_id, status, output, worker)
            select r, coalesce(s, 'd')::"char", o, p_worker from unnest(o_run, o_status, o_output) t (r, s, o);
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
