-- What a worker does about the answer of its claim: fetches the jobs of a large one, releases one that was lost,
-- and ends a job that no answer could bring.

-- The jobs of a claim, for its worker: of all its batches, or of one. Changes and locks nothing; may be
-- repeated.
create or replace function jobs.fetch(i_worker uuid, i_lease uuid, i_part integer default null) returns table (part integer, jobs jobs.open_job[])
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
begin
  return query
  select b.part, b.jobs from jobs.batch b
  where b.lease = i_lease and b.worker = i_worker and (i_part is null or b.part = i_part)
    and exists (select from jobs.worker w where w.id = i_worker and jobs._acts_as(w.role, w.login));
end $$;

-- Ends as failed, with this reason, the next job that a claim for one job would take, if it cannot be sent:
-- no claim could ever bring it to a worker. Returns its id; null when the next job can be sent, or there is
-- none.
create or replace function jobs.fail_next(i_worker uuid, i_tasks text[], i_lease uuid, i_reason text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_job text;
  v_batch_index integer;
  v_bytes bigint;
begin
  if i_worker is null then
    raise sqlstate 'PT400' using message = 'fail_next needs the worker that would claim the job';
  end if;
  perform jobs.claim(i_worker, i_tasks, 1, i_lease);
  select r.job_id, r.batch_index, jobs._text_size(r.body) into v_job, v_batch_index, v_bytes from jobs._runs r where r.lease = i_lease and r.worker = i_worker;
  if v_job is null then
    return null;
  elsif v_bytes < 268435456 then   -- 256 MB, more than any answer can hold
    perform jobs._settle_alike(array[i_lease], array[v_batch_index], 'release', null, null);
    return null;
  end if;
  perform jobs._settle_alike(array[i_lease], array[v_batch_index], 'fail', i_reason, null);
  return v_job;
end $$;

-- Releases every job that a claim under this lease took: for a worker that never got the answer, because the
-- connection broke after the commit. Returns how many.
create or replace function jobs.release(i_worker uuid, i_lease uuid) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_batch_indexes integer[];
  v_void uuid[];
begin
  if i_lease is null then
    raise sqlstate 'PT400' using message = 'release needs the lease of the claim';
  end if;
  -- The claim itself may still be running. Once it is at its end it has locked the worker's row, and this
  -- waits for it; if it gets there later, it finds its lease in void_leases, of which the last hundred are
  -- kept.
  select w.void_leases into v_void from jobs.worker w where w.id = i_worker and jobs._acts_as(w.role, w.login) for update;
  if not found then
    return 0;   -- declared dead: sweeps requeue its jobs
  end if;
  update jobs.worker w set void_leases = v_void[greatest(1, cardinality(v_void) - 98):] || i_lease where w.id = i_worker;
  perform 1 from jobs.batch b where b.lease = i_lease and b.worker = i_worker for update;
  v_batch_indexes := array(select r.batch_index from jobs._runs r where r.lease = i_lease and r.worker = i_worker);
  perform jobs._settle_alike(array_fill(i_lease, array[cardinality(v_batch_indexes)]), v_batch_indexes, 'release', null, null);
  return cardinality(v_batch_indexes);
end $$;
