-- Ticks: publishing the jobs of schedules that are due.
--
-- A tick and its job commit together, under the lock of the schedule's row: whatever dies before that leaves
-- the tick to the next caller, and nobody can publish it twice. So any worker may tick, and any number of
-- them.

-- Publishes the jobs of up to i_limit schedules that are due, the longest due first, and returns the number
-- of schedules. Begins no further one after i_seconds: a worker, which claims no jobs meanwhile, gives it
-- 0.3. Each worker calls it about once a second (jobs.maintain); anybody may, in a database without workers
-- too. Schedules that another transaction has locked are left to the next call. A schedule whose job is
-- refused writes that to its log and goes on.
create or replace function jobs.tick(i_limit integer default 200, i_seconds double precision default null) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_started timestamptz := clock_timestamp();
  v_names text[];
  v_schedule jobs.schedule;
  v_ticked integer := 0;
begin
  perform jobs._check_limit('i_limit', i_limit);
  if pg_sequence_last_value('jobs.schedules_made') is null then
    return 0;
  end if;
  v_names := array(select s.name from jobs.schedule s where s.paused_at is null and s.due_at <= v_now order by s.due_at limit least(i_limit, 10000));
  for v_n in 1..cardinality(v_names) loop
    exit when extract(epoch from clock_timestamp() - v_started)::double precision > i_seconds;
    select s.* into v_schedule from jobs.schedule s where s.name = v_names[v_n] and s.paused_at is null and s.due_at <= v_now for update skip locked;
    if found then   -- not ticked, paused or locked by another meanwhile
      perform jobs._try_tick(v_schedule, v_now);
      v_ticked := v_ticked + 1;
    end if;
  end loop;
  return v_ticked;
end $$;

-- Ticks one schedule. An error of it must not stop the others: a refused job (PT4xx) is an outcome, and the
-- schedule goes on to its next tick; after any other error the same tick is tried again in 5 s.
create or replace function jobs._try_tick(i_schedule jobs.schedule, i_now timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_state text;
  v_reason text;
begin
  begin
    perform jobs._tick(i_schedule, i_now);
    return;
  exception when others then
    v_state := sqlstate;
    v_reason := sqlerrm;
  end;
  if v_state ~ '^PT4' then
    begin
      perform jobs._fail_tick(i_schedule, i_now, v_reason);
      return;
    exception when others then
      v_state := sqlstate;   -- not even the next tick can be told: its zone is gone
    end;
  end if;
  update jobs.schedule s set due_at = i_now + interval '5 s' where s.name = i_schedule.name;
  if i_schedule.due_at = jobs._due_at(i_schedule) then   -- once, not every 5 s
    perform jobs._log_schedule(i_schedule.name, 'delayed', array[i_schedule.next_at], null, format('error %s: tried every 5 seconds', v_state));
  end if;
end $$;

-- Moves a schedule on whose job was refused, and writes why to its log.
create or replace function jobs._fail_tick(i_schedule jobs.schedule, i_now timestamptz, i_reason text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_cron jobs.cron := jobs._cron_of(i_schedule);
  v_last timestamptz := jobs._last_tick(i_schedule, v_cron, i_schedule.next_at, i_now - jobs._jitter(i_schedule));
begin
  perform jobs._move_on(i_schedule, jobs._next_tick(i_schedule, v_cron, v_last));
  perform jobs._log_schedule(i_schedule.name, 'failed', array[v_last], null, i_reason || jobs._since(i_schedule, v_last));
end $$;

-- Where several ticks have one entry in the log: since when.
create or replace function jobs._since(i_schedule jobs.schedule, i_last timestamptz) returns text
language sql stable parallel safe
return case when i_last > i_schedule.next_at then '; so all since ' || jobs._utc(i_schedule.next_at) else '' end;

-- Publishes what is due of a schedule, moves it on to its next tick, and writes to its log what became of
-- each. Waits a moment for a transaction that publishes under the same unique key, and no longer, since
-- workers tick between their heartbeats.
create or replace function jobs._tick(i_schedule jobs.schedule, i_now timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms' as $$
declare
  v_due record;
begin
  if jobs._is_abandoned(i_schedule) then
    perform jobs._delete_schedule(i_schedule.name);
    return;
  end if;
  v_due := jobs._due_ticks(i_schedule, i_now - jobs._jitter(i_schedule));
  perform jobs._move_on(i_schedule, v_due.o_next);
  if v_due.o_ticks <> '{}' and i_schedule.overlap = 'skip' and jobs._is_open(i_schedule.last_job) then
    perform jobs._log_schedule(i_schedule.name, 'skipped', v_due.o_ticks, array_fill(i_schedule.last_job, array[cardinality(v_due.o_ticks)]),
                               'its last job has not ended');
  elsif v_due.o_ticks <> '{}' then
    perform jobs._note_ticks(i_schedule.name, case when v_due.o_is_late then 'caught_up' else 'published' end, v_due.o_ticks,
                             jobs._publish_ticks(i_schedule, v_due.o_ticks, i_now), null);
  end if;
  if v_due.o_missed is not null then
    perform jobs._log_missed(i_schedule, v_due.o_missed, format('came late, and catch_up is %s, overlap is %s', i_schedule.catch_up, i_schedule.overlap));
  end if;
end $$;

-- Writes to the log that ticks of a schedule up to this one are not published.
create or replace function jobs._log_missed(i_schedule jobs.schedule, i_last timestamptz, i_why text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform jobs._log_schedule(i_schedule.name, 'missed', array[i_last], null, i_why || jobs._since(i_schedule, i_last));
end $$;

-- Sets the next tick of a schedule.
create or replace function jobs._move_on(i_schedule jobs.schedule, i_next timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_schedule jobs.schedule := i_schedule;
begin
  v_schedule.next_at := i_next;
  update jobs.schedule s set next_at = i_next, due_at = jobs._due_at(v_schedule) where s.name = i_schedule.name;
end $$;

-- Whether the code that declared a schedule is gone: it was declared without it since, and no live worker has
-- older code.
create or replace function jobs._is_abandoned(i_schedule jobs.schedule) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return i_schedule.undeclared_at is not null and not exists (
    select from jobs.worker w
    where w.lost_at is null and w.expires_at >= jobs.now() and i_schedule.task = any (w.tasks) and w.started_at < i_schedule.undeclared_at);
end $$;

-- Whether a job is pending or running, in one snapshot: it may go from one to the other meanwhile.
create or replace function jobs._is_open(i_job varchar) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return exists (select from jobs.pending p where p.job_id = i_job union all select from jobs._find_run(i_job));
end $$;

-- The meta of the job of a tick: the schedule's, and which tick it is.
create or replace function jobs._meta_of_tick(i_schedule jobs.schedule, i_tick timestamptz) returns jsonb
language sql stable parallel safe
return coalesce(i_schedule.meta, '{}') || jsonb_build_object('tick', jsonb_build_object('schedule', i_schedule.name, 'at', jobs._utc(i_tick)));

-- Publishes a job for each of these ticks. Whether the caller may publish the task was decided when the
-- schedule was made; the arguments are validated against what the task is now, and what the task declares as
-- unique holds.
create or replace function jobs._publish_ticks(i_schedule jobs.schedule, i_ticks timestamptz[], i_now timestamptz) returns jobs.published
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_num constant integer := cardinality(i_ticks);
  v_tasks text[] := array_fill(i_schedule.task::text, array[v_num]);
  v_bodies jsonb[] := array_fill(i_schedule.body, array[v_num]);
  v_metas jsonb[] := array(select jobs._meta_of_tick(i_schedule, t.at) from unnest(i_ticks) with ordinality t(at, nth) order by t.nth);
  v_bytes bigint[] := jobs._with_metas(array_fill(jobs._text_size(i_schedule.body), array[v_num]), v_metas);
  v_options jobs.job_options := row(
    array_fill(i_schedule.timeout, array[v_num]), array_fill(i_schedule.priority, array[v_num]), array_fill(i_schedule.max_retries, array[v_num]));
  v_declares boolean := jobs._check_bodies(array[i_schedule.task], v_bodies[:1]);
  v_published jobs.published;
begin
  perform pg_current_xact_id();   -- the xid before the numbers
  v_published.ids := jobs._draw_numbers(v_num);
  v_published.job_ids := jobs._new_job_ids(v_published.ids, i_now);
  if v_declares then
    v_options := jobs._declared_options(v_tasks[:1], null, v_num, v_options);
  end if;
  if v_declares and jobs._are_unique(v_tasks[:1]) then
    v_published := jobs._store_unique(v_published.ids, v_published.job_ids, v_tasks, v_bodies, v_bytes, null, v_options.timeouts, v_options.priorities, v_options.max_retries, v_metas,
                                      jobs._unique_rules(v_tasks[:1], v_bodies, null, null), i_now);
  else
    perform jobs._publish_singly(v_published.ids, v_published.job_ids, v_tasks, v_bodies, v_bytes, null, v_options.timeouts, v_options.priorities, v_options.max_retries, v_metas, i_now, null, null);
  end if;
  if jobs._are_watched() then
    perform jobs._note_published(v_published, v_tasks, v_metas);
  end if;
  perform jobs._wake_workers();
  return v_published;
end $$;

-- Notes on a schedule the last of these ticks that published a job, and writes to its log what became of
-- each.
create or replace function jobs._note_ticks(i_name text, i_outcome text, i_ticks timestamptz[], i_published jobs.published, i_reason text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_new integer[] := array(select g from generate_series(1, cardinality(i_ticks)) g where (i_published.outcomes[g] = 'existing') is not true);
  v_held integer[] := array(select g from generate_series(1, cardinality(i_ticks)) g where i_published.outcomes[g] = 'existing');
begin
  if v_new <> '{}' then
    update jobs.schedule s set last_at = i_ticks[v_new[cardinality(v_new)]], last_job = i_published.job_ids[v_new[cardinality(v_new)]] where s.name = i_name;
    perform jobs._log_schedule(i_name, i_outcome, array(select i_ticks[n] from unnest(v_new) n), array(select i_published.job_ids[n] from unnest(v_new) n), i_reason);
  end if;
  if v_held <> '{}' then
    perform jobs._log_schedule(i_name, 'skipped', array(select i_ticks[n] from unnest(v_held) n), array(select i_published.job_ids[n] from unnest(v_held) n),
                               'another job holds the unique key of its task');
  end if;
end $$;

-- Adds an entry for each of these ticks to the log of a schedule, or one without a tick, and keeps the last
-- 200.
create or replace function jobs._log_schedule(i_name text, i_outcome text, i_ticks timestamptz[], i_jobs varchar[], i_reason text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_ticks timestamptz[] := coalesce(i_ticks, array[null::timestamptz]);
  v_last bigint;
begin
  update jobs.schedule s set entries = s.entries + cardinality(v_ticks) where s.name = i_name returning s.entries into v_last;
  insert into jobs.schedule_entry (schedule, number, tick, at, outcome, job_id, reason)
  select i_name, v_last - cardinality(v_ticks) + g.nth, g.tick, jobs.now(), i_outcome, g.job_id, i_reason
  from unnest(v_ticks, i_jobs) with ordinality g(tick, job_id, nth);
  delete from jobs.schedule_entry e where e.schedule = i_name and e.number <= v_last - 200;
end $$;
