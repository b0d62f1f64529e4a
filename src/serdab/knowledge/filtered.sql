-- Searches among documents that meet filters. Parameters from $2 on are the filters: see knowledge/filters.py.

-- name: matching_documents
-- The documents that meet filters, null when they are more than so many; the values are looked up first, for few may meet
-- the conditions.
with hit as (
    select f.document_id
    from unnest($8::text[], $9::text[], $10::numeric[], $11::numeric[], $12::numeric[], $13::date[], $14::date[])
        with ordinality as w (name, folded, low, high, without, first, last, n)
    join document_fact f on f.name = w.name and fact_meets(f, w.folded, w.low, w.high, w.without, w.first, w.last)
    group by f.document_id having count(distinct w.n) = cardinality($8)
)
select case when count(*) <= $1 then coalesce(array_agg(found.document_id), '{}') end
from (
    select d.document_id
    from documents_meeting($2, $3, $4, $5, $6, $7, '{}', '{}', '{}', '{}', '{}', '{}', '{}') d
    where cardinality($8) = 0 or d.document_id in (select document_id from hit)
    limit $1 + 1
) found

-- name: nearest_of
-- The nearest chunks of some documents, exactly.
with looked as materialized (
    select c.document_id, c.position, -(c.embedding <#> $1::vector) as similarity
    from chunk c where c.document_id = any ($2::uuid[])
)
select * from looked order by similarity desc, document_id, position limit $3

-- name: worded_of
-- The chunks of some documents that rank best by words, as in `find_worded`.
with asked as materialized (
    select to_tsquery('simple', t.term) as term, t.weight from unnest($6::text[], $7::real[]) as t (term, weight)
)
select * from (
    select c.document_id, c.position, -(c.embedding <#> $1::vector) as similarity,
           (select sum(q.weight) from asked q where c.words @@ q.term) as rank
    from (
        select * from chunk c where c.document_id = any ($3::uuid[]) and c.words @@ to_tsquery('simple', $4) limit $5
    ) c
    order by rank desc, similarity desc
    fetch first $2 rows with ties
) found
order by rank desc, similarity desc, document_id, position

-- name: tune_filtered
-- For a transaction: the index of meanings is walked on until enough documents meet the filters, each looked up alone.
set local hnsw.iterative_scan = strict_order; set local hnsw.max_scan_tuples = 40000;
set local hnsw.ef_search = 200;
set local enable_sort = off; set local enable_hashjoin = off; set local enable_mergejoin = off;
set local enable_bitmapscan = off

-- name: tune_filtered_before_0_8
-- The same for a pgvector that cannot walk on: it looks further at once.
set local hnsw.ef_search = 1000;
set local enable_sort = off; set local enable_hashjoin = off; set local enable_mergejoin = off;
set local enable_bitmapscan = off

-- name: vectors_version
-- Which pgvector this database has.
select extversion from pg_extension where extname = 'vector'

-- name: nearest_meeting
-- The nearest chunks of documents that meet filters, in the order of the index.
select c.document_id, c.position, -(c.embedding <#> $1::vector) as similarity
from chunk c
where exists (
    select from documents_meeting($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) d
    where d.document_id = c.document_id
)
order by c.embedding <#> $1::vector limit $15

-- name: nearest_meeting_exactly
-- The same by looking at every chunk, for filters that the walk meets too seldom.
with looked as materialized (
    select c.document_id, c.position, -(c.embedding <#> $1::vector) as similarity
    from documents_meeting($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) d join chunk c using (document_id)
)
select * from looked order by similarity desc, document_id, position limit $15

-- name: worded_meeting
-- The same among all documents that meet filters. Few chunks have the words and many documents may meet the filters, so
-- the document of each chunk is looked up, the best first, until there are enough; without the inner offset the planner
-- would read all documents that meet them.
with asked as materialized (
    select to_tsquery('simple', t.term) as term, t.weight from unnest($18::text[], $19::real[]) as t (term, weight)
)
select * from (
    select ranked.* from (
        select c.document_id, c.position, -(c.embedding <#> $1::vector) as similarity,
               (select sum(q.weight) from asked q where c.words @@ q.term) as rank
        from (select * from chunk c where c.words @@ to_tsquery('simple', $16) limit $17) c
        order by rank desc, similarity desc
        offset 0
    ) ranked
    where exists (
        select from documents_meeting($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) d
        where d.document_id = ranked.document_id offset 0
    )
    order by rank desc, similarity desc
    fetch first $2 rows with ties
) found
order by rank desc, similarity desc, document_id, position
