-- name: newest_outcomes
-- How the newest 10,000 runs that have ended did so: a bound that keeps the look cheap at any size.
select case status when 'd' then 'done' when 'f' then 'failed' when 'c' then 'cancelled' else 'dead' end, count(*)
  from (select status from run_outcome order by run_id desc limit 10000) newest group by 1 order by 1

-- name: is_known
-- Whether a worker has ever introduced a workflow of this name.
select exists (select from workflow where name = $1)
