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
