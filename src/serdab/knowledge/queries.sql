-- name: add_documents
-- Adds documents that are not there yet, or came back after another version, with all their chunks; gives their ids.
with added as (
    insert into document (document_id, digest, source, title, media_type, lang, doc_type, chunks, characters, seen_at)
    select n.document_id, n.digest, n.source, n.title, n.media_type, n.lang, n.doc_type, n.chunks, n.characters,
           coalesce(n.seen_at, clock_timestamp())
    from unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::integer[], $9::integer[], $10::timestamptz[])
        as n (document_id, digest, source, title, media_type, lang, doc_type, chunks, characters, seen_at)
    on conflict (document_id) do update
        set added_at = clock_timestamp(), seen_at = excluded.seen_at, superseded_by = null
        where document.superseded_by is not null and excluded.seen_at > document.seen_at
    returning document_id
), passages as (
    insert into chunk (document_id, position, start_at, end_at, text, words, embedding)
    select c.document_id, c.position, c.start_at, c.end_at, c.text,
           -- Stems without places: a word that is its own stem counts once.
           to_tsvector('simple', concat_ws(' ', c.folded, c.more)) || coalesce(strip(to_tsvector(g.oid::regconfig, c.folded)), ''),
           c.embedding
    from unnest($11::uuid[], $12::integer[], $13::integer[], $14::integer[], $15::text[], $16::text[], $17::vector[],
                $18::text[], $19::text[])
        as c (document_id, position, start_at, end_at, text, folded, embedding, more, stemmer)
    left join pg_ts_config g on g.cfgname = c.stemmer and g.cfgnamespace = 'pg_catalog'::regnamespace
    where c.document_id in (select document_id from added)
), sketches as (
    insert into document_sketch (document_id, bands, hashes)
    select s.document_id, s.bands::integer[], s.hashes
    from unnest($20::uuid[], $21::text[], $22::bytea[]) as s (document_id, bands, hashes)
    where s.document_id in (select document_id from added)
    on conflict (document_id) do nothing
)
select document_id from added

-- name: supersede_documents
-- Of documents with the same source only the last seen is found: the others point to it, and their chunks go. How many
-- were left as they are, because others changed them since this looked at them: it is to look again.
with known as (
    select d.document_id, d.source, d.version, d.superseded_by, d.seen_at, d.added_at,
           greatest(d.seen_at, n.seen_at) as last_seen_at
    from document d left join unnest($2::uuid[], $3::timestamptz[]) as n (document_id, seen_at) using (document_id)
    where d.source = any ($1::text[]) and d.source <> ''
), ordered as (
    select k.*, first_value(k.document_id)
                    over (partition by k.source order by k.last_seen_at desc, k.added_at desc, k.document_id) as newest
    from known k
), versions as (
    select o.*, nullif(o.newest, o.document_id) as next_superseded_by,
           case when o.document_id = o.newest
                then greatest(o.version, 1 + max(o.version) filter (where o.document_id <> o.newest)
                                                over (partition by o.source))
                else o.version end as next_version
    from ordered o
), wanted as (
    select * from versions v
    where (v.version, v.superseded_by, v.seen_at) is distinct from (v.next_version, v.next_superseded_by, v.last_seen_at)
), changed as (
    update document d set version = w.next_version, superseded_by = w.next_superseded_by, seen_at = w.last_seen_at
    from wanted w
    where d.document_id = w.document_id
      and (d.version, d.superseded_by, d.seen_at) is not distinct from (w.version, w.superseded_by, w.seen_at)
    returning d.document_id, d.superseded_by
), sketches as (
    delete from document_sketch k using changed h where k.document_id = h.document_id and h.superseded_by is not null
), chunks as (
    delete from chunk c using changed h where c.document_id = h.document_id and h.superseded_by is not null
)
select (select count(*) from wanted) - (select count(*) from changed)

-- name: note_outcomes
-- Notes what was found out about documents: label, date, type, values, receipt; the last word counts.
with labelled as (
    update document d set label = n.label, confidence = n.confidence, dated = n.dated, read_as = n.read_as
    from unnest($1::uuid[], $2::text[], $3::real[], $4::date[], $8::text[])
        as n (document_id, label, confidence, dated, read_as)
    where d.document_id = n.document_id
      and (d.label, d.confidence, d.dated, d.read_as) is distinct from (n.label, n.confidence, n.dated, n.read_as)
), cleared as (
    delete from document_fact where document_id = any ($1)
), facts as (
    insert into document_fact (document_id, name, value, folded, number, day)
    select * from unnest($9::uuid[], $10::text[], $11::text[], $12::text[], $13::numeric[], $14::date[])
)
insert into receipt (document_id, run_id, batch, body)
select * from unnest($1::uuid[], $5::uuid[], $6::text[], $7::bytea[])
on conflict (document_id) do update
    set run_id = excluded.run_id, batch = excluded.batch, body = excluded.body, noted_at = clock_timestamp()

-- name: tune_search
-- For a session that only searches: its plans must use the indexes, whatever the statistics say.
set hnsw.ef_search = 60; set enable_seqscan = off

-- name: tune_asking
-- The same for the questions of people, who want the nearest more than the last tenth of a millisecond.
set hnsw.ef_search = 200; set enable_seqscan = off

-- name: find_worded
-- For each question the chunks that rank best by words, the best first: the rank is the sum of the weights of the terms
-- that a chunk has, and of equal ones the nearest by meaning is first. Where no meaning is given, all that are equal to
-- the last one are there.
with asked as materialized (
    select q.n, q.embedding, q.without, q.words, string_to_array(q.weights, ',')::real[] as weights,
           (select array_agg(to_tsquery('simple', t.term) order by t.place)
            from string_to_table(q.terms, ',') with ordinality as t (term, place)) as terms
    from unnest($1::integer[], $2::vector[], $3::uuid[], $4::text[], $5::text[], $6::text[])
        as q (n, embedding, without, words, terms, weights)
)
select q.n, found.*
from asked q
cross join lateral (
    select c.document_id, c.position, -(c.embedding <#> q.embedding) as similarity,
           (select sum(t.weight) from unnest(q.terms, q.weights) as t (term, weight) where c.words @@ t.term) as rank
    from (
        select * from chunk c
        where c.words @@ to_tsquery('simple', q.words) and c.document_id is distinct from q.without
        limit $8
    ) c
    order by rank desc, similarity desc
    fetch first $7 rows with ties
) found
order by q.n, found.rank desc, found.similarity desc, found.document_id, found.position

-- name: compare_worded
-- Chunks that were found by words, of equal ones the nearest by meaning first.
select w.n, c.document_id, c.position, -(c.embedding <#> ($1::vector[])[w.n + 1]) as similarity, w.rank
from unnest($2::integer[], $3::uuid[], $4::integer[], $5::real[]) as w (n, document_id, position, rank)
join chunk c using (document_id, position)
order by w.n, w.rank desc, similarity desc, c.document_id, c.position

-- name: nearest_chunks
-- For each question the nearest chunks by meaning, the nearest first.
select q.n, near.document_id, near.position, -near.distance as similarity
from unnest($1::integer[], $2::vector[], $3::uuid[]) as q (n, embedding, without)
cross join lateral (
    select c.document_id, c.position, c.embedding <#> q.embedding as distance
    from chunk c order by c.embedding <#> q.embedding limit $4
) near
where near.document_id is distinct from q.without
order by q.n, near.distance

-- name: contents_of
-- What some documents hold, by its digest, and who makes the vectors here.
select document_id, digest, (select made_by from vector_maker) as made_by from document where document_id = any ($1::uuid[])

-- name: nearest_passages
-- The passages nearest by meaning, in any order, with what a reader needs to see of them.
select near.document_id, near.position, -near.distance as similarity, near.start_at, near.end_at, near.text,
       d.source, d.title, d.lang, d.doc_type, d.read_as, d.label, d.digest
from (
    select c.document_id, c.position, c.start_at, c.end_at, c.text, c.embedding <#> $1::vector as distance
    from chunk c order by c.embedding <#> $1::vector limit $2
) near
join document d using (document_id)

-- name: shares_of_words
-- The share of all chunks that have each of the commonest words, as the planner's statistics know it.
select word, share
from pg_stats s,
     lateral unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs[:array_length(s.most_common_elem_freqs, 1) - 2])
         as w (word, share)
where s.tablename = 'chunk' and s.attname = 'words' and s.schemaname = any(current_schemas(false))

-- name: count_chunks_with
-- How many chunks have each of some rare terms, by one look into the index for all of them; a term that none has, no row.
with term as materialized (select t.term, to_tsquery('simple', t.term) as words from unnest($1::text[]) as t (term))
select t.term, count(*) as chunks
from (select c.words from chunk c where c.words @@ to_tsquery('simple', $2) limit $3) c
join term t on c.words @@ t.words
group by t.term

-- name: guess_chunks
-- How many chunks there are: of more than ten thousand as the planner knows it, which lags behind; fewer are counted.
select greatest(reltuples::float8, (select count(*)::float8 from (select from chunk limit 10000) c))
from pg_class where oid = 'chunk'::regclass

-- name: known_languages
-- The languages of the documents, one look into the index for each.
with recursive known as (
    (select lang from document order by lang limit 1)
    union all
    select (select d.lang from document d where d.lang > k.lang order by d.lang limit 1) from known k
    where k.lang is not null
)
select lang from known where lang is not null

-- name: known_labels
-- The labels of the documents, likewise.
with recursive known as (
    (select label from document where label is not null order by label limit 1)
    union all
    select (select d.label from document d where d.label > k.label order by d.label limit 1) from known k
    where k.label is not null
)
select label from known where label is not null

-- name: known_types
-- The types of the documents, as they were brought and as what they were read; no index has them, so all are read.
select doc_type as type from document where doc_type <> ''
union
select read_as from document where read_as <> ''
order by type

-- name: known_values
-- The names of the values of documents, one look into the index for each.
with recursive known as (
    (select name from document_fact order by name limit 1)
    union all
    select (select f.name from document_fact f where f.name > k.name order by f.name limit 1) from known k
    where k.name is not null
)
select name from known where name is not null

-- name: stems_of
-- What words are reduced to by each of some stemmers; a word that none of them knows or keeps has no row.
select w.word, array_agg(distinct s.stem) as stems
from unnest($1::text[]) as w (word)
cross join pg_ts_dict t
cross join lateral unnest(ts_lexize(t.oid::regdictionary, w.word)) as s (stem)
where t.dictname = any ($2::text[]) and t.dictnamespace = 'pg_catalog'::regnamespace
group by w.word

-- name: show_chunks
-- What a reader needs to see of chunks, with the other places where the same content is now.
select c.document_id, c.position, c.start_at, c.end_at, c.text, d.source, d.title, d.lang, d.doc_type, d.read_as, d.label,
       array(select o.source from document o
             where o.digest = d.digest and o.superseded_by is null and o.document_id <> d.document_id
             order by o.added_at, o.document_id limit 20) as places
from unnest($1::uuid[], $2::integer[]) as w (document_id, position)
join chunk c using (document_id, position)
join document d using (document_id)

-- name: count_documents
-- How many documents are known.
select count(*) from document

-- name: make_label_set
-- The number of a set of labels, made when it is new. The update changes nothing, but answers with the set that another
-- process made at the same moment, which a read in this statement would not see yet.
insert into label_set (name) values ($1) on conflict (name) do update set name = excluded.name returning set_id

-- name: forget_label_sets
-- Sets whose name begins with a text, with all that hangs on them; nobody but an evaluation has such.
delete from label_set where starts_with(name, $1)

-- name: remove_label_set
-- A set with all that hangs on it: examples, descriptions, answers, and what was learned.
delete from label_set where name = $1

-- name: names_of_label_sets
-- The names of all sets.
select name from label_set order by name

-- name: find_label_set
-- A set by its name, with the digest of what was learned from it.
select s.set_id, s.cost_wrong, s.cost_look, h.digest, h.trained_at
from label_set s left join label_head h using (set_id) where s.name = $1

-- name: sizes_of_label_sets
-- All sets with their sizes, or the one of a name; a label may have examples, a description, or both.
select s.name,
       (select count(*) from label_example e where e.set_id = s.set_id) as examples,
       (select count(*) from label_description d where d.set_id = s.set_id) as descriptions,
       (select count(*) from (select e.label from label_example e where e.set_id = s.set_id
                              union select d.label from label_description d where d.set_id = s.set_id) known) as labels
from label_set s where $1::text is null or s.name = $1 order by s.name

-- name: known_examples
-- The labels that a set already has for texts, by the digest of the text.
select digest, label from label_example where set_id = $1 and digest = any($2::bytea[])

-- name: add_examples
-- Adds labelled texts and gives their digests; one that another import added meanwhile stays as it is. In one order,
-- else two imports of the same texts wait for each other.
insert into label_example (set_id, digest, label, text, embedding, made_by)
select $1, e.*, $6 from unnest($2::bytea[], $3::text[], $4::text[], $5::vector[]) as e (digest)
order by e.digest
on conflict (set_id, digest) do nothing
returning digest

-- name: all_examples
-- Everything that can be learned from in a set, in a fixed order.
select digest, label, text, embedding, made_by from label_example where set_id = $1 order by digest limit $2

-- name: compared_examples
-- Examples and descriptions of a set that is too small to learn from.
select label, text, embedding, made_by from label_example where set_id = $1
union all select label, text, embedding, made_by from label_description where set_id = $1
order by label, text limit $2

-- name: put_head
-- Replaces what was learned from a set at a time, null: nothing was; no row when others have learned since, or have found
-- that there is too little to learn from.
with kept as (select from label_head where set_id = $1 and trained_at = $4 for update)
insert into label_head (set_id, digest, head)
select $1::integer, $2::bytea, $3::bytea where $4::timestamptz is null or exists (select from kept)
on conflict (set_id) do update set digest = excluded.digest, head = excluded.head, trained_at = clock_timestamp()
where label_head.trained_at = $4
returning true

-- name: get_head
-- What was learned from a set.
select digest, head, trained_at from label_head where set_id = $1

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
-- Takes documents whose source begins with a text out of the index, with all that is known of them.
with gone as (delete from document where starts_with(source, $1) returning document_id),
     facts as (delete from document_fact f using gone where f.document_id = gone.document_id),
     sketches as (delete from document_sketch s using gone where s.document_id = gone.document_id),
     receipts as (delete from receipt r using gone where r.document_id = gone.document_id)
delete from chunk c using gone where c.document_id = gone.document_id

-- name: forget_maker
-- Without documents any model and precision may begin.
delete from vector_maker where not exists (select from chunk)

-- name: maker_of_vectors
-- Model and precision of the vectors of the documents.
select made_by from vector_maker

-- name: claim_maker
-- Notes who makes the vectors from now on; a second one is not noted.
insert into vector_maker (made_by) values ($1) on conflict do nothing

-- name: alike_candidates
-- Documents whose sketch shares a band, at most so many.
select s.document_id, s.hashes from document_sketch s
where s.bands && $1::integer[] and s.document_id is distinct from $2
  and exists (select from chunk c where c.document_id = s.document_id) limit $3

-- name: shared_bands
-- Every band that several documents share, each with its documents.
select b.band, array_agg(s.document_id order by s.document_id) as documents
from document_sketch s cross join lateral unnest(s.bands) as b (band)
where exists (select from chunk c where c.document_id = s.document_id)
group by b.band having count(*) > 1

-- name: sketches_of
-- The sketches of some documents.
select document_id, hashes from document_sketch where document_id = any ($1::uuid[])

-- name: tell_documents
-- What a reader needs to see of documents.
select document_id, source, title, lang, doc_type, label, added_at, characters, digest
from document where document_id = any ($1::uuid[]) order by added_at, document_id

-- name: middles_of
-- The direction of the meaning of some documents.
select document_id, avg(embedding) as middle from chunk where document_id = any ($1::uuid[]) group by document_id

-- name: same_digests
-- Every content that several documents have.
select array_agg(d.document_id order by d.document_id) as documents from document d
where exists (select from chunk c where c.document_id = d.document_id)
group by d.digest having count(*) > 1

-- name: count_chunks
-- How many passages the index has.
select count(*) from chunk

-- name: sample_chunks
-- Some passages, drawn at random.
select document_id, position, embedding from chunk order by random() limit $1

-- name: tune_exact
-- For a transaction: every passage is compared.
set local enable_indexscan = off; set local enable_seqscan = on

-- name: nearest_others
-- The nearest passages by meaning, that which is asked with among them.
select document_id, position, -(embedding <#> $1::vector) as similarity
from chunk order by embedding <#> $1::vector limit $2
