-- Commands for operators: cancel, retry, purge. Each works in bounded steps, so that a tool can show its
-- progress and nobody waits long for a lock.

-- Ends jobs as cancelled and returns them. A pending job never runs. A running job ends here at once: its
-- lease ends, so nothing that its code reports is accepted. Its worker is told (a command for each worker):
-- the run's token fires, and after i_grace_seconds, 0 to 3600, what still runs of it is cut off. A job that
-- its client runs without a worker is not told. The reason, and who cancelled, are the first line of the
-- jobs' traceback.
--
-- Locks the jobs' rows or batches; waits for whoever has locked them. Writes one row of the audit.
create or replace function jobs.cancel(i_jobs text[], i_grace_seconds double precision default 5, i_reason text default null) returns setof text
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_note text := jobs._cancel_note(i_reason);
  v_gone text[];
  v_keyed text[];
  v_ends jobs.on_end[];
  v_runs jobs.cancelled_runs;
  v_ended text[] := '{}';
  v_running integer := 0;
begin
  if (i_grace_seconds between 0 and 3600) is not true then
    raise sqlstate 'PT400' using message = 'the grace of a cancel lies within 0 and 3600 seconds';
  end if;
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
        d.scheduled_at, jobs.now(), jobs._with_note(v_note, d.traceback), d.attempt, d.meta, d.on_end
      from gone d where not exists (select 1 from jobs.publish_check k where k.name = d.task and k.keep = 'none')
    ) select array_agg(d.job_id), array_agg(d.job_id) filter (where d.on_end is distinct from null), array_agg(d.on_end) filter (where d.on_end is distinct from null)
    into v_gone, v_keyed, v_ends from gone d;
    v_ended := v_ended || v_gone;
    if v_ends is not null then
      perform jobs._release_keys(v_keyed, v_ends);
    end if;
    v_runs := jobs._cancel_runs(i_jobs, v_note);
    if v_runs.jobs is not null then
      perform jobs._tell_cancelled(v_runs, i_grace_seconds, i_reason);
      v_ended := v_ended || v_runs.jobs;
      v_running := v_running + cardinality(v_runs.jobs);
    end if;
  end loop;
  perform jobs._wake_waiters();
  perform jobs._audit('cancel', case when cardinality(i_jobs) = 1 then i_jobs[1] end, cardinality(v_ended), i_reason,
                      jsonb_build_object('jobs', v_ended[:100], 'running', v_running, 'grace_seconds', i_grace_seconds));
  return query select e from unnest(v_ended) e;
end $$;

-- Reports jobs that stay ended although they were to be requeued: a warning when others are back, else an
-- error with this SQLSTATE. Nothing for null words.
create or replace function jobs._report_left(i_words text, i_hint text, i_code text, i_is_any_back boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if i_words is not null and i_is_any_back then
    raise warning '%', i_words using hint = i_hint;
  elsif i_words is not null then
    raise exception using errcode = i_code, message = i_words, hint = i_hint;
  end if;
end $$;

-- Reports the jobs that stay ended because their bodies are too large to be sent to a worker.
create or replace function jobs._warn_of_large(i_jobs text[], i_is_any_back boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_hint constant text := 'publish what is to be done anew, in parts, or with a reference to data that is stored elsewhere';
  v_words text := case when i_jobs is not null then format('not requeued, because arguments of 256 MB or more cannot be sent to a worker: %s',
      array_to_string(i_jobs[:5], ', ') || case when cardinality(i_jobs) > 5 then format(' and %s more', cardinality(i_jobs) - 5) else '' end) end;
begin
  perform jobs._report_left(v_words, v_hint, 'PT413', i_is_any_back);
end $$;

-- Requeues jobs that ended as failed or cancelled, with all their runs available again, and returns them. The
-- id stays, and the attempt number goes on counting. Locks the days on which they ended. A job whose body is
-- too large to be sent to any worker stays ended: a warning names it, or PT413 when no other was requeued. So
-- does one whose unique key another job holds by now (PT409): the message names that job.
create or replace function jobs.retry(i_jobs text[]) returns setof text
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_partition_pruning = on set jit = off as $$
declare
  v_day timestamptz;
  v_days timestamptz[];
  v_too_large text[];
  v_is_any_back boolean := false;
  v_is_unique boolean;
  v_blocked text[];   -- their keys are held by others, the holders
  v_holders text[];
begin
  select array_agg(distinct date_trunc('day', h.complete_on at time zone 'UTC') at time zone 'UTC'),
    array_agg(h.job_id) filter (where jobs._text_size(h.body) >= 268435456), bool_or(h.on_end is distinct from null)
  into v_days, v_too_large, v_is_unique from jobs._history_of(i_jobs) h where h.status <> 'success';
  if v_is_unique then
    select array_agg(t.job_id), array_agg(t.holder) into v_blocked, v_holders from jobs._take_keys_again(i_jobs, v_too_large) t;
  end if;
  for v_day in select d from unnest(v_days) d order by d loop
    return query execute format('
      with back as (
        delete from jobs.job h
        where h.job_id = any ($1) and h.job_id <> all ($2) and h.status <> ''success'' and %s
          -- As a subquery it is one index lookup for each; as a join, statistics could reverse it.
          and (select q.job_id from jobs.pending q where q.job_id = h.job_id) is null
        returning h.*
      ), placed as (
        insert into jobs.pending as q (id, job_id, task, body, max_retries, priority, timeout, created_at, ready_seq, attempt, traceback, meta, on_end, bytes, returned)
        select b.id, b.job_id, b.task, b.body, greatest(b.max_retries, 1), b.priority, greatest(b.timeout, 0.01), b.created_at,
          nextval(''jobs.job_number''), b.attempt, b.traceback, b.meta, b.on_end, jobs._text_size(b.body) + jobs._text_size(b.meta) + coalesce(octet_length(b.traceback), 0), jobs._any_key()
        from back b returning q.job_id
      ) select p.job_id::text from placed p', jobs._on_day(v_day)) using i_jobs, coalesce(v_too_large, '{}') || coalesce(v_blocked, '{}');
    v_is_any_back := v_is_any_back or found;
  end loop;
  perform jobs._warn_of_large(v_too_large, v_is_any_back);
  perform jobs._warn_of_holders(v_blocked, v_holders, v_is_any_back);
  perform jobs._wake_workers();
end $$;

-- Deletes pending jobs under a topic for good, without a trace in history, and returns their number: up to
-- i_limit, or a few more, since packed rows are deleted whole. Running jobs stay.
create or replace function jobs.purge(i_topic text, i_limit integer default 10000) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_purged bigint;
  v_jobs text[];
  v_ends jobs.on_end[];
begin
  if i_topic is null or i_topic = '' then
    raise sqlstate 'PT400' using message = 'purge needs a topic', hint = 'use * for every task';
  end if;
  perform jobs._check_limit('i_limit', i_limit);
  with picked as materialized (
    select q.ctid as at, q.size from jobs.pending q
    where q.task like jobs._pattern(i_topic) limit i_limit for update skip locked
  ), enough as (
    select p.at from (select k.at, k.size, sum(k.size) over (rows unbounded preceding) as reach from picked k) p
    where p.reach - p.size < i_limit
  ), gone as (
    delete from jobs.pending q where q.ctid = any (array(select e.at from enough e)) returning q.size, q.job_id, q.on_end
  ) select coalesce(sum(g.size), 0), array_agg(g.job_id) filter (where g.on_end is distinct from null), array_agg(g.on_end) filter (where g.on_end is distinct from null)
  into v_purged, v_jobs, v_ends from gone g;
  if v_ends is not null then
    perform jobs._release_keys(v_jobs, v_ends);
  end if;
  return v_purged;
end $$;
