-- The partitions of history, one for each day: created in advance, dropped when old.

-- Revokes the privileges of others on a table, from grants or from default privileges of its owner: history
-- is read through functions.
create or replace function jobs._take_back(i_table regclass) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_grantee name;
begin
  execute format('revoke all on %s from public', i_table);
  for v_grantee in
    select distinct pg_get_userbyid(a.grantee)
    from pg_class c, aclexplode(c.relacl) a where c.oid = i_table and cardinality(c.relacl) > 0 and a.grantee not in (0, c.relowner)
  loop
    execute format('revoke all on %s from %I cascade', i_table, v_grantee);
  end loop;
end $$;

-- Creates the table of a day, not yet attached as a partition, so that nobody waits for it. Uses the
-- database's default tablespace, whatever the caller's session sets.
create or replace function jobs._prepare_partition(i_day date) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set default_tablespace = '' set default_table_access_method = heap as $$
begin
  execute format('create table jobs.job_%s (like jobs.job including defaults including indexes)', to_char(i_day, 'YYYYMMDD'));
  execute format('alter table jobs.job_%s replica identity full', to_char(i_day, 'YYYYMMDD'));
  perform jobs._take_back(('jobs.job_' || to_char(i_day, 'YYYYMMDD'))::regclass);
end $$;

-- Creates the partition for the day i_day (UTC), and moves the rows of that day into it from the default
-- partition, which took them while it was missing. Returns false when it existed already. Writers and readers
-- wait meanwhile.
create or replace function jobs._make_partition(i_day date) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp set datestyle = 'ISO' set timezone = 'UTC' as $$
declare
  v_name text := 'job_' || to_char(i_day, 'YYYYMMDD');
  v_from timestamptz := i_day::timestamp at time zone 'utc';
  v_to timestamptz := (i_day + 1)::timestamp at time zone 'utc';
begin
  if exists (select from jobs._partitions() p where p.name = v_name) then
    return false;
  elsif to_regclass('jobs.' || v_name) is null then
    perform jobs._prepare_partition(i_day);
  end if;
  -- Lock the parent first: otherwise an insert that has already chosen the default partition would find that
  -- it no longer accepts its row.
  lock table only jobs.job in access exclusive mode;
  execute format('with moved as (delete from jobs.job_default where complete_on >= %L and complete_on < %L returning *)
                  insert into jobs.%I select * from moved', v_from, v_to, v_name);
  execute format('alter table jobs.job attach partition jobs.%I for values from (%L) to (%L)', v_name, v_from, v_to);
  return true;
end $$;

-- Turns the default partition, with all its rows, into the partition of today and of the days before it that
-- have none, and creates a new default partition. For when it has many rows: moving them to a new partition
-- takes seconds, scanning them takes a moment.
create or replace function jobs._make_partition_of_default(i_today date) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set default_tablespace = '' set default_table_access_method = heap set datestyle = 'ISO' set timezone = 'UTC' as $$
declare
  v_name text := 'job_' || to_char(i_today, 'YYYYMMDD');
  v_from timestamptz := (select (max(p.day) + 1)::timestamp at time zone 'utc' from jobs._partitions() p where p.day < i_today);
  v_to timestamptz := (i_today + 1)::timestamp at time zone 'utc';
begin
  lock table only jobs.job in access exclusive mode;
  alter table jobs.job detach partition jobs.job_default;
  execute format('alter table jobs.job_default rename to %I', v_name);
  create table jobs.job_default partition of jobs.job default;
  alter table jobs.job_default replica identity full;
  perform jobs._take_back('jobs.job_default');
  create index on jobs.job_default (complete_on);
  execute format('with other as (delete from jobs.%I where complete_on < %L or complete_on >= %L returning *)
                  insert into jobs.job_default select * from other', v_name, v_from, v_to);
  execute format('alter table jobs.job attach partition jobs.%I for values from (%s) to (%L)', v_name,
                 coalesce(quote_literal(v_from), 'minvalue'), v_to);
end $$;

-- The partitions that ended before i_oldest, the oldest hundred at most: more than one call drops, because
-- some cannot be dropped. While the clock is not trusted, only empty ones.
create or replace function jobs._partitions_over(i_oldest date, i_clock_is_sure boolean) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_over text[] := array[]::text[];
  v_name text;
  v_full boolean;
begin
  for v_name in select p.name from jobs._partitions() p where p.day < i_oldest order by p.day loop
    exit when cardinality(v_over) = 100;
    if not i_clock_is_sure then
      execute format('select exists (select from jobs.%I)', v_name) into v_full;
      continue when v_full;
    end if;
    v_over := v_over || v_name;
  end loop;
  return v_over;
end $$;

-- Creates and drops the given partitions. Locks out all use of history for an instant, to the end of the
-- transaction.
create or replace function jobs._change_partitions(i_today date, i_full boolean, i_make date[], i_drop text[]) returns text[]
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_done text[] := array[]::text[];
  v_dropped integer := 0;
  v_name text;
  v_day date;
begin
  foreach v_day in array i_make loop
    if to_regclass('jobs.job_' || to_char(v_day, 'YYYYMMDD')) is null and not (i_full and v_day = i_today) then
      perform jobs._prepare_partition(v_day);
    end if;
  end loop;
  -- Lock the parent before its partitions, in the same order as all other transactions, and once.
  lock table only jobs.job in access exclusive mode;
  if i_full then
    perform jobs._make_partition_of_default(i_today);
    v_done := v_done || ('made job_' || to_char(i_today, 'YYYYMMDD') || ' of job_default');
  end if;
  foreach v_day in array i_make loop
    begin
      if jobs._make_partition(v_day) then
        v_done := v_done || ('made job_' || to_char(v_day, 'YYYYMMDD'));
      end if;
    exception
      when lock_not_available or deadlock_detected then raise;
      when others then raise warning 'partition for % not made yet: %', v_day, sqlerrm using hint = 'the next call of jobs.maintain_partitions tries again';
    end;
  end loop;
  -- Drops at most ten. When it has done something and then cannot lock a partition in time, it stops and
  -- keeps what is done.
  foreach v_name in array i_drop loop
    exit when v_dropped = 10;
    begin
      execute format('drop table jobs.%I', v_name);
      v_done := v_done || ('dropped ' || v_name);
      v_dropped := v_dropped + 1;
    exception
      when lock_not_available or deadlock_detected then
        exit when v_done <> '{}';
        raise;
      when others then raise warning 'partition % not dropped yet: %', v_name, sqlerrm using hint = 'the next call of jobs.maintain_partitions tries again';
    end;
  end loop;
  return v_done;
end $$;

-- The same with a lock timeout of 25 ms, in at most three attempts: everybody who comes after this lock
-- request waits behind it. When several calls in a row have given way, warns and names the server processes
-- in the way.
create or replace function jobs._try_to_change_partitions(i_today date, i_full boolean, i_make date[], i_drop text[]) returns text[]
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '25ms' as $$
declare
  v_done text[];
  v_calls integer;
begin
  for v_try in 1..3 loop
    begin
      v_done := jobs._change_partitions(i_today, i_full, i_make, i_drop);
      update jobs.retention r set gave_way = 0, gave_way_at = null where r.gave_way > 0;
      return v_done;
    exception when lock_not_available or deadlock_detected then
      perform pg_sleep(case when v_try < 3 then 0.1 else 0 end);
    end;
  end loop;
  update jobs.retention r set gave_way = r.gave_way + 1, gave_way_at = jobs.now() returning r.gave_way into v_calls;
  if v_calls >= 3 then
    raise warning 'history waits for its partitions to be made and dropped: % calls of jobs.maintain_partitions gave way to server process %', v_calls,
      coalesce((select string_agg(distinct l.pid::text, ', ') from pg_locks l
                where l.relation = 'jobs.job'::regclass and l.database = (select d.oid from pg_database d where d.datname = current_database())
                  and l.granted and l.pid <> pg_backend_pid()), '(gone by now)')
      using hint = 'a long transaction reads jobs.job, for example a pg_dump';
  end if;
  return null;
end $$;
