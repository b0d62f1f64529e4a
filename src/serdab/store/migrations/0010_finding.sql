-- Which version of a document is the newest is told by when it was seen, not by when it was written here.

alter table document add seen_at timestamptz;
update document set seen_at = added_at;
alter table document alter seen_at set not null, alter seen_at set default clock_timestamp();
-- Which languages there are is asked of it.
create index document_lang on document (lang);
