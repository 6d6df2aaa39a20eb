-- Limits for monitors: keys that hold up their jobs for long, and how much of each limit is in use.

-- Keys that are closed while jobs of them have waited for an hour, a row for each limit, at most 20; of a
-- limit whose dead jobs pause their keys at once. Without the keys, which are made of arguments. Looks at the
-- first 1,000 closed keys for which jobs wait.
create or replace function jobs._problems_of_limits() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  if pg_sequence_last_value('jobs.limits_made') is null then
    return;
  end if;
  return query
  with closed as materialized (
    select s.id, s.closed_by from jobs._states_of(array(select l.id from jobs.job_limit l where l.dropped_at is null)) s
    where s.closed_until > v_now and s.waits limit 1000
  ), waiting as (
    select l.name, l.on_dead, c.closed_by, jobs._blocked_since(c.id) as since from closed c join jobs.job_limit l on l.id = (c.id & 16383)::integer
  )
  select 'key_closed', 'warning', format('%s keys of the limit %s are closed%s, and the first job behind them waits for %s', count(*), jobs._shown(w.name),
      coalesce(', by job ' || jobs._escaped(min(w.closed_by)) || case when count(w.closed_by) > 1 then ' and others' else '' end, ''), jobs._span(jobs._since(v_now, min(w.since)))),
    jobs._seconds(jobs._since(v_now, min(w.since))), 3600::numeric,
    format('`pgjobs limit show %s` lists them; `pgjobs limit release %1$s` with a key opens it', jobs._shown(w.name)),
    jsonb_build_object('name', w.name, 'keys', count(*), 'closed_by', min(w.closed_by), 'since', min(w.since))
  from waiting w where w.since < v_now - interval '1 hour' or w.on_dead = 'pause' and w.closed_by is not null and w.since is not null
  group by w.name order by min(w.since) limit 20;
end $$;

-- Of each limit, the first 200 by name: the slots that jobs hold, how many there are (of each key), and how
-- many jobs wait, counted to 10,001.
create or replace function jobs._metrics_of_limits() returns table (name text, labels jsonb, value double precision)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if pg_sequence_last_value('jobs.limits_made') is null then
    return;
  end if;
  return query
  select 'pgjobs_limit_' || m.what, jsonb_build_object('limit', l.name), m.number::double precision
  from (select u.name, u.held, u.max, u.blocked from jobs.limits() u order by u.name limit 200) l,
    lateral (values ('held', l.held), ('max', l.max::bigint), ('blocked', l.blocked)) m(what, number)
  where m.number is not null;
end $$;
