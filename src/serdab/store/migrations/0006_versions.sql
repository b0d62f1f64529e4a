-- Versions of documents: other content at the same source is a new version, and the old one is no longer found.

alter table document
    add version       integer not null default 1,   -- 1, 2, … of the same source
    add superseded_by uuid;                          -- the newest of the same source; null: this is it
-- A hash, because a source may be longer than a tree can hold.
create index document_source on document using hash (source);
