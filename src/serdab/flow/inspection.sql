-- name: list_runs
-- The newest runs; each filter may be null.
with live as (
    select run_id, 'ready' as state from ready
    union all select run_id, 'running' from lease
    union all select run_id, 'parked' from parked
    union all select run_id, 'suspect' from suspect
), chosen as (
    select u.run_id, u.workflow, u.queue, u.parent,
           case o.status when 'd' then 'done' when 'f' then 'failed' when 'c' then 'cancelled' when 'x' then 'dead'
                else coalesce(l.state, 'ready') end as state,
           o.ended_at, case when o.status <> 'd' then o.output end as output
      from run u left join run_outcome o on o.run_id = u.run_id
      left join live l on l.run_id = u.run_id and o.run_id is null
     where ($2::text is null or u.queue = $2) and ($3::text is null or u.workflow = $3)
)
select c.*, p.fraction, p.message,
       to_timestamp(('x' || translate(left(c.run_id::text, 13), '-', ''))::bit(48)::bigint / 1000.0) as started_at
  from chosen c left join progress p on p.run_id = c.run_id
 where $1::text is null or c.state = $1 order by c.run_id desc limit $4

-- name: unfinished_runs
-- The runs of a workflow that have not ended, the newest first.
with live as (
    select run_id from ready union all select run_id from lease
    union all select run_id from parked union all select run_id from suspect
)
select u.run_id, u.input from live join run u using (run_id)
 where u.workflow = $1 and u.parent is null order by u.run_id desc

-- name: live_counts
-- Runs that have not ended, by queue and state.
select queue, 'ready' as state, count(*) from ready group by 1
union all select queue, 'running', count(*) from lease group by 1
union all select queue, 'parked', count(*) from parked group by 1
union all select queue, 'suspect', count(*) from suspect group by 1 order by 1, 2

-- name: is_a_run
-- Whether a run is known.
select exists (select from run where run_id = $1)

-- name: one_run
-- One run with its outcome, key, progress and place.
select u.run_id, u.workflow, u.queue, u.parent, u.input, o.ended_at, o.output, p.fraction, p.message, k.key,
       case o.status when 'd' then 'done' when 'f' then 'failed' when 'c' then 'cancelled' when 'x' then 'dead'
            else case when exists (select from lease l where l.run_id = u.run_id) then 'running'
                      when exists (select from parked w where w.run_id = u.run_id) then 'parked'
                      when exists (select from suspect s where s.run_id = u.run_id) then 'suspect'
                      else 'ready' end end as state,
       (select count(*) from run c where c.parent = u.run_id) as children,
       (select new_run from redrive r where r.old_run = u.run_id) as redriven_as,
       to_timestamp(('x' || translate(left(u.run_id::text, 13), '-', ''))::bit(48)::bigint / 1000.0) as started_at
  from run u left join run_outcome o on o.run_id = u.run_id left join progress p on p.run_id = u.run_id
  left join run_key k on k.run_id = u.run_id
 where u.run_id = $1

-- name: steps
-- The recorded steps of a run, in the order in which they ended.
select step_key, ended_at, duration_us, attempt, failed, worker, output from step_result
 where run_id = $1 order by ended_at, step_key

-- name: attempts
-- Its failed attempts.
select step_key, attempt, failed_at, retry_at, duration_us, error from step_attempt
 where run_id = $1 order by failed_at

-- name: why
-- Why a run that has not ended is not going on: one sentence.
select coalesce(
    (select case when w.lease_until < clock_timestamp()
                 then format('its worker %s is silent since %s; its runs are taken over soon', w.worker_id, w.lease_until)
                 else format('it is running on worker %s (pid %s on %s)', w.worker_id, w.pid, w.host) end
       from lease l join worker w on w.worker_id = l.worker where l.run_id = $1),
    (select p.why || coalesce(' until ' || p.wake_at, '')
            || case when cardinality(p.firsts) > 0 then format(' (%s groups)', cardinality(p.firsts)) else '' end
       from parked p where p.run_id = $1),
    (select format('it crashed its worker %s times and waits to be run alone', s.crashes)
       from suspect s where s.run_id = $1),
    (select case when not exists (select from worker w where w.gone_at is null
                                   and w.lease_until > clock_timestamp() and r.queue = any (w.queues))
                 then format('no worker serves queue %s; start one with `serdab worker` or `serdab up`', r.queue)
                 else format('%s runs of queue %s are before it',
                    (select count(*) from ready b where b.queue = r.queue
                        and (b.priority, b.seq) < (r.priority, r.seq)), r.queue) end
       from ready r where r.run_id = $1))

-- name: oldest
-- Ages in seconds: the oldest ready run of each queue, and the oldest running one.
select queue, 'ready' as state,
       extract(epoch from clock_timestamp())
       - min(('x' || translate(left(run_id::text, 13), '-', ''))::bit(48)::bigint) / 1000.0 as age_s
  from ready group by queue
union all
select queue, 'running', extract(epoch from clock_timestamp() - min(claimed_at)) from lease group by queue
