-- name: places_of
-- What was seen where in a source; size 0: nothing is there now, or it is to be looked at again.
select place, size, changed_ns from watched_place where source = $1 and size > 0

-- name: find_taken
-- When a content that is seen at a place was taken before, and whether that still counts: not when other content came to
-- the place where it was taken, for then it is an old version of another document, nor when this place had other content.
select d.taken_at, not exists (select from watched_place p
                               where p.source = $1 and p.place in (d.place, $3) and p.digest <> $2) as counts
from watched_document d where d.source = $1 and d.digest = $2

-- name: take_document
-- Notes that a content was taken, and where it was seen. The places to look at again: they have the content that was
-- here before, which is an old version now.
with taken as (
    insert into watched_document as d (source, digest, place, copy, run_ids) values ($1, $2, $3, $6, $7)
    on conflict (source, digest) do update
        set place = excluded.place, copy = excluded.copy, taken_at = clock_timestamp(), settled_at = null,
            run_ids = case when d.settled_at is null then d.run_ids else '{}' end || excluded.run_ids
), seen as (
    insert into watched_place (source, place, size, changed_ns, digest) values ($1, $3, $4, $5, $2)
    on conflict (source, place) do update
        set size = excluded.size, changed_ns = excluded.changed_ns, digest = excluded.digest
)
update watched_place p set size = 0
from watched_place here
where here.source = $1 and here.place = $3 and here.digest <> $2
  and p.source = $1 and p.digest = here.digest and p.place <> $3 and p.size > 0
returning p.place

-- name: see_place
-- Notes what was seen where, of a content that is known.
insert into watched_place (source, place, size, changed_ns, digest) values ($1, $2, $3, $4, $5)
on conflict (source, place) do update
    set size = excluded.size, changed_ns = excluded.changed_ns, digest = excluded.digest

-- name: forget_places
-- Notes that nothing is at these places any more; what was there last stays known.
update watched_place set size = 0 where source = $1 and place = any ($2::text[])

-- name: run_of_key
-- The run that has a key.
select run_id from run_key where queue = $1 and key = $2

-- name: noted_documents
-- Which of some contents were taken.
select digest from watched_document where source = $1 and digest = any ($2::bytea[])

-- name: need_copy
-- Whether a run with one of these keys has not ended well: it reads the copy, or a redrive does.
select exists (
    select from run_key k join run u using (run_id) left join run_outcome o using (run_id)
    where k.queue = $1 and k.key = any ($2::text[]) and o.status is distinct from 'd'
)

-- name: open_documents
-- What was taken and is not settled: how many of its runs have ended, and how many of them well.
select d.digest, d.place, d.copy, cardinality(d.run_ids) as runs,
       (select count(*) from unnest(d.run_ids) as r (run_id)
         where exists (select from run_outcome o where o.run_id = r.run_id)
            or not exists (select from run u where u.run_id = r.run_id)) as ended,
       (select count(*) from run_outcome o where o.run_id = any (d.run_ids) and o.status <> 'd') as failed
from watched_document d where d.source = $1 and d.settled_at is null order by d.taken_at limit $2

-- name: state_of_document
-- Whether all is done for a content that was taken, and whether its runs went well, those apart whose history is gone.
select d.settled_at is not null as settled,
       not exists (select from run_outcome o where o.run_id = any (d.run_ids) and o.status <> 'd') as well
from watched_document d where d.source = $1 and d.digest = $2

-- name: settle_documents
-- Notes that all is done that was to be done for these contents.
update watched_document set settled_at = clock_timestamp() where source = $1 and digest = any ($2::bytea[])
