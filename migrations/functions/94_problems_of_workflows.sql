-- Workflows for monitors: how many are open or held, and those that wait for somebody.

-- Workflows that failed and that nobody has retried or cancelled for a day, all in one row. Counts to 10,000.
create or replace function jobs._problems_of_workflows() returns setof jobs.problem
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  if pg_sequence_last_value('jobs.workflows_made') is null then
    return;
  end if;
  return query
  with held as materialized (
    select w.id, w.name, w.ended_at from jobs.workflow w where w.state = 'failed' and w.open > 0 order by w.id limit 10000
  ), late as materialized (
    select h.* from held h where h.ended_at < v_now - interval '1 day'
  )
  select 'workflows_held', 'warning',
    format('%s workflows failed and wait for a retry, the first since %s: %s', count(*), jobs._span(jobs._since(v_now, min(l.ended_at))),
           (select jobs._listed(array_agg(f.said), count(*)) from (select coalesce(o.name, o.id::text) as said from late o order by o.ended_at, o.id limit 5) f)),
    jobs._seconds(jobs._since(v_now, min(l.ended_at))), 86400::numeric,
    format('`pgjobs workflow list --state failed` lists them; `pgjobs workflow retry %s` resumes one, `pgjobs workflow cancel %1$s` gives it up',
           (select o.id from late o order by o.ended_at, o.id limit 1)),
    jsonb_build_object('workflows', count(*), 'since', min(l.ended_at), 'first', (select jsonb_agg(f.id) from (select o.id from late o order by o.ended_at, o.id limit 5) f))
  from late l having count(*) > 0;
end $$;

-- How many workflows run, and how many failed and wait for a retry; counted to 10,001.
create or replace function jobs._metrics_of_workflows() returns table (name text, labels jsonb, value double precision)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  if pg_sequence_last_value('jobs.workflows_made') is null then
    return;
  end if;
  return query
  select 'pgjobs_workflows', jsonb_build_object('state', s.state), s.number::double precision
  from (values
    ('running', (select count(*) from (select from jobs.workflow w where w.state = 'running' limit 10001) c)),
    ('compensating', (select count(*) from (select from jobs.workflow w where w.state = 'compensating' limit 10001) c)),
    ('failed', (select count(*) from (select from jobs.workflow w where w.state = 'failed' limit 10001) c))) s(state, number);
end $$;
