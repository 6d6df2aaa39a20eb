-- Progress of runs: what a worker or client says of a run while it goes on (its log is in 35_log.sql).
--
-- Only whoever has the run may write, and only about that run. A row belongs to one attempt, so what comes
-- late from a run whose lease is gone could not hide what the next one says even if it were written.
--
-- It is in one of two places: in rows of jobs.progress and jobs.log, or, of a run that ended its job as a
-- success before anything was sent of it, in the row of history (column said, written by jobs.settle). The
-- readers look at both.

-- Stores what a worker says of its runs, an array of
--
--   {"lease", "run": batch_index, "job", "new", "version", "done", "total", "note",
--    "logs": [[number of the first line, [line, ...]], ...]}
--
-- where a line is [time, level, target, message, fields]. Without `done` only lines are stored; what was sent
-- before changes nothing. `new`: nothing was sent of this run before, which is cheaper; true or not, the same
-- is stored. Says nothing of runs that the worker does not have. The caller has checked that i_worker is its
-- own. Never fails, because it is sent with heartbeats: what cannot be stored is a warning of the server,
-- also when somebody has locked the tables for 0.5 s. Locks rows of these runs only.
create or replace function jobs._note_progress(i_worker uuid, i_progress jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '500ms' as $$
begin
  if i_progress is null or i_progress = '[]' then
    return;
  end if;
  perform jobs._begin_progress();
  begin
    perform jobs._store_progress(i_worker, i_progress, true);
  exception when unique_violation then
    perform jobs._store_progress(i_worker, i_progress, false);   -- something was there of a run that is called new
  end;
exception when others then
  raise warning 'progress and log of runs of the worker % were not stored: %', i_worker, sqlerrm using hint = 'the runs go on';
end $$;

-- The first time in a database: from now on progress is looked for. Makes the first partitions unless
-- somebody is in the way; jobs.maintain_partitions makes the others.
create or replace function jobs._begin_progress() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if pg_sequence_last_value('jobs.progress_made') is null then
    perform nextval('jobs.progress_made');
    perform jobs._change_run_partitions((jobs.now() at time zone 'utc')::date, null);
  end if;
end $$;

-- What the event of a report says of it.
create or replace function jobs._report_details(i_done double precision, i_total double precision, i_note text) returns jsonb
language sql stable parallel safe
return jsonb_strip_nulls(jsonb_build_object('done', i_done, 'total', i_total, 'note', pg_catalog.left(i_note, 1000)));

-- Finds the runs and stores what is said of them. A run is the worker's while its bit is set; afterwards, if
-- it is the run that ended the job: the last words of a task that ended its job itself come after that.
--
-- i_new: believes that a run of which `new` is said has no rows, and fails otherwise. `on conflict` costs
-- twice as much as an insert, and most runs that are short say something once.
create or replace function jobs._store_progress(i_worker uuid, i_progress jsonb, i_new boolean) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set enable_nestloop = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_now timestamptz := jobs.now();
  v_reports jobs.new_event[];
begin
  with given as materialized (
    select g.* from jsonb_to_recordset(i_progress) g(lease uuid, run integer, job text, new boolean, version integer,
                                                     done double precision, total double precision, note text, logs jsonb)
  ), batches as materialized (
    select array_agg(b.lease) as leases, array_agg(b.part) as parts, array_agg(b.open & g.bits) as bits
    from (select v.lease, jobs._part(v.run) as part, bit_or(jobs._bit(v.run)) as bits from given v group by 1, 2) g,
      lateral (select q.lease, q.part, q.open from jobs.batch q
               where q.lease = g.lease and q.part = g.part and q.worker is not distinct from i_worker limit 1) b
  ), open as materialized (
    select g.*, o.job_id, o.attempt, o.run_at, o.task, o.meta, true as is_open
    from batches b, lateral jobs._opened(b.leases, b.parts, b.bits) o, given g
    where g.lease = o.lease and g.run = o.batch_index
  ), runs as (
    select o.* from open o
    union all
    select g.*, h.job_id, h.attempt, h.run_at, h.task, null, false
    from (select array_agg(v.job) as jobs from given v
          where not exists (select from open o where o.lease = v.lease and o.run = v.run) having count(*) > 0) m,
      lateral jobs._history_of(m.jobs, false) h, given g
    where g.job = h.job_id and g.lease = h.lease and h.worker is not distinct from i_worker and h.run_at is not null
  ), lines as (   -- the first by its position: a call of a set-returning function for each run would cost more than its row
    select r.job_id, r.attempt, r.run_at, r.task, (r.logs #>> '{0,0}')::integer as line, r.logs #> '{0,1}' as lines, r.new and i_new as new
    from runs r where r.logs is not null
    union all
    select r.job_id, r.attempt, r.run_at, r.task, (p ->> 0)::integer, p -> 1, false
    from runs r, jsonb_array_elements(r.logs - 0) p where jsonb_array_length(r.logs) > 1
  ), new_lines as (
    insert into jobs.log (job_id, attempt, run_at, task, line, lines)
    select l.job_id, l.attempt, l.run_at, l.task, l.line, l.lines from lines l where l.new
  ), more_lines as (
    insert into jobs.log (job_id, attempt, run_at, task, line, lines)
    select l.job_id, l.attempt, l.run_at, l.task, l.line, l.lines from lines l where l.new is not true
    on conflict (job_id, attempt, run_at, line) do nothing
  ), new_reports as (
    insert into jobs.progress (job_id, attempt, run_at, task, worker, version, at, done, total, note)
    select r.job_id, r.attempt, r.run_at, r.task, i_worker, r.version, v_now, r.done, r.total, left(r.note, 1000)
    from runs r where r.done is not null and r.new and i_new returning job_id
  ), more_reports as (
    insert into jobs.progress as p (job_id, attempt, run_at, task, worker, version, at, done, total, note)
    select r.job_id, r.attempt, r.run_at, r.task, i_worker, r.version, v_now, r.done, r.total, left(r.note, 1000)
    from runs r where r.done is not null and (r.new and i_new) is not true
    on conflict (job_id, attempt, run_at) do update
    set version = excluded.version, at = excluded.at, done = excluded.done, total = excluded.total, note = excluded.note
    where excluded.version > p.version returning p.job_id
  )
  select array_agg(row(r.job_id, r.attempt, r.task, r.meta, jobs._report_details(r.done, r.total, r.note))::jobs.new_event) into v_reports
  from runs r where r.is_open and jobs._are_watched() and r.job_id in (select n.job_id from new_reports n union all select m.job_id from more_reports m);
  if v_reports is not null then
    perform jobs._note_each('progress', v_reports);
  end if;
end $$;

-- The same for the worker itself, which sends so what is left to say of runs that end, before it settles
-- them. Format: jobs._note_progress. Never fails for what is in it; says nothing of a worker that was
-- declared dead.
create or replace function jobs.note_progress(i_worker uuid, i_progress jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if jsonb_typeof(i_progress) <> 'array' then
    raise sqlstate 'PT400' using message = format('progress is an array of runs, not of type %s', jsonb_typeof(i_progress)),
      hint = 'clients other than workers call jobs.set_progress';
  end if;
  if exists (select from jobs.worker w where w.id = i_worker and w.lost_at is null and jobs._acts_as(w.role, w.login)) then
    perform jobs._note_progress(i_worker, i_progress);
  end if;
end $$;

-- Says how far the present run of a job is, for plain clients: i_done of i_total (null: not known), and a
-- note of at most 1,000 characters (longer ones are cut). The newest call wins. Give the lease that
-- jobs.consume returned; without it the call is about whatever run the job has. P0001 when the job does not
-- run, PT409 when it does not run under this lease, PT400 for a number that is not finite. Locks the row of
-- this run's progress.
create or replace function jobs.set_progress(
  i_job varchar, i_done double precision, i_total double precision default null, i_note text default null, i_lease uuid default null
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_run jobs._runs;
begin
  perform jobs._check_lease(i_lease);
  if i_done is null or i_done in ('NaN', 'Infinity', '-Infinity') or i_total in ('NaN', 'Infinity', '-Infinity') then
    raise sqlstate 'PT400' using message = format('how much is done is a number, and so is the total, not %s of %s', coalesce(i_done::text, 'null'), coalesce(i_total::text, 'null')),
      hint = 'leave out a total that is not known';
  end if;
  select r.* into v_run from jobs._find_run(i_job) f
  join jobs._runs r on r.lease = f.lease and r.part = jobs._part(f.batch_index) and r.batch_index = f.batch_index
  where i_lease is null or f.lease = i_lease;
  if not found then
    perform jobs._not_held(i_job, i_lease);
  end if;
  -- Not jobs._begin_progress: the caller may keep its transaction open, and with it the locks of new partitions.
  perform nextval('jobs.progress_made') where pg_sequence_last_value('jobs.progress_made') is null;
  insert into jobs.progress as p (job_id, attempt, run_at, task, worker, version, at, done, total, note)
  values (i_job, v_run.attempt, v_run.run_at, v_run.task, v_run.worker, 1, jobs.now(), i_done, i_total, left(i_note, 1000))
  on conflict (job_id, attempt, run_at) do update
  set version = p.version + 1, at = excluded.at, done = excluded.done, total = excluded.total, note = excluded.note;
  if jobs._are_watched() then
    perform jobs._note_each('progress', array[row(i_job, v_run.attempt, v_run.task, v_run.meta, jobs._report_details(i_done, i_total, i_note))::jobs.new_event]);
  end if;
end $$;

-- Reads what is stored of a run with its outcome: the last report, and the lines of the log. Nulls for what
-- is not there or cannot be read: a worker wrote it.
create or replace function jobs._said(i_said text, out done double precision, out total double precision, out note text, out lines jsonb)
language plpgsql immutable parallel safe security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_said jsonb;
begin
  v_said := i_said::jsonb;
  lines := case jsonb_typeof(v_said #> '{logs,0,1}') when 'array' then v_said #> '{logs,0,1}' else '[]' end;
  done := (v_said ->> 'done')::double precision;
  total := (v_said ->> 'total')::double precision;
  note := left(v_said ->> 'note', 1000);
exception when data_exception then
  null;
end $$;

-- How far these jobs are, or were when they ended: a row for each run that said so, in the order of the runs.
-- It is kept for history_days, counted from the day of the run. The note is null for callers who may not read
-- logs: it may say anything, as the arguments do. A restricted role (85_topic_grants.sql) sees jobs of its
-- tasks. PT413 for more than 10,000 jobs. Reads by index the days since these jobs were created, and locks
-- nothing.
create or replace function jobs.progress_of(i_jobs text[]) returns table (
  job_id varchar, attempt integer, at timestamptz, done double precision, total double precision, note text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_notes boolean := has_function_privilege(jobs._caller(), 'jobs.job_log(varchar, bigint, integer)', 'execute');
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
begin
  if cardinality(i_jobs) > 10000 then
    raise sqlstate 'PT413' using message = format('jobs.progress_of looks at most 10000 jobs up, these are %s', cardinality(i_jobs)),
      hint = 'ask in several calls';
  elsif pg_sequence_last_value('jobs.progress_made') is null then
    return;
  end if;
  return query execute format('select p.job_id, p.attempt, p.at, p.done, p.total, case when $2 then p.note end
    from (
      select p.job_id, p.attempt, p.task, p.at, p.done, p.total, p.note from jobs.progress p where p.job_id = any ($1) and %s
      union all
      select h.job_id, h.attempt, h.task, h.complete_on, s.done, s.total, s.note
      from jobs._history_of($1, false) h, lateral jobs._said(h.said) s where h.said is not null and s.done is not null) p
    where jobs._is_under(p.task, $3) or jobs._is_under(p.task, $4)
    order by 1, 2', jobs._runs_since(i_jobs)) using i_jobs, v_notes, v_publishes, v_consumes;
end $$;

-- How far a running job is, for jobs.explain; no row when its run has said nothing. Without the note, which
-- not everybody may see.
create or replace function jobs._explain_progress(i_job varchar) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_run jobs._runs;
  v_progress record;
begin
  select r.* into v_run from jobs._find_run(i_job) f
  join jobs._runs r on r.lease = f.lease and r.part = jobs._part(f.batch_index) and r.batch_index = f.batch_index;
  if not found then
    return;
  end if;
  execute format('select p.done, p.total, p.at from jobs.progress p where p.job_id = $1 and p.attempt = $2 and p.run_at = %s', jobs._literal(v_run.run_at))
  into v_progress using i_job, v_run.attempt;
  if v_progress.done is not null then
    return next row('progress', format('attempt %s has done %s, as it said at %s', v_run.attempt, jobs._share(v_progress.done, v_progress.total), jobs._moment(v_progress.at)), null,
      jsonb_build_object('attempt', v_run.attempt, 'done', v_progress.done, 'total', v_progress.total, 'at', v_progress.at))::jobs.reason;
  end if;
end $$;

-- How much is done, in words: `40 of 100 (40 %)`.
create or replace function jobs._share(i_done double precision, i_total double precision) returns text
language sql immutable parallel safe
return i_done || coalesce(' of ' || i_total || case when i_total > 0 then ' (' || pg_catalog.floor((i_done / i_total * 100)::numeric) || ' %)' else '' end, '');
