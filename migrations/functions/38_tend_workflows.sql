-- What workflows need besides the ends of their jobs: deltas that were left, deadlines, and what is to be
-- stopped.

-- For jobs.maintain. Locks workflows that nobody else has locked.
create or replace function jobs._tend_workflows() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if pg_sequence_last_value('jobs.workflows_made') is not null then
    perform jobs._apply_left_deltas(), jobs._stop_workflows();
  end if;
end $$;

-- Applies deltas that were left: for ten seconds after somebody left one, and about once in a minute.
create or replace function jobs._apply_left_deltas() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if pg_sequence_last_value('jobs.deltas_left') > jobs._millis(jobs.now()) - 10000 or extract(second from jobs.now()) < 2 then
    perform jobs._advance(d.workflow) from (select distinct g.workflow from jobs.node_delta g order by g.workflow limit 1000) d;
  end if;
end $$;

-- Stops workflows whose deadline is over, and what runs of those that cancel everything when a node fails.
-- Waits for what others have locked, but a second in all at most: other workflows are stopped all the same,
-- and that one by a later call. (In no order, so that some that are locked do not keep back the others.)
create or replace function jobs._stop_workflows() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_until timestamptz := clock_timestamp() + interval '700 ms';
  v_id bigint;
begin
  for v_id in
    select s.id from (
      select d.id from (select o.id from jobs.workflow o where o.deadline <= jobs.now() and o.deadline is not null and o.ended_at is null order by o.deadline limit 1000) d
      union select f.id from (select o.id from jobs.workflow o where o.state = 'failed' and o.ended_at is null order by o.id limit 1000) f) s
    order by random() limit 20
  loop
    exit when clock_timestamp() > v_until;
    perform jobs._stop_workflow(v_id);
  end loop;
end $$;

-- Stops one of them, unless somebody has it locked, or for longer than 300 ms a job of it.
create or replace function jobs._stop_workflow(i_workflow bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off set lock_timeout = '300ms' as $$
declare
  v_workflow jobs.workflow;
begin
  select w.* into v_workflow from jobs.workflow w where w.id = i_workflow and w.ended_at is null and (w.state = 'failed' or w.deadline <= jobs.now()) for update skip locked;
  if not found then
    return;
  elsif v_workflow.state = 'failed' then
    perform jobs._cancel_nodes(v_workflow, jobs._running_nodes(v_workflow.id), 'workflow_failed', 'a node failed', jobs._grace(), jobs._caller());
  elsif v_workflow.state = 'compensating' then   -- its undos still run
    update jobs.workflow w set deadline = null where w.id = v_workflow.id;
  else
    perform jobs._cancel_whole(v_workflow, 'deadline', 'the deadline of its workflow is over', jobs._grace(), jobs._caller());
  end if;
exception
  when lock_not_available then
    null;
  when others then
    raise warning 'workflow % is not stopped: %', i_workflow, jobs._escaped(left(sqlerrm, 500)) using hint = 'jobs.maintain tries again every second';
end $$;

-- Deletes workflows, up to i_num, which ended before i_before, with all that is theirs.
create or replace function jobs._trim_workflows(i_before timestamptz, i_num integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_gone bigint[];
  v_nodes bigint[];
begin
  with gone as (
    delete from jobs.workflow w where w.id = any (array(
      select o.id from jobs.workflow o where o.ended_at < i_before order by o.ended_at limit i_num for update skip locked)) returning w.id
  ) select array_agg(g.id) into v_gone from gone g;
  if v_gone is null then
    return 0;
  end if;
  with gone as (
    delete from jobs.node n where n.workflow = any (v_gone) returning n.id
  ) select array_agg(g.id) into v_nodes from gone g;
  delete from jobs.edge e where e.parent = any (v_nodes);
  delete from jobs.node_result r where r.node = any (v_nodes);
  delete from jobs.node_failure f where f.node = any (v_nodes);
  delete from jobs.node_delta d where d.workflow = any (v_gone);
  return cardinality(v_gone);
end $$;

-- The oldest day that history keeps, when it may drop what comes before i_day: workflows that are open, or
-- failed and may be retried, keep the days since they were published.
create or replace function jobs._oldest_kept(i_day date) returns date
language sql stable strict security definer set search_path = pg_catalog, pg_temp as $$
  select least(i_day, (select (w.created_at at time zone 'utc')::date from jobs.workflow w where w.state in ('running', 'compensating', 'failed') order by w.id limit 1))
$$;

-- Whether the workflow of a node is over, or gone: then nothing of it runs again.
create or replace function jobs._is_over(i_node bigint) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
  select not exists (select from jobs.node n join jobs.workflow w on w.id = n.workflow where n.id = i_node and w.state in ('running', 'compensating', 'failed'))
$$;
