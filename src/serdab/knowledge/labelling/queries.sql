-- name: label_costs
-- What errors and looks cost in a set.
select cost_wrong, cost_look from label_set where set_id = $1

-- name: set_label_costs
-- Changes what errors and looks cost in a set.
update label_set set cost_wrong = $2, cost_look = $3 where set_id = $1

-- name: embed_examples_again
-- Replaces embeddings that another model, or another precision, had made.
update label_example e set embedding = n.embedding, made_by = $4
from unnest($2::bytea[], $3::vector[]) as n (digest, embedding)
where e.set_id = $1 and e.digest = n.digest

-- name: embed_descriptions_again
-- The same for what labels mean.
update label_description d set embedding = n.embedding, made_by = $4
from unnest($2::text[], $3::vector[]) as n (label, embedding)
where d.set_id = $1 and d.label = n.label

-- name: label_descriptions
-- What the labels of a set mean, in words.
select label, text, made_by, embedding from label_description where set_id = $1 order by label

-- name: describe_label
-- Says what labels mean; what was said before is replaced. In one order, else two who say the same wait for each other.
insert into label_description (set_id, label, text, made_by, embedding)
select $1, d.label, d.text, $4, d.embedding from unnest($2::text[], $3::text[], $5::vector[]) as d (label, text, embedding)
order by d.label
on conflict (set_id, label) do update
set text = excluded.text, made_by = excluded.made_by, embedding = excluded.embedding, told_at = default

-- name: labels_of_set
-- The labels of a set with the number of their examples and what they mean.
select label, count(e.digest)::integer as examples, max(d.text) as description
from (select label, digest from label_example where set_id = $1) e
full join (select label, text from label_description where set_id = $1) d using (label)
group by label order by label

-- name: documents_to_look_at
-- The newest documents with the middle of their first passages and the text of these; those a person answered for are
-- left out when that is wanted.
select d.document_id, d.source, d.title, d.lang, d.added_at, p.text, p.embedding
from (
    select * from document d
    where ($2::timestamptz is null or d.added_at >= $2)
      and ($1::integer is null
           or not exists (select from label_answer a where a.set_id = $1 and a.document_id = d.document_id))
    order by d.added_at desc limit $3
) d
cross join lateral (
    select string_agg(c.text, E'\n' order by c.position) as text, avg(c.embedding) as embedding
    from chunk c where c.document_id = d.document_id and c.position < $4
) p
where p.text is not null

-- name: documents_by_id
-- The same for documents that are named.
select d.document_id, d.source, d.title, d.lang, d.added_at, p.text, p.embedding
from document d
cross join lateral (
    select string_agg(c.text, E'\n' order by c.position) as text, avg(c.embedding) as embedding
    from chunk c where c.document_id = d.document_id and c.position < $2
) p
where d.document_id = any($1::uuid[]) and p.text is not null

-- name: days_ago
-- A moment in the past, by the clock that counts.
select now() - make_interval(days => $1)

-- name: add_answer
-- Keeps what a person said about a document.
insert into label_answer (set_id, document_id, told_by, guess, confidence, label) values ($1, $2, $3, $4, $5, $6)

-- name: tell_example
-- Adds or changes a labelled text on a person's word.
insert into label_example (set_id, digest, label, text, embedding, told_by, made_by) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (set_id, digest) do update set label = excluded.label, told_by = excluded.told_by

-- name: forget_head
-- What was learned from a set at a time is no longer true of it; no row when others have learned since.
delete from label_head where set_id = $1 and trained_at = $2 returning true
