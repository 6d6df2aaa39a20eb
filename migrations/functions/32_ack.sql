-- Settling one run, as plain clients do.

-- Ends a running job as a success and returns its row. With its lease it is fenced: PT409 when the lease is
-- gone, the same row again when this lease has ended it already and history keeps it. Without one, as the
-- original's clients call it, any caller may end the job while it runs; P0001 when it does not run.
--
-- Locks the job's batch until the transaction ends. Jobs of plain clients, and those that a worker claimed
-- into an own batch, have a batch each.
create or replace function jobs.ack(i_job varchar, i_result jsonb default null, i_lease uuid default null) returns jobs.ended
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_run jobs._runs;
  v_ended jobs.ended;
begin
  perform jobs._check_lease(i_lease);
  perform jobs._check_results(array[i_result], 'PT413');
  v_run := jobs._hold(i_job, i_lease);
  if v_run.job_id is not null then
    perform jobs._settle(array[v_run.lease], array[v_run.batch_index], null, array[i_result], null, null, v_now);
    return row(v_run.id, v_run.job_id, v_run.task, v_run.body, v_run.retries, v_run.max_retries, v_run.priority, v_run.timeout,
               'success'::jobs.job_status, v_run.created_at, v_run.run_at, v_run.scheduled_at, v_now, i_result, v_run.traceback,
               v_run.attempt, v_run.meta)::jobs.ended;
  end if;
  if i_lease is not null then
    select h.id, h.job_id, h.task, h.body, h.retries, h.max_retries, h.priority, h.timeout, h.status,
      h.created_at, h.run_at, h.scheduled_at, h.complete_on, h.result, h.traceback, h.attempt, h.meta into v_ended
    from jobs._history_of(array[i_job::text], false) h where h.lease = i_lease and h.status = 'success';
    if found then
      return v_ended;
    end if;
  end if;
  perform jobs._not_held(i_job, i_lease);
end $$;

-- Reports that a run failed: the job runs again at i_scheduled_at (null: after the default backoff), or ends
-- as failed if this was its last run. ensure_running false, from the original, accepts a pending job too.
-- Lease and errors as for ack.
create or replace function jobs.nack(
  i_job varchar,
  i_traceback text default null,
  i_scheduled_at timestamptz default null,
  ensure_running boolean default true,
  i_lease uuid default null
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_run jobs._runs;
begin
  perform jobs._check_lease(i_lease);
  if not jobs._is_reachable(i_scheduled_at) then
    raise sqlstate 'PT400' using message = 'scheduled_at lies between 0001-01-02 and 9999-12-30 (UTC), which every client can hold';
  end if;
  v_run := jobs._hold(i_job, i_lease);
  if v_run.job_id is null and not ensure_running and i_lease is null then
    perform jobs._start(i_job);
    v_run := jobs._hold(i_job, null);
  end if;
  if v_run.job_id is null then
    perform jobs._not_held(i_job, i_lease);
  end if;
  perform jobs._settle_alike(array[v_run.lease], array[v_run.batch_index], 'retry', i_traceback,
                             extract(epoch from i_scheduled_at - jobs.now())::double precision);
end $$;

-- Confirms the lease of one job, for a client that is not a worker, and returns when it ends. A plain lease
-- lasts as long as the job may run, its timeout counted from the claim, so there is nothing to extend;
-- i_seconds, how long the caller will go on, is only checked. PT409 when the lease is gone or over.
create or replace function jobs.heartbeat(i_job varchar, i_lease uuid, i_seconds numeric default 30) returns timestamptz
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_expires_at timestamptz;
begin
  if (i_lease is not null and i_seconds > 0 and i_seconds <= 604800) is not true then
    raise sqlstate 'PT400' using message = 'a heartbeat needs its lease, and 0 to 604800 seconds';
  end if;
  select r.expires_at into v_expires_at
  from jobs._find_run(i_job) f join jobs._runs r on r.lease = f.lease and r.part = jobs._part(f.batch_index) and r.batch_index = f.batch_index
  where f.lease = i_lease and r.expires_at > jobs.now();
  if not found then
    perform jobs._not_held(i_job, i_lease);
  end if;
  return v_expires_at;
end $$;
