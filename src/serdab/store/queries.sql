-- name: set_session
-- Settings of a session, by name and value.
select set_config(name, value, false) from unnest($1::text[], $2::text[]) setting (name, value)

-- name: others
-- How many sessions other than this one are connected.
select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()

-- name: databases
-- The databases that hold something.
select datname from pg_database where datallowconn and not datistemplate and datname <> 'postgres' order by 1

-- name: tables
-- The tables of a database, each as it is written in SQL.
select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') order by 1

-- name: is_recovering
-- Whether the server still replays its log, and the time of the last transaction that it has replayed.
select pg_is_in_recovery() as recovering, pg_last_xact_replay_timestamp() as upto
