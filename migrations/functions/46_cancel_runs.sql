-- Cancelling jobs: in the database at once, and what runs then in its worker.

-- Who cancels, and why: the first line of what is kept of a cancelled job.
create or replace function jobs._cancel_note(i_who name, i_reason text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return 'cancelled by ' || i_who || coalesce(': ' || left(translate(i_reason, chr(10) || chr(13), '  '), 1000), '');
end $$;

-- How long, in seconds, the code of a cancelled run may go on if nothing else is said.
create or replace function jobs._grace() returns double precision
language sql immutable parallel safe
return 5;

-- A note and the last error of a job, which it does not replace.
create or replace function jobs._with_note(i_note text, i_traceback text) returns text
language sql immutable parallel safe
return jobs._short_error(i_note || coalesce(pg_catalog.chr(10) || i_traceback, ''));

-- Ends jobs as jobs.cancel says, in the name of i_who, and returns them. The caller audits it.
create or replace function jobs._cancel(i_jobs text[], i_grace_seconds double precision, i_who name, i_reason text) returns jobs.cancelled
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_note text := jobs._cancel_note(i_who, i_reason);
  v_gone text[];
  v_tasks text[];
  v_attempts integer[];
  v_metas jsonb[];
  v_keyed text[];
  v_ends jobs.on_end[];
  v_runs jobs.cancelled_runs;
  v_ended jobs.cancelled := ('{}', 0);
begin
  -- Two rounds, because a job may start, or be requeued, between the two queries.
  for v_round in 1..2 loop
    perform jobs._unpack(i_jobs);
    with given as materialized (
      select p.at from (select distinct j from unnest(i_jobs) j order by j) g(job_id),
        lateral (select q.ctid as at from jobs.pending q where q.job_id = g.job_id for update) p
    ), gone as (
      delete from jobs.pending q where q.ctid = any (array(select g.at from given g))
      returning q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout, q.created_at, q.scheduled_at, q.traceback, q.attempt, q.meta, q.on_end
    ), kept as (
      insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at,
                            scheduled_at, complete_on, traceback, attempt, meta, on_end)
      select d.id, d.job_id, d.task, d.body, d.retries, d.max_retries, d.priority, d.timeout, 'cancelled', d.created_at,
        d.scheduled_at, jobs.now(), jobs._with_note(v_note, d.traceback), d.attempt, d.meta, jobs._without_kept(d.on_end)
      from gone d where not exists (select 1 from jobs.publish_check k where k.name = d.task and k.keep = 'none')
    ) select array_agg(d.job_id), array_agg(d.task), array_agg(d.attempt), array_agg(d.meta), array_agg(d.job_id) filter (where d.on_end is distinct from null),
        array_agg(d.on_end) filter (where d.on_end is distinct from null)
    into v_gone, v_tasks, v_attempts, v_metas, v_keyed, v_ends from gone d;
    v_ended.jobs := v_ended.jobs || v_gone;
    if v_ends is not null then
      perform jobs._release_keys(v_keyed, v_ends), jobs._give_back_kept(v_ends), jobs._note_nodes_gone(v_keyed, v_ends, v_note), jobs._end_steps(v_keyed, v_ends);
    end if;
    if v_gone is not null and jobs._are_watched() then
      perform jobs._note_cancelled(v_gone, v_tasks, v_attempts, v_metas);
    end if;
    v_runs := jobs._cancel_runs(i_jobs, v_note);
    if v_runs.jobs is not null then
      perform jobs._tell_cancelled(v_runs, i_grace_seconds, i_who, i_reason);
      v_ended := (v_ended.jobs || v_runs.jobs, v_ended.running + cardinality(v_runs.jobs));
    end if;
  end loop;
  perform jobs._wake_waiters();
  return v_ended;
end $$;

-- Ends those of these jobs that run as cancelled, and returns their runs. Locks their batches, all in one
-- order, after waiting for whoever has them locked, and settles all runs at once.
create or replace function jobs._cancel_runs(i_jobs text[], i_note text) returns jobs.cancelled_runs
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_leases uuid[];
  v_batch_indexes integer[];
  v_runs jobs.cancelled_runs;
begin
  select array_agg(f.lease), array_agg(f.batch_index) into v_leases, v_batch_indexes
  from (select distinct j from unnest(i_jobs) j) g(job_id), lateral jobs._find_run(g.job_id) f;
  if v_leases is null then
    return null;
  end if;
  perform 1
  from (select distinct g.lease, jobs._part(g.batch_index) as part from unnest(v_leases, v_batch_indexes) g(lease, batch_index) order by 1, 2) g,
    lateral (select from jobs.batch b where b.lease = g.lease and b.part = g.part for update) l;
  -- As they are now that nobody else can change them.
  select array_agg(r.lease), array_agg(r.batch_index), array_agg(r.worker), array_agg(r.job_id::text)
  into v_runs.leases, v_runs.batch_indexes, v_runs.workers, v_runs.jobs
  from (select distinct g.lease, jobs._part(g.batch_index) as part from unnest(v_leases, v_batch_indexes) g(lease, batch_index)) g,
    lateral (select q.lease, q.batch_index, q.worker, q.job_id from jobs._runs q where q.lease = g.lease and q.part = g.part offset 0) r
  where r.job_id = any (i_jobs);
  if v_runs.leases is not null then
    perform jobs._settle_alike(v_runs.leases, v_runs.batch_indexes, 'cancel', i_note, null);
  end if;
  return v_runs;
end $$;

-- Tells the workers of runs that were cancelled: one command for each worker, with its runs by lease.
create or replace function jobs._tell_cancelled(i_runs jobs.cancelled_runs, i_grace_seconds double precision, i_who name, i_reason text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_workers uuid[];
  v_details jsonb[];
begin
  select array_agg(w.worker), array_agg(jsonb_build_object('grace', i_grace_seconds, 'jobs', w.jobs, 'runs', w.runs))
  into v_workers, v_details
  from (select l.worker, sum(cardinality(l.indexes)) as jobs, jsonb_object_agg(l.lease, l.indexes) as runs
        from (select g.worker, g.lease, array_agg(g.batch_index) as indexes
              from unnest(i_runs.leases, i_runs.batch_indexes, i_runs.workers) g(lease, batch_index, worker)
              where g.worker is not null group by 1, 2) l
        group by 1) w;
  if v_workers is not null then
    perform jobs._send_commands('cancel', v_workers, v_details, i_who, i_reason, i_grace_seconds + 60, jobs.now());
  end if;
end $$;
