-- name: flush
-- Steps, outcomes and the next claim, behind the fence: the hot path.
select * from flush_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)

-- name: flush_more
-- The same with attempts, progress, parks, hand-backs and children.
select * from flush_more_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
    $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35)

-- name: claim_alone
-- One suspect for a worker that runs it alone.
select * from claim_alone_v1($1, $2)

-- name: first_ready
-- Where each lane begins.
select queue, priority, seq from first_ready_v1($1, $2)

-- name: held
-- All runs that a worker holds, to find those whose claim was committed while its answer was lost.
select u.run_id, u.parent, 0::bigint as seq, u.code, u.timeout_s, u.priority, l.crashes, true as again,
       exists (select from cancel_request k where k.run_id = u.run_id) as cancelled, u.queue, u.workflow, u.input
  from lease l join run u on u.run_id = l.run_id where l.worker = $1

-- name: recorded_steps
-- What is recorded of some runs.
select s.run_id, s.step_key, s.digest, s.failed, s.output
  from unnest($1::uuid[]) r join step_result s on s.run_id = r

-- name: recorded_attempts
-- Steps of some runs that failed and are to be tried again: attempts so far, and when.
select distinct on (a.run_id, a.step_key) a.run_id, a.step_key, a.attempt, extract(epoch from a.retry_at)::float8
  from unnest($1::uuid[]) r join step_attempt a on a.run_id = r
 where a.retry_at is not null order by a.run_id, a.step_key, a.attempt desc

-- name: outcomes_between
-- The outcomes of children whose ids follow each other.
select run_id, status::text, output from run_outcome where run_id between $1 and $2 order by run_id

-- name: ended_groups
-- Which groups of children have all ended.
select g.n::integer from unnest($1::uuid[], $2::uuid[], $3::integer[]) with ordinality g (first, last, size, n)
 where (select count(*) from run_outcome o where o.run_id between g.first and g.last) >= g.size

-- name: heartbeat
-- Renew a worker's lease.
select * from heartbeat_v1($1, $2)

-- name: register_worker
-- A new registration: its id is its fence.
select register_worker_v1($1, $2, $3, $4, $5)

-- name: release_worker
-- The end in order: what is still held goes back.
select release_worker_v1($1)

-- name: know_workflows
-- Tell which workflows exist, so that a start by name can be checked.
insert into workflow (name, queue, code, timeout_s) select * from unnest($1::text[], $2::text[], $3::bigint[], $4::real[])
on conflict (name) do update
   set queue = excluded.queue, code = excluded.code, timeout_s = excluded.timeout_s, seen_at = default

-- name: known_workflow
-- A workflow by name.
select queue, code, timeout_s from workflow where name = $1

-- name: known_workflows
-- All names that workers know.
select name from workflow order by name

-- name: start_runs
-- Start runs; answers what became of those with a key.
select * from start_runs_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- name: ring_segment
-- The segment that is written now.
select ring_segment()

-- name: hint
-- Tell sleeping workers of a queue that something is ready; outside of any write, losing it costs latency only.
select pg_notify('serdab_ready', q) from unnest($1::text[]) q

-- name: cancel_reason
select reason from cancel_request where run_id = $1

-- name: hint_cancel
-- Tell workers to look at their cancel requests now.
select pg_notify('serdab_cancel', '')

-- name: database_now
-- The clock that counts.
select extract(epoch from clock_timestamp())::float8

-- name: wake_due
-- Wake timers that are due.
select * from wake_due_v1($1)

-- name: wake_parents
-- Wake parents whose children have all ended.
select * from wake_parents_v1($1)

-- name: waiting_parents
-- Parents that wait for children for longer than some seconds: a lost wake-up is found here.
select run_id from parked where cardinality(firsts) > 0 and parked_at < clock_timestamp() - make_interval(secs => $1)
 order by parked_at limit 1000

-- name: rescue
-- Take the runs of dead workers.
select * from rescue_v1($1, $2, $3, $4)

-- name: suspects
-- Is there a suspect in these queues?
select exists (select from suspect where queue = any ($1))

-- name: turn_ring
-- Empty segments that hold no row.
select turn_ring()

-- name: make_partitions
-- Partitions ahead of time.
select make_partitions()

-- name: ended_weeks
-- Weeks of history that have ended, the oldest first, and the time of the database.
select name, week + interval '7 days' as ended_at, clock_timestamp() as now from ended_weeks()

-- name: queues_of_week
-- The queues that have runs in a week of history.
select queues_of_week($1)

-- name: drop_week
-- Drop a week of history: "dropped", "used" by a run that has not ended, or "busy".
select drop_week_v1($1)

-- name: forget_workers
-- Forget registrations that ended before a moment.
select forget_workers_v1($1)

-- name: claims
-- Digests of all payloads that rows name: a claim check is 41 bytes and begins with 1.
select distinct substring(v from 2 for 32) from (
    select input as v from run union all select output from step_result union all select output from run_outcome
) rows where octet_length(v) = 41 and get_byte(v, 0) = 1

-- name: cancel_run
-- Cancel one run, or ask its worker to.
select cancel_run_v1($1, $2, $3)

-- name: with_descendants
-- Some runs and all runs below them.
select with_descendants($1)

-- name: outcomes_of
-- The outcomes of some runs, of those that have one.
select o.run_id, o.status::text, o.output from unnest($1::uuid[]) r join run_outcome o on o.run_id = r

-- name: successful_steps
-- Step keys and outputs of a run that went well.
select step_key, output from step_result where run_id = $1 and not failed

-- name: failed_between
-- Is there a child without a result in this range?
select exists (select from run_outcome where run_id between $1 and $2 and status <> 'd')

-- name: redrive_run
-- A new run with the steps that went well.
select redrive_run_v1($1, $2, $3)

-- name: run_row
-- One run as it was started.
select run_id, parent, code, timeout_s, priority, queue, workflow, input from run where run_id = $1

-- name: can_commit
-- Readiness: what a flush does, with nothing in it: the fence of a worker ($1; null: of one that holds a lease), a claim
-- that wants nothing, and a row written, so that the commit is flushed. Answers how many workers hold a lease.
with chosen as materialized (
    select worker_id, queues from worker
     where case when $1::integer is null then gone_at is null and not alone and lease_until > clock_timestamp()
                else worker_id = $1 end
     order by lease_until desc limit 1
), passed as materialized (
    select worker_id, check_fence_v1(worker_id)::text as fence,
           (select count(*) from claim_v1(worker_id, 0, queues, array_fill(1::smallint, array[cardinality(queues)]),
                                          array_fill(0::bigint, array[cardinality(queues)]))) as runs
      from chosen
)
update worker w set lease_until = w.lease_until from passed p
 where w.worker_id = p.worker_id and p.fence is not null and p.runs = 0
returning (select count(*) from worker where gone_at is null and not alone and lease_until > clock_timestamp())
