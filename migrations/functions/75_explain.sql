-- Explains why a job is in its state: the question that people ask first.

-- Live workers that claim this task, how many jobs they have in flight, and how many of them are paused.
create or replace function jobs._able_workers(i_task varchar) returns table (workers bigint, slots bigint, held bigint, paused bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query
  select count(*), coalesce(sum(w.slots), 0)::bigint, coalesce(sum(h.held), 0)::bigint, count(w.paused_at)
  from jobs.worker w,
    lateral (select sum(jobs._count(b.open)) as held from jobs.batch b where b.worker = w.id) h
  where w.lost_at is null and w.expires_at >= jobs.now() and i_task = any (w.tasks);
end $$;

-- Reports that no live worker can run the job.
create or replace function jobs._explain_absence(i_task varchar) returns setof jobs.reason
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select
    case when t.name is null then 'unknown_task' else 'no_worker' end,
    case when t.name is null
      then format('no worker ever declared the task %s: is the name right, and does the worker''s program link it?', quote_literal(i_task))
      else format('no live worker claims the task %s: it was last declared at %s', quote_literal(i_task), jobs._moment(t.declared_at)) end,
    null::timestamptz,
    jsonb_build_object('task', i_task, 'live_workers', l.workers, 'their_topics', l.topics)
  from (select count(*) as workers,
               coalesce((select jsonb_agg(distinct o.topic) from jobs.worker a, unnest(a.topics) o(topic)
                         where a.lost_at is null and a.expires_at >= jobs.now()), '[]') as topics
        from jobs.worker w where w.lost_at is null and w.expires_at >= jobs.now()) l
  left join jobs.publish_check k on k.name = i_task
  left join jobs.task t on t.name = k.task
  where not exists (select 1 from jobs.worker w where w.lost_at is null and w.expires_at >= jobs.now() and i_task = any (w.tasks))
  limit 1
$$;

-- Reports that the arguments do not fit the task, so that every run would fail. Names the path, never a
-- value.
create or replace function jobs._explain_body(i_task varchar, i_body jsonb) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query
  select 'arguments_do_not_fit', m.reason, null::timestamptz, jsonb_build_object('task', i_task)
  from jobs.publish_check k, lateral (select jobs._schema_error_of_job(k.task, i_body) as reason) m
  where k.name = i_task and k.validation <> 'off' and m.reason is not null;
end $$;

-- Reports an open transaction of another session that has locked the job's row: it consumes or cancels the
-- job.
create or replace function jobs._explain_lock(i_holder xid) returns setof jobs.reason
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select 'held_by_transaction', format('an open transaction of the server process %s holds it', l.pid), null::timestamptz,
    jsonb_build_object('pid', l.pid)
  from pg_locks l where l.locktype = 'transactionid' and l.transactionid = i_holder and l.granted and l.pid <> pg_backend_pid()
$$;

-- Reports whether the workers with its task are busy, and the job's position in the queue, unless it waits at
-- a limit. Counts to 10,000 and no further.
create or replace function jobs._explain_queue(i_task varchar, i_rank bigint, i_ready_seq bigint, i_ahead bigint) returns setof jobs.reason
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_able record;
  v_before bigint := case when i_rank < 1099511627776 then i_ahead + (
    select coalesce(sum(a.size), 0)
    from (select q.size from jobs.pending q
          where q.task = i_task and q.ready_seq is not null and (jobs._rank(q.priority, q.ready_seq, q.bucket), q.ready_seq) < (i_rank, i_ready_seq)
          order by jobs._rank(q.priority, q.ready_seq, q.bucket), q.ready_seq limit 10001) a) end;
begin
  select a.workers, a.slots, a.held, a.paused into v_able from jobs._able_workers(i_task) a;
  if v_able.workers > 0 and v_able.paused = v_able.workers then
    return next row('workers_paused',
      format('a command has paused the %s live workers that claim its task: `pgjobs control resume`', v_able.workers),
      null, jsonb_build_object('workers', v_able.workers))::jobs.reason;
  elsif v_able.workers > 0 and v_able.held >= v_able.slots then
    return next row('workers_busy',
      format('the %s live workers that claim its task hold %s jobs in %s slots', v_able.workers, v_able.held, v_able.slots),
      null, jsonb_build_object('workers', v_able.workers, 'slots', v_able.slots, 'held', v_able.held))::jobs.reason;
  end if;
  if v_before is null then
    return;
  end if;
  return next row('queued',
    case when v_before > 10000 then 'more than 10000 jobs of its task are before it in the queue'
         when v_before = 0 then 'it is the next of its task in the queue'
         else format('%s jobs of its task are before it in the queue', v_before) end,
    null, jsonb_build_object('before', least(v_before, 10000)))::jobs.reason;
end $$;

-- Why a pending job does not run yet; no row when the job is not pending.
create or replace function jobs._explain_pending(i_job varchar) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_job record;
begin
  select q.xmax as holder, jobs._rank(q.priority, q.ready_seq, q.bucket) as rank, q.ready_seq as row_seq, 0::bigint as ahead,
    q.task, q.body, q.scheduled_at, q.ready_seq, q.attempt, q.retries, q.max_retries, q.bucket into v_job
  from jobs.pending q where q.job_id = i_job and q.size = 1;
  if not found then
    select q.xmax as holder, jobs._rank(q.priority, q.ready_seq, q.bucket) as rank, q.ready_seq as row_seq, j.at - 1 as ahead,
      q.task, j.body, j.scheduled_at, j.ready_seq, j.attempt, j.retries, j.max_retries, q.bucket into v_job
    from jobs.pending q,
      unnest(q.jobs) with ordinality j(id, job_id, task, body, retries, max_retries, priority, timeout, created_at, scheduled_at,
                                       ready_seq, attempt, traceback, meta, on_end, at)
    where q.size > 1 and q.job_id >= left(i_job, 13) and q.job_id <= i_job and q.last_job >= i_job and j.job_id = i_job;
  end if;
  if not found then
    return;
  end if;
  if v_job.ready_seq is null and pg_sequence_last_value('jobs.steps_made') is not null then
    return query select w.* from jobs._explain_waits(i_job, v_job.attempt) w;
    if found then
      return;
    end if;
  end if;
  if v_job.scheduled_at > jobs.now() and v_job.retries = 0 then
    return next row('scheduled', format('it is scheduled for %s', jobs._moment(v_job.scheduled_at)), v_job.scheduled_at,
      jsonb_build_object('attempt', v_job.attempt))::jobs.reason;
  elsif v_job.scheduled_at > jobs.now() then
    return next row('backoff',
      format('%s of %s runs failed, and the next is scheduled for %s', v_job.retries, v_job.max_retries, jobs._moment(v_job.scheduled_at)),
      v_job.scheduled_at, jsonb_build_object('attempt', v_job.attempt, 'retries', v_job.retries, 'max_retries', v_job.max_retries))::jobs.reason;
  end if;
  return query select m.* from jobs._explain_body(v_job.task, v_job.body) m;
  return query select p.* from jobs._explain_pause(v_job.task) p;
  if v_job.ready_seq is not null and pg_sequence_last_value('jobs.limits_made') is not null then
    return query select l.* from jobs._explain_limits(i_job, v_job.task, v_job.bucket) l;
  end if;
  return query select a.* from jobs._explain_absence(v_job.task) a;
  return query select l.* from jobs._explain_lock(v_job.holder) l;
  if v_job.ready_seq is not null then
    return query select l.* from jobs._explain_queue(v_job.task, v_job.rank, v_job.row_seq, v_job.ahead) l;
  elsif v_job.scheduled_at <= jobs.now() then
    return next row('due', format('it came due at %s: the next poll of any live worker promotes it', jobs._moment(v_job.scheduled_at)),
      null, '{}'::jsonb)::jobs.reason;
  end if;
end $$;

-- Where a running job runs or waits for a slot, and when it is requeued if its worker is dead; no row when it
-- is not running. A worker reports with its heartbeats which prefetched jobs have begun.
create or replace function jobs._explain_running(i_job varchar) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_run record;
  v_ends_at timestamptz;
  v_where text;
begin
  select r.worker, r.run_at, r.expires_at, r.attempt, r.max_retries, w.host, w.pid, w.lost_at, w.expires_at as worker_expires_at,
    b.started & jobs._bit(f.batch_index) <> 0 as has_begun into v_run
  from jobs._find_run(i_job) f
  join jobs.batch b on b.lease = f.lease and b.part = jobs._part(f.batch_index)
  join jobs._runs r on r.lease = f.lease and r.part = jobs._part(f.batch_index) and r.batch_index = f.batch_index
  left join jobs.worker w on w.id = r.worker;
  if not found then
    return;
  end if;
  v_ends_at := case when v_run.worker is null then v_run.expires_at
                   else least(v_run.expires_at, coalesce(v_run.lost_at, v_run.worker_expires_at, v_run.run_at)) end;
  v_where := case when v_run.worker is null then 'a client without a worker''s name'
                  else format('worker %s of process %s on %s', v_run.worker, v_run.pid, jobs._shown(v_run.host)) end;
  return next case when v_ends_at >= jobs.now() and not v_run.has_begun
    then row('prefetched',
             format('attempt %s is prefetched: %s claimed it at %s, and had not begun it at its last heartbeat',
                    v_run.attempt, v_where, jobs._moment(v_run.run_at)), v_ends_at,
             jsonb_build_object('attempt', v_run.attempt, 'worker', v_run.worker, 'expires_at', v_run.expires_at))::jobs.reason
    when v_ends_at >= jobs.now()
    then row('running', format('attempt %s runs since %s at %s', v_run.attempt, jobs._moment(v_run.run_at), v_where), v_ends_at,
             jsonb_build_object('attempt', v_run.attempt, 'worker', v_run.worker, 'expires_at', v_run.expires_at))::jobs.reason
    else row('lease_expired',
             format('attempt %s was claimed by %s, whose lease expired at %s: the next sweep of any live worker requeues the job',
                    v_run.attempt, v_where, jobs._moment(v_ends_at)),
             null, jsonb_build_object('attempt', v_run.attempt, 'worker', v_run.worker, 'expired_at', v_ends_at))::jobs.reason
    end;
end $$;

-- Who cancelled a job and why, which is the first line of what is kept of it (jobs._cancel_note).
create or replace function jobs._cancelled_by(i_traceback text) returns text
language sql immutable parallel safe
return coalesce(case when pg_catalog.starts_with(i_traceback, 'cancelled by ') then ', ' || jobs._escaped(pg_catalog.split_part(i_traceback, pg_catalog.chr(10), 1)) end, '');

-- How an ended job ended; no row when it is not in history.
create or replace function jobs._explain_ended(i_job varchar) returns setof jobs.reason
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select h.status::text,
    case h.status
      when 'success' then format('it succeeded at %s in attempt %s', jobs._moment(h.complete_on), h.attempt)
      when 'cancelled' then format('it was cancelled at %s', jobs._moment(h.complete_on)) || jobs._cancelled_by(h.traceback)
      else format('it failed at %s in attempt %s, with at most %s runs', jobs._moment(h.complete_on), h.attempt, h.max_retries) end
      || coalesce('; it was re-driven as job ' || h.redriven_as, ''),
    null::timestamptz, jsonb_build_object('attempt', h.attempt, 'max_retries', h.max_retries, 'complete_on', h.complete_on)
      || case when h.redriven_as is null then '{}' else jsonb_build_object('redriven_as', h.redriven_as) end
  from jobs._history_of(array[i_job::text]) h
$$;

-- The unique keys that a job holds: the one that its start or end gives up, and those that it holds for a
-- time, whatever becomes of it. i_now is the moment by which such a time is over.
create or replace function jobs._held_keys(i_job varchar, i_now timestamptz) returns table (name varchar, until_started boolean, until timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query
  select u.name, (o.on_end).until_started, null::timestamptz
  from (select q.on_end from jobs.pending q where q.job_id = i_job and q.size = 1
        union all
        select r.on_end from jobs._find_run(i_job) f join jobs._runs r on r.lease = f.lease and r.part = jobs._part(f.batch_index) and r.batch_index = f.batch_index) o
  join jobs.unique_key u on u.name = (o.on_end).unique_name and u.key = (o.on_end).unique_key and u.job_id = i_job
  union all
  select u.name, null, u.until from jobs.unique_key u where u.job_id = i_job and u.until > i_now
  order by 1, 3;
end $$;

-- Reports that a job holds a unique key, so that no other one is published under it. Not the key itself,
-- which contains arguments.
create or replace function jobs._explain_unique(i_job varchar) returns setof jobs.reason
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select 'holds_unique_key',
    format('it holds a unique key of %s until %s: no other job is published under that key meanwhile', jobs._shown(h.name),
           case when h.until is not null then jobs._moment(h.until) when h.until_started then 'it has started' else 'it has ended' end),
    h.until, jsonb_build_object('name', h.name, 'until', case when h.until is not null then 'time' when h.until_started then 'started' else 'ended' end)
  from jobs._held_keys(i_job, jobs.now()) h
$$;

-- Why a job is not running, or where it runs, or how it ended: one row for each reason, the most important
-- first. Reads by index and locks nothing. PT404 for an unknown job, and where a restricted role asks for
-- one of another's tasks.
create or replace function jobs.explain(i_job varchar) returns setof jobs.reason
language plpgsql stable rows 5 security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_is_known boolean := false;
begin
  if jobs.sees_task() or exists (select from jobs.get(i_job) a where jobs.sees_task(a.task)) then
    return query select p.* from jobs._explain_pending(i_job) p;
    if not found then
      return query select e.* from jobs._explain_ended(i_job) e;
    end if;
    if not found then
      return query select r.* from jobs._explain_running(i_job) r;
    end if;
    v_is_known := found;
  end if;
  if not v_is_known then
    raise sqlstate 'PT404' using message = format('there is no job %s', jobs._shown(i_job)),
      hint = 'history that was dropped for its age, or not kept for this task, is not known any more';
  end if;
  if pg_sequence_last_value('jobs.progress_made') is not null then
    return query select p.* from jobs._explain_progress(i_job) p;
  end if;
  if pg_sequence_last_value('jobs.workflows_made') is not null then
    return query select m.* from jobs._explain_membership(i_job) m;
  end if;
  return query select u.* from jobs._explain_unique(i_job) u;
end $$;

-- Why this database cannot be used, a sentence for each reason; no row when it can. A worker calls it before
-- it starts, because in some of these cases it would find no job and report nothing.
create or replace function jobs.unusable() returns setof text
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  select format('the database %s has the encoding %s and pgjobs needs UTF8: make one with `create database ... encoding ''UTF8'' template template0` and copy the data there',
                quote_ident(current_database()), current_setting('server_encoding'))
  where current_setting('server_encoding') <> 'UTF8'
  union all
  select format('row security hides the rows of %s from %s, who owns schema jobs: `alter table %s no force row level security`, for each of them',
                string_agg(c.oid::regclass::text, ', ' order by c.relname), quote_ident(current_user), min(c.oid::regclass::text))
  from pg_class c
  where c.relnamespace = 'jobs'::regnamespace and c.relkind in ('r', 'p') and row_security_active(c.oid)
  having count(*) > 0
$$;
