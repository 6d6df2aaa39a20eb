-- Events: a row for the jobs of a task to which the same happened in one statement, written in the
-- transaction in which it happened, for topics that are watched (38_watch.sql). Once a topic was watched,
-- whoever publishes, claims, settles or cancels calls one of these functions; they lock nothing that
-- anybody waits for. Inner functions inherit the pinned search_path and plans of their callers.

-- Whether a topic is or was watched, for tests of rare cases. Reads no table.
create or replace function jobs._are_watched() returns boolean
language sql volatile
return pg_catalog.pg_sequence_last_value('jobs.watches_made') is not null;

-- Patterns of all tasks of which one of these kinds of events is written; null: there are none.
create or replace function jobs._watch_likes(i_kinds text[]) returns text[]
language plpgsql stable as $$
begin
  return (select array_agg(l) from jobs.watch w, unnest(w.likes) l where w.kinds is null or w.kinds && i_kinds);
end $$;

-- The details of an event: those of its kind, and the meta of its job, by which programs decide who may
-- see it. Inlined.
create or replace function jobs._event_details(i_meta jsonb, i_more jsonb) returns jsonb
language sql stable parallel safe
return case when i_meta is null then i_more else coalesce(i_more, '{}') || pg_catalog.jsonb_build_object('meta', i_meta) end;

-- What kind of error this is, without its text, which may hold arguments: timeout, panic, lost, expired,
-- the name of an exception with which the text begins (`ValueError: ...`, as clients in other languages
-- write it) or ends (a traceback of Python), else `error`.
create or replace function jobs._error_class(i_error text) returns text
language sql immutable parallel safe
return case
  when i_error is null then null
  when i_error like 'lost: %' then 'lost'
  when i_error like 'expired: %' then 'expired'
  when pg_catalog.split_part(i_error, pg_catalog.chr(10), 1) like '%timed out after %' then 'timeout'
  when pg_catalog.split_part(i_error, pg_catalog.chr(10), 1) like '%panicked: %' then 'panic'
  else coalesce(
    pg_catalog.substring(pg_catalog.left(i_error, 200), '^([A-Za-z_][A-Za-z0-9_.]{0,98}(?:Error|Exception|Timeout|Interrupt))(?::|$)'),
    pg_catalog.substring(pg_catalog.right(i_error, 2000), '[' || pg_catalog.chr(10) || ']([A-Za-z_][A-Za-z0-9_.]{0,98}(?:Error|Exception|Timeout|Interrupt))(?::[^' || pg_catalog.chr(10) || ']*)?$'),
    'error') end;

-- Writes these groups of events, as far as they are watched: each has the jobs of one task to which the
-- same happened. Most events are usual: they have no details, and are of the first attempt, or before it.
-- Usual and other events are in different groups, because usual ones need the ids alone.
create or replace function jobs._write_events(i_groups jobs.event_group[]) returns void
language plpgsql set plan_cache_mode = force_generic_plan as $$
begin
  insert into jobs.event (at, number, kind, task, jobs, ids, attempts, details)
  select jobs.now(), nextval('jobs.event_number'), g.kind, g.task, g.jobs, g.ids, g.attempts, g.details from unnest(i_groups) g
  where exists (select from jobs.watch w where (w.kinds is null or g.kind = any (w.kinds)) and g.task like any (w.likes));
end $$;

-- Whether an event is a usual one. Inlined.
create or replace function jobs._is_usual(i_kind text, i_attempt integer, i_details jsonb) returns boolean
language sql immutable parallel safe
return i_details is null and i_attempt = case i_kind when 'queued' then 0 else 1 end;

-- These new jobs were queued. Of tasks and metas, one stands for all.
create or replace function jobs._note_queued(i_jobs text[], i_tasks text[], i_metas jsonb[]) returns void
language plpgsql as $$
declare
  v_jobs integer := cardinality(i_jobs);
  v_likes text[];
begin
  if v_jobs = 1 or cardinality(i_tasks) = 1 and i_metas is null then
    perform jobs._write_events(array[row('queued', i_tasks[1], v_jobs, array_to_string(i_jobs, chr(10)), case when i_metas[1] is not null then array[0] end,
                                         case when i_metas[1] is not null then array[jobs._event_details(i_metas[1], null)] end)::jobs.event_group]);
    return;
  end if;
  v_likes := jobs._watch_likes('{queued}');
  perform jobs._write_events(array(
    select row('queued', g.task, count(*), string_agg(g.job, chr(10)), array_agg(0) filter (where g.meta is not null),
               array_agg(jobs._event_details(g.meta, null)) filter (where g.meta is not null))::jobs.event_group
    from unnest(i_jobs, jobs._for_each(i_tasks, v_jobs), jobs._for_each(i_metas, v_jobs)) g(job, task, meta)
    where g.task like any (v_likes) group by g.task, g.meta is null));
end $$;

-- The same for what a call that knows unique keys has published: not for jobs that were there before.
create or replace function jobs._note_published(i_published jobs.published, i_tasks text[], i_metas jsonb[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_size integer := cardinality(i_published.job_ids);
  v_new record;
begin
  if i_published.outcomes is null then
    perform jobs._note_queued(i_published.job_ids::text[], i_tasks, i_metas);
    return;
  end if;
  select array_agg(g.job::text) as jobs, array_agg(g.task) as tasks, array_agg(g.meta) as metas into v_new
  from unnest(i_published.job_ids, i_published.outcomes, jobs._for_each(i_tasks, v_size), jobs._for_each(i_metas, v_size)) g(job, outcome, task, meta)
  where g.outcome = 'published';
  if v_new.jobs is not null then
    perform jobs._note_queued(v_new.jobs, v_new.tasks, v_new.metas);
  end if;
end $$;

-- The jobs that a claim has moved into batches under this lease were picked.
create or replace function jobs._note_picked(i_lease uuid) returns void
language plpgsql as $$
declare
  v_likes text[] := jobs._watch_likes('{picked}');
begin
  if v_likes is not null then
    perform jobs._write_events(array(
      select row('picked', j.task, count(*), string_agg(j.job_id, chr(10)), array_agg(least(j.attempt, 2147483646) + 1) filter (where j.attempt > 0 or j.meta is not null),
                 array_agg(jobs._event_details(j.meta, null)) filter (where j.attempt > 0 or j.meta is not null))::jobs.event_group
      from jobs.batch b, unnest(b.jobs) j where b.lease = i_lease and j.task like any (v_likes)
      group by j.task, j.attempt > 0 or j.meta is not null));
  end if;
end $$;

-- What a run's end is for those who watch. A run that was released, and one that was lost before it began,
-- leaves its job queued.
create or replace function jobs._kind_of_end(i_outcome text, i_retries integer, i_max_retries integer) returns text
language sql immutable parallel safe
return case
  when coalesce(i_outcome, 'success') = 'success' then 'completed'
  when i_outcome = 'cancel' then 'cancelled'
  when i_outcome = 'snooze' then 'snoozed'
  when i_outcome in ('release', 'unbegun') then 'queued'
  when jobs._ends(i_outcome, i_retries, i_max_retries) then 'failed' else 'retried' end;

-- These runs ended with these outcomes, before they leave their batches (jobs._after_end). Successes that go
-- to history are not among them: jobs._settle_watched_successes writes their events.
create or replace function jobs._note_ends(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_errors text[]) returns void
language plpgsql as $$
declare
  v_likes text[] := jobs._watch_likes('{completed,failed,retried,snoozed,cancelled,queued}');
  v_unkept text[] := jobs._unkept('all');
begin
  if v_likes is null or v_unkept = '{}' and (i_outcomes is null or 'success' = all (i_outcomes)) then
    return;
  end if;
  perform jobs._write_events(array(
    select row(e.kind, e.task, count(*), string_agg(e.job_id, chr(10)), array_agg(e.attempt) filter (where not e.is_usual), array_agg(e.details) filter (where not e.is_usual))::jobs.event_group
    from (select d.*, jobs._is_usual(d.kind, d.attempt, d.details) as is_usual
          from (select f.job_id, f.task, f.attempt, f.kind, jobs._event_details(f.meta, f.more) as details
                from (select o.job_id, o.task, o.attempt, o.meta, jobs._kind_of_end(s.outcome, o.retries, o.max_retries) as kind,
                        case when s.outcome in ('fail', 'retry', 'verify', 'lost') then jsonb_build_object('error', coalesce(jobs._error_class(s.error), 'error')) end as more
                      from jobs._opened(i_runs.leases, i_runs.parts, i_runs.bits) o
                        join (select unnest(i_leases) as lease, unnest(i_batch_indexes) as batch_index, unnest(i_outcomes) as outcome, unnest(i_errors) as error) s
                          on s.lease = o.lease and s.batch_index = o.batch_index
                      where o.task like any (v_likes) and (coalesce(s.outcome, 'success') <> 'success' or o.task = any (v_unkept))
                      offset 0) f offset 0) d offset 0) e   -- each expression is computed once
    group by e.kind, e.task, e.is_usual));
end $$;

-- Writes one kind of events, of jobs that are given one by one with what they are about: less often than
-- the ones above.
create or replace function jobs._note_each(i_kind text, i_events jobs.new_event[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  perform jobs._write_events(array(
    select row(i_kind, e.task, count(*), string_agg(e.job_id, chr(10)), array_agg(e.attempt), array_agg(jobs._event_details(e.meta, e.details)))::jobs.event_group
    from unnest(i_events) e group by e.task));
end $$;

-- These jobs, which are pending in rows of their own, were queued: anew, or as others.
create or replace function jobs._note_requeued(i_jobs text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._note_each('queued', array(
    select row(q.job_id, q.attempt, q.task, q.meta, null)::jobs.new_event
    from unnest(i_jobs) g(job_id), lateral (select p.job_id, p.task, p.attempt, p.meta from jobs.pending p where p.job_id = g.job_id limit 1) q));
end $$;

-- These pending jobs ended as cancelled.
create or replace function jobs._note_cancelled(i_jobs text[], i_tasks text[], i_attempts integer[], i_metas jsonb[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  perform jobs._note_each('cancelled', array(
    select row(g.job_id, g.attempt, g.task, g.meta, null)::jobs.new_event from unnest(i_jobs, i_tasks, i_attempts, i_metas) g(job_id, task, attempt, meta)));
end $$;

-- The jobs in these rows of jobs.pending, which the caller has locked, are about to be deleted for good.
-- For those who watch they are cancelled, and the details say that they were purged.
create or replace function jobs._note_purged(i_rows tid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._note_each('cancelled', array(
    select row(q.job_id, q.attempt, q.task, q.meta, '{"purged": true}')::jobs.new_event from jobs.pending q where q.ctid = any (i_rows) and q.size = 1
    union all
    select row(p.job_id, p.attempt, p.task, p.meta, '{"purged": true}')::jobs.new_event from jobs.pending q, unnest(q.jobs) p where q.ctid = any (i_rows) and q.size > 1));
end $$;
