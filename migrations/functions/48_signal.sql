-- Signals: a name that somebody sends once, and that jobs wait for without a slot.
--
-- A job that waits is an ordinary pending job, due when its time is over, with a row in jobs.signal_waiter.
-- That it misses no signal follows from the row of the name in jobs.signal:
--
--   * who awaits a signal inserts that row, unsent, before its run ends (jobs.await_signal);
--   * who puts the job back shares a lock on it while it writes the waiter, and looks whether the signal was
--     sent by then (jobs._await_signals);
--   * who sends the signal locks it, which waits for those, and then wakes who waits (jobs.signal).
--
-- So one of the two sees the other. A settle waits for nobody: where the row is locked, because a transaction
-- that sends the signal is open, the job runs again a second later and asks again.

-- Sends a signal: the first one holds, and jobs that wait for this name, or ask for it within
-- jobs.config.signal_days, get its payload. Returns whether it was the first. Part of the caller's
-- transaction, until whose end others who send the same wait. A restricted role sends names under the topics
-- that it may publish (PT403). PT413 for a payload above jobs.config.max_step_bytes.
create or replace function jobs.signal(i_name text, i_payload jsonb default null) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._check_step(i_name, i_payload);
  if not jobs._is_under(i_name::varchar, jobs._limits(true)) then
    perform jobs._refuse_signal('send', i_name);
  end if;
  insert into jobs.signal as s (name, payload, made_at, sent_at, sent_by) values (i_name, coalesce(i_payload, 'null'), jobs.now(), jobs.now(), jobs._caller())
  on conflict (name) do update set payload = excluded.payload, sent_at = excluded.sent_at, sent_by = excluded.sent_by where s.sent_at is null;
  if not found then
    return false;
  end if;
  perform nextval('jobs.signals_made') where pg_sequence_last_value('jobs.signals_made') is null;
  -- With an old snapshot it could not see who waits only since then.
  if jobs._deliver(i_name, coalesce(i_payload, 'null')) or current_setting('transaction_isolation') <> 'read committed' then
    update jobs.signal s set is_left = true where s.name = i_name;
  end if;
  return true;
end $$;

-- Refuses a signal whose name is under no topic of the restricted caller (PT403).
create or replace function jobs._refuse_signal(i_verb text, i_name text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  raise sqlstate 'PT403' using message = format('role %s may not %s the signal %s', jobs._shown(jobs._restricted()), i_verb, jobs._shown(i_name)),
    hint = format('its name has to be under a topic of the role: an administrator may call jobs.grant_topic(%s, topic)', jobs._shown(jobs._restricted()));
end $$;

-- Gives the payload of a signal to the jobs that wait for it, and makes them ready. Returns whether some were
-- locked. Waits for nobody, and locks no run.
create or replace function jobs._deliver(i_name text, i_payload jsonb) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_woken text[];
begin
  perform pg_current_xact_id();   -- an xid before it draws a number, as for publishers
  with waiting as materialized (
    select l.at, l.job_id, nextval('jobs.job_number') as seq
    from (select w.job_id, w.attempt from jobs.signal_waiter w where w.name = i_name order by w.job_id) w,
      lateral (select q.ctid as at, q.job_id from jobs.pending q
               where q.job_id = w.job_id and q.attempt = w.attempt and q.ready_seq is null for update skip locked) l
  ), woken as (
    update jobs.pending q set scheduled_at = v_now, ready_seq = w.seq from waiting w where q.ctid = w.at returning q.job_id
  ) select array_agg(w.job_id::text) into v_woken from woken w;
  if v_woken is not null then
    update jobs.checkpoint c set value = i_payload, waits = false, saved_at = v_now where c.job_id = any (v_woken) and c.name = i_name and c.waits;
    delete from jobs.signal_waiter w where w.name = i_name and w.job_id = any (v_woken);
    perform jobs._wake_workers();
  end if;
  return exists (select from jobs.signal_waiter w, lateral (select from jobs.pending q where q.job_id = w.job_id and q.attempt = w.attempt and q.ready_seq is null) q
                 where w.name = i_name);
end $$;

-- Wakes the jobs that were locked when their signal was sent.
create or replace function jobs._deliver_left() returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_signal record;
begin
  if pg_sequence_last_value('jobs.signals_made') is null or current_setting('transaction_isolation') <> 'read committed' then
    return;
  end if;
  for v_signal in select s.name, s.payload from jobs.signal s where s.is_left order by s.name limit 100 for update skip locked loop
    if not jobs._deliver(v_signal.name, v_signal.payload) then
      update jobs.signal s set is_left = false where s.name = v_signal.name;
    end if;
  end loop;
end $$;

-- Asks for a signal, for a running job that waits for it until i_seconds (0 to ten years) after it first
-- asked. state: `sent`, with the payload; `timed_out`, which then is what every later run gets; or
-- `waiting`: then whoever has the run ends it with the outcome `snooze` and the delay `seconds`, and the
-- job runs again when the signal comes, or when the time is over. PT409 when the lease is gone. A restricted role
-- awaits names under the topics that it may publish or consume (PT403). Waits half a second at most for a
-- transaction that sends the signal.
create or replace function jobs.await_signal(
  i_job varchar, i_lease uuid, i_name text, i_seconds double precision, out state text, out payload jsonb, out seconds double precision
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off set lock_timeout = '500ms' as $$
declare
  v_now timestamptz := jobs.now();
  v_run jobs._runs;
  v_kind text;
  v_until timestamptz;
  v_waits boolean;
begin
  perform jobs._check_step(i_name);
  if not jobs.sees_task() and not jobs.sees_task(i_name) then
    perform jobs._refuse_signal('await', i_name);
  elsif (i_seconds between 0 and 315576000) is not true then
    raise sqlstate 'PT400' using message = 'a job waits for a signal for 0 to 315576000 seconds (10 years)';
  end if;
  v_run := jobs._step_run(i_job, i_lease);
  perform jobs._note_steps(v_run);
  perform nextval('jobs.signals_made') where pg_sequence_last_value('jobs.signals_made') is null;
  insert into jobs.checkpoint as c (job_id, name, kind, task, until, waits, attempt, saved_at)
  values (i_job, i_name, 'signal', v_run.task, v_now + make_interval(secs => i_seconds), true, v_run.attempt, v_now)
  on conflict (job_id, name) do update set attempt = excluded.attempt
  returning c.kind, c.until, c.waits, c.value into v_kind, v_until, v_waits, payload;
  perform jobs._check_kind(i_name, 'signal', v_kind);
  if v_waits then
    select s.payload into payload from jobs.signal s where s.name = i_name and s.sent_at is not null;
    if found or v_until <= v_now then
      update jobs.checkpoint c set value = payload, waits = false, saved_at = v_now where c.job_id = i_job and c.name = i_name;
      perform jobs._forget_waits(array[i_job::text], i_name);
    else
      state := 'waiting';
      seconds := jobs._name_signal(i_name, extract(epoch from v_until - v_now));
      return;
    end if;
  end if;
  state := case when payload is null then 'timed_out' else 'sent' end;
end $$;

-- Makes the row by which waiting jobs and senders find each other. Returns when the job has to ask again:
-- after i_seconds, or after one second where somebody is just sending the signal.
create or replace function jobs._name_signal(i_name text, i_seconds double precision) returns double precision
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '500ms' as $$
begin
  insert into jobs.signal (name, made_at) values (i_name, jobs.now()) on conflict (name) do nothing;
  return i_seconds;
exception when lock_not_available then
  return least(1, i_seconds);
end $$;

-- After runs were snoozed that have asked for a signal: their jobs, which are back in jobs.pending, wait for
-- it. Those whose signal was sent meanwhile are ready, and those whose signal is being sent ask again in a
-- second. Called under the settle's locks; waits for nobody.
create or replace function jobs._await_signals(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[]) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set jit = off as $$
declare
  v_names text[];
  v_jobs text[];
  v_attempts integer[];
  v_locked text[];
  v_sent text[];
begin
  if pg_sequence_last_value('jobs.signals_made') is null or 'snooze' <> all (i_outcomes) then
    return;
  end if;
  select array_agg(c.name), array_agg(o.job_id::text), array_agg(o.attempt) into v_names, v_jobs, v_attempts
  from jobs._opened(i_runs.leases, i_runs.parts, i_runs.bits) o
    join unnest(i_leases, i_batch_indexes, i_outcomes) s(lease, batch_index, outcome) on s.lease = o.lease and s.batch_index = o.batch_index,
    lateral (select q.name, q.attempt from jobs.checkpoint q where q.job_id = o.job_id and q.waits) c
  where s.outcome = 'snooze' and (o.on_end).steps and c.attempt = o.attempt;
  if v_names is null then
    return;
  end if;
  select array_agg(l.name), array_agg(l.name) filter (where l.sent_at is not null) into v_locked, v_sent
  from (select s.name, s.sent_at from jobs.signal s where s.name = any (v_names) order by s.name for share skip locked) l;
  insert into jobs.signal_waiter as w (name, job_id, attempt)
  select g.name, g.job_id, g.attempt from unnest(v_names, v_jobs, v_attempts) g(name, job_id, attempt) where g.name = any (v_locked)
  on conflict (name, job_id) do update set attempt = excluded.attempt;
  perform jobs._deliver(s.name, s.payload) from jobs.signal s where s.name = any (v_sent);
  update jobs.pending q set scheduled_at = least(q.scheduled_at, jobs.now() + interval '1 s')
  where q.ready_seq is null
    and q.job_id = any (array(select g.job_id from unnest(v_names, v_jobs) g(name, job_id) where (g.name = any (v_locked)) is not true));
end $$;

-- Removes what these jobs wait for: one signal, or (null) all; and the rows of signals that are not sent and
-- that nobody else waits for. Skips what others have locked: it is looked at again when it is old.
create or replace function jobs._forget_waits(i_jobs text[], i_name text default null) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_names text[];
begin
  if pg_sequence_last_value('jobs.signals_made') is null then
    return;
  end if;
  with gone as (
    delete from jobs.signal_waiter w where w.ctid = any (array(
      select o.ctid from jobs.signal_waiter o where o.job_id = any (i_jobs) and o.name = coalesce(i_name, o.name) for update skip locked))
    returning w.name
  ) select array_agg(distinct g.name) into v_names from gone g;
  perform jobs._forget_signals(v_names || i_name);
end $$;

-- Deletes those of these signals that are not sent and that no job waits for.
create or replace function jobs._forget_signals(i_names text[]) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
begin
  delete from jobs.signal s where s.ctid = any (array(
    select o.ctid from jobs.signal o
    where o.name = any (i_names) and o.sent_at is null and not exists (select from jobs.signal_waiter w where w.name = o.name) for update skip locked));
end $$;
