-- name: two_places
-- I1: runs that are at more than one place at once, or live although they have ended.
with places as (
    select run_id from ready union all select run_id from lease union all select run_id from parked
    union all select run_id from suspect
), twice as (
    select run_id from places group by 1 having count(*) > 1
    union select p.run_id from places p join run_outcome o on o.run_id = p.run_id
)
select count(*) as number, (array_agg(run_id))[1:3] as examples from twice

-- name: lost
-- I1: runs that have not ended and are nowhere.
with places as (
    select run_id from ready union all select run_id from lease union all select run_id from parked
    union all select run_id from suspect
)
select count(*) as number, (array_agg(r.run_id))[1:3] as examples from run r
 where not exists (select from run_outcome o where o.run_id = r.run_id)
   and not exists (select from places p where p.run_id = r.run_id)

-- name: without_run
-- I12: rows that have lost their run.
with rows as (
    select run_id from ready union select run_id from lease union select run_id from parked
    union select run_id from suspect union select run_id from step_result union select run_id from step_attempt
    union select run_id from run_outcome
)
select count(*) as number, (array_agg(x.run_id))[1:3] as examples from rows x
 where not exists (select from run r where r.run_id = x.run_id)

-- name: held_by_the_dead
-- I4: leases of a worker that was taken for dead, has left, or never was.
select count(*) as number, (array_agg(l.run_id))[1:3] as examples from lease l left join worker w on w.worker_id = l.worker
 where w.worker_id is null or w.gone_at is not null

-- name: written_by_the_dead
-- I4: results recorded after their worker was taken for dead; outcomes of poison are written by the rescue itself.
with rows as (
    select run_id, worker, ended_at from step_result
    union all select run_id, worker, ended_at from run_outcome where status <> 'x'
)
select count(*) as number, (array_agg(x.run_id))[1:3] as examples
  from rows x join worker w on w.worker_id = x.worker where w.gone_at is not null and x.ended_at > w.gone_at

-- name: overslept
-- I9: timers that were due a minute ago and still sleep, while somebody works.
select count(*) as number, (array_agg(run_id))[1:3] as examples from parked
 where wake_at < clock_timestamp() - interval '1 minute'
   and exists (select from worker where gone_at is null and lease_until > clock_timestamp())

-- name: child_without_parent
-- I12: children whose parent is not there.
select count(*) as number, (array_agg(c.run_id))[1:3] as examples from run c
 where c.parent is not null and not exists (select from run p where p.run_id = c.parent)

-- name: key_without_run
-- I12: idempotency keys whose run is not there.
select count(*) as number, (array_agg(k.run_id))[1:3] as examples from run_key k
 where not exists (select from run r where r.run_id = k.run_id)

-- name: before_their_partition
-- Rows that came before their week's partition: nothing is lost, but the keeper does not do its work.
with rows as (
    select run_id from run_default union all select run_id from step_result_default
    union all select run_id from step_attempt_default union all select run_id from run_outcome_default
)
select count(*) as number, (array_agg(run_id))[1:3] as examples from rows

-- name: next_week
-- The partitions of the next week are there; else whoever opens the database makes them.
select count(*) as number, null::uuid[] as examples
  from unnest(array['run', 'step_result', 'step_attempt', 'run_outcome']) base
 where to_regclass(base || to_char((now() + interval '7 days') at time zone 'UTC', '_IYYY"w"IW')) is null
