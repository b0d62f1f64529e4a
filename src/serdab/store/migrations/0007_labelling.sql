-- Labels that people give and describe: who said what, what labels mean, what errors cost, what made the embeddings.

alter table label_set
    add column cost_wrong real not null default 10,    -- of a wrong label that nobody looked at, in any unit
    add column cost_look  real not null default 1;     -- of a look by a person, in the same unit

alter table label_example
    add column told_by text not null default '',       -- who said it; empty: a file
    add column made_by text not null default '';       -- model and precision of the embedding; empty: not known

create table label_description (                       -- what a label means, in words
    set_id    integer     not null,
    label     text        not null,
    text      text        not null,
    made_by   text        not null,
    embedding vector(384) not null,                    -- length 1
    told_at   timestamptz not null default clock_timestamp(),
    primary key (set_id, label)
);
alter table label_description alter embedding set storage plain;

create table label_answer (                            -- what people said in reviews; nothing is ever changed here
    answer_id   bigint      generated always as identity primary key,
    set_id      integer     not null,
    document_id uuid        not null,
    told_at     timestamptz not null default clock_timestamp(),
    told_by     text        not null,
    guess       text,                                  -- what we had found; null: nothing
    confidence  real,
    label       text                                   -- what the person said; null: skipped
);
create index label_answer_document on label_answer (set_id, document_id);
