-- The engine of durable steps: immutable history, a narrow ready table, a mutable lease table.
-- Nothing that a step does updates a row; no foreign keys, no counters on the hot path.

-- ── History: written once, partitioned by the time that a version 7 id carries ─────────────────────────────────────

create table run (
    run_id    uuid     not null,
    parent    uuid,                        -- the run that started it
    code      bigint,                      -- digest of the workflow's code at the start; null: started by name
    timeout_s real,                        -- from the start call to the end
    priority  smallint not null,           -- 0 urgent, 1 normal, 2 whenever
    queue     text     not null,
    workflow  text     not null,
    input     bytea    not null,
    primary key (run_id)
) partition by range (run_id);
create index run_parent on run (parent) where parent is not null;

create table step_result (
    run_id      uuid     not null,
    ended_at    timestamptz not null default clock_timestamp(),
    digest      bigint   not null,         -- of the input, to notice code that calls it with another one
    worker      integer  not null,         -- the registration of the worker that recorded it: its fence
    duration_us integer  not null,
    attempt     smallint not null,
    failed      boolean  not null,         -- true: output tells the last error
    step_key    text     not null collate "C",
    output      bytea    not null,
    primary key (run_id, step_key)
) partition by range (run_id);

create table step_attempt (                -- failed tries only
    run_id      uuid     not null,
    failed_at   timestamptz not null default clock_timestamp(),
    retry_at    timestamptz,               -- null: the last try
    worker      integer  not null,
    duration_us integer  not null,
    attempt     smallint not null,
    step_key    text     not null collate "C",
    error       bytea    not null          -- {"kind", "message", "traceback"}
) partition by range (run_id);
create index step_attempt_run on step_attempt (run_id);

create table run_outcome (
    run_id   uuid        not null,
    ended_at timestamptz not null default clock_timestamp(),
    worker   integer     not null,         -- 0: no worker (cancelled while waiting, found to be poison)
    status   "char"      not null,         -- d done, f failed, c cancelled, x dead letter
    output   bytea       not null,         -- the result, or {"kind", "message", "traceback"}
    primary key (run_id)
) partition by range (run_id);
create index run_outcome_ended on run_outcome (ended_at) where status <> 'd';

create table run_default          partition of run          default;
create table step_result_default  partition of step_result  default;
create table step_attempt_default partition of step_attempt default;
create table run_outcome_default  partition of run_outcome  default;

-- ── What can be claimed: a ring of segments, each emptied by TRUNCATE ───────────────────────────────────────────────

create sequence ready_seq;
create table ready (
    run_id   uuid     not null,
    seq      bigint   not null default nextval('ready_seq'),
    segment  smallint not null,
    priority smallint not null,
    crashes  smallint not null default 0,  -- crashes in a row without a recorded step in between
    again    boolean  not null default false,  -- there may be recorded steps to load
    queue    text     not null,
    primary key (queue, priority, seq, segment)
) partition by list (segment);

create table lease (
    run_id     uuid        not null,
    claimed_at timestamptz not null,
    worker     integer     not null,
    segment    smallint    not null,
    priority   smallint    not null,
    crashes    smallint    not null,
    queue      text        not null,
    primary key (run_id, segment)
) partition by list (segment);

do $$
begin
    for s in 0..3 loop
        execute format('create table ready_%s partition of ready for values in (%s)
            with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000)', s, s);
        execute format('create table lease_%s partition of lease for values in (%s)
            with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000)', s, s);
    end loop;
end $$;

-- The segment that is written now: a minute each, by the database's clock. Where a row lands is no matter of
-- correctness; a segment is emptied only when it holds no row, looked at under its exclusive lock.
create function ring_segment() returns smallint language sql stable as
$$ select (extract(epoch from now())::bigint / 60 % 4)::smallint $$;

create table suspect (                     -- runs alone, in a child process, before it is called poison
    run_id   uuid     primary key,
    since    timestamptz not null default clock_timestamp(),
    priority smallint not null,
    crashes  smallint not null,
    queue    text     not null
);

create table parked (                      -- waits outside of memory
    run_id    uuid        primary key,
    parked_at timestamptz not null default clock_timestamp(),
    wake_at   timestamptz,
    priority  smallint    not null,
    crashes   smallint    not null,
    queue     text        not null,
    why       text        not null,
    firsts    uuid[]      not null,        -- groups of children it waits for: the first id of each,
    lasts     uuid[]      not null,        -- the last id of each,
    sizes     integer[]   not null         -- and how many there are between them
);
create index parked_wake on parked (wake_at) where wake_at is not null;
create index parked_children on parked (parked_at) where cardinality(firsts) > 0;

-- ── Who works ───────────────────────────────────────────────────────────────────────────────────────────────────────

create table worker (
    worker_id   integer     generated always as identity primary key,
    lease_until timestamptz not null,
    started_at  timestamptz not null default clock_timestamp(),
    gone_at     timestamptz,               -- set once: every later flush is refused
    rescued     integer,                   -- runs taken from it, when it died
    pid         integer     not null,
    alone       boolean     not null,      -- takes suspects, one at a time
    host        text        not null,
    queues      text[]      not null
) with (fillfactor = 50);

create table workflow (                    -- what workers know, so that a start by name can be checked
    name      text        primary key,
    queue     text        not null,
    code      bigint      not null,
    timeout_s real,
    seen_at   timestamptz not null default clock_timestamp()
);

create table run_key (
    queue        text   not null,
    key          text   not null,
    run_id       uuid   not null,
    input_digest bigint not null,
    primary key (queue, key)
);
create index run_key_run on run_key (run_id);

create table cancel_request (
    run_id   uuid        primary key,
    asked_at timestamptz not null default clock_timestamp(),
    reason   text        not null
);

create table progress (
    run_id   uuid        primary key,
    told_at  timestamptz not null default clock_timestamp(),
    fraction real        not null,
    message  text        not null
) with (fillfactor = 70);

create table redrive (                     -- outcomes never change: a redriven run is a new one
    old_run uuid        primary key,
    new_run uuid        not null,
    at      timestamptz not null default clock_timestamp()
);

-- ── Partitions: one a week, made ahead by whoever notices first ────────────────────────────────────────────────────

create function uuid_at(t timestamptz) returns uuid language sql immutable as
$$ select (lpad(to_hex((extract(epoch from t) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

-- Rows that came before their partition lie in the default one (an alert); they move when it is made.
create function make_partitions(ahead integer default 3) returns integer language plpgsql as $$
declare
    week  timestamptz;
    low   uuid;
    high  uuid;
    name  text;
    base  text;
    made  integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('serdab.partitions'));
    for i in 0..ahead - 1 loop
        week := date_trunc('week', clock_timestamp() at time zone 'UTC') at time zone 'UTC' + i * interval '7 days';
        low := uuid_at(week);
        high := uuid_at(week + interval '7 days');
        foreach base in array array['run', 'step_result', 'step_attempt', 'run_outcome'] loop
            name := base || to_char(week at time zone 'UTC', '_IYYY"w"IW');
            continue when to_regclass(name) is not null;
            execute format('create table %I (like %I including all)', name, base);
            execute format('with moved as (delete from %I where run_id >= %L and run_id < %L returning *)
                insert into %I select * from moved', base || '_default', low, high, name);
            execute format('alter table %I attach partition %I for values from (%L) to (%L)', base, name, low, high);
            made := made + 1;
        end loop;
    end loop;
    return made;
end $$;
select make_partitions();

-- Empties segments that nobody writes any more and that hold no row: dead rows go at once, whatever snapshots are held.
create function turn_ring() returns integer language plpgsql as $$
declare
    base   text;
    empty  boolean;
    turned integer := 0;
begin
    set local lock_timeout = '50ms';
    foreach base in array array['ready', 'lease'] loop
        for s in 0..3 loop
            continue when s = ring_segment() or s = (ring_segment() + 3) % 4;
            continue when pg_relation_size(format('%s_%s', base, s)) = 0;
            begin
                execute format('lock table only %I in access exclusive mode', base || '_' || s);
                execute format('select not exists (select from %I)', base || '_' || s) into empty;
                if empty then
                    execute format('truncate %I', base || '_' || s);
                    turned := turned + 1;
                end if;
            exception when lock_not_available then null;
            end;
        end loop;
    end loop;
    return turned;
end $$;
