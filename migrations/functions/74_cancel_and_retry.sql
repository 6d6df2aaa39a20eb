-- Commands for operators: cancel, retry, purge. Each works in bounded steps, so that a tool can show its
-- progress and nobody waits long for a lock.

-- Ends jobs as cancelled and returns them. A pending job never runs. A running job ends here at once: its
-- lease ends, so nothing that its code reports is accepted. Its worker is told (a command for each worker):
-- the run's token fires, and after i_grace_seconds, 0 to 3600, what still runs of it is cut off. A job that
-- its client runs without a worker is not told. The reason, and who cancelled, are the first line of the
-- jobs' traceback.
--
-- Locks the jobs' rows or batches; waits for whoever has locked them. Writes one row of the audit.
create or replace function jobs.cancel(i_jobs text[], i_grace_seconds double precision default jobs._grace(), i_reason text default null) returns setof text
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_ended jobs.cancelled;
begin
  if (i_grace_seconds between 0 and 3600) is not true then
    raise sqlstate 'PT400' using message = 'the grace of a cancel lies within 0 and 3600 seconds';
  end if;
  v_ended := jobs._cancel(i_jobs, i_grace_seconds, jobs._caller(), i_reason);
  perform jobs._audit('cancel', case when cardinality(i_jobs) = 1 then i_jobs[1] end, cardinality(v_ended.jobs), i_reason,
                      jsonb_build_object('jobs', v_ended.jobs[:100], 'running', v_ended.running, 'grace_seconds', i_grace_seconds));
  return query select e from unnest(v_ended.jobs) e;
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
-- does one whose unique key another job holds by now, and one that was re-driven (PT409): the message names
-- that job.
create or replace function jobs.retry(i_jobs text[], i_reason text default null) returns setof text
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_back record := jobs._requeue(i_jobs, jobs._parts_of(i_jobs));
begin
  perform jobs._warn_of_large(v_back.o_too_large, v_back.o_back <> '{}');
  perform jobs._warn_of_holders(v_back.o_blocked, v_back.o_holders, v_back.o_back <> '{}');
  perform jobs._warn_of_redriven(v_back.o_redriven, v_back.o_back <> '{}');
  perform jobs._audit_jobs('retry', v_back.o_back, i_reason);
  return query select b from unnest(v_back.o_back) b;
end $$;

-- The same without reports and without the audit, for jobs that ended in these parts of history: which are
-- back, and of those that are not in one way or another, which they are and why; and all of the latter
-- together, with words by which they are counted.
create or replace function jobs._requeue(
  i_jobs text[], i_parts text[], out o_back text[], out o_too_large text[], out o_blocked text[], out o_holders text[], out o_redriven text[], out o_left text[], out o_skips text[]
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_partition_pruning = on set jit = off as $$
declare
  v_part text;
  v_found record;
  v_is_unique boolean := false;
begin
  o_back := array[]::text[];
  if pg_sequence_last_value('jobs.workflows_made') is not null then
    perform jobs._lock_workflows_of(i_jobs, i_parts);
  end if;
  foreach v_part in array i_parts loop
    execute format('select array_agg(h.job_id::text) filter (where jobs._text_size(h.body) >= 268435456) as large, array_agg(h.job_id::text) filter (where h.redriven_as is not null) as redriven,
                      bool_or((h.on_end).unique_name is not null) as is_unique
                    from (select h.* from jobs.job h where h.job_id = any ($1) and h.status <> ''success'' and %s for update) h', v_part)
      into v_found using i_jobs;
    o_too_large := o_too_large || v_found.large;
    o_redriven := o_redriven || v_found.redriven;
    v_is_unique := v_is_unique or coalesce(v_found.is_unique, false);
  end loop;
  if v_is_unique then
    -- Their keys are held by others, the holders.
    select array_agg(t.job_id), array_agg(t.holder) into o_blocked, o_holders from jobs._take_keys_again(i_jobs, coalesce(o_too_large, '{}') || coalesce(o_redriven, '{}')) t;
  end if;
  foreach v_part in array i_parts loop
    execute format('
      with back as (
        delete from jobs.job h
        where h.job_id = any ($1) and h.job_id <> all ($2) and h.status <> ''success'' and h.redriven_as is null and %s
          -- As a subquery it is one index lookup for each; as a join, statistics could reverse it.
          and (select q.job_id from jobs.pending q where q.job_id = h.job_id) is null
          -- Not a job that has ended only since the keys were taken: it has none.
          and ((h.on_end).unique_name is null
            or (select u.job_id from jobs.unique_key u where u.name = (h.on_end).unique_name and u.key = (h.on_end).unique_key) = h.job_id)
        returning h.*
      ), placed as (
        insert into jobs.pending as q (id, job_id, task, body, max_retries, priority, timeout, created_at, ready_seq, attempt, traceback, meta, on_end, bytes, returned)
        select b.id, b.job_id, b.task, b.body, greatest(b.max_retries, 1), b.priority, greatest(b.timeout, 0.01), b.created_at,
          nextval(''jobs.job_number''), b.attempt, b.traceback, b.meta, b.on_end, jobs._text_size(b.body) + jobs._text_size(b.meta) + coalesce(octet_length(b.traceback), 0), jobs._any_key()
        from back b returning q.job_id, q.on_end
      ) select array_agg(p.job_id::text) as jobs, array_agg(p.on_end) filter (where (p.on_end).node is not null) as members from placed p', v_part)
      into v_found using i_jobs, coalesce(o_too_large, '{}') || coalesce(o_blocked, '{}');
    o_back := o_back || coalesce(v_found.jobs, '{}');
    if v_found.members is not null then
      perform jobs._reopen_nodes(v_found.members);
    end if;
  end loop;
  o_left := coalesce(o_too_large, '{}') || coalesce(o_redriven, '{}') || coalesce(o_blocked, '{}');
  o_skips := array_fill('too large: its arguments cannot be sent to a worker'::text, array[coalesce(cardinality(o_too_large), 0)])
    || array_fill('redriven: it was published anew'::text, array[coalesce(cardinality(o_redriven), 0)])
    || array(select 'key held: job ' || h || ' holds its unique key' from unnest(o_holders) h);
  if jobs._are_watched() then
    perform jobs._note_requeued(o_back);
  end if;
  perform jobs._wake_workers();
end $$;

-- Reports the jobs that stay ended because they were published anew.
create or replace function jobs._warn_of_redriven(i_jobs text[], i_is_any_back boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_hint constant text := 'jobs.get(id) of a job that was re-driven says by which job; retry or cancel that one';
  v_words text := case when i_jobs is not null then format('not requeued, because published anew by a re-drive: %s',
      array_to_string(i_jobs[:5], ', ') || case when cardinality(i_jobs) > 5 then format(' and %s more', cardinality(i_jobs) - 5) else '' end) end;
begin
  perform jobs._report_left(v_words, v_hint, 'PT409', i_is_any_back);
end $$;

-- Deletes pending jobs under a topic for good, without a trace in history, and returns their number: up to
-- i_limit, or a few more, since packed rows are deleted whole. Running jobs stay.
create or replace function jobs.purge(i_topic text, i_limit integer default 10000, i_reason text default null) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_purged bigint;
begin
  if i_topic is null or i_topic = '' then
    raise sqlstate 'PT400' using message = 'purge needs a topic', hint = 'use * for every task';
  end if;
  perform jobs._check_limit('i_limit', i_limit);
  v_purged := jobs._purge_rows(array(
    with picked as materialized (
      select q.ctid as at, q.size from jobs.pending q
      where q.task like jobs._pattern(i_topic) limit i_limit for update skip locked
    ) select p.at from (select k.at, k.size, sum(k.size) over (rows unbounded preceding) as reach from picked k) p
    where p.reach - p.size < i_limit));
  perform jobs._audit('purge', i_topic, v_purged, i_reason);
  return v_purged;
end $$;

-- Deletes these rows of pending jobs, which the caller has locked, gives up the unique keys of their jobs and the
-- slots that they have kept, and returns the number of jobs.
create or replace function jobs._purge_rows(i_rows tid[]) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_purged bigint;
  v_jobs text[];
  v_ends jobs.on_end[];
begin
  if jobs._are_watched() then
    perform jobs._note_purged(i_rows);
  end if;
  with gone as (
    delete from jobs.pending q where q.ctid = any (i_rows) returning q.size, q.job_id, q.on_end, q.jobs
  ), ends as (
    select g.job_id, g.on_end from gone g where g.size = 1 and g.on_end is distinct from null
    union all select j.job_id, j.on_end from gone g, unnest(g.jobs) j where g.size > 1 and g.on_end is distinct from null
  ) select (select coalesce(sum(g.size), 0) from gone g), array_agg(e.job_id), array_agg(e.on_end) into v_purged, v_jobs, v_ends from ends e;
  if v_ends is not null then
    perform jobs._release_keys(v_jobs, v_ends), jobs._give_back_kept(v_ends), jobs._note_nodes_gone(v_jobs, v_ends, 'purged'),
      jobs._end_steps(v_jobs, v_ends, array_fill(true, array[cardinality(v_jobs)]));
  end if;
  return v_purged;
end $$;
