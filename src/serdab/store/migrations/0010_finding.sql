-- Finding documents: the filters of a search in one place, and which version of a document is the newest.

-- Whichever was seen last, not whichever was written here last.
alter table document add seen_at timestamptz;
update document set seen_at = added_at;
alter table document alter seen_at set not null, alter seen_at set default clock_timestamp();
-- Which languages there are is asked of it.
create index document_lang on document (lang);

-- Both functions are plain SQL that the planner writes into the statement around them: its indexes are used.

-- Whether a value meets a condition: equal as words, a number or a day within bounds; null: not asked for.
create function fact_meets(
    f document_fact, folded text, low numeric, high numeric, without numeric, first date, last date
) returns boolean language sql stable as $$
    select (f.folded = folded or f.number between low and high or f.day between first and last)
       and (without is null or f.number is distinct from without)
$$;

-- The documents that meet filters, a null one left aside, and all conditions on their values, given column by column.
create function documents_meeting(
    doc_types text[], labels text[], langs text[], since date, until date, source_start text,
    names text[], folded text[], lows numeric[], highs numeric[], withouts numeric[], firsts date[], lasts date[]
) returns setof document language sql stable as $$
    select d.* from document d
    where (doc_types is null or d.doc_type = any (doc_types))
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
