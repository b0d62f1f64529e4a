-- name: add_documents
-- Adds documents that are not there yet, with all their chunks; gives the ids that were new.
with added as (
    insert into document (document_id, digest, source, title, media_type, lang, doc_type, chunks, characters)
    select * from unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::integer[], $9::integer[])
    on conflict (document_id) do nothing
    returning document_id
), passages as (
    insert into chunk (document_id, position, start_at, end_at, text, words, embedding)
    select c.document_id, c.position, c.start_at, c.end_at, c.text, to_tsvector('simple', c.folded), c.embedding
    from unnest($10::uuid[], $11::integer[], $12::integer[], $13::integer[], $14::text[], $15::text[], $16::vector[])
        as c (document_id, position, start_at, end_at, text, folded, embedding)
    where c.document_id in (select document_id from added)
)
select document_id from added

-- name: set_labels
-- Notes the label that was found for documents; the same again changes nothing.
update document d set label = n.label, confidence = n.confidence
from unnest($1::uuid[], $2::text[], $3::real[]) as n (document_id, label, confidence)
where d.document_id = n.document_id
  and (d.label, d.confidence) is distinct from (n.label, n.confidence)

-- name: tune_search
-- For a session that only searches: its plans must use the indexes, whatever the statistics say.
set hnsw.ef_search = 60; set enable_seqscan = off

-- name: find_candidates
-- For each question the nearest chunks by meaning ('m') and the best ranked by words ('w'), in order.
select q.n, 'm' as leg, found.*
from unnest($1::integer[], $2::vector[], $3::uuid[]) as q (n, embedding, without)
cross join lateral (
    select near.document_id, near.position, -near.distance as similarity
    from (
        select c.document_id, c.position, c.embedding <#> q.embedding as distance
        from chunk c order by c.embedding <#> q.embedding limit $5
    ) near
    where near.document_id is distinct from q.without
    order by near.distance
) found
union all
select q.n, 'w' as leg, found.*
from unnest($1::integer[], $2::vector[], $3::uuid[], $4::text[]) as q (n, embedding, without, words)
cross join lateral (
    select ranked.document_id, ranked.position, -(ranked.embedding <#> q.embedding) as similarity
    from (
        select c.document_id, c.position, c.embedding, ts_rank(c.words, to_tsquery('simple', q.words), 1) as rank
        from chunk c
        where c.words @@ to_tsquery('simple', q.words) and c.document_id is distinct from q.without
        limit $6
    ) ranked
    order by ranked.rank desc, ranked.document_id, ranked.position
    limit $5
) found
where q.words <> ''

-- name: common_words
-- Words that more than a share of all chunks have, as the planner's statistics know them.
select word
from pg_stats s,
     lateral unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs[:array_length(s.most_common_elem_freqs, 1) - 2])
         as w (word, share)
where s.tablename = 'chunk' and s.attname = 'words' and s.schemaname = any(current_schemas(false)) and w.share >= $1

-- name: show_chunks
-- What a reader needs to see of chunks.
select c.document_id, c.position, c.start_at, c.end_at, c.text, d.source, d.title, d.lang, d.doc_type, d.label
from unnest($1::uuid[], $2::integer[]) as w (document_id, position)
join chunk c using (document_id, position)
join document d using (document_id)

-- name: count_documents
-- How many documents are known.
select count(*) from document

-- name: make_label_set
-- The number of a set of labels, made when it is new.
with made as (insert into label_set (name) values ($1) on conflict (name) do nothing returning set_id)
select set_id from made union all select set_id from label_set where name = $1 limit 1

-- name: find_label_set
-- A set by its name, with the digest of what was learned from it.
select s.set_id, s.cost_wrong, s.cost_look, h.digest, h.trained_at
from label_set s left join label_head h using (set_id) where s.name = $1

-- name: list_label_sets
-- All sets with their sizes.
select s.name, count(e.digest) as examples, count(distinct e.label) as labels
from label_set s left join label_example e using (set_id) group by s.name order by s.name

-- name: known_examples
-- The labels that a set already has for texts, by the digest of the text.
select digest, label from label_example where set_id = $1 and digest = any($2::bytea[])

-- name: add_examples
-- Adds labelled texts; one that another import added meanwhile stays as it is.
insert into label_example (set_id, digest, label, text, embedding, made_by)
select $1, e.*, $6 from unnest($2::bytea[], $3::text[], $4::text[], $5::vector[]) as e
on conflict (set_id, digest) do nothing

-- name: all_examples
-- Everything that can be learned from in a set, in a fixed order.
select digest, label, text, embedding, made_by from label_example where set_id = $1 order by digest limit $2

-- name: compared_examples
-- Examples and descriptions of a set that is too small to learn from.
select label, text, embedding from label_example where set_id = $1
union all select label, text, embedding from label_description where set_id = $1
order by label, text limit $2

-- name: count_examples
-- Size of a set, and what it takes to notice that it changed.
select count(*) as examples, count(distinct label) as labels from label_example where set_id = $1

-- name: put_head
-- Replaces what was learned from a set.
insert into label_head (set_id, digest, head) values ($1, $2, $3)
on conflict (set_id) do update set digest = excluded.digest, head = excluded.head, trained_at = clock_timestamp()

-- name: get_head
-- What was learned from a set.
select digest, head from label_head where set_id = $1

-- name: nearest_examples
-- For each question the examples of one label that are most like it, best first.
select q.n, found.text, found.label, -found.distance as similarity
from unnest($1::integer[], $2::integer[], $3::text[], $4::vector[]) as q (n, set_id, label, embedding)
cross join lateral (
    select looked.text, looked.label, looked.embedding <#> q.embedding as distance
    from (
        select e.text, e.label, e.embedding from label_example e
        where e.set_id = q.set_id and e.label = q.label limit 2000
    ) looked
    order by distance limit $5
) found

-- name: forget_documents
-- Takes documents out of the index whose source begins with a text.
with gone as (delete from document where starts_with(source, $1) returning document_id)
delete from chunk c using gone where c.document_id = gone.document_id
