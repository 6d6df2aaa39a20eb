-- What a task declares holds for all who publish its jobs: timeout, priority and number of runs that a call
-- does not give are those of the task, under any of its names; of a task that nobody has declared 60 s, 0 and
-- three runs, for which null stands. jobs.publish looks them up itself.

-- The options of the jobs of a call, as jobs.publish_arrays takes them, with what their tasks declare in
-- place of nulls. Bodies that were made from the task's own types (i_checked) come with their options: they
-- are left as they are. An array has a value for each job, or is as it was. Reads a row for each task of the
-- call; takes no lock.
create or replace function jobs._declared_options(i_tasks text[], i_checked boolean[], i_jobs integer, i_options jobs.job_options) returns jobs.job_options
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_names text[];
  v_known jobs.publish_check[];
begin
  if i_checked = '{t}' then
    return i_options;
  end if;
  v_names := case when i_tasks[1] = all (i_tasks) then i_tasks[1:1] else array(select distinct g.name from unnest(i_tasks) g(name)) end;
  v_known := array(select k from jobs.publish_check k where k.name = any (v_names) and not k.is_plain);
  if cardinality(v_known) = 0 then
    return i_options;
  elsif cardinality(v_names) = 1 and (true = any (i_checked)) is not true and jobs._are_null(i_options.timeouts)
    and jobs._are_null(i_options.priorities) and jobs._are_null(i_options.max_retries) then
    return row(array_fill(v_known[1].timeout, array[i_jobs]), array_fill(v_known[1].priority, array[i_jobs]), array_fill(v_known[1].max_retries, array[i_jobs]))::jobs.job_options;
  end if;
  return (
    select row(array_agg(coalesce(g.timeout, k.timeout) order by g.at), array_agg(coalesce(g.priority, k.priority) order by g.at),
               array_agg(coalesce(g.max_retries, k.max_retries) order by g.at))::jobs.job_options
    from unnest(jobs._for_each(i_tasks, i_jobs), jobs._for_each(i_checked, i_jobs), jobs._for_each(i_options.timeouts, i_jobs),
                jobs._for_each(i_options.priorities, i_jobs), jobs._for_each(i_options.max_retries, i_jobs))
      with ordinality g(task, checked, timeout, priority, max_retries, at)
    left join unnest(v_known) k on k.name = g.task and g.checked is not true);
end $$;

-- Whether one of these tasks declares what is unique about its jobs.
create or replace function jobs._are_unique(i_tasks text[]) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
  select exists (select from jobs.publish_check k where k.name = any (i_tasks) and k.unique_by is not null)
$$;

-- Whether an array of options leaves all of them to the tasks.
create or replace function jobs._are_null(i_options anyarray) returns boolean
language sql immutable parallel safe as $$
  select i_options is null or pg_catalog.cardinality(pg_catalog.array_remove(i_options, null)) = 0
$$;

-- The same for a node of a workflow, whose options are an object; null when neither says anything.
create or replace function jobs._declared_node_options(i_task text, i_options jsonb) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  select coalesce(
    (select jsonb_build_object('timeout', k.timeout, 'priority', k.priority, 'max_retries', k.max_retries) || coalesce(i_options, '{}')
     from jobs.publish_check k where k.name = i_task and not k.is_plain), i_options)
$$;
