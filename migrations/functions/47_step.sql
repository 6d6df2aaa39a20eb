-- Steps: what a job records while it runs, so that its next run goes on behind it. Whoever has the run
-- writes, under its lease; what was recorded first holds.
--
-- A step is recorded after its effect: an effect outside of the database happens at least once. Where the
-- effect and the step are in one transaction it happens once, because nobody can requeue the job, and so
-- begin another run, while that transaction has its batch locked.

-- The run of this job under this lease, which stays the caller's until the transaction ends: the lock keeps
-- out whoever would end the run, and nobody else. PT409 lease_lost when it is gone, PT409 job_is_locked when
-- another transaction is ending the run for more than three seconds.
create or replace function jobs._step_run(i_job varchar, i_lease uuid) returns jobs._runs
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off set lock_timeout = '3s' as $$
declare
  v_batch_index integer;
  v_run jobs._runs;
begin
  if i_lease is null then
    raise sqlstate 'PT400' using message = 'a step needs the lease of its run', hint = 'give the lease that the claim returned with the job';
  end if;
  select f.batch_index into v_batch_index from jobs._find_run(i_job) f where f.lease = i_lease;
  if found then
    begin
      perform 1 from jobs.batch b where b.lease = i_lease and b.part = jobs._part(v_batch_index) for key share;
    exception when lock_not_available then
      raise sqlstate 'PT409' using message = 'job_is_locked', detail = 'job ' || jobs._escaped(left(i_job, 200)),
        hint = 'a transaction that ends this run is open: commit or roll it back before the next step';
    end;
    select r.* into v_run from jobs._runs r where r.lease = i_lease and r.part = jobs._part(v_batch_index) and r.batch_index = v_batch_index;
  end if;
  if v_run.job_id is null then
    perform jobs._not_held(i_job, i_lease);
  end if;
  return v_run;
end $$;

-- Notes that the job of this run has steps, so that its end takes them along. Locks its batch.
create or replace function jobs._note_steps(i_run jobs._runs) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_nth integer := (i_run.batch_index & 63) + 1;
begin
  if (i_run.on_end).steps then
    return;
  end if;
  -- A batch of jobs of one group is opened like any other from now on: successes in it have steps to delete.
  update jobs.batch b set on_end = true, jobs[v_nth].on_end.steps = true, node = null, node_from = null where b.lease = i_run.lease and b.part = i_run.part;
  perform nextval('jobs.steps_made') where pg_sequence_last_value('jobs.steps_made') is null;
end $$;

-- Refuses a name or a value that cannot be recorded.
create or replace function jobs._check_step(i_name text, i_value jsonb default null) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_limit integer := (select c.max_step_bytes from jobs.config c);
  v_size bigint := jobs._text_size(i_value);
begin
  if jobs._is_name(i_name) is not true then
    raise sqlstate 'PT400' using message = 'the name of a step or signal has 1 to 200 characters, none of them a control character';
  elsif v_size > v_limit then
    raise sqlstate 'PT413' using message = format('the value of %s takes %s bytes as text, the limit is %s', jobs._shown(i_name), v_size, v_limit),
      hint = 'store the data elsewhere and record a reference, or raise jobs.config.max_step_bytes';
  end if;
end $$;

-- Refuses a name under which something else is recorded.
create or replace function jobs._check_kind(i_name text, i_kind text, i_recorded text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if i_kind <> i_recorded then
    raise sqlstate 'PT400' using message = format('%s is recorded as a %s of this job, and asked for as a %s', jobs._shown(i_name), i_recorded, i_kind),
      hint = 'give each step, sleep and signal of a task a name of its own';
  end if;
end $$;

-- What a run begins with: all that earlier runs of its job have recorded. A value of more than 8,000 bytes is
-- left out (is_large): jobs.step_value has it. is_over: the sleep is over, the signal came or was waited for
-- in vain. Locks the job's batch to note that it has steps. PT409 when the lease is gone.
create or replace function jobs.begin_steps(i_job varchar, i_lease uuid) returns table (
  name text, kind text, value jsonb, is_large boolean, is_over boolean
)
language plpgsql rows 10 security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._note_steps(jobs._step_run(i_job, i_lease));
  return query
  select c.name, c.kind, case when s.is_small then c.value end, c.value is not null and not s.is_small,
    case c.kind when 'sleep' then c.until <= jobs.now() else not c.waits end
  from jobs.checkpoint c, lateral (select pg_column_size(c.value) <= 8000 and pg_column_compression(c.value) is null as is_small) s
  where c.job_id = i_job
  order by c.saved_at, c.name;
end $$;

-- What tells inputs of a step from others; inputs themselves, which may be secrets, are not stored.
create or replace function jobs._inputs_hash(i_inputs jsonb) returns bytea
language sql stable parallel safe
return pg_catalog.sha256(pg_catalog.convert_to(i_inputs::text, 'UTF8'));

-- Records a step of a running job and returns its value: what was recorded first holds. i_inputs is what it
-- was made from, of which a hash is kept; other inputs than those recorded replace the value. Nobody else can
-- run the job until this transaction ends: so an effect in it happens once. PT409 when the lease is gone, and
-- then the transaction has to be rolled back; PT413 for a value above jobs.config.max_step_bytes.
create or replace function jobs.save_step(i_job varchar, i_lease uuid, i_name text, i_value jsonb default null, i_inputs jsonb default null) returns jsonb
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_run jobs._runs;
  v_kind text := 'step';
  v_value jsonb;
begin
  perform jobs._check_step(i_name, i_value);
  v_run := jobs._step_run(i_job, i_lease);
  perform jobs._note_steps(v_run);
  insert into jobs.checkpoint as c (job_id, name, kind, task, inputs_hash, value, attempt, saved_at)
  values (i_job, i_name, 'step', v_run.task, jobs._inputs_hash(i_inputs), coalesce(i_value, 'null'), v_run.attempt, jobs.now())
  on conflict (job_id, name) do update set inputs_hash = excluded.inputs_hash, value = excluded.value, attempt = excluded.attempt, saved_at = excluded.saved_at
    where c.kind = 'step' and c.inputs_hash is distinct from excluded.inputs_hash
  returning c.value into v_value;
  if not found then
    select c.kind, c.value into v_kind, v_value from jobs.checkpoint c where c.job_id = i_job and c.name = i_name;
  end if;
  perform jobs._check_kind(i_name, 'step', v_kind);
  return v_value;
end $$;

-- What is recorded under a name, for whoever has the run of this lease; no row when nothing is. is_same: it
-- was made from these inputs. PT409 when the lease is gone.
create or replace function jobs.find_step(i_job varchar, i_lease uuid, i_name text, i_inputs jsonb default null) returns table (
  value jsonb, kind text, is_same boolean
)
language plpgsql rows 1 security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._step_run(i_job, i_lease);
  return query select c.value, c.kind, c.inputs_hash is not distinct from jobs._inputs_hash(i_inputs)
    from jobs.checkpoint c where c.job_id = i_job and c.name = i_name;
end $$;

-- Records the end of a sleep of a running job, i_seconds from now (0 to ten years), the first time that it
-- is asked for, and returns how many seconds are left of it; 0: it is over. Whoever has the run then ends
-- it with the outcome `snooze` and this delay. PT409 when the lease is gone.
create or replace function jobs.sleep(i_job varchar, i_lease uuid, i_name text, i_seconds double precision) returns double precision
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_run jobs._runs;
  v_kind text;
  v_until timestamptz;
begin
  perform jobs._check_step(i_name);
  if (i_seconds between 0 and 315576000) is not true then
    raise sqlstate 'PT400' using message = 'a sleep lies within 0 and 315576000 seconds (10 years)';
  end if;
  v_run := jobs._step_run(i_job, i_lease);
  perform jobs._note_steps(v_run);
  insert into jobs.checkpoint as c (job_id, name, kind, task, until, attempt, saved_at)
  values (i_job, i_name, 'sleep', v_run.task, v_now + make_interval(secs => i_seconds), v_run.attempt, v_now)
  on conflict (job_id, name) do update set attempt = excluded.attempt
  returning c.kind, c.until into v_kind, v_until;
  perform jobs._check_kind(i_name, 'sleep', v_kind);
  return greatest(0, extract(epoch from v_until - v_now));
end $$;

-- What a job has recorded, in that order: of each step its size in bytes; of a sleep and a signal until when.
-- state: done; sleeping; waiting; timed_out, of a signal that did not come in time. No values, which may
-- contain secrets (jobs.step_value). No row for a job that is not known, or not in the caller's sight.
create or replace function jobs.steps(i_job varchar) returns table (
  name text, kind text, state text, bytes bigint, until timestamptz, attempt integer, saved_at timestamptz
)
language plpgsql stable rows 10 security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query
  select c.name, c.kind,
    case when c.waits then 'waiting' when c.kind = 'sleep' and c.until > jobs.now() then 'sleeping'
         when c.kind = 'signal' and c.value is null then 'timed_out' else 'done' end,
    jobs._text_size(c.value), c.until, c.attempt, c.saved_at
  from jobs.checkpoint c
  where c.job_id = i_job and (jobs.sees_task() or jobs.sees_task(c.task))
  order by c.saved_at, c.name;
end $$;

-- The value that a job has recorded under a name, or the payload of the signal; null when there is none, or
-- the job is not in the caller's sight.
create or replace function jobs.step_value(i_job varchar, i_name text) returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return (select c.value from jobs.checkpoint c where c.job_id = i_job and c.name = i_name and (jobs.sees_task() or jobs.sees_task(c.task)));
end $$;

-- Whether a job is pending or runs.
create or replace function jobs._is_open(i_job varchar) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return exists (select from jobs.pending q where q.job_id = i_job) or exists (select from jobs._find_run(i_job));
end $$;

-- The steps that open jobs of these tasks have recorded and that are not among those given: i_steps[n] is one
-- that the task i_tasks[n] knows, or with a * at its end the beginning of several. Of each its task, how many
-- jobs have it, and one of them; at most i_limit. For a deploy: reads all that is recorded.
create or replace function jobs.unknown_steps(i_tasks text[], i_steps text[], i_limit integer default 100) returns table (
  task varchar, name text, jobs bigint, job_id varchar
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  perform jobs._check_limit('i_limit', i_limit);
  return query
  select c.task, c.name, count(*), min(c.job_id)::varchar
  from jobs.checkpoint c
  where c.task = any (i_tasks) and (jobs.sees_task() or jobs.sees_task(c.task))
    and not exists (select from unnest(i_tasks, i_steps) k(task, step)
                    where k.task = c.task and case when right(k.step, 1) = '*' then starts_with(c.name, left(k.step, -1)) else k.step = c.name end)
    and jobs._is_open(c.job_id)
  group by c.task, c.name order by c.task, c.name limit i_limit;
end $$;
