-- History: one partition of jobs.job for each day, created in advance and dropped when old; and the lookup of
-- jobs in it.
--
-- A statement on jobs.job without a condition on the time locks every partition and every index of it, a
-- thousand locks for a year of history, to the end of the caller's transaction. So read it only through the
-- functions below, which put the time into the statement as a literal: the planner then excludes the other
-- days.

-- A time as a literal that means the same under every DateStyle and TimeZone.
create function jobs._literal(i_at timestamptz) returns text
language sql stable parallel safe
return case when pg_catalog.isfinite(i_at)
  then pg_catalog.quote_literal(pg_catalog.to_char(i_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00" BC'))
  else pg_catalog.quote_literal(i_at::text) end;

-- A condition that the column h.complete_on is on this day (UTC), given by its beginning. Adds 24 hours,
-- because `interval '1 day'` is longer or shorter when the session's time zone changes the clocks.
create function jobs._on_day(i_day timestamptz) returns text
language sql stable parallel safe
return case when pg_catalog.isfinite(i_day)
  then 'h.complete_on >= ' || jobs._literal(i_day) || case when i_day < '294276-12-31 00:00:00+00'::timestamptz
    then ' and h.complete_on < ' || jobs._literal(i_day + interval '24 hours') else ' and h.complete_on < ''infinity''' end
  else 'h.complete_on = ' || jobs._literal(i_day) end;

-- A time before which none of these jobs ended, derived from their ids: a job ends after it was created; a
-- day is subtracted for wrong clocks of clients. Null when the ids do not show it: ids of the Python package,
-- or with a time in the future.
create function jobs._ended_since(i_jobs text[]) returns timestamptz
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_tell boolean;
  v_least text;
  v_since timestamptz;
begin
  select bool_and(j ~ '^[0-9a-f]{12}7[0-9a-f]{19}$'), min(j collate "C") into v_tell, v_least from unnest(i_jobs) j;
  if v_tell then
    v_since := to_timestamp(('x0000' || left(v_least, 12))::bit(64)::bigint / 1000.0) - interval '1 day';
  end if;
  return case when v_since < jobs.now() then v_since end;
end $$;

-- When these jobs ended, for those that ended within a range (null: unbounded). Queries one week at a time in
-- a subtransaction and rolls it back, which releases its locks.
create function jobs._ended_times(i_jobs text[], i_from timestamptz, i_until timestamptz) returns timestamptz[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_oldest timestamptz := (select min(p.day)::timestamp at time zone 'UTC' from jobs._partitions() p);
  v_from timestamptz := greatest(i_from, v_oldest);
  v_until timestamptz;
  v_some timestamptz[];
  v_times timestamptz[] := array[]::timestamptz[];
begin
  loop
    v_until := least(v_from + interval '7 days', i_until);
    if i_until is null and v_until > jobs.now() then
      v_until := null;
    end if;
    begin
      execute format('select array_agg(h.complete_on) from jobs.job h where h.job_id = any ($1)%s%s',
                     ' and h.complete_on >= ' || jobs._literal(nullif(v_from, v_oldest)),   -- from the oldest day on: no lower bound
                     ' and h.complete_on < ' || jobs._literal(v_until)) into v_some using i_jobs;
      raise sqlstate 'PT000';
    exception when sqlstate 'PT000' then null;
    end;
    v_times := v_times || v_some;
    exit when cardinality(v_times) >= cardinality(i_jobs) or v_until is null or v_until >= i_until;
    v_from := v_until;
  end loop;
  return v_times;
end $$;

-- Those of these jobs that have ended and are kept. Locks the days since they were created if that is less
-- than a week ago, and otherwise the days on which they ended. i_everywhere: also searches the days that
-- their ids exclude, because a clock may have been wrong; for callers that expect to find the jobs.
create function jobs._history_of(i_jobs text[], i_everywhere boolean default true) returns setof jobs.job
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_since timestamptz := jobs._ended_since(i_jobs);
  v_times timestamptz[];
  v_day timestamptz;
  v_found bigint := 0;
begin
  if v_since > jobs.now() - interval '8 days' then
    return query execute format('select h.* from jobs.job h where h.job_id = any ($1) and h.complete_on >= %s', jobs._literal(v_since)) using i_jobs;
    get diagnostics v_found = row_count;
  else
    v_times := jobs._ended_times(i_jobs, v_since, null);
    v_found := cardinality(v_times);
  end if;
  if i_everywhere and v_since is not null and v_found < cardinality(i_jobs) then
    v_times := v_times || jobs._ended_times(i_jobs, null, v_since);
  end if;
  for v_day in select distinct date_trunc('day', t at time zone 'UTC') at time zone 'UTC' as day from unnest(v_times) t order by day loop
    return query execute format('select h.* from jobs.job h where h.job_id = any ($1) and %s', jobs._on_day(v_day)) using i_jobs;
  end loop;
end $$;

-- Whether one of these jobs has ended; i_least is the smallest of their ids, which are version 7 UUIDs.
create function jobs._have_ended(i_jobs text[], i_least text) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
-- The custom plan contains these days only, so only they are locked. The planner finds them by the partition
-- bounds alone.
set plan_cache_mode = force_custom_plan set constraint_exclusion = off set enable_partition_pruning = on as $$
declare
  v_since timestamptz := to_timestamp(('x0000' || left(i_least, 12))::bit(64)::bigint / 1000.0) - interval '1 day';
  v_until timestamptz := jobs.now() + interval '1 hour';
begin
  if v_since > v_until - interval '8 days' then
    perform from jobs.job h where h.job_id = any (i_jobs) and h.complete_on >= v_since and h.complete_on < v_until;
    return found;
  end if;
  return cardinality(jobs._ended_times(i_jobs, v_since, null)) > 0;
end $$;

-- The number of jobs of these tasks that the sweep has ended as failed since then because a worker died or
-- got stuck in their last run: a worker cannot know this of itself. Reads the failures of those days; for a
-- restricted role only those of its tasks.
create function jobs.count_lost(i_tasks text[], i_since timestamptz) returns bigint
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_partition_pruning = on set jit = off
set plan_cache_mode = force_custom_plan as $$
declare
  v_tasks text[] := jobs._allowed(false, i_tasks);
  v_since timestamptz := i_since;
begin
  return (select count(*) from jobs.job h
          where h.complete_on >= v_since and h.status <> 'success' and h.status = 'failed'   -- the first condition is that of a partial index
            and h.task = any (v_tasks)
            and h.traceback in ('lost: the worker died', 'expired: the run outlasted its timeout'));
end $$;

-- The daily partitions, each with its last day.
create function jobs._partitions() returns table (name text, day date)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.relname::text, to_date(substr(c.relname, 5), 'YYYYMMDD')
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'jobs.job'::regclass and c.relname ~ '^job_[0-9]{8}$'
$$;

-- History one week at a time, newest first: for each week a condition on the column h.complete_on that
-- excludes the other weeks. To read all of history, read each week in a subtransaction and roll it back,
-- which releases its locks.
create function jobs._weeks() returns setof text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case when w.from_day > w.oldest then format(' and h.complete_on >= %s', jobs._literal(w.from_day::timestamp at time zone 'UTC')) else '' end
    || case when w.from_day < w.newest then format(' and h.complete_on < %s', jobs._literal((w.from_day + 7)::timestamp at time zone 'UTC')) else '' end
  from (select t.day - 6 - 7 * k as from_day, t.day - 6 as newest, t.oldest
        from (select (jobs.now() at time zone 'UTC')::date as day, coalesce((select min(p.day) from jobs._partitions() p), 'infinity'::date) as oldest) t,
          generate_series(0, greatest(0, (case when isfinite(t.oldest) then t.day - t.oldest else 0 end) / 7)) k
        order by k) w
$$;

-- The state of jobs.maintain_partitions: one row. The caller that locks it does the work; the others return.
create table jobs.retention (
  only_row boolean primary key default true check (only_row),
  looked_at timestamptz not null,             -- the last call
  jumped_at timestamptz,                      -- the first call after a gap of two days: the clock may be wrong
  gave_way integer not null default 0,        -- how many consecutive calls did not get their lock
  gave_way_at timestamptz                     -- when the last of them was
);
insert into jobs.retention (looked_at) values (jobs.now());

-- The number of consecutive calls that found that row locked. A sequence, because these calls cannot write
-- the row.
create sequence jobs.retentions_turned_away as bigint minvalue 0 start 1;

-- Revokes the privileges of others on a table, from grants or from default privileges of its owner: history
-- is read through functions.
create function jobs._take_back(i_table regclass) returns void
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
create function jobs._prepare_partition(i_day date) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set default_tablespace = '' set default_table_access_method = heap as $$
begin
  execute format('create table jobs.job_%s (like jobs.job including defaults including indexes)', to_char(i_day, 'YYYYMMDD'));
  execute format('alter table jobs.job_%s replica identity full', to_char(i_day, 'YYYYMMDD'));
  perform jobs._take_back(('jobs.job_' || to_char(i_day, 'YYYYMMDD'))::regclass);
end $$;

-- Creates the partition for the day i_day (UTC), and moves the rows of that day into it from the default
-- partition, which took them while it was missing. Returns false when it existed already. Writers and readers
-- wait meanwhile.
create function jobs._make_partition(i_day date) returns boolean
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
create function jobs._make_partition_of_default(i_today date) returns void
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
create function jobs._partitions_over(i_oldest date, i_clock_is_sure boolean) returns text[]
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

-- Records the time of this call, and returns whether the clock can be trusted: when it has just jumped
-- forward by two days, it is trusted only if it still shows that an hour later.
create function jobs._is_clock_sure(i_now timestamptz) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_jumped timestamptz;
begin
  update jobs.retention r
  set looked_at = i_now,
      jumped_at = case when i_now < r.looked_at - interval '1 minute' then null   -- it was wrong
                       when r.jumped_at is null then case when i_now > r.looked_at + interval '2 days' then i_now end
                       when i_now >= r.jumped_at + interval '1 hour' and i_now <= r.looked_at + interval '2 days' then null
                       else r.jumped_at end
  returning r.jumped_at into v_jumped;
  return v_jumped is null or i_now >= v_jumped + interval '1 hour';
end $$;

-- Limits what the caller's transaction, if it goes on, does with these locks: its session is terminated when
-- it idles for 10 s, a later statement that takes 10 s is cancelled, and the transaction cannot be prepared,
-- because it has used NOTIFY: a prepared transaction keeps its locks for ever.
create function jobs._limit_the_rest() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config(s.name, '10s', true)
  from pg_settings s
  where s.name in ('idle_in_transaction_session_timeout', 'statement_timeout', 'transaction_timeout') and s.setting::integer not between 1 and 10000;
  if current_setting('max_prepared_transactions') <> '0' and jobs._may_notify() then
    perform pg_notify('jobs_retained', '');
  end if;
end $$;

-- Whether the caller of jobs.maintain_partitions may keep its locks to the end of the transaction:
-- administrators, who may lock history as they like anyway, and jobs.maintain_partitions_and_commit, which
-- commits next. Only a direct call by that procedure gives this i_context, three lines: the first is the
-- position in jobs.maintain_partitions, the second the statement that called it, and the third the position
-- in the procedure, whose name no function of others can have, since no other schema is called jobs. The text
-- is in the server's language, so the text before the name in the third line is compared with that before the
-- name in the first. Names are quoted when the session has quote_all_identifiers.
create function jobs._may_lock_history(i_context text) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_lines text[] := string_to_array(i_context, E'\n');
  v_before text := substring(v_lines[1] from '^(.*?)(?:jobs[.]maintain_partitions|"jobs"[.]"maintain_partitions")[(][)]');
begin
  return jobs._is_administrator() or (
    cardinality(v_lines) = 3 and strpos(v_lines[2], 'SELECT jobs.maintain_partitions()') > 0
    and (starts_with(v_lines[3], v_before || 'jobs.maintain_partitions_and_commit()') or starts_with(v_lines[3], v_before || '"jobs"."maintain_partitions_and_commit"()')));
end $$;

-- Counts a call that found another one at work. After several such calls in a row, warns and names the server
-- process of the other.
create function jobs._turn_away() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_calls bigint := nextval('jobs.retentions_turned_away');
begin
  if v_calls >= 3 then
    raise warning 'history waits for its partitions to be made and dropped: % calls of jobs.maintain_partitions found that server process % is at it', v_calls,
      coalesce((select string_agg(distinct l.pid::text, ', ') from jobs.retention r
                join pg_locks l on l.locktype = 'transactionid' and l.transactionid = r.xmax and l.granted and l.pid <> pg_backend_pid()), '(gone by now)')
      using hint = 'a transaction that called it has not ended (pg_stat_activity shows it): end it, and call jobs.maintain_partitions outside of transactions';
  end if;
end $$;

-- Creates and drops the given partitions. Locks out all use of history for an instant, to the end of the
-- transaction.
create function jobs._change_partitions(i_today date, i_full boolean, i_make date[], i_drop text[]) returns text[]
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
      when others then raise warning 'partition for % not made yet: %', v_day, sqlerrm;
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
      when others then raise warning 'partition % not dropped yet: %', v_name, sqlerrm;
    end;
  end loop;
  return v_done;
end $$;

-- The same with a lock timeout of 25 ms, in at most three attempts: everybody who comes after this lock
-- request waits behind it. When several calls in a row have given way, warns and names the server processes
-- in the way.
create function jobs._try_to_change_partitions(i_today date, i_full boolean, i_make date[], i_drop text[]) returns text[]
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

-- Maintains the partitions, unless another call is doing so; returns the names of those created and dropped.
create function jobs._maintain_partitions() returns setof text
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_today date := (v_now at time zone 'utc')::date;
  v_oldest date := v_today - (select c.history_days from jobs.config c);
  v_gave_way_at timestamptz;
  v_make date[];
  v_drop text[];
  v_full boolean;
begin
  select r.gave_way_at into v_gave_way_at from jobs.retention r for update skip locked;
  if not found then
    perform jobs._turn_away();
    return;
  end if;
  if pg_sequence_last_value('jobs.retentions_turned_away') > 0 then
    perform setval('jobs.retentions_turned_away', 0);
  end if;
  v_drop := jobs._partitions_over(v_oldest, jobs._is_clock_sure(v_now));
  -- Old rows in the default partition do not justify separate partitions: delete them, a bounded number in
  -- each call.
  delete from jobs.job_default h where h.ctid = any (array(
    select d.ctid from jobs.job_default d where d.complete_on < v_oldest::timestamp at time zone 'utc' limit 10000));
  v_make := array(select v_today + d from generate_series(0, 2) d
                  where v_today + d not in (select p.day from jobs._partitions() p));
  v_full := v_today = any (v_make) and exists (select from jobs.job_default offset 1000);
  if cardinality(v_make) + cardinality(v_drop) > 0
    and (v_gave_way_at > v_now - interval '1 minute' and v_gave_way_at <= v_now) is not true then
    return query select unnest(jobs._try_to_change_partitions(v_today, v_full, v_make, v_drop));
  end if;
end $$;

-- Maintains the partitions of history: creates those of today and the next two days, and drops those that
-- ended more than jobs.config.history_days ago (null: none), at most ten in a call. Workers call it every few
-- minutes, `pgjobs migrate` calls it at once, and plain clients should call it daily; one caller at a time
-- does the work, the others return. Returns the names of the partitions created and dropped.
--
-- Locks history for an instant, or gives way until a later call, at least a minute later. The locks last
-- until the end of the caller's transaction, and acks wait for them meanwhile. So callers that are not
-- administrators use jobs.maintain_partitions_and_commit, which ends the transaction at once; when they call
-- this function otherwise, it warns and does nothing. In a transaction of an administrator,
-- jobs._limit_the_rest limits what comes after the call.
--
-- After a gap of more than two days between two calls the clock may be wrong: days that contain jobs are then
-- dropped an hour later at the earliest.
create function jobs.maintain_partitions() returns setof text
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_context text;
begin
  get diagnostics v_context = pg_context;
  if jobs._may_lock_history(v_context) then
    perform jobs._limit_the_rest();
    return query select r from jobs._maintain_partitions() r;
  else
    raise warning 'jobs.maintain_partitions did nothing: its locks would last as long as the caller''s transaction'
      using hint = 'call jobs.maintain_partitions_and_commit(), outside of transactions and with a search_path without the schema jobs';
  end if;
end $$;

-- The same in a separate transaction, for callers that may not lock history for longer; fails inside a
-- transaction of the caller. A procedure that commits can have neither `security definer` nor SET clauses; so
-- it calls by schema-qualified names only.
create procedure jobs.maintain_partitions_and_commit()
language plpgsql as $$
begin
  commit;   -- fails inside a transaction of the caller; work deferred to the end of this one runs before the locks
  perform jobs.maintain_partitions();
  commit;
end $$;

do $$
begin
  perform jobs._maintain_partitions();
end $$;
