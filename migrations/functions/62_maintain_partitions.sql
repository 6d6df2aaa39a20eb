-- When and under which locks partitions are created and dropped.

-- Records the time of this call, and returns whether the clock can be trusted: when it has just jumped
-- forward by two days, it is trusted only if it still shows that an hour later.
create or replace function jobs._is_clock_sure(i_now timestamptz) returns boolean
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
create or replace function jobs._limit_the_rest() returns void
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
create or replace function jobs._may_lock_history(i_context text) returns boolean
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
create or replace function jobs._turn_away() returns void
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

-- Maintains the partitions, unless another call is doing so; returns the names of those created and dropped.
create or replace function jobs._maintain_partitions() returns setof text
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_today date := (v_now at time zone 'utc')::date;
  v_ended_before date := v_today - (select c.history_days from jobs.config c);
  v_oldest date := jobs._oldest_kept(v_ended_before);
  v_gave_way_at timestamptz;
  v_clock_is_sure boolean;
  v_made text[];
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
  v_clock_is_sure := jobs._is_clock_sure(v_now);
  v_drop := jobs._partitions_over(v_oldest, v_clock_is_sure);
  -- Old rows in the default partition do not justify separate partitions: delete them, a bounded number in
  -- each call.
  delete from jobs.job_default h where h.ctid = any (array(
    select d.ctid from jobs.job_default d where d.complete_on < v_oldest::timestamp at time zone 'utc' limit 10000));
  -- Pauses that have ended, which every claim would go on reading.
  if pg_sequence_last_value('jobs.restrictions_made') is not null then
    delete from jobs.pause p where p.ctid = any (array(select o.ctid from jobs.pause o where o.until <= v_now limit 10000 for update skip locked));
  end if;
  perform jobs._trim_ended_workflows(v_ended_before::timestamp at time zone 'utc', 2) where pg_sequence_last_value('jobs.workflows_made') is not null;
  v_made := jobs._maintain_run_partitions(v_today, v_oldest, v_clock_is_sure) || jobs._maintain_event_partitions(v_now, v_clock_is_sure);
  return query select unnest(v_made);
  v_make := array(select v_today + d from generate_series(0, 2) d
                  where v_today + d not in (select p.day from jobs._partitions() p));
  v_full := v_today = any (v_make) and exists (select from jobs.job_default offset 1000);
  if cardinality(v_make) + cardinality(v_drop) > 0
    and (v_gave_way_at > v_now - interval '1 minute' and v_gave_way_at <= v_now) is not true then
    return query select unnest(jobs._try_to_change_partitions(v_today, v_full, v_make, v_drop));
  elsif v_clock_is_sure and cardinality(v_made) > 0 is not true then   -- not in one transaction with the locks of partitions
    perform jobs._shorten_audit(v_now), jobs._delete_unkept(v_today, 1), jobs._tidy_steps(v_now, v_oldest::timestamp at time zone 'utc', 1);
    -- Unique keys whose time is over are free already: whoever publishes under one deletes it. This is for the
    -- others, of which there may be a hundred each second. Last, because such a publisher waits for the commit.
    delete from jobs.unique_key u where u.ctid = any (array(
      select k.ctid from jobs.unique_key k where k.until <= v_now limit 100000 for update skip locked));
  end if;
  if pg_sequence_last_value('jobs.commands_made') > 0 then
    perform jobs._tidy_commands(v_now);   -- last: a worker's receipt waits for it
  end if;
end $$;

-- Maintains the partitions of history: creates those of today and the next two days, and drops those that
-- ended more than jobs.config.history_days ago (null: none), at most ten in a call. Deletes what rules
-- (jobs.keep) and the audit's year say is over, and steps of jobs that went, and old signals, for about a second. Workers call it every few minutes,
-- `pgjobs migrate` calls it at once, and plain clients should call it daily; one caller at a time does the
-- work, the others return. Returns the names of the partitions created and dropped.
--
-- Locks history for an instant, or gives way until a later call, at least a minute later. The locks last
-- until the end of the caller's transaction, and acks wait for them meanwhile. So callers that are not
-- administrators use jobs.maintain_partitions_and_commit, which ends the transaction at once; when they call
-- this function otherwise, it warns and does nothing. In a transaction of an administrator,
-- jobs._limit_the_rest limits what comes after the call.
--
-- After a gap of more than two days between two calls the clock may be wrong: days that contain jobs are then
-- dropped an hour later at the earliest.
create or replace function jobs.maintain_partitions() returns setof text
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
create or replace procedure jobs.maintain_partitions_and_commit()
language plpgsql as $$
begin
  commit;   -- fails inside a transaction of the caller; work deferred to the end of this one runs before the locks
  perform jobs.maintain_partitions();
  commit;
end $$;

-- The first partitions of a new installation.
do $$
begin
  if not exists (select from jobs._partitions()) then
    perform jobs._maintain_partitions();
  end if;
end $$;
