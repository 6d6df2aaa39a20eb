-- History: one partition of jobs.job for each day, made ahead, dropped when old.

-- Makes the partition that holds i_day (UTC), and moves into it what had to go to the default
-- partition because it was missing. Returns false when it was there already.
create function jobs._make_partition(i_day date) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp set datestyle = 'ISO' set timezone = 'UTC' as $$
declare
  v_name text := 'job_' || to_char(i_day, 'YYYYMMDD');
  v_from timestamptz := i_day::timestamp at time zone 'utc';
  v_to timestamptz := (i_day + 1)::timestamp at time zone 'utc';
begin
  if to_regclass('jobs.' || v_name) is not null then
    return false;
  end if;
  execute format('create table jobs.%I (like jobs.job including defaults)', v_name);
  -- Writers wait here for the moment that the rows move; without rows it is an instant.
  lock table jobs.job_default in access exclusive mode;
  execute format('with moved as (delete from jobs.job_default where complete_on >= %L and complete_on < %L returning *)
                  insert into jobs.%I select * from moved', v_from, v_to, v_name);
  execute format('alter table jobs.job attach partition jobs.%I for values from (%L) to (%L)', v_name, v_from, v_to);
  return true;
end $$;

-- Keeps history in shape: makes the partitions of today and the next two days, and drops those
-- that ended more than jobs.config.history_days ago (null: none). Workers call it every few
-- minutes, `pgjobs migrate` at once; one caller at a time does the work, the others return.
-- Locks the history for an instant; after two seconds of waiting for it gives up until next time.
-- Returns the names of the partitions made and dropped.
create function jobs.retain() returns setof text
language plpgsql security definer
set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
  v_today date := (jobs.now() at time zone 'utc')::date;
  v_oldest date := v_today - (select c.history_days from jobs.config c);
  v_name text;
  v_day date;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('jobs.retain', 0)) then
    return;
  end if;
  for v_day in select v_today + d from generate_series(0, 2) d loop
    begin
      if jobs._make_partition(v_day) then
        return next 'made job_' || to_char(v_day, 'YYYYMMDD');
      end if;
    exception when others then
      raise warning 'partition for % not made yet: %', v_day, sqlerrm;
    end;
  end loop;
  for v_name in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'jobs.job'::regclass and c.relname ~ '^job_\d{8}$'
      and to_date(substr(c.relname, 5), 'YYYYMMDD') < v_oldest
    order by c.relname
  loop
    begin
      execute format('drop table jobs.%I', v_name);
      return next 'dropped ' || v_name;
    exception when others then
      raise warning 'partition % not dropped yet: %', v_name, sqlerrm;
    end;
  end loop;
  -- What went to the default partition (history older than the installation, taken over from the
  -- original) is not worth partitions of its own; a bounded step at each call.
  delete from jobs.job_default h where h.ctid = any (array(
    select d.ctid from jobs.job_default d where d.complete_on < v_oldest::timestamp at time zone 'utc' limit 10000));
end $$;

do $$
begin
  perform jobs.retain();
end $$;
