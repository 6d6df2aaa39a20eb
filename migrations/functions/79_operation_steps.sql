-- The steps of operations. A step takes the next jobs in a fixed order, acts on them and moves the position,
-- in one transaction and under the lock of the operation's row: whatever dies before the commit leaves both
-- to the next step, so that each job is taken once. History is read by day, and within a day by job id, so
-- that a step costs the same wherever it is.

-- Does steps of an operation for about i_seconds, at most 10, or until its pace allows no more, and returns
-- it as it is then. Workers do this by themselves; this is for databases without one, and for tools that
-- wait. An operation that another session is at is returned as it is. PT404 when there is none.
create or replace function jobs.step_operation(i_operation bigint, i_seconds double precision default 0.3) returns jobs.operation_info
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_op jobs.operation;
begin
  select o.* into v_op from jobs.operation o where o.id = i_operation and o.state = 'running' for update skip locked;
  if not found then
    return jobs.get_operation(i_operation);
  end if;
  return jobs._shown_operation(jobs._run_operation(v_op, greatest(0, least(i_seconds, 10))));
end $$;

-- What jobs.maintain does for operations: steps of those that run, each in its turn, for about i_seconds in
-- all. Skips those that another session is at. Reads no table until the first operation was started.
create or replace function jobs._step_operations(i_seconds double precision) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_until timestamptz := clock_timestamp() + make_interval(secs => i_seconds);
  v_ids bigint[];
  v_op jobs.operation;
begin
  if pg_sequence_last_value('jobs.operations_made') is null then
    return;
  end if;
  v_ids := array(select o.id from jobs.operation o where o.state = 'running' and (o.retry_at > jobs.now()) is not true order by o.stepped_at limit 10);
  for v_n in 1..cardinality(v_ids) loop
    exit when clock_timestamp() > v_until;
    select o.* into v_op from jobs.operation o where o.id = v_ids[v_n] and o.state = 'running' for update skip locked;
    if found then
      perform jobs._run_operation(v_op, i_seconds / cardinality(v_ids));
    end if;
  end loop;
end $$;

-- Does steps of an operation, which the caller has locked, and stores where it is then. An error of a step
-- undoes that step alone; the same step is tried again 5 s later, and after 20 errors in a row the operation
-- ends as failed.
create or replace function jobs._run_operation(i_op jobs.operation, i_seconds double precision) returns jobs.operation
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_op jobs.operation := i_op;
  v_until timestamptz := clock_timestamp() + make_interval(secs => i_seconds);
  v_jobs integer;
begin
  loop
    v_jobs := jobs._quota(v_op, jobs.now());
    exit when v_jobs = 0;
    begin
      v_op.retry_at := null;
      v_op := jobs._step(v_op, v_jobs);
      v_op.errors := 0;
    exception when others or query_canceled then   -- a time limit as well, or each worker's maintenance would end in it for ever
      v_op.errors := v_op.errors + 1;
      v_op.last_error := left(format('%s: %s', sqlstate, jobs._escaped(sqlerrm)), 1000);
      v_op.retry_at := jobs.now() + interval '5 s';
      v_op.state := case when v_op.errors >= 20 then 'failed' else v_op.state end;
    end;
    exit when v_op.state <> 'running' or v_op.retry_at is not null or clock_timestamp() > v_until;
  end loop;
  v_op.ended_at := case when v_op.state in ('done', 'failed') then jobs.now() end;
  v_op.stepped_at := jobs.now();
  update jobs.operation o
  set (state, done, skipped, skips, left_out, phase, range_from, range_until, after_job, paced_at, errors, waits, last_error, retry_at, ended_at, stepped_at)
    = (v_op.state, v_op.done, v_op.skipped, v_op.skips, v_op.left_out, v_op.phase, v_op.range_from, v_op.range_until, v_op.after_job, v_op.paced_at, v_op.errors,
       v_op.waits, v_op.last_error, v_op.retry_at, v_op.ended_at, v_op.stepped_at)
  where o.id = v_op.id;
  return v_op;
end $$;

-- How many jobs an operation may take now: 1000, or as many as its rate gives. A rate that was not used up is
-- kept for two seconds, or until it is one job.
create or replace function jobs._quota(i_op jobs.operation, i_now timestamptz) returns integer
language sql immutable parallel safe
return case when (i_op).rate is null then 1000
  else floor(least(1000, greatest(2 * (i_op).rate, 1), (i_op).rate * extract(epoch from i_now - (i_op).paced_at)::double precision + 0.000001))::integer end;

-- Takes the next jobs of an operation, at most i_jobs, and returns the operation after that. Waits for locks
-- 100 ms at most: then it tries fewer jobs, and with a single one it stays where it is and tries again half a
-- second later, ten times; after that it skips the job. Each step that goes well gives one of the ten back,
-- so that many locked jobs do not take ten tries each.
create or replace function jobs._step(i_op jobs.operation, i_jobs integer) returns jobs.operation
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms' as $$
declare
  v_next record;
  v_op jobs.operation;
begin
  if i_op.phase = 'history' then
    v_next := jobs._next_ended(i_op, i_jobs);
  elsif i_op.phase = 'running' then
    v_next := jobs._next_running(i_op, i_jobs);
  else
    v_next := jobs._next_pending(i_op, i_jobs);
  end if;
  if v_next.o_jobs = '{}' then
    return v_next.o_op;
  end if;
  begin
    v_op := jobs._paced(jobs._act(v_next.o_op, v_next.o_jobs, jobs._part_of(i_op)), i_op, jobs.now());
    v_op.waits := greatest(0, v_op.waits - 1);
    return v_op;
  exception when lock_not_available or deadlock_detected then
    if i_jobs > 1 then
      return jobs._step(i_op, greatest(1, least(i_jobs, cardinality(v_next.o_jobs)) / 10));
    elsif i_op.waits < 10 then
      v_op := i_op;
      v_op.waits := i_op.waits + 1;
      v_op.retry_at := jobs.now() + interval '0.5 s';
      return v_op;
    end if;
    return jobs._note_skips(v_next.o_op, v_next.o_jobs, array_fill('locked: by another transaction'::text, array[cardinality(v_next.o_jobs)]));
  end;
end $$;

-- An operation whose rate has given the jobs that it has done since i_before.
create or replace function jobs._paced(i_op jobs.operation, i_before jobs.operation, i_now timestamptz) returns jobs.operation
language plpgsql immutable as $$
declare
  v_op jobs.operation := i_op;
begin
  if v_op.rate is not null then
    v_op.paced_at := greatest(v_op.paced_at, i_now - make_interval(secs => greatest(2, 1 / v_op.rate)))
      + make_interval(secs => (v_op.done - i_before.done) / v_op.rate);
  end if;
  return v_op;
end $$;

-- Acts on these jobs, in history those of a part of it, and counts what was done and what was skipped.
create or replace function jobs._act(i_op jobs.operation, i_jobs text[], i_part text) returns jobs.operation
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_op jobs.operation := i_op;
  v_back record;
  v_new jobs.redriven[];
begin
  if v_op.kind = 'redrive' then
    v_new := jobs._redrive(i_jobs, array[i_part]);
    v_op.done := v_op.done + (select count(*) from unnest(v_new) r where r.skip is null);
    return jobs._note_skips(v_op, array(select r.job_id::text from unnest(v_new) r where r.skip is not null), array(select r.skip from unnest(v_new) r where r.skip is not null));
  elsif v_op.kind = 'retry' then
    v_back := jobs._requeue(i_jobs, array[i_part]);
    v_op.done := v_op.done + cardinality(v_back.o_back);
    return jobs._note_skips(v_op, v_back.o_left, v_back.o_skips);
  elsif v_op.kind = 'purge' then
    v_op.done := v_op.done + jobs._purge_rows(array(select q.ctid from jobs.pending q where q.job_id = any (i_jobs)));
    return v_op;
  end if;
  v_op.done := v_op.done + cardinality((jobs._cancel(i_jobs, v_op.grace_seconds, coalesce(v_op.role, v_op.who), v_op.reason)).jobs);
  return v_op;
end $$;

-- Counts jobs that were skipped by the first words of why, and notes the first 20 of the operation.
create or replace function jobs._note_skips(i_op jobs.operation, i_jobs text[], i_skips text[]) returns jobs.operation
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_op jobs.operation := i_op;
  v_why record;
begin
  v_op.skipped := v_op.skipped + cardinality(i_jobs);
  for v_why in select split_part(s.skip, ':', 1) as word, count(*) as jobs from unnest(i_skips) s(skip) group by 1 loop
    v_op.skips := v_op.skips || jsonb_build_object(v_why.word, coalesce((v_op.skips->>v_why.word)::bigint, 0) + v_why.jobs);
  end loop;
  v_op.left_out := v_op.left_out || coalesce((
    select jsonb_agg(jsonb_build_object('job_id', g.job, 'reason', g.skip)) from unnest(i_jobs, i_skips) with ordinality g(job, skip, nth)
    where g.nth <= 20 - jsonb_array_length(v_op.left_out)), '[]');
  return v_op;
end $$;

-- The next jobs in history that an operation takes, at most i_jobs with 16 MiB of bodies, and the operation
-- after them: first those that ended in the future, by a clock that was wrong. Reads 500 jobs more than that, or goes on to the next day. Keeps no lock.
create or replace function jobs._next_ended(i_op jobs.operation, i_jobs integer, out o_jobs text[], out o_op jobs.operation)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_last text;
  v_is_all boolean;
begin
  o_op := i_op;
  begin
    execute format('
      with read as materialized (
        select h.job_id, pg_column_size(h.body) as bytes,
          h.redriven_as is null and %s as fits
        from jobs.job h where h.status <> ''success'' and h.job_id > $1 and %s order by h.job_id limit $2 + 500
      ), added as (
        select r.job_id, r.fits, count(*) filter (where r.fits) over w as jobs, sum(r.bytes) filter (where r.fits) over w as bytes
        from read r window w as (order by r.job_id rows unbounded preceding)
      ) select coalesce(array_agg(a.job_id::text order by a.job_id) filter (where a.fits), ''{}''), max(a.job_id),
          count(*) = (select count(*) from read) and count(*) < $2 + 500
        from added a where a.jobs <= $2 and ((a.bytes > 16777216) is not true or a.jobs <= 1)', jobs._match(i_op), jobs._part_of(i_op))
    into o_jobs, v_last, v_is_all using i_op.after_job, i_jobs;
    raise sqlstate 'PT000';
  exception when sqlstate 'PT000' then null;
  end;
  o_op.after_job := coalesce(v_last, i_op.after_job);
  if v_is_all and i_op.range_until = 'infinity' then
    o_op.range_from := coalesce(i_op.since, '-infinity');
    o_op.range_until := jobs._range_end(o_op.range_from, i_op.until);
    o_op.after_job := '';
  elsif v_is_all and i_op.range_until >= i_op.until then
    o_op.state := 'done';
  elsif v_is_all then
    o_op.range_from := i_op.range_until;
    o_op.range_until := jobs._range_end(i_op.range_until, i_op.until);
    o_op.after_job := '';
  end if;
end $$;

-- The part of history that an operation is at, as a condition on h.complete_on.
create or replace function jobs._part_of(i_op jobs.operation) returns text
language sql stable parallel safe
return 'h.complete_on >= ' || jobs._literal((i_op).range_from)
  || case when (i_op).range_until = 'infinity' then '' else ' and h.complete_on < ' || jobs._literal((i_op).range_until) end;

-- The end of the part of history that is read from i_from on: that of the next daily partition, at most
-- i_until.
create or replace function jobs._range_end(i_from timestamptz, i_until timestamptz) returns timestamptz
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select least(i_until, min((p.day + 1)::timestamp at time zone 'UTC') filter (where (p.day + 1)::timestamp at time zone 'UTC' > i_from)) from jobs._partitions() p
$$;

-- The next pending jobs that an operation takes, with 16 MiB of bodies at most: whole packed rows, which it
-- locks. The first time it leaves out those that another transaction has locked; the second time it takes
-- them too, and whoever acts on them waits, for a moment.
create or replace function jobs._next_pending(i_op jobs.operation, i_jobs integer, out o_jobs text[], out o_op jobs.operation)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_task text := jobs._pattern(i_op.topic);
  v_error text := '%' || jobs._pattern(i_op.error) || '%';
  v_since timestamptz := coalesce(i_op.since, '-infinity');
  v_rows text[];
  v_last text;
  v_is_all boolean;
begin
  o_op := i_op;
  with read as materialized (
    select q.job_id, q.size, q.bytes,
      q.task like v_task and q.id <= i_op.number and q.created_at >= v_since and (q.created_at < i_op.until or q.created_at > i_op.odd_after) and (v_error is null or q.traceback like v_error) is true as fits
    from jobs.pending q where q.job_id > i_op.after_job order by q.job_id limit i_jobs + 500
  ), added as (
    select r.job_id, r.fits, r.size, sum(r.size) filter (where r.fits) over w as jobs, sum(r.bytes) filter (where r.fits) over w as bytes
    from read r window w as (order by r.job_id rows unbounded preceding)
  ) select array_agg(a.job_id) filter (where a.fits), max(a.job_id), count(*) = (select count(*) from read) and count(*) < i_jobs + 500
  into v_rows, v_last, v_is_all from added a where ((a.jobs > i_jobs) is not true and (a.bytes > 16777216) is not true) or a.jobs = a.size;
  if i_op.phase = 'pending' then
    select array_agg(k.job_id) into v_rows
    from unnest(v_rows) w(job_id), lateral (select q.job_id from jobs.pending q where q.job_id = w.job_id for update skip locked) k;
  end if;
  o_jobs := array(
    select coalesce(j.job_id, q.job_id)::text from jobs.pending q left join lateral unnest(q.jobs) j on i_op.kind <> 'purge' where q.job_id = any (v_rows));
  o_op.after_job := coalesce(v_last, i_op.after_job);
  if v_is_all then
    o_op := jobs._next_phase(o_op);
  end if;
end $$;

-- The next running jobs that a cancel takes, with 16 MiB of bodies at most. Locks nothing: whoever acts on them
-- waits for their batches, which others lock for a moment whenever they settle.
create or replace function jobs._next_running(i_op jobs.operation, i_jobs integer, out o_jobs text[], out o_op jobs.operation)
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_task text := jobs._pattern(i_op.topic);
  v_error text := '%' || jobs._pattern(i_op.error) || '%';
  v_since timestamptz := coalesce(i_op.since, '-infinity');
  v_found text[];
  v_runs text[];
begin
  select array_agg(b.job_id order by b.job_id), array_agg(b.job_id order by b.job_id) filter (where b.bytes <= 16777216 or b.nth = 1) into v_found, v_runs
  from (select f.job_id, sum(f.bytes) over w as bytes, row_number() over w as nth from (
    select r.job_id::text, pg_column_size(r.body) as bytes from jobs._runs r
    where r.job_id > i_op.after_job and r.task like v_task and r.id <= i_op.number and r.created_at >= v_since
      and (r.created_at < i_op.until or r.created_at > i_op.odd_after)
      and (v_error is null or r.traceback like v_error) is true order by r.job_id limit i_jobs) f window w as (order by f.job_id rows unbounded preceding)) b;
  o_op := i_op;
  o_jobs := coalesce(v_runs, '{}');
  o_op.after_job := coalesce(v_runs[cardinality(v_runs)], '');
  if v_found is null or cardinality(v_found) < i_jobs and cardinality(v_runs) = cardinality(v_found) then
    o_op := jobs._next_phase(o_op);
  end if;
end $$;

-- An operation after the last job of a phase: pending jobs are gone through a second time, since some were
-- locked, and some that ran then may be back.
create or replace function jobs._next_phase(i_op jobs.operation) returns jobs.operation
language plpgsql immutable as $$
declare
  v_op jobs.operation := i_op;
begin
  v_op.after_job := '';
  if v_op.phase = 'pending' and v_op.job_state is null then
    v_op.phase := 'running';
  elsif v_op.phase = 'again' or v_op.job_state = 'running' then
    v_op.state := 'done';
  else
    v_op.phase := 'again';
  end if;
  return v_op;
end $$;
