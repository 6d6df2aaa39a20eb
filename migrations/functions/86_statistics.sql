-- What is read of the statistics: for charts, and for lists of tasks.

-- The duration below which this share of a histogram lies, in seconds; null when it is empty. Within a
-- bucket it takes jobs as evenly spread, so it is off by at most 19 %.
create or replace function jobs._percentile(i_histogram bigint[], i_share double precision) returns double precision
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  v_rank double precision := i_share * (select sum(h) from unnest(i_histogram) h);
  v_below bigint := 0;
begin
  for v_n in 1..coalesce(cardinality(i_histogram), 0) loop
    if i_histogram[v_n] > 0 and v_below + i_histogram[v_n] >= v_rank then
      return power(2, (v_n - 2 + (v_rank - v_below) / i_histogram[v_n]) / 4) / 1000;
    end if;
    v_below := v_below + i_histogram[v_n];
  end loop;
  return null;
end $$;

-- The rows of the statistics under a topic (null or *: all tasks together), from i_from to i_to; for a
-- restricted role those of its tasks.
create or replace function jobs._rollup_rows(i_topic text, i_from timestamptz, i_to timestamptz) returns setof jobs.rollup
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
begin
  if not v_publishes is null then
    return query select r.* from jobs.rollup r
      where r.task like coalesce(jobs._pattern(i_topic), '%') and r.task <> '' and r.at >= i_from and r.at < i_to and (jobs._is_under(r.task, v_publishes) or jobs._is_under(r.task, v_consumes));
  elsif coalesce(i_topic, '*') = '*' then
    return query select r.* from jobs.rollup r where r.task = '' and r.at >= i_from and r.at < i_to;
  elsif i_topic !~ '[*%]' then
    return query select r.* from jobs.rollup r where r.task = i_topic and r.at >= i_from and r.at < i_to;
  else
    return query select r.* from jobs.rollup r where r.task like jobs._pattern(i_topic) and r.task <> '' and r.at >= i_from and r.at < i_to;
  end if;
end $$;

-- What ended under a topic (null: any) between i_from (null: an hour ago) and i_to (null: now), in steps
-- (null: about a hundred): how many succeeded, failed and were cancelled, and how long the last runs of
-- these jobs had waited and took, in seconds (null: none ran). A row for each step, also where nothing
-- ended. Steps are whole minutes; ten minutes where i_from is three hours ago or more, hours from a day on.
-- For a restricted role, of its tasks. Reads statistics, not jobs; nothing until jobs.keep_statistics(true),
-- and the last 10 s or so are missing. PT400 for more than 1,000 steps or a time that is over before it begins.
create or replace function jobs.statistics(i_topic text default null, i_from timestamptz default null, i_to timestamptz default null, i_step interval default null)
returns table (
  at timestamptz, success bigint, failed bigint, cancelled bigint, wait_p50 double precision, wait_p95 double precision, wait_p99 double precision,
  run_p50 double precision, run_p95 double precision, run_p99 double precision
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_to timestamptz := coalesce(i_to, jobs.now());
  v_from timestamptz := coalesce(i_from, v_to - interval '1 hour');
  v_step interval := jobs._step_of_statistics(v_from, v_to, i_step);
begin
  v_from := date_bin(v_step, v_from, '2000-01-01 00:00:00+00');
  return query
  with found as materialized (
    select date_bin(v_step, r.at, '2000-01-01 00:00:00+00') as start, r.success, r.failed, r.cancelled, r.wait, r.run from jobs._rollup_rows(i_topic, v_from, v_to) r
  ), sums as (
    select f.start, sum(f.success) as success, sum(f.failed) as failed, sum(f.cancelled) as cancelled from found f group by 1
  ), waits as (
    select e.start, array_agg(e.jobs order by e.n) as histogram
    from (select f.start, u.n, sum(u.jobs) as jobs from found f, unnest(f.wait) with ordinality u(jobs, n) group by 1, 2) e group by 1
  ), runs as (
    select e.start, array_agg(e.jobs order by e.n) as histogram
    from (select f.start, u.n, sum(u.jobs) as jobs from found f, unnest(f.run) with ordinality u(jobs, n) group by 1, 2) e group by 1
  )
  select g, coalesce(s.success, 0), coalesce(s.failed, 0), coalesce(s.cancelled, 0),
    jobs._percentile(w.histogram, 0.5), jobs._percentile(w.histogram, 0.95), jobs._percentile(w.histogram, 0.99),
    jobs._percentile(r.histogram, 0.5), jobs._percentile(r.histogram, 0.95), jobs._percentile(r.histogram, 0.99)
  from generate_series(v_from, v_to - interval '1 us', v_step) g
  left join sums s on s.start = g left join waits w on w.start = g left join runs r on r.start = g order by g;
end $$;

-- The step of jobs.statistics: the one that was asked for, or else a hundredth of the time, as whole units
-- of what is stored.
create or replace function jobs._step_of_statistics(i_from timestamptz, i_to timestamptz, i_step interval) returns interval
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_unit integer;
  v_span double precision;
  v_step double precision;
begin
  if (isfinite(i_from) and isfinite(i_to) and i_from < i_to and i_to - i_from <= interval '400 days') is not true then
    raise sqlstate 'PT400' using message = 'statistics need a time that begins before it ends, and at most 400 days', hint = 'they are kept for 30 days';
  elsif not (i_step > interval '0' and i_step <= interval '400 days') then
    raise sqlstate 'PT400' using message = 'a step of statistics is longer than 0, and at most 400 days', hint = 'leave it out for about a hundred steps';
  end if;
  v_unit := case when i_from > jobs.now() - interval '3 hours' then 60 when i_from >= jobs.now() - interval '1 day' then 600 else 3600 end;
  v_span := date_part('epoch', i_to - i_from);
  v_step := ceil(coalesce(date_part('epoch', i_step), v_span / 100) / v_unit) * v_unit;
  if v_span / v_step > 1000 then
    raise sqlstate 'PT400' using message = format('these are %s steps, and 1000 are the most', ceil(v_span / v_step)), hint = 'give a longer step or a shorter time';
  end if;
  return make_interval(secs => v_step);
end $$;

-- The same for each task under a topic (null: any) and the whole time at once, with how many jobs ended in
-- each of 24 equal parts of it, oldest first. Only tasks of which a job ended. PT400 as jobs.statistics.
create or replace function jobs.task_statistics(i_topic text default null, i_from timestamptz default null, i_to timestamptz default null)
returns table (
  task varchar, success bigint, failed bigint, cancelled bigint, wait_p50 double precision, wait_p95 double precision, wait_p99 double precision,
  run_p50 double precision, run_p95 double precision, run_p99 double precision, ended bigint[]
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_to timestamptz := coalesce(i_to, jobs.now());
  v_from timestamptz := coalesce(i_from, v_to - interval '1 hour');
  v_pattern text := coalesce(jobs._pattern(i_topic), '%');
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
begin
  perform jobs._step_of_statistics(v_from, v_to, null);
  return query
  with found as materialized (
    select r.* from jobs.rollup r where r.at >= v_from and r.at < v_to and r.task <> '' and r.task like v_pattern and (jobs._is_under(r.task, v_publishes) or jobs._is_under(r.task, v_consumes))
  ), sums as (
    select f.task, sum(f.success) as success, sum(f.failed) as failed, sum(f.cancelled) as cancelled from found f group by 1
  ), waits as (
    select e.task, array_agg(e.jobs order by e.n) as histogram
    from (select f.task, u.n, sum(u.jobs) as jobs from found f, unnest(f.wait) with ordinality u(jobs, n) group by 1, 2) e group by 1
  ), runs as (
    select e.task, array_agg(e.jobs order by e.n) as histogram
    from (select f.task, u.n, sum(u.jobs) as jobs from found f, unnest(f.run) with ordinality u(jobs, n) group by 1, 2) e group by 1
  ), parts as (
    select f.task, width_bucket(date_part('epoch', f.at), date_part('epoch', v_from), date_part('epoch', v_to), 24) as part, sum(f.success + f.failed + f.cancelled) as jobs
    from found f group by 1, 2
  )
  select s.task, s.success, s.failed, s.cancelled,
    jobs._percentile(w.histogram, 0.5), jobs._percentile(w.histogram, 0.95), jobs._percentile(w.histogram, 0.99),
    jobs._percentile(r.histogram, 0.5), jobs._percentile(r.histogram, 0.95), jobs._percentile(r.histogram, 0.99),
    array(select coalesce(p.jobs, 0) from generate_series(1, 24) g left join parts p on p.task = s.task and p.part = g order by g)
  from sums s left join waits w on w.task = s.task left join runs r on r.task = s.task order by s.task;
end $$;
