-- As what a document was read, told by nobody: search finds it by this type as by one that came with it.

alter table document add read_as text not null default '';   -- the schema of its values; empty: of none, or not known
-- Of what is here already the receipts know it. In JSON no text holds quotes that are not escaped, so this is the place.
update document d set read_as = k.read_as
from (
    select document_id, substring(convert_from(body, 'UTF8') from '"record":\{"schema":"([^"\\]{1,200})"') as read_as
    from receipt
) k
where k.document_id = d.document_id and k.read_as is not null;

-- The documents that meet filters, as before; a type is the one that was given or the one that was found.
create or replace function documents_meeting(
    doc_types text[], labels text[], langs text[], since date, until date, source_start text,
    names text[], folded text[], lows numeric[], highs numeric[], withouts numeric[], firsts date[], lasts date[]
) returns setof document language sql stable as $$
    select d.* from document d
    where (doc_types is null or d.doc_type = any (doc_types) or d.read_as = any (doc_types))
      and (labels is null or d.label = any (labels))
      and (langs is null or d.lang = any (langs))
      and (since is null or coalesce(d.dated, (d.added_at at time zone 'UTC')::date) >= since)
      and (until is null or coalesce(d.dated, (d.added_at at time zone 'UTC')::date) <= until)
      and (source_start is null or starts_with(d.source, source_start))
      and (cardinality(names) = 0 or not exists (
          select from unnest(names, folded, lows, highs, withouts, firsts, lasts)
              as w (name, folded, low, high, without, first, last)
          where not exists (
              select from document_fact f
              where f.document_id = d.document_id and f.name = w.name
                and fact_meets(f, w.folded, w.low, w.high, w.without, w.first, w.last)
          )
      ))
$$;
