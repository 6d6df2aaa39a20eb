-- Packed rows: jobs that were published together share a row of jobs.pending, up to 64 in each. One entry in
-- each index serves them all, and a claim moves the jobs on without unpacking them. When one of them must be
-- treated by itself (cancelled, claimed by a client with room for fewer), the row is unpacked first.
-- Claims, views, explain and the deploy check read packed rows; no function changes one without unpacking it.

-- The job in a row of one job. Inlined wherever it is used.
create or replace function jobs._open_job(i_row jobs.pending) returns jobs.open_job
language sql immutable parallel safe
return row(i_row.id, i_row.job_id, i_row.task, i_row.body, i_row.retries, i_row.max_retries, i_row.priority, i_row.timeout, i_row.created_at,
           i_row.scheduled_at, i_row.ready_seq, i_row.attempt, i_row.traceback, i_row.meta, i_row.on_end)::jobs.open_job;

-- Publishes jobs of one task and priority in packed rows of up to 64 jobs, of about the same size. The caller
-- has assigned an xid to the transaction, drawn the numbers and measured the bodies. The arrays are unnested
-- in step, so that their order is kept.
create or replace function jobs._publish_packed(
  i_ids bigint[], i_job_ids varchar[], i_task varchar, i_bodies jsonb[], i_bytes bigint[], i_timeouts numeric[], i_priority integer,
  i_max_retries integer[], i_metas jsonb[], i_now timestamptz, i_nodes bigint[], i_nths integer[]
) returns void
language plpgsql
set plan_cache_mode = force_generic_plan set enable_sort = off set jit = off as $$   -- a sort could change the order within a row
declare
  v_size integer := cardinality(i_bodies);
  v_rows integer := (v_size + 63) / 64;
begin
  if jobs._publishable(i_task, 0, 0, null, null, null) is not true then
    perform jobs._refuse('', i_task, 0, null, null, null);
  end if;
  insert into jobs.pending (id, job_id, task, timeout, priority, created_at, ready_seq, size, last_job, jobs, bytes, on_end)
  select (r.jobs[1]).id, r.first_job, i_task, r.timeout, i_priority, i_now, (r.jobs[1]).id, r.size, r.last_job, r.jobs, r.bytes,
    -- Of jobs of several nodes the row names none, so that each is counted for its own.
    case when ((r.jobs[1]).on_end).node is distinct from ((r.jobs[r.size]).on_end).node then row(null, null, null, null, null, -1, null)::jobs.on_end else (r.jobs[1]).on_end end
  from (
    select count(*) as size, min(g.job_id collate "C") as first_job, max(g.job_id collate "C") as last_job, sum(g.bytes) as bytes, min(coalesce(g.timeout, 60))::numeric(9, 2) as timeout,
      array_agg(row(g.id, g.job_id, i_task, g.body, 0, coalesce(g.max_retries, 3), i_priority, coalesce(g.timeout::numeric(9, 2), 60), i_now,
                    null, g.id, 0, null, g.meta,
                    case when g.node is not null then row(null, null, null, null, g.node, g.nth, null)::jobs.on_end end)::jobs.open_job) as jobs
    from (select unnest(i_ids) as id, unnest(i_job_ids) as job_id, unnest(i_bodies) as body, unnest(i_bytes) as bytes, unnest(i_timeouts) as timeout,
            unnest(i_max_retries) as max_retries, unnest(i_metas) as meta, unnest(i_nodes) as node, unnest(i_nths) as nth,
            generate_series(1, v_size) as at) g
    where jobs._fits(0, 0, null, g.timeout, g.max_retries) is true
      or jobs._refuse(format('job %s of %s: ', g.at, v_size), i_task, g.bytes, null, g.timeout, g.max_retries)
    group by (g.at - 1) * v_rows / v_size) r;
end $$;

-- The job with this id, if it is in a packed row. The ids in a packed row begin with the same millisecond.
create or replace function jobs._find_packed(i_job varchar) returns setof jobs.open_job
language sql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
  select j.*
  from jobs.pending q, unnest(q.jobs) j
  where q.size > 1 and q.job_id >= left(i_job, 13) and q.job_id <= i_job and q.last_job >= i_job and j.job_id = i_job
$$;

-- Unpacks these packed rows, which the caller has locked: gives each job a separate row with the ready_seq
-- that it has. Returns the new rows. (By the rows' addresses alone: with `size > 1` as well, the
-- planner may read all packed rows by the index of those instead.)
create or replace function jobs._unpack_rows(i_rows tid[]) returns tid[]
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_unpacked tid[];
begin
  with taken as (
    delete from jobs.pending q where q.ctid = any (i_rows) returning q.jobs
  ), unpacked as (
    insert into jobs.pending (id, job_id, task, body, retries, max_retries, priority, timeout, created_at, scheduled_at,
                              ready_seq, attempt, traceback, meta, on_end, bytes, returned)
    select j.id, j.job_id, j.task, j.body, j.retries, j.max_retries, j.priority, j.timeout, j.created_at, j.scheduled_at,
      j.ready_seq, j.attempt, j.traceback, j.meta, j.on_end, jobs._text_size(j.body) + jobs._text_size(j.meta), jobs._any_key()
    from taken t, unnest(t.jobs) j
    returning ctid
  )
  select array_agg(u.ctid) into v_unpacked from unpacked u;
  return v_unpacked;
end $$;

-- Unpacks the rows that contain these jobs, and waits for transactions that have locked those rows.
create or replace function jobs._unpack(i_jobs text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_rows tid[];
begin
  v_rows := array(
    select p.at
    from (select distinct j from unnest(i_jobs) j order by j) g(job_id),
      lateral (select q.ctid as at from jobs.pending q
               where q.size > 1 and q.job_id >= left(g.job_id, 13) and q.job_id <= g.job_id and q.last_job >= g.job_id
               for update) p);
  if cardinality(v_rows) > 0 then
    perform jobs._unpack_rows(v_rows);
  end if;
end $$;
