-- Cancelling what runs: in the database at once, and then in the worker.

-- Who cancels, and why: the first line of what is kept of a cancelled job.
create or replace function jobs._cancel_note(i_reason text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return 'cancelled by ' || jobs._caller() || coalesce(': ' || left(translate(i_reason, chr(10) || chr(13), '  '), 1000), '');
end $$;

-- A note and the last error of a job, which it does not replace.
create or replace function jobs._with_note(i_note text, i_traceback text) returns text
language sql immutable parallel safe
return jobs._short_error(i_note || coalesce(pg_catalog.chr(10) || i_traceback, ''));

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
create or replace function jobs._tell_cancelled(i_runs jobs.cancelled_runs, i_grace_seconds double precision, i_reason text) returns void
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
    perform jobs._send_commands('cancel', v_workers, v_details, i_reason, i_grace_seconds + 60, jobs.now());
  end if;
end $$;
