-- name: newest_outcomes
-- How the newest 10,000 runs that have ended did so: a bound that keeps the look cheap at any size.
select case status when 'd' then 'done' when 'f' then 'failed' when 'c' then 'cancelled' else 'dead' end, count(*)
  from (select status from run_outcome order by run_id desc limit 10000) newest group by 1 order by 1

-- name: is_known
-- Whether a worker has ever introduced a workflow of this name.
select exists (select from workflow where name = $1)

-- name: inputs_of_runs
-- What some runs were given.
select run_id, input from run where run_id = any ($1::uuid[])

-- name: runs_to_redrive
-- The runs that ended last in one way and were not tried again yet; a queue may be given. A child is tried again by its
-- parent, unless that has its result.
select o.run_id from run_outcome o join run u using (run_id)
 where o.status <> 'd' and case o.status when 'f' then 'failed' when 'c' then 'cancelled' else 'dead' end = $1
   and ($2::text is null or u.queue = $2)
   and (u.parent is null or exists (select from run_outcome p where p.run_id = u.parent and p.status = 'd'))
   and not exists (select from redrive r where r.old_run = o.run_id)
 order by o.ended_at desc, o.run_id desc limit $3

-- name: redriven_runs
-- Those of some runs that were tried again.
select old_run from redrive where old_run = any ($1::uuid[])

-- name: durability
-- What the server does so that nothing committed is lost.
select current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit,
       current_setting('full_page_writes') as full_page_writes

-- name: clock
-- The clock of the server, seconds since 1970.
select extract(epoch from clock_timestamp())::float8
