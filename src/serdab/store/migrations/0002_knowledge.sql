-- What the house knows: its documents with their passages, and the labelled examples it learns kinds from.

create extension if not exists vector;

-- ── Documents ───────────────────────────────────────────────────────────────────────────────────────────────────────

create table document (
    document_id uuid        primary key,   -- made from source and content: the same document is never there twice
    added_at    timestamptz not null default clock_timestamp(),
    confidence  real,                      -- of the label, 0 to 1
    chunks      integer     not null,
    characters  integer     not null,
    digest      bytea       not null,      -- SHA-256 of the content as it came
    source      text        not null,      -- where it came from: a path, or the id that it brought
    title       text        not null,
    media_type  text        not null,
    lang        text        not null,
    doc_type    text        not null,      -- as the one who brought it says; may be empty
    label       text                       -- as we found it; null: not classified
);
create index document_digest on document (digest);
create index document_label on document (label) where label is not null;

create table chunk (
    document_id uuid        not null,
    position    integer     not null,      -- 0, 1, …
    start_at    integer     not null,      -- place in the normalised text, characters
    end_at      integer     not null,
    text        text        not null,
    words       tsvector    not null,      -- of the folded text: see knowledge/words.py
    embedding   vector(384) not null,      -- length 1
    primary key (document_id, position)
);
alter table chunk alter embedding set storage plain;
alter table chunk alter words set storage main;
-- Smaller than usual on purpose: half the time of the defaults for each insert, recall@10 0.99 over 11,000 sentences.
create index chunk_embedding on chunk using hnsw (embedding vector_ip_ops) with (m = 12, ef_construction = 40);
create index chunk_words on chunk using gin (words) with (fastupdate = on, gin_pending_list_limit = 1024);

-- ── Labels ──────────────────────────────────────────────────────────────────────────────────────────────────────────

create table label_set (
    set_id  integer     generated always as identity primary key,
    name    text        not null unique,
    made_at timestamptz not null default clock_timestamp()
);

create table label_example (
    set_id    integer     not null,
    digest    bytea       not null,        -- first 16 bytes of SHA-256 of the normalised text
    label     text        not null,
    text      text        not null,
    embedding vector(384) not null,        -- length 1
    primary key (set_id, digest)
);
alter table label_example alter embedding set storage plain;
create index label_example_label on label_example (set_id, label);

create table label_head (                  -- what was learned from a set; replaced as a whole
    set_id     integer     primary key,
    trained_at timestamptz not null default clock_timestamp(),
    digest     bytea       not null,       -- of the examples it was learned from
    head       bytea       not null
);
alter table label_head alter head set storage external;
