-- What became of documents, kept apart from the history of runs: their receipts, their values to filter by, sketches
-- of their words to find copies by, and what was taken from watched folders and mailboxes.

alter table document add column dated date;   -- the date that stands in it, when one was found

create table document_fact (                   -- one value of a document; several of one name are several rows
    document_id uuid    not null,
    day         date,                          -- the value as a date, when it is one
    number      numeric,                       -- the value as a number, when it is one
    name        text    not null,              -- total, date, company, …
    folded      text    not null,              -- the value as words: see knowledge/words.py
    value       text    not null
);
create index document_fact_document on document_fact (document_id);
create index document_fact_folded on document_fact (name, folded);
create index document_fact_number on document_fact (name, number) where number is not null;
create index document_fact_day on document_fact (name, day) where day is not null;

create table document_sketch (                 -- of the sets of word triples: see knowledge/sketches.py
    document_id uuid      primary key,
    bands       integer[] not null,            -- documents that share one are looked at
    hashes      bytea     not null
);
create index document_sketch_bands on document_sketch using gin (bands)
    with (fastupdate = on, gin_pending_list_limit = 4096);

create table receipt (                         -- the last one of each document
    document_id uuid        primary key,
    noted_at    timestamptz not null default clock_timestamp(),
    run_id      uuid        not null,          -- that made it; its history may be gone
    batch       text        not null,
    body        bytea       not null           -- JSON
);
create index receipt_noted on receipt (noted_at);
create index receipt_batch on receipt (batch, noted_at) where batch <> '';

create table watched_document (                -- what was taken from a folder or mailbox: each content once
    source     text        not null,
    digest     bytea       not null,           -- SHA-256 of the content
    taken_at   timestamptz not null default clock_timestamp(),
    settled_at timestamptz,                    -- its runs have ended, and what was to follow is done
    place      text        not null,           -- where it was when it was taken
    copy       text        not null,           -- our copy, which the runs read
    run_ids    uuid[]      not null,
    primary key (source, digest)
);
create index watched_document_open on watched_document (source, taken_at) where settled_at is null;

create table watched_place (                   -- what was seen where: unchanged, it is not read again
    source     text   not null,
    place      text   not null,                -- a path, or a mail's UIDVALIDITY and UID
    size       bigint not null,                -- bytes
    changed_ns bigint not null,                -- a file's time of change, nanoseconds since 1970; a mail's is 0
    digest     bytea,                          -- null: it was refused for good
    primary key (source, place)
);
