-- Storing jobs that were checked: their numbers, and rows of their own or packed ones.

-- Numbers for new jobs, in order. The caller has assigned an xid to the transaction.
create or replace function jobs._draw_numbers(i_jobs integer) returns bigint[]
language plpgsql set plan_cache_mode = force_generic_plan as $$
begin
  return array(select nextval('jobs.job_number') from (select generate_series(1, i_jobs)) n);
end $$;

-- Whether jobs that are published in bulk are packed unless somebody says so: not where a plain client
-- claims, which may keep its claim of one job of a packed row uncommitted while it works. (A flag more than
-- two weeks ahead was set by a wrong clock.)
create or replace function jobs._packs() returns boolean
language sql volatile
return (pg_catalog.pg_sequence_last_value('jobs.plain_clients_until') - jobs._millis(jobs.now()) between 1 and 1209600000) is not true;

-- Stores jobs: in packed rows if i_pack is set and they are alike, else in one row each. Tasks and priorities
-- are given for each job or once for all; i_nodes and i_nths, for jobs of nodes of workflows, say of which node
-- each is, and its position there. The caller has assigned an xid to the transaction, drawn the
-- numbers and measured the bodies.
create or replace function jobs._store(
  i_ids bigint[], i_job_ids varchar[], i_tasks text[], i_bodies jsonb[], i_bytes bigint[], i_due timestamptz[], i_timeouts numeric[],
  i_priorities integer[], i_max_retries integer[], i_metas jsonb[], i_now timestamptz, i_pack boolean, i_nodes bigint[] default null, i_nths integer[] default null
) returns void
language plpgsql as $$
declare
  v_jobs integer := cardinality(i_ids);
begin
  if i_pack and v_jobs >= 64 and 65536 >= all (i_bytes) and i_tasks[1] = all (i_tasks)
    and cardinality(i_tasks) in (1, v_jobs) and coalesce(cardinality(i_priorities), 1) in (1, v_jobs)
    and (i_priorities[1] = all (i_priorities) or not exists (select from unnest(i_priorities) p where p is not null))
    and not exists (select from unnest(i_due) d where d is not null) then
    perform jobs._publish_packed(i_ids, i_job_ids, i_tasks[1], i_bodies, i_bytes, i_timeouts, coalesce(i_priorities[1], 0), i_max_retries, i_metas, i_now, i_nodes, i_nths);
  else
    perform jobs._publish_singly(i_ids, i_job_ids, jobs._for_each(i_tasks, v_jobs), i_bodies, i_bytes, i_due, i_timeouts,
                                 jobs._for_each(i_priorities, v_jobs), i_max_retries, i_metas, i_now, i_nodes, i_nths);
  end if;
end $$;

-- Publishes jobs in one row each. The caller has assigned an xid to the transaction, drawn the numbers and
-- measured the bodies. The arrays are unnested in step, so that their order is kept.
create or replace function jobs._publish_singly(
  i_ids bigint[], i_job_ids varchar[], i_tasks text[], i_bodies jsonb[], i_bytes bigint[], i_due timestamptz[], i_timeouts numeric[],
  i_priorities integer[], i_max_retries integer[], i_metas jsonb[], i_now timestamptz, i_nodes bigint[], i_nths integer[]
) returns void
language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
  v_which text := case when cardinality(i_ids) > 1 then 'job %s of ' || cardinality(i_ids) || ': ' else '' end;
begin
  insert into jobs.pending (id, job_id, task, body, scheduled_at, timeout, priority, max_retries, created_at, ready_seq, bytes, meta, on_end)
  select g.id, g.job_id, g.task, g.body, g.due, coalesce(g.timeout, 60), coalesce(g.priority, 0), coalesce(g.max_retries, 3), i_now,
    case when (g.due > i_now) is not true then g.id end, g.bytes, g.meta,
    case when g.node is not null then row(null, null, null, null, g.node, g.nth, null)::jobs.on_end end
  from (select unnest(i_ids) as id, unnest(i_job_ids) as job_id, unnest(i_tasks) as task, unnest(i_bodies) as body, unnest(i_bytes) as bytes,
          unnest(i_due) as due, unnest(i_timeouts) as timeout, unnest(i_priorities) as priority, unnest(i_max_retries) as max_retries,
          unnest(i_metas) as meta, unnest(i_nodes) as node, unnest(i_nths) as nth, generate_series(1, cardinality(i_ids)) as at) g
  where jobs._publishable(g.task, 0, 0, g.due, g.timeout, g.max_retries) is true
    or jobs._refuse(format(v_which, g.at), g.task, g.bytes, g.due, g.timeout, g.max_retries);
end $$;
