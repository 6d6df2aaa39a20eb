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
    perform jobs._advance(d.workflow) from (select g.workflow from jobs.node_delta g group by 1 order by random() limit 1000) d;   -- so that some that fail keep back no others
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

-- Stops one of them, or a piece of it, unless somebody has it locked, or for longer than 300 ms a job of it.
create or replace function jobs._stop_workflow(i_workflow bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off set lock_timeout = '300ms' as $$
declare
  v_workflow jobs.workflow;
begin
  select w.* into v_workflow from jobs.workflow w where w.id = i_workflow and w.ended_at is null and (w.state = 'failed' or w.deadline <= jobs.now()) for update skip locked;
  if not found then
    return;
  elsif v_workflow.state = 'failed' then
    perform jobs._stop_running(v_workflow, jobs._running_nodes(v_workflow.id, false), 'workflow_failed', 'a node failed');
  elsif v_workflow.state = 'compensating' then   -- its undos still run
    update jobs.workflow w set deadline = null where w.id = v_workflow.id;
  else
    if v_workflow.state = 'running' then   -- what waits is cancelled at once, so that nothing more starts
      update jobs.workflow w set state = 'cancelled', reason = 'the deadline of its workflow is over' where w.id = v_workflow.id returning * into v_workflow;
      perform jobs._cancel_nodes(v_workflow, array(select n.id from jobs.node n where n.workflow = v_workflow.id and n.state = 'waiting' order by n.id),
                                 'deadline', v_workflow.reason, jobs._grace(), jobs._caller());
    end if;
    perform jobs._stop_running(v_workflow, jobs._running_nodes(v_workflow.id, true), 'deadline', 'the deadline of its workflow is over');
  end if;
exception
  when lock_not_available then
    null;
  when query_canceled or others then   -- a timeout too: else all of jobs.maintain would end in it for ever
    raise warning 'workflow % is not stopped: %', i_workflow, jobs._escaped(left(sqlerrm, 500)) using hint = 'jobs.maintain tries again every second';
end $$;

-- The nodes of a workflow that run; without i_alerts not those that were started because another failed or
-- ended in any way (an alert, a clean-up): of what fails they run to their end.
create or replace function jobs._running_nodes(i_workflow bigint, i_alerts boolean) returns bigint[]
language sql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
  select array(
    select n.id from jobs.node n
    where n.workflow = i_workflow and n.state = 'running'
      and (i_alerts or not exists (select from jobs.edge e join jobs.node p on p.id = e.parent where e.child = n.id and e.is_met and e."when" <> 'success' and p.state = 'failed'))
    order by n.id)
$$;

-- Cancels jobs of these nodes of a workflow that the caller has locked: about 2,000 in a call, because one of
-- jobs.maintain that takes longer than its caller waits is undone. Of a group that is larger it notes how far it has
-- come.
create or replace function jobs._stop_running(i_workflow jobs.workflow, i_nodes bigint[], i_why text, i_reason text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_most constant integer := 2000;
  v_small bigint[] := array(
    select s.id from (select n.id, sum(n.jobs - coalesce(n.stopped_to, 0)) over (order by n.id) as reach from jobs.node n where n.id = any (i_nodes)) s where s.reach <= v_most order by s.id);
  v_jobs text[];
begin
  if v_small <> '{}' then
    perform jobs._cancel_nodes(i_workflow, v_small, i_why, i_reason, jobs._grace(), jobs._caller());
    return;
  end if;
  update jobs.node n set stopped_to = coalesce(n.stopped_to, 0) + v_most where n.id = i_nodes[1] returning n.job_ids[n.stopped_to - v_most + 1:n.stopped_to]::text[] into v_jobs;
  if found then
    perform jobs._cancel(v_jobs, jobs._grace(), jobs._caller(), i_reason);
  end if;
end $$;

-- Deletes workflows that ended before i_before, for about i_seconds.
create or replace function jobs._trim_ended_workflows(i_before timestamptz, i_seconds double precision) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_until timestamptz := clock_timestamp() + make_interval(secs => i_seconds);
begin
  loop
    exit when jobs._trim_workflows(i_before, 1000) < 1000 or clock_timestamp() > v_until;
  end loop;
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
