-- Looking up single jobs.

-- One job in any state; no row when it is unknown. Reads each table by its index.
create or replace function jobs.get(i_job varchar) returns setof jobs."all"
language plpgsql stable rows 1 security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query select q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, 'pending'::varchar, q.priority, q.timeout,
      q.created_at, null::timestamptz, q.scheduled_at, null::timestamptz, null::jsonb, q.traceback, q.attempt, null::uuid, q.meta
    from (select p.id, p.job_id, p.task, p.body, p.retries, p.max_retries, p.priority, p.timeout, p.created_at, p.scheduled_at,
            p.attempt, p.traceback, p.meta
          from jobs.pending p where p.job_id = i_job and p.size = 1
          union all
          select p.id, p.job_id, p.task, p.body, p.retries, p.max_retries, p.priority, p.timeout, p.created_at, p.scheduled_at,
            p.attempt, p.traceback, p.meta
          from jobs._find_packed(i_job) p) q;
  if not found then
    return query select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, 'running'::varchar, r.priority, r.timeout,
        r.created_at, r.run_at, r.scheduled_at, null::timestamptz, null::jsonb, r.traceback, r.attempt, r.worker, r.meta
      from jobs._find_run(i_job) f join jobs._runs r on r.lease = f.lease and r.part = jobs._part(f.batch_index) and r.batch_index = f.batch_index;
  end if;
  if not found then   -- last, because it costs most; all queries read one snapshot, so the order does not matter
    return query select h.id, h.job_id, h.task, h.body, h.retries, h.max_retries, h.status::text::varchar, h.priority, h.timeout,
        h.created_at, h.run_at, h.scheduled_at, h.complete_on, h.result, h.traceback, h.attempt, h.worker, h.meta
      from jobs._history_of(array[i_job::text]) h;
  end if;
end $$;

-- The state of a job, with its result or last error, for clients that wait for it. A restricted role
-- (85_topic_grants.sql) sees jobs of the tasks that it may publish or consume; others are unknown to it.
create or replace function jobs.result(i_job varchar) returns table (status varchar, result jsonb, traceback text)
language plpgsql stable rows 1 security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query select a.status, a.result, a.traceback from jobs.get(i_job) a where a.task = any (jobs._visible(array[a.task::text]));
end $$;

-- The states of these jobs, each once and in no order, with their results or last errors once they have
-- ended; no row for an unknown job. i_only_ended leaves out those that have not ended: clients that wait for
-- many jobs poll with it (jobs.await_results). Reads only the indexes of job ids, and locks in history the
-- days on which these jobs can have ended; searches all days for a job that it does not find, unless
-- i_only_ended is set. For a restricted role, jobs of other tasks are unknown, as in jobs.result.
create or replace function jobs.results(i_jobs text[], i_only_ended boolean default false) returns table (
  job_id varchar, status varchar, result jsonb, traceback text
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_pending text[];
  v_running text[];
  v_hidden text[];
  v_others text[] := i_jobs;
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
begin
  if cardinality(i_jobs) > 10000 then
    raise sqlstate 'PT413' using message = format('jobs.results looks at most 10000 jobs up, these are %s', cardinality(i_jobs)),
      hint = 'ask in several calls';
  end if;
  if not i_only_ended then
    select array_agg(o.job_id) filter (where o.status = 'pending' and o.is_visible), array_agg(o.job_id) filter (where o.status = 'running' and o.is_visible),
      array_agg(o.job_id) filter (where not o.is_visible)
    into v_pending, v_running, v_hidden
    from (select p.job_id, p.status, jobs._is_under(p.task, v_publishes) or jobs._is_under(p.task, v_consumes) as is_visible from jobs._open_of(i_jobs) p) o;
    return query select o::varchar, 'pending'::varchar, null::jsonb, null::text from unnest(v_pending) o;
    return query select o::varchar, 'running'::varchar, null::jsonb, null::text from unnest(v_running) o;
    v_others := array(select j from unnest(i_jobs) j except select o from unnest(v_pending || v_running || v_hidden) o);
  end if;
  if cardinality(v_others) > 0 then
    return query select h.job_id, h.status::text::varchar, h.result, h.traceback from jobs._history_of(v_others, not i_only_ended) h
      where jobs._is_under(h.task, v_publishes) or jobs._is_under(h.task, v_consumes);
  end if;
end $$;

-- Those of these jobs that are pending or running. Unnests a packed row or batch once, however many of these
-- jobs it contains.
create or replace function jobs._open_of(i_jobs text[]) returns table (job_id varchar, status varchar, task varchar)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_single text[];
  v_tasks text[];
  v_others text[];
begin
  select array_agg(p.job_id), array_agg(p.task) into v_single, v_tasks from jobs.pending p where p.job_id = any (i_jobs) and p.size = 1;
  v_others := array(select j from unnest(i_jobs) j except select p from unnest(v_single) p);
  return query select p.job_id::varchar, 'pending'::varchar, p.task::varchar from unnest(v_single, v_tasks) p(job_id, task);
  return query select w.job_id, 'pending'::varchar, w.task
    from jobs.pending q, unnest(q.jobs) w
    where w.job_id = any (v_others) and q.ctid = any (array(
      select distinct r.at from unnest(v_others) j,
        lateral (select m.ctid as at from jobs.pending m
                 where m.size > 1 and m.job_id >= left(j, 13) and m.job_id <= j and m.last_job >= j) r));
  return query select w.job_id, 'running'::varchar, w.task
    from jobs.batch b, unnest(b.jobs) with ordinality w
    where w.job_id = any (v_others) and b.open & jobs._bit(w.ordinality - 1) <> 0 and b.ctid = any (array(
      select distinct r.at from unnest(v_others) j,
        lateral (select q.ctid as at from jobs.batch q where q.first_job = j
                 union all
                 select q.ctid from jobs.batch q where q.part >= 0 and q.first_job < j and q.last_job >= j) r));
end $$;
