-- Re-drive: publishing failed jobs anew, as new jobs. The old row stays in history and names the new job.

-- Publishes jobs that failed or were cancelled anew: with the same arguments, options and meta, all runs
-- available, due at once. Returns a row for each given job, in order: the new job, or why it was skipped. The
-- arguments are validated against what the task is now. A job that had a unique key takes it again. The new
-- job's meta has `redrive`: the first job of the chain (origin) and the one before (from). A job is re-driven
-- once: its row then names the new job, which may be re-driven in turn. Locks the jobs, and their unique keys
-- as a publisher does; a job that another transaction has locked is skipped. PT413 for more than 1000 jobs.
create or replace function jobs.redrive(i_jobs text[], i_reason text default null) returns table (job_id varchar, new_job_id varchar, skipped text)
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_jobs jobs.redriven[];
begin
  if cardinality(i_jobs) > 1000 then
    raise sqlstate 'PT413' using message = format('jobs.redrive takes at most 1000 jobs, these are %s', cardinality(i_jobs)),
      hint = 'jobs.start_operation(''redrive'', topic) takes any number';
  end if;
  v_jobs := jobs._redrive(i_jobs, jobs._parts_of(i_jobs));
  perform jobs._audit_jobs('redrive', array(select r.job_id::text from unnest(v_jobs) r where r.skip is null), i_reason);
  return query
  select r.job_id, case when r.skip is null then r.new_job end, r.skip from unnest(i_jobs) with ordinality g(job, nth) join unnest(v_jobs) r on r.job_id = g.job order by g.nth;
end $$;

-- The days of history in which these jobs ended, as conditions on h.complete_on, in order.
create or replace function jobs._parts_of(i_jobs text[]) returns text[]
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(jobs._on_day(d.day) order by d.day), '{}')
  from (select distinct date_trunc('day', h.complete_on at time zone 'UTC') at time zone 'UTC' as day from jobs._history_of(i_jobs) h) d
$$;

-- The same without the audit, for steps of operations: what became of each of these jobs, which ended in
-- these parts of history (conditions on h.complete_on). Why one is skipped begins with one of few words and a
-- colon.
create or replace function jobs._redrive(i_jobs text[], i_parts text[]) returns jobs.redriven[]
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_jobs jobs.redriven[];
  v_ids bigint[];
begin
  if cardinality(i_jobs) > 0 is not true then
    return array[]::jobs.redriven[];
  end if;
  perform pg_current_xact_id();   -- the xid before the numbers
  v_jobs := jobs._lock_failed(i_jobs, i_parts);
  v_jobs := jobs._skip_unfit(v_jobs, i_parts);
  v_ids := jobs._draw_numbers(cardinality(v_jobs));
  v_jobs := array(
    select row(r.job_id, r.part, r.task, r.skip, r.is_suspect, r.unique_name, r.unique_key, n.id, n.new_job)::jobs.redriven
    from (select j.*, row_number() over () as nth from unnest(v_jobs) j) r
    join unnest(v_ids, jobs._new_job_ids(v_ids, v_now)) with ordinality n(id, new_job, nth) on n.nth = r.nth order by r.nth);
  v_jobs := jobs._skip_keyless(v_jobs, v_now);
  perform jobs._store_redriven(v_jobs, i_parts, v_now);
  if jobs._are_watched() then
    perform jobs._note_requeued(array(select r.new_job::text from unnest(v_jobs) r where r.skip is null));
  end if;
  perform jobs._wake_workers();
  return v_jobs;
end $$;

-- Locks these ended jobs, but none that another transaction has locked, and says which are to be skipped.
create or replace function jobs._lock_failed(i_jobs text[], i_parts text[]) returns jobs.redriven[]
language plpgsql as $$
declare
  v_limits jobs.config := (select c from jobs.config c);
  v_some jobs.redriven[];
  v_jobs jobs.redriven[] := array[]::jobs.redriven[];
  v_left text[];
begin
  for v_part in 1..coalesce(cardinality(i_parts), 0) loop
    execute format('
      select array_agg(row(l.job_id, $2, coalesce(k.task, l.task), case
          when l.status = ''success'' then ''success: it did not fail''
          when l.redriven_as is not null then ''redriven: already, as '' || l.redriven_as
          when jobs._text_size(l.body) > $3 then format(''too large: its body takes more than the %%s bytes that are allowed now'', $3)
          when k.name is null and $4 = ''reject'' then ''unknown task: nobody has declared it'' end,
        k.validation = ''strict'' and not jobs._is_fit(l.body, k.fits, k.names), (l.on_end).unique_name, (l.on_end).unique_key, null, null)::jobs.redriven order by l.job_id)
      from (select h.* from jobs.job h where h.job_id = any ($1) and %s for update skip locked) l left join jobs.publish_check k on k.name = l.task', i_parts[v_part])
    into v_some using i_jobs, v_part, v_limits.max_body_bytes, v_limits.unknown_task;
    v_jobs := v_jobs || coalesce(v_some, '{}');
  end loop;
  v_left := array(select j from unnest(i_jobs) j where j is not null except select r.job_id from unnest(v_jobs) r);
  if v_left <> '{}' then
    v_jobs := v_jobs || array(
      select row(g.job, null, null, case when h.job_id is null then 'gone: no failed or cancelled job has this id' else 'locked: by another transaction' end,
                 false, null, null, null, null)::jobs.redriven
      from unnest(v_left) g(job) left join jobs._history_of(v_left) h on h.job_id = g.job);
  end if;
  return v_jobs;
end $$;

-- Compares the bodies that may not fit their tasks with the schemas in use, for a second at most; the workers
-- validate what is left after that.
create or replace function jobs._skip_unfit(i_jobs jobs.redriven[], i_parts text[]) returns jobs.redriven[]
language plpgsql as $$
declare
  v_until timestamptz := clock_timestamp() + interval '1 s';
  v_jobs jobs.redriven[] := i_jobs;
  v_job jobs.redriven;
begin
  for v_n in 1..cardinality(v_jobs) loop
    continue when v_jobs[v_n].skip is not null or v_jobs[v_n].is_suspect is not true;
    exit when clock_timestamp() > v_until;
    v_job := v_jobs[v_n];
    execute format('select ''does not fit: '' || jobs._schema_error_of_job($1, h.body, $3) from jobs.job h where h.job_id = $2 and %s', i_parts[v_job.part])
      into v_job.skip using v_job.task, v_job.job_id, v_until;
    v_jobs[v_n] := v_job;
  end loop;
  return v_jobs;
end $$;

-- Takes the unique keys for the new jobs; those whose keys others hold are skipped. Of several jobs with one
-- key the first gets it. Waits as a publisher does.
create or replace function jobs._skip_keyless(i_jobs jobs.redriven[], i_now timestamptz) returns jobs.redriven[]
language plpgsql as $$
declare
  v_names text[];
  v_keys text[];
  v_new text[];
  v_holders text[];
begin
  select array_agg(k.unique_name), array_agg(k.unique_key), array_agg(k.new_job) into v_names, v_keys, v_new
  from (select distinct on (r.unique_name, r.unique_key) r.unique_name, r.unique_key, r.new_job
        from unnest(i_jobs) r where r.skip is null and r.unique_key is not null order by r.unique_name, r.unique_key, r.job_id) k;
  if v_names is null then
    return i_jobs;
  end if;
  v_holders := array(
    select t.holder from jobs._take_keys(v_names, v_keys, v_new, array_fill(null::timestamptz, array[cardinality(v_keys)]), i_now) t order by t.nth);
  return array(
    select row(r.job_id, r.part, r.task, coalesce(r.skip, case when h.holder <> r.new_job then 'key held: job ' || h.holder || ' holds its unique key' end),
               r.is_suspect, r.unique_name, r.unique_key, r.id, r.new_job)::jobs.redriven
    from unnest(i_jobs) r left join unnest(v_names, v_keys, v_holders) h(name, key, holder) on h.name = r.unique_name and h.key = r.unique_key);
end $$;

-- Marks the jobs that are not skipped, which the caller has locked, and stores the new ones.
create or replace function jobs._store_redriven(i_jobs jobs.redriven[], i_parts text[], i_now timestamptz) returns void
language plpgsql as $$
begin
  for v_part in 1..coalesce(cardinality(i_parts), 0) loop
    execute format('
      with old as (
        update jobs.job h set redriven_as = r.new_job
        from unnest($1) r where h.job_id = r.job_id and r.skip is null and r.part = $2 and h.redriven_as is null and %s
        returning h.*, r.id as new_id, r.new_job
      )
      insert into jobs.pending (id, job_id, task, body, max_retries, priority, timeout, created_at, ready_seq, meta, on_end, bytes)
      select o.new_id, o.new_job, o.task, o.body, greatest(o.max_retries, 1), o.priority, greatest(o.timeout, 0.01), $3, o.new_id, m.meta, jobs._without_node(o.on_end),
        jobs._text_size(o.body) + jobs._text_size(m.meta)
      from old o, lateral (select coalesce(o.meta, ''{}'') || jsonb_build_object(''redrive'', jsonb_build_object(
        ''origin'', coalesce(o.meta->''redrive''->''origin'', to_jsonb(o.job_id)), ''from'', o.job_id)) as meta) m
      order by o.new_id', i_parts[v_part]) using i_jobs, v_part, i_now;
  end loop;
end $$;
