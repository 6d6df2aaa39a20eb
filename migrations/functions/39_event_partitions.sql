-- The partitions of jobs.event, one for each day: created in advance, dropped when all of the day is older
-- than jobs.config.event_hours. As those of progress (61_run_partitions.sql), and only once a topic was
-- watched.

-- Those that there are, with their days.
create or replace function jobs._event_partitions() returns table (name text, day date)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.relname::text, to_date(right(c.relname, 8), 'YYYYMMDD')
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'jobs.event'::regclass and c.relname ~ '_[0-9]{8}$'
$$;

-- Creates the partitions of today and the next two days where they are missing, and drops those before
-- i_oldest (null: none), at most ten; returns what it did. Locks jobs.event for an instant, to the end of
-- the transaction; where that takes longer than 25 ms, it leaves the rest to the next call.
create or replace function jobs._change_event_partitions(i_today date, i_oldest date) returns text[]
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '25ms' set jit = off as $$
declare
  v_done text[] := array[]::text[];
  v_row record;
begin
  for v_row in
    select i_today + d as day, 'event_' || to_char(i_today + d, 'YYYYMMDD') as name
    from generate_series(0, 2) d where not exists (select from jobs._event_partitions() p where p.day = i_today + d) order by d
  loop
    if jobs._make_event_partition(v_row.name, v_row.day) then
      v_done := v_done || ('made ' || v_row.name);
    end if;
  end loop;
  for v_row in select p.name from jobs._event_partitions() p where p.day < i_oldest order by p.day limit 10 loop
    execute 'lock table only jobs.event in access exclusive mode';
    perform jobs._note_dropped_events(v_row.name, '-infinity', 'infinity');
    execute format('drop table jobs.%I', v_row.name);
    v_done := v_done || ('dropped ' || v_row.name);
  end loop;
  return v_done;
exception when lock_not_available or deadlock_detected then
  return array[]::text[];   -- what was done in this call is undone with it, and done in the next one
end $$;

-- Records that events of these times in this partition are about to be deleted: positions before them
-- expire.
create or replace function jobs._note_dropped_events(i_partition text, i_from timestamptz, i_to timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_last xid8;
begin
  execute format('select e.xact from jobs.%I e where e.at >= $1 and e.at < $2 order by e.xact desc, e.number desc limit 1', i_partition) into v_last using i_from, i_to;
  update jobs.retention r set events_dropped_to = v_last where (r.events_dropped_to >= v_last) is not true and v_last is not null;
end $$;

-- Creates one of them; false when another session just did, and when the default partition has rows of that
-- day, which then stay there.
create or replace function jobs._make_event_partition(i_name text, i_day date) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set default_tablespace = '' set default_table_access_method = heap set datestyle = 'ISO' set timezone = 'UTC' as $$
declare
  v_from timestamptz := i_day::timestamp at time zone 'utc';
  v_to timestamptz := (i_day + 1)::timestamp at time zone 'utc';
begin
  -- Lock the parent first: otherwise an insert that has already chosen the default partition would find that
  -- it no longer accepts its row.
  lock table only jobs.event in access exclusive mode;
  if to_regclass('jobs.' || quote_ident(i_name)) is not null then
    return false;   -- another session made it while this one waited for the lock
  end if;
  if exists (select from jobs.event_default d where d.at >= v_from and d.at < v_to) then
    return false;
  end if;
  -- Rows as large as a page holds, because to store ids elsewhere costs more.
  execute format('create table jobs.%I partition of jobs.event for values from (%L) to (%L) with (toast_tuple_target = 8160)', i_name, v_from, v_to);
  perform jobs._take_back(('jobs.' || quote_ident(i_name))::regclass);
  return true;
end $$;

-- Maintains them: called by jobs._maintain_partitions, under its lock. Days are dropped only while the
-- clock is trusted. Rows of the default partition are deleted, a bounded number in each call.
create or replace function jobs._maintain_event_partitions(i_now timestamptz, i_clock_is_sure boolean) returns text[]
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_oldest timestamptz := i_now - make_interval(hours => (select c.event_hours from jobs.config c));
begin
  if not jobs._are_watched() then
    return array[]::text[];
  end if;
  if exists (select from jobs.event_default d where d.at < v_oldest) then
    perform jobs._note_dropped_events('event_default', '-infinity', v_oldest);
    delete from jobs.event_default d where d.ctid = any (array(select o.ctid from jobs.event_default o where o.at < v_oldest limit 10000));
  end if;
  return jobs._change_event_partitions((i_now at time zone 'utc')::date, case when i_clock_is_sure then (v_oldest at time zone 'utc')::date end);
end $$;
