-- Running jobs: the view of them, looking one up, locking it.

-- The run of a job; no row when the job does not run. Of the batches of many jobs, it reads only those whose
-- range of ids includes this one.
create or replace function jobs._find_run(i_job varchar) returns table (lease uuid, batch_index integer)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query
  select b.lease, b.part * 64 + j.ordinality::integer - 1
  from (select q.lease, q.part, q.open, q.jobs from jobs.batch q where q.first_job = i_job
        union all
        select q.lease, q.part, q.open, q.jobs from jobs.batch q where q.part >= 0 and q.first_job < i_job and q.last_job >= i_job) b,
    unnest(b.jobs) with ordinality j
  where j.job_id = i_job and b.open & jobs._bit(j.ordinality - 1) <> 0;
end $$;

-- Locks the batch of a running job, after waiting for any transaction that has it locked, and returns the run
-- as it is then; null when the job does not run, or not under this lease (null: under any).
create or replace function jobs._hold(i_job varchar, i_lease uuid) returns jobs._runs
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_lease uuid;
  v_batch_index integer;
  v_run jobs._runs;
begin
  select f.lease, f.batch_index into v_lease, v_batch_index from jobs._find_run(i_job) f where i_lease is null or f.lease = i_lease;
  if found then
    perform 1 from jobs.batch b where b.lease = v_lease and b.part = jobs._part(v_batch_index) for update;
    select r.* into v_run from jobs._runs r where r.lease = v_lease and r.part = jobs._part(v_batch_index) and r.batch_index = v_batch_index;
  end if;
  return v_run;
end $$;

-- Raises the error for a job that does not run, or not under the lease of the caller.
create or replace function jobs._not_held(i_job varchar, i_lease uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if i_lease is null then
    raise exception 'inexistent_task %', jobs._escaped(left(i_job, 200)) using hint = 'no job with this id is running';
  end if;
  raise sqlstate 'PT409' using message = 'lease_lost', detail = 'job ' || jobs._escaped(left(i_job, 200)),
    hint = 'the lease ran out or the job was cancelled; another attempt may be under way, so undo this one';
end $$;

-- Makes a pending job run for an instant, so that one code path decides what follows a failure. It takes with it the
-- slots of limits that it has kept, and no others.
create or replace function jobs._start(i_job varchar) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._unpack(array[i_job]);
  with taken as (
    delete from jobs.pending q where q.job_id = i_job
    returning jobs._open_job(q) as job, q.on_end is distinct from null as on_end, (q.on_end).kept
  )
  insert into jobs.batch (lease, part, on_end, run_at, counted_from, margin, expires_at, open, started, first_job, last_job, jobs, buckets, slots_each)
  select gen_random_uuid(), -1, t.on_end, jobs.now(), jobs.now(), interval '0', jobs.now(), 1, 1, i_job, i_job, array[t.job], t.kept, cardinality(t.kept)
  from taken t;
end $$;
