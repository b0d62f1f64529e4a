-- History goes in whole weeks: a week whose time is over is dropped with all that hangs on its runs.

create function week_of_partition(name text) returns timestamptz language sql stable as
$$ select to_timestamp(substring(name from '[0-9]{4}w[0-9]{2}$'), 'IYYY"w"IW')::timestamp at time zone 'UTC' $$;

-- The weeks that have ended, the oldest first.
create function ended_weeks() returns table (week timestamptz, name text) language sql stable as $$
    select w.week, w.name
      from (select substring(c.relname from '[0-9]{4}w[0-9]{2}$') as name, week_of_partition(c.relname) as week
              from pg_inherits i join pg_class c on c.oid = i.inhrelid
             where i.inhparent = 'run'::regclass and c.relname <> 'run_default') w
     where w.week + interval '7 days' < clock_timestamp() order by 1
$$;

-- The queues that have runs in a week.
create function queues_of_week(p_name text) returns setof text language plpgsql stable as $$
begin
    return query execute format('select distinct queue from %I', 'run_' || p_name);
end $$;

-- Drops one week unless somebody still needs it: a run of it has not ended, or a parent of one. A lock that is not had at once is left for the next time.
create function drop_week_v1(p_name text) returns text language plpgsql as $$
declare
    low  uuid := uuid_at(week_of_partition(p_name));
    high uuid := uuid_at(week_of_partition(p_name) + interval '7 days');
    base text;
    used boolean;
begin
    set local lock_timeout = '200ms';
    -- Nobody gives life to a run of the week while we look: a start would have to write to this partition.
    execute format('lock table only %I in access exclusive mode', 'run_' || p_name);
    execute format('
        with alive as (select run_id from ready union all select run_id from lease
                       union all select run_id from parked union all select run_id from suspect)
        select exists (select from alive where run_id >= $1 and run_id < $2)
            or exists (select from %I c join alive a on a.run_id = c.parent)', 'run_' || p_name)
       into used using low, high;
    if used then return 'used'; end if;
    delete from run_key where run_id >= low and run_id < high;
    delete from redrive where old_run >= low and old_run < high;
    delete from progress where run_id >= low and run_id < high;
    delete from cancel_request where run_id >= low and run_id < high;
    foreach base in array array['run', 'step_result', 'step_attempt', 'run_outcome'] loop
        execute format('drop table if exists %I', base || '_' || p_name);
    end loop;
    return 'dropped';
exception when lock_not_available then
    return 'busy';
end $$;

-- Workers that have been gone for so long that nothing in the history tells of them.
create function forget_workers_v1(p_before timestamptz) returns bigint language sql as $$
    with gone as (delete from worker where gone_at < p_before returning 1) select count(*) from gone
$$;
