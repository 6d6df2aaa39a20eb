-- Problems: what is wrong with this installation, what fixes it. Also for a database that no worker uses.

-- What is wrong now: a row for each problem, errors first; no row when nothing is. `code` is for programs,
-- `message` for people, with the numbers; `found` is the number that was looked at, `allowed` the last
-- good one, both in the unit that docs/src/doctor.md names; `remedy` has the command that fixes it. Of a
-- kind that many tasks or schedules may have, at most 20. No arguments, errors or secrets. Reads by index,
-- and of what may be large a bounded part (1,000 tasks with ready jobs, 2,000 schedules, 1,000 ended
-- jobs); locks nothing, waits for nobody, works on a standby.
create or replace function jobs.problems() returns setof jobs.problem
language plpgsql stable rows 10 security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query
  select p.* from (
    select u.* from jobs._problems_of_database() u
    union all select w.* from jobs._problems_of_workers() w
    union all select q.* from jobs._problems_of_queues() q
    union all select n.* from jobs._problems_of_slos() n
    union all select l.* from jobs._problems_of_leases() l
    union all select r.* from jobs._problems_of_runs() r
    union all select b.* from jobs._problems_of_bodies() b
    union all select s.* from jobs._problems_of_schedules() s
    union all select t.* from jobs._problems_of_pauses() t
    union all select f.* from jobs._problems_of_limits() f
    union all select y.* from jobs._problems_of_workflows() y
    union all select o.* from jobs._problems_of_owners() o
    union all select k.* from jobs._problems_of_keys() k
    union all select h.* from jobs._problems_of_history() h
    union all select c.* from jobs._problems_of_clock() c
    union all select x.* from jobs._problems_of_snapshots() x
    union all select i.* from jobs._problems_of_sessions() i
    union all select v.* from jobs._problems_of_tables() v
    union all select e.* from jobs._problems_of_settings() e
    union all select z.* from jobs._problems_of_standby() z
  ) p order by p.severity, p.code, p.message;
end $$;

-- A span in words, in the largest unit that it fills twice.
create or replace function jobs._span(i_span interval) returns text
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
  select case when s.secs < 120 then s.secs || ' s' when s.secs < 7200 then s.secs / 60 || ' min'
              when s.secs < 172800 then s.secs / 3600 || ' h' else s.secs / 86400 || ' days' end
  from (select greatest(extract(epoch from i_span), 0)::bigint as secs) s
$$;

-- Seconds, without fractions, as the problems count them.
create or replace function jobs._seconds(i_span interval) returns numeric
language sql stable parallel safe
return pg_catalog.round(pg_catalog.date_part('epoch', i_span)::numeric);

-- How long ago this is; of a time that clients cannot represent, of the nearest that they can.
create or replace function jobs._since(i_now timestamptz, i_at timestamptz) returns interval
language sql immutable parallel safe
return i_now - least(greatest(i_at, '0001-01-02 00:00:00+00'), '9999-12-30 00:00:00+00');
