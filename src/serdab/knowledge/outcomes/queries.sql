-- name: page_of_receipts
-- Receipts in the order in which they were noted, behind a place in that order; each filter may be null. With the other
-- places where the same content is now.
select r.noted_at, r.document_id, r.run_id, r.body,
       array(select o.source from document o
             where o.digest = d.digest and o.superseded_by is null and o.document_id <> d.document_id
             order by o.added_at, o.document_id limit 20) as places
from receipt r left join document d using (document_id)
where d.superseded_by is null and ($1::text is null or r.batch = $1) and ($2::timestamptz is null or r.noted_at >= $2)
  and ($3::text is null or d.label = $3) and ($4::text is null or d.doc_type = $4 or d.read_as = $4)
  and ($5::timestamptz is null or (r.noted_at, r.document_id) > ($5, $6::uuid))
order by r.noted_at, r.document_id limit $7

-- name: names_of_values
-- Which values the receipts of a selection have.
select f.name
from receipt r join document_fact f using (document_id) left join document d using (document_id)
where d.superseded_by is null and ($1::text is null or r.batch = $1) and ($2::timestamptz is null or r.noted_at >= $2)
  and ($3::text is null or d.label = $3) and ($4::text is null or d.doc_type = $4 or d.read_as = $4)
group by f.name order by f.name

-- name: list_batches
-- The batches of which receipts of newest versions are kept, the last first.
select r.batch, count(*) as documents, max(r.noted_at) as last_at from receipt r left join document d using (document_id)
where r.batch <> '' and d.superseded_by is null group by r.batch order by max(r.noted_at) desc limit $1

-- name: failed_runs
-- Runs of a workflow that ended without a result, the last first, while their history is kept.
select u.run_id, u.input, o.output, o.ended_at,
       case o.status when 'f' then 'failed' when 'c' then 'cancelled' else 'dead' end as state
from run_outcome o join run u on u.run_id = o.run_id
where o.status <> 'd' and u.workflow = $1 and ($2::timestamptz is null or o.ended_at >= $2)
order by o.ended_at desc limit $3

-- name: recorded_since
-- Which of some sources have a receipt that is later than a time.
select w.source from unnest($1::text[], $2::timestamptz[]) as w (source, after_at)
where exists (select from document d join receipt r using (document_id) where d.source = w.source and r.noted_at > w.after_at)

-- name: time_of_steps
-- How long the recorded steps of some runs took, by their key, with their failed tries.
select s.step_key, count(*) as steps, sum(s.duration_us) as total_us, max(s.duration_us) as most_us,
       sum(s.attempt) - count(*) as again
from step_result s where s.run_id = any ($1::uuid[]) group by s.step_key

-- name: passages_at
-- The chunks in which some places of documents lie.
select w.n, c.start_at, c.text
from unnest($1::integer[], $2::uuid[], $3::integer[]) as w (n, document_id, place)
cross join lateral (
    select c.start_at, c.text from chunk c
    where c.document_id = w.document_id and c.start_at <= w.place and w.place < c.end_at limit 1
) c
