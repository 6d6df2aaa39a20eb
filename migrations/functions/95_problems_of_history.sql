-- Problems of history and of the clock.

-- The server processes that hold a lock on history or its maintenance, as text; null: none.
create or replace function jobs._holders_of_history() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select string_agg(h.pid::text, ', ' order by h.pid) from (
    select distinct l.pid from pg_locks l
    where l.granted and l.pid <> pg_backend_pid() and (
      l.relation = 'jobs.job'::regclass and l.database = (select d.oid from pg_database d where d.datname = current_database())
      or l.locktype = 'transactionid' and l.transactionid = (select r.xmax from jobs.retention r))
    order by l.pid limit 10) h
$$;

-- Partitions of history that are missing or stay too long, rows that none of them took, and what keeps
-- jobs.maintain_partitions from its work.
create or replace function jobs._problems_of_history() returns setof jobs.problem
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  c_remedy constant text := '`select jobs.maintain_partitions()`';
  v_now timestamptz := jobs.now();
  v_today date := (v_now at time zone 'utc')::date;
  v_oldest date := v_today - 1 - (select c.history_days from jobs.config c);
  v_state jobs.retention := (select r from jobs.retention r);
  v_calls bigint := greatest(v_state.gave_way, pg_sequence_last_value('jobs.retentions_turned_away'));
  v_pids text;
begin
  return query
  select 'partition_missing', case when min(d.day) = v_today then 'error' else 'warning' end,
    format('history has no partition for %s: its jobs go to the default partition', min(d.day)), count(*)::numeric, 0::numeric, c_remedy || '; workers call it every few minutes',
    jsonb_build_object('days', jsonb_agg(d.day order by d.day))
  from (select v_today + g as day from generate_series(0, 1) g) d where d.day not in (select p.day from jobs._partitions() p) having count(*) > 0;
  return query
  select 'run_partition_missing', 'warning', format('jobs.%s has no partition for %s, so that what runs say lies in its default partition, which is deleted row by row', min(d.parent), min(d.day)),
    count(*)::numeric, 0::numeric, c_remedy || '; workers call it every few minutes', jsonb_build_object('days', jsonb_agg(distinct d.day))
  from (select t.parent, v_today + g as day from unnest('{progress,log}'::text[]) t(parent), generate_series(0, 1) g where pg_sequence_last_value('jobs.progress_made') is not null) d
  where not exists (select from jobs._run_partitions() p where p.parent = d.parent and p.day = d.day) having count(*) > 0;
  return query
  select 'rows_in_default', 'warning', format('%s ended jobs of %s lie in the default partition of history, which is never dropped', case when count(*) > 1000 then 'more than 1000' else count(*)::text end, v_today),
    count(*)::numeric, 0::numeric, c_remedy || ' moves them', '{}'::jsonb
  from (select from jobs.job_default h where h.complete_on >= v_today::timestamp at time zone 'utc' limit 1001) r having count(*) > 0;
  return query
  select 'history_not_dropped', 'warning', format('%s days of history are older than history_days, the oldest of %s', count(*), min(p.day)), count(*)::numeric, 0::numeric,
    c_remedy || ', ten of them in a call', jsonb_build_object('oldest', min(p.day))
  from jobs._partitions() p where p.day < v_oldest having count(*) > 0;
  return query
  select 'history_not_maintained', 'warning', format('nobody has called jobs.maintain_partitions for %s', jobs._span(jobs._since(v_now, v_state.looked_at))),
    jobs._seconds(jobs._since(v_now, v_state.looked_at)), 93600::numeric, 'start a worker, which does: `pgjobs worker`; without workers call ' || c_remedy || ' daily', jsonb_build_object('looked_at', v_state.looked_at)
  where v_state.looked_at < v_now - interval '26 hours';
  if v_calls >= 3 then
    v_pids := jobs._holders_of_history();
    return next row('maintenance_held', 'warning', format('%s calls of jobs.maintain_partitions in a row gave way to another transaction; now %s', v_calls,
        coalesce('process ' || v_pids || ' is in the way', 'no process is in the way')), v_calls, 2,
      coalesce('`select pg_terminate_backend(' || split_part(v_pids, ', ', 1) || ')`, then ', '') || c_remedy, jsonb_build_object('pids', v_pids, 'gave_way_at', v_state.gave_way_at))::jobs.problem;
  end if;
end $$;

-- A clock that jumped: forward by days, so that history is kept for an hour more, or back, so that what
-- workers wrote lies in the future.
create or replace function jobs._problems_of_clock() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  return query
  select 'clock_jumped', 'warning', format('at %s two days had passed since the call before: either nobody had maintained history, or the server''s clock jumped', jobs._moment(r.jumped_at)),
    jobs._seconds(jobs._since(v_now, r.jumped_at)), 3600::numeric, 'check the clock with `select now()`; if it is right, `select jobs.maintain_partitions()` an hour after that time drops old days again',
    jsonb_build_object('jumped_at', r.jumped_at)
  from jobs.retention r where r.jumped_at is not null and r.jumped_at <= v_now;
  return query
  select 'clock_went_back', 'error', format('the server''s clock shows %s, and it has shown %s before', jobs._utc(v_now), jobs._moment(max(t.at))),
    -jobs._seconds(jobs._since(v_now, max(t.at))), 60::numeric, 'check the clock with `select now()`; once it is right, `select jobs.maintain_partitions()` and start workers anew: `pgjobs worker`', '{}'::jsonb
  from (select r.looked_at as at from jobs.retention r
        union all select w.heartbeat_at from jobs.worker w where w.lost_at is null) t
  where t.at > v_now + interval '60 s' having count(*) > 0;
end $$;
