-- name: places_of
-- What was seen where in a source.
select place, size, changed_ns from watched_place where source = $1

-- name: is_taken
-- Whether this content was taken from a source before.
select exists (select from watched_document where source = $1 and digest = $2)

-- name: take_document
-- Notes that a content was taken, and where it was seen; again changes nothing.
with taken as (
    insert into watched_document (source, digest, place, copy, run_ids) values ($1, $2, $3, $6, $7)
    on conflict (source, digest) do nothing
)
insert into watched_place (source, place, size, changed_ns, digest) values ($1, $3, $4, $5, $2)
on conflict (source, place) do update
    set size = excluded.size, changed_ns = excluded.changed_ns, digest = excluded.digest

-- name: see_place
-- Notes what was seen where, of a content that is known, or that is refused for good (no digest).
insert into watched_place (source, place, size, changed_ns, digest) values ($1, $2, $3, $4, $5)
on conflict (source, place) do update
    set size = excluded.size, changed_ns = excluded.changed_ns, digest = excluded.digest

-- name: forget_places
-- Forgets places that are no more; what was taken from them stays known.
delete from watched_place where source = $1 and place = any ($2::text[])

-- name: run_of_key
-- The run that has a key.
select run_id from run_key where queue = $1 and key = $2

-- name: open_documents
-- What was taken and is not settled: how many of its runs have ended, and how many of them well.
select d.digest, d.place, d.copy, cardinality(d.run_ids) as runs,
       (select count(*) from unnest(d.run_ids) as r (run_id)
         where exists (select from run_outcome o where o.run_id = r.run_id)
            or not exists (select from run u where u.run_id = r.run_id)) as ended,
       (select count(*) from run_outcome o where o.run_id = any (d.run_ids) and o.status <> 'd') as failed
from watched_document d where d.source = $1 and d.settled_at is null order by d.taken_at limit $2

-- name: settle_documents
-- Notes that all is done that was to be done for these contents.
update watched_document set settled_at = clock_timestamp() where source = $1 and digest = any ($2::bytea[])

-- name: count_taken
-- How many contents were taken from a source, and how many of them are not settled.
select count(*) as taken, count(*) filter (where settled_at is null) as open from watched_document where source = $1
