-- Events: a row for the jobs of a task to which the same happened in one statement, written in the transaction
-- in which it happened, for topics that are watched (38_watch.sql). Once a topic was watched, whoever publishes,
-- claims, settles or cancels calls one of these functions; they lock nothing that anybody waits for.

-- Whether a topic is or was watched, for tests of rare cases. Reads no table.
create or replace function jobs._are_watched() returns boolean
language sql volatile
return pg_catalog.pg_sequence_last_value('jobs.watches_made') is not null;

-- Patterns of all tasks of which one of these kinds of events is written; null: there are none.
create or replace function jobs._watch_likes(i_kinds text[]) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return (select array_agg(l) from jobs.watch w, unnest(w.likes) l where w.kinds is null or w.kinds && i_kinds);
end $$;

-- The details of an event: those of its kind, and the meta of its job, by which programs decide who may see
-- it. Inlined.
create or replace function jobs._event_details(i_meta jsonb, i_more jsonb) returns jsonb
language sql immutable parallel safe
return case when i_meta is null then i_more else coalesce(i_more, '{}') || pg_catalog.jsonb_build_object('meta', i_meta) end;

-- What kind of error this is, without its text, which may hold arguments: timeout, panic, lost, expired, the
-- name of an exception with which the text begins (`ValueError: ...`, as clients in other languages write it)
-- or ends (a traceback of Python), else `error`.
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

-- Writes events, given as parallel arrays: those of the kinds and tasks that are watched. i_details may be
-- null: none has any.
create or replace function jobs._write_events(i_kinds text[], i_jobs text[], i_tasks text[], i_attempts integer[], i_details jsonb[]) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_mergejoin = off set enable_nestloop = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_now timestamptz := jobs.now();
begin
  insert into jobs.event (at, number, kind, task, jobs, ids, other_ids, attempts, details)
  select v_now, nextval('jobs.event_number'), g.kind, g.task, g.jobs, case when f.are_uuids then decode(g.ids, 'hex') end, case when not f.are_uuids then g.list end,
    case when not g.is_usual then g.attempts end, g.details
  from (select e.kind, e.task, count(*) as jobs, string_agg(e.job_id, '') as ids, array_agg(e.job_id) as list, array_agg(e.attempt) as attempts,
          bool_and(e.attempt = case e.kind when 'queued' then 0 else 1 end) as is_usual, case when count(e.details) > 0 then array_agg(e.details) end as details
        from unnest(i_kinds, i_jobs, i_tasks, i_attempts, i_details) e(kind, job_id, task, attempt, details)
        group by e.kind, e.task) g,
    lateral (select length(g.ids) = 32 * g.jobs and g.ids ~ '^[0-9a-f]*$' as are_uuids) f   -- no id is longer than 32
  where exists (select from jobs.watch w where (w.kinds is null or g.kind = any (w.kinds)) and g.task like any (w.likes));
end $$;

-- These new jobs were queued. Of tasks and metas, one stands for all.
create or replace function jobs._note_queued(i_jobs text[], i_tasks text[], i_metas jsonb[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_likes text[] := jobs._watch_likes('{queued}');
  v_jobs text[];
  v_tasks text[];
  v_details jsonb[];
begin
  select array_agg(g.job), array_agg(g.task), case when i_metas is not null then array_agg(jobs._event_details(g.meta, null)) end into v_jobs, v_tasks, v_details
  from unnest(i_jobs, jobs._for_each(i_tasks, cardinality(i_jobs)), jobs._for_each(i_metas, cardinality(i_jobs))) g(job, task, meta) where g.task like any (v_likes);
  if v_jobs is not null then
    perform jobs._write_events(array_fill('queued'::text, array[cardinality(v_jobs)]), v_jobs, v_tasks, array_fill(0, array[cardinality(v_jobs)]), v_details);
  end if;
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

-- These jobs, which are pending in rows of their own, were queued: anew, or as others.
create or replace function jobs._note_requeued(i_jobs text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._write_events(array_agg('queued'::text), array_agg(q.job_id::text), array_agg(q.task::text), array_agg(q.attempt), array_agg(jobs._event_details(q.meta, null)))
  from unnest(i_jobs) g(job_id), lateral (select p.job_id, p.task, p.attempt, p.meta from jobs.pending p where p.job_id = g.job_id limit 1) q;
end $$;

-- The jobs that a claim has moved into batches under this lease were picked.
create or replace function jobs._note_picked(i_lease uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_likes text[] := jobs._watch_likes('{picked}');
begin
  if v_likes is not null then
    perform jobs._write_events(array_agg('picked'::text), array_agg(j.job_id::text), array_agg(j.task::text), array_agg(least(j.attempt, 2147483646) + 1),
                               case when count(j.meta) > 0 then array_agg(jobs._event_details(j.meta, null)) end)
    from jobs.batch b, unnest(b.jobs) j where b.lease = i_lease and j.task like any (v_likes);
  end if;
end $$;

-- These runs ended with these outcomes, before they leave their batches (jobs._after_end). A run that was
-- released, and one that was lost before it began, leaves its job queued.
create or replace function jobs._note_ends(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_errors text[]) returns void
language plpgsql as $$
declare
  v_likes text[] := jobs._watch_likes('{completed,failed,retried,snoozed,cancelled,queued}');
begin
  if v_likes is null then
    return;
  end if;
  perform jobs._write_events(array_agg(e.kind), array_agg(e.job_id::text), array_agg(e.task::text), array_agg(e.attempt), case when count(e.details) > 0 then array_agg(e.details) end)
  from (
    select o.job_id, o.task, o.attempt,
      case when coalesce(s.outcome, 'success') = 'success' then 'completed'
           when s.outcome = 'cancel' then 'cancelled'
           when s.outcome = 'snooze' then 'snoozed'
           when s.outcome in ('release', 'unbegun') then 'queued'
           when jobs._ends(s.outcome, o.retries, o.max_retries) then 'failed' else 'retried' end as kind,
      jobs._event_details(o.meta, case when s.outcome in ('fail', 'retry', 'verify', 'lost') then jsonb_build_object('error', coalesce(jobs._error_class(s.error), 'error')) end) as details
    from jobs._opened(i_runs.leases, i_runs.parts, i_runs.bits) o
      join unnest(i_leases, i_batch_indexes, i_outcomes, i_errors) s(lease, batch_index, outcome, error) on s.lease = o.lease and s.batch_index = o.batch_index
    where o.task like any (v_likes)) e;
end $$;

-- These pending jobs ended as cancelled.
create or replace function jobs._note_cancelled(i_jobs text[], i_tasks text[], i_attempts integer[], i_metas jsonb[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  perform jobs._write_events(array_fill('cancelled'::text, array[cardinality(i_jobs)]), i_jobs, i_tasks, i_attempts, array(
    select jobs._event_details(m.meta, null) from unnest(i_metas) with ordinality m(meta, at) order by m.at));
end $$;

-- The jobs in these rows of jobs.pending, which the caller has locked, are about to be deleted for good. For
-- those who watch they are cancelled, and the details say that they were purged.
create or replace function jobs._note_purged(i_rows tid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._write_events(array_agg('cancelled'::text), array_agg(j.job_id::text), array_agg(j.task::text), array_agg(j.attempt), array_agg(jobs._event_details(j.meta, '{"purged": true}')))
  from (select q.job_id, q.task, q.attempt, q.meta from jobs.pending q where q.ctid = any (i_rows) and q.size = 1
        union all
        select p.job_id, p.task, p.attempt, p.meta from jobs.pending q, unnest(q.jobs) p where q.ctid = any (i_rows) and q.size > 1) j;
end $$;

-- These runs said how far they are.
create or replace function jobs._note_reports(i_reports jobs.run_report[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_likes text[] := jobs._watch_likes('{progress}');
begin
  if v_likes is not null then
    perform jobs._write_events(array_agg('progress'::text), array_agg(r.job_id::text), array_agg(r.task::text), array_agg(r.attempt), array_agg(
      jobs._event_details(r.meta, jsonb_strip_nulls(jsonb_build_object('done', r.done, 'total', r.total, 'note', r.note)))))
    from unnest(i_reports) r where r.task like any (v_likes);
  end if;
end $$;
