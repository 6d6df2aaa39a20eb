-- The partitions of jobs.progress and jobs.log, one for each day: created in advance, dropped when old. As
-- those of history (61_partitions.sql), but only once a run has reported something, and nothing waits for
-- them but reports.

-- Those that there are, with their days.
create or replace function jobs._run_partitions() returns table (parent text, name text, day date)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.relname::text, c.relname::text, to_date(right(c.relname, 8), 'YYYYMMDD')
  from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
  where i.inhparent in ('jobs.progress'::regclass, 'jobs.log'::regclass) and c.relname ~ '_[0-9]{8}$'
$$;

-- Creates the partitions of today and the next two days where they are missing, and drops those before
-- i_oldest (null: none), at most ten; returns what it did. Locks their parent for an instant, to the end of
-- the transaction; where that takes longer than 25 ms, it leaves the rest to the next call.
create or replace function jobs._change_run_partitions(i_today date, i_oldest date) returns text[]
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '25ms' set jit = off as $$
declare
  v_done text[] := array[]::text[];
  v_row record;
begin
  for v_row in
    select t.parent, i_today + d as day, t.parent || '_' || to_char(i_today + d, 'YYYYMMDD') as name
    from (values ('progress'), ('log')) t(parent), generate_series(0, 2) d
    where not exists (select from jobs._run_partitions() p where p.parent = t.parent and p.day = i_today + d)
    order by t.parent, d
  loop
    if jobs._make_run_partition(v_row.parent, v_row.name, v_row.day) then
      v_done := v_done || ('made ' || v_row.name);
    end if;
  end loop;
  for v_row in select p.name from jobs._run_partitions() p where p.day < i_oldest order by p.day, p.name limit 10 loop
    execute format('drop table jobs.%I', v_row.name);
    v_done := v_done || ('dropped ' || v_row.name);
  end loop;
  return v_done;
exception when lock_not_available or deadlock_detected then
  return array[]::text[];   -- what was done in this call is undone with it, and done in the next one
end $$;

-- Creates one of them; false when another session just did, and when the default partition has rows of that
-- day, which then stay there.
create or replace function jobs._make_run_partition(i_parent text, i_name text, i_day date) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set default_tablespace = '' set default_table_access_method = heap set datestyle = 'ISO' set timezone = 'UTC' as $$
declare
  v_from timestamptz := i_day::timestamp at time zone 'utc';
  v_to timestamptz := (i_day + 1)::timestamp at time zone 'utc';
  v_taken boolean;
begin
  -- Lock the parent first: otherwise an insert that has already chosen the default partition would find that
  -- it no longer accepts its row.
  execute format('lock table only jobs.%I in access exclusive mode', i_parent);
  if to_regclass('jobs.' || quote_ident(i_name)) is not null then
    return false;   -- another session made it while this one waited for the lock
  end if;
  execute format('select exists (select from jobs.%I d where d.run_at >= %L and d.run_at < %L)', i_parent || '_default', v_from, v_to) into v_taken;
  if v_taken then
    return false;
  end if;
  -- Rows of progress are updated in place, so they have room for that; log rows never change.
  execute format('create table jobs.%I partition of jobs.%I for values from (%L) to (%L)%s', i_name, i_parent, v_from, v_to,
                 case when i_parent = 'progress' then ' with (fillfactor = 70)' else '' end);
  perform jobs._take_back(('jobs.' || quote_ident(i_name))::regclass);
  return true;
end $$;

-- Maintains them: called by jobs._maintain_partitions, under its lock. Days are dropped only while the clock
-- is trusted. Rows of the default partitions are deleted, a bounded number in each call.
create or replace function jobs._maintain_run_partitions(i_today date, i_oldest date, i_clock_is_sure boolean) returns text[]
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_oldest timestamptz := i_oldest::timestamp at time zone 'utc';
begin
  if pg_sequence_last_value('jobs.progress_made') is null then
    return array[]::text[];
  end if;
  delete from jobs.progress_default d where d.ctid = any (array(select o.ctid from jobs.progress_default o where o.run_at < v_oldest limit 10000));
  delete from jobs.log_default d where d.ctid = any (array(select o.ctid from jobs.log_default o where o.run_at < v_oldest limit 10000));
  return jobs._change_run_partitions(i_today, case when i_clock_is_sure then i_oldest end);
end $$;

-- A condition on the column run_at that leaves out the days before these jobs were created, as a literal: the
-- planner then locks the partitions of the other days alone.
create or replace function jobs._runs_since(i_jobs text[]) returns text
language sql stable
return coalesce('p.run_at >= ' || jobs._literal(jobs._ended_since(i_jobs)), 'true');
