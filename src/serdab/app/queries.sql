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
