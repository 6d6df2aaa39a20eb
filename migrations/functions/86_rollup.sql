-- Statistics: jobs.maintain counts what has ended, so that charts read a few rows instead of history. A
-- pass over a day of history reads the blocks that are new since the pass before, and of those the rows
-- that its snapshot sees and the one before did not: each job is counted once, however long its transaction
-- took (docs/decisions/0039).

-- Turns statistics on or off for the whole installation. On: what history has of the last 30 days is
-- counted within minutes, a bounded part in each call of jobs.maintain, and from then on what ends. Off:
-- what is counted stays for its 30 days. Returns whether that changed anything. Locks nothing.
create or replace function jobs.keep_statistics(i_on boolean default true) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if i_on is null then
    raise sqlstate 'PT400' using message = 'statistics are kept or not: give true or false';
  elsif coalesce(pg_sequence_last_value('jobs.statistics_kept') > 0, false) = i_on then
    return false;
  end if;
  perform setval('jobs.statistics_kept', i_on::integer);
  perform jobs._audit('keep_statistics', null, null, null, jsonb_build_object('on', i_on));
  return true;
end $$;

-- The bucket of a histogram for a duration, from 1 to 128; null for null.
create or replace function jobs._bucket(i_span interval) returns integer
language sql immutable parallel safe
return least(128, greatest(1, pg_catalog.ceil(pg_catalog.ln(greatest(pg_catalog.date_part('epoch', i_span) * 1000, 0.5)) * 5.770780163555854)::integer + 1));

-- The sum of two histograms.
create or replace function jobs._add_histograms(i_one integer[], i_other integer[]) returns integer[]
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select array(select coalesce(u.one, 0) + coalesce(u.other, 0) from unnest(i_one, i_other) with ordinality u(one, other, n) order by u.n)
$$;

-- What jobs.maintain does for statistics: counts up to i_blocks blocks of history, of at most two days, whose
-- partitions stay locked to the end of the transaction; the newest days first. Days that another session
-- counts are left to it. Locks the rows of the days that it counts. Reads no table while statistics are not
-- kept.
create or replace function jobs._roll_up(i_blocks integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_blocks integer := i_blocks;
  v_day jobs.rollup_day;
begin
  if (pg_sequence_last_value('jobs.statistics_kept') > 0) is not true then
    return;
  end if;
  perform jobs._begin_rollup_days(v_now);
  for v_n in 1..2 loop
    select d.* into v_day from jobs.rollup_day d
    where d.counting is not null or not d.begun_at between v_now - interval '10 s' and v_now and d.begun_at < (d.day + 1)::timestamp at time zone 'UTC' + interval '10 min'
    order by d.day desc limit 1 for update skip locked;
    exit when not found;
    v_blocks := v_blocks - jobs._count_day(v_day, v_now, v_blocks);
    exit when v_blocks <= 0;
  end loop;
  perform jobs._fold_days(v_now);
end $$;

-- Notes the days of the last 30 that have a partition, once a day, and forgets older ones with their
-- statistics. (What lies in the default partition is counted once it is moved to its day.)
create or replace function jobs._begin_rollup_days(i_now timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_today date := (i_now at time zone 'UTC')::date;
begin
  if exists (select from jobs.rollup_day d where d.day = v_today) then
    return;
  end if;
  insert into jobs.rollup_day (day, folded_to)
  select p.day, p.day::timestamp at time zone 'UTC' from jobs._partitions() p where p.day between v_today - 30 and v_today + 1
  on conflict (day) do nothing;
  delete from jobs.rollup_day d where d.day < v_today - 31;
  delete from jobs.rollup r where r.at < (v_today - 31)::timestamp at time zone 'UTC';
end $$;

-- Goes on with the pass over a day, or begins one, for at most i_blocks blocks; returns how many it has
-- read, at least 1. A pass begins 500 blocks before where the last but one ended, for what was not
-- committed then: what is committed later than that is not counted.
create or replace function jobs._count_day(i_day jobs.rollup_day, i_now timestamptz, i_blocks integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_day jobs.rollup_day := i_day;
  v_table regclass := to_regclass('jobs.job_' || to_char(i_day.day, 'YYYYMMDD'));
  v_from bigint;
begin
  if v_day.counting is null then
    v_day.counting := jobs._snapshot_to_count(v_day.counted);
    v_day.block := greatest(v_day.blocks_before - 500, 0);
    v_day.blocks_before := v_day.blocks;
    v_day.blocks := coalesce(pg_relation_size(v_table), 0) / current_setting('block_size')::bigint;
    v_day.begun_at := i_now;
  end if;
  v_from := v_day.block;
  v_day.block := greatest(v_from, least(v_from + i_blocks, v_day.blocks));
  if v_day.block > v_from then
    perform jobs._count_blocks(v_table, v_day, v_from);
  end if;
  if v_day.block >= v_day.blocks then
    v_day.counted := v_day.counting;
    v_day.counting := null;
  end if;
  update jobs.rollup_day d set (counted, counting, block, blocks, blocks_before, begun_at)
    = (v_day.counted, v_day.counting, v_day.block, v_day.blocks, v_day.blocks_before, v_day.begun_at) where d.day = v_day.day;
  return greatest(v_day.block - v_from, 1);
end $$;

-- What a pass counts: the transactions before the oldest that is open. Where that one has been open since
-- the pass before, all that have ended, or charts would stand still: then jobs whose end is in a
-- subtransaction of an open transaction are missed, since a snapshot does not name these.
create or replace function jobs._snapshot_to_count(i_before pg_snapshot) returns pg_snapshot
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now pg_snapshot := pg_current_snapshot();
  v_xmin xid8 := pg_snapshot_xmin(v_now);
begin
  return case when v_xmin = pg_snapshot_xmin(i_before) then v_now else (v_xmin || ':' || v_xmin || ':')::pg_snapshot end;
end $$;

-- The jobs in blocks i_from to i_day.block of a partition which this pass counts and those before it did
-- not, by task, time, state and buckets. A row's transaction follows from its age, which is relative to
-- this transaction.
create or replace function jobs._ended_in_blocks(i_table regclass, i_day jobs.rollup_day, i_from bigint)
returns table (task varchar, at timestamptz, seconds integer, status jobs.job_status, wait integer, run integer, jobs bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_before pg_snapshot := coalesce(i_day.counted, '1:1:');
  v_minutes_from timestamptz := case when i_day.is_by_hour then 'infinity' else i_day.folded_to end;
begin
  return query execute format($sql$
    select h.task, date_bin(make_interval(secs => h.seconds), h.complete_on, '2000-01-01 00:00:00+00'), h.seconds, h.status,
      jobs._bucket(h.run_at - greatest(h.created_at, h.scheduled_at)), jobs._bucket(h.complete_on - h.run_at), count(*)
    from (select o.task, o.complete_on, o.status, o.run_at, o.created_at, o.scheduled_at, case when o.complete_on < $6 then $7 else 60 end as seconds,
            $1 - age(o.xmin) as xid
          from %s o where o.ctid >= %L and o.ctid < %L) h
    where (h.xid >= $2 or h.xid = any ($3)) and h.xid < $4 and h.xid <> all ($5) group by 1, 2, 3, 4, 5, 6$sql$,
    i_table, format('(%s,0)', i_from), format('(%s,0)', i_day.block))
  using pg_current_xact_id()::text::bigint, pg_snapshot_xmax(v_before)::text::bigint, array(select x::text::bigint from pg_snapshot_xip(v_before) x),
    pg_snapshot_xmax(i_day.counting)::text::bigint, array(select x::text::bigint from pg_snapshot_xip(i_day.counting) x),
    v_minutes_from, case when i_day.is_by_hour then 3600 else 600 end;
end $$;

-- Counts these blocks and adds the sums to the rows of their minutes, for each task and for all together.
create or replace function jobs._count_blocks(i_table regclass, i_day jobs.rollup_day, i_from bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  with ended as materialized (
    select e.task collate "C" as task, e.at, e.seconds, e.status, e.wait, e.run, e.jobs from jobs._ended_in_blocks(i_table, i_day, i_from) e
  ), counted as materialized (
    select e.* from ended e
    union all
    select '', e.at, e.seconds, e.status, e.wait, e.run, sum(e.jobs)::bigint from ended e group by 2, 3, 4, 5, 6
  ), buckets as materialized (
    select c.task, c.at, c.seconds, b.kind, b.bucket, c.jobs
    from counted c, lateral (values (true, c.wait), (false, c.run)) b(kind, bucket) where b.bucket is not null
  ), filled as (
    select h.task, h.at, h.seconds, h.kind, array_agg(h.jobs order by h.bucket) as histogram
    from (select f.task, f.at, f.seconds, f.kind, f.bucket, sum(f.jobs)::integer as jobs
          from (select b.* from buckets b
                union all
                select m.task, m.at, m.seconds, m.kind, g, 0
                from (select b.task, b.at, b.seconds, b.kind, max(b.bucket) as last from buckets b group by 1, 2, 3, 4) m, generate_series(1, m.last) g) f
          group by 1, 2, 3, 4, 5) h group by 1, 2, 3, 4
  )
  insert into jobs.rollup as r (task, at, seconds, success, failed, cancelled, wait, run)
  select k.task, k.at, k.seconds, coalesce(k.success, 0), coalesce(k.failed, 0), coalesce(k.cancelled, 0), coalesce(w.histogram, '{}'), coalesce(f.histogram, '{}')
  from (select c.task, c.at, c.seconds, sum(c.jobs) filter (where c.status = 'success') as success, sum(c.jobs) filter (where c.status = 'failed') as failed,
          sum(c.jobs) filter (where c.status = 'cancelled') as cancelled from counted c group by 1, 2, 3) k
  left join filled w on (w.task, w.at, w.seconds, w.kind) = (k.task, k.at, k.seconds, true)
  left join filled f on (f.task, f.at, f.seconds, f.kind) = (k.task, k.at, k.seconds, false)
  on conflict (task, at, seconds) do update set success = r.success + excluded.success, failed = r.failed + excluded.failed, cancelled = r.cancelled + excluded.cancelled,
    wait = jobs._add_histograms(r.wait, excluded.wait), run = jobs._add_histograms(r.run, excluded.run);
end $$;

-- Makes fewer rows of days that are counted: ten minutes in a row when they are three hours old, and an
-- hour once the day has been over for a day. At most one day in a call. Locks the row of that day.
create or replace function jobs._fold_days(i_now timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_to timestamptz := date_trunc('hour', i_now - interval '3 hours', 'UTC');
  v_day jobs.rollup_day;
  v_end timestamptz;
begin
  select d.* into v_day from jobs.rollup_day d
  where d.counted is not null and not d.is_by_hour
    and (d.folded_to < least(v_to, (d.day + 1)::timestamp at time zone 'UTC') or i_now > (d.day + 2)::timestamp at time zone 'UTC')
  order by d.day desc limit 1 for update skip locked;
  if not found then
    return;
  end if;
  v_end := (v_day.day + 1)::timestamp at time zone 'UTC';
  if i_now > v_end + interval '1 day' then
    perform jobs._fold(v_day.day::timestamp at time zone 'UTC', v_end, 3600);
    update jobs.rollup_day d set (folded_to, is_by_hour) = (v_end, true) where d.day = v_day.day;
  else
    perform jobs._fold(v_day.folded_to, least(v_to, v_end), 600);
    update jobs.rollup_day d set folded_to = least(v_to, v_end) where d.day = v_day.day;
  end if;
end $$;

-- Makes rows of i_seconds each of the shorter ones in this time.
create or replace function jobs._fold(i_from timestamptz, i_to timestamptz, i_seconds integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  with gone as materialized (
    delete from jobs.rollup r where r.at >= i_from and r.at < i_to and r.seconds < i_seconds returning r.*
  ), rows as materialized (
    select g.task, date_bin(make_interval(secs => i_seconds), g.at, '2000-01-01 00:00:00+00') as start, g.success, g.failed, g.cancelled, g.wait, g.run from gone g
  ), sums as (
    select r.task, r.start, sum(r.success)::integer as success, sum(r.failed)::integer as failed, sum(r.cancelled)::integer as cancelled from rows r group by 1, 2
  ), waits as (
    select e.task, e.start, array_agg(e.jobs order by e.n) as histogram
    from (select r.task, r.start, u.n, sum(u.jobs)::integer as jobs from rows r, unnest(r.wait) with ordinality u(jobs, n) group by 1, 2, 3) e group by 1, 2
  ), runs as (
    select e.task, e.start, array_agg(e.jobs order by e.n) as histogram
    from (select r.task, r.start, u.n, sum(u.jobs)::integer as jobs from rows r, unnest(r.run) with ordinality u(jobs, n) group by 1, 2, 3) e group by 1, 2
  )
  insert into jobs.rollup as r (task, at, seconds, success, failed, cancelled, wait, run)
  select s.task, s.start, i_seconds, s.success, s.failed, s.cancelled, coalesce(w.histogram, '{}'), coalesce(f.histogram, '{}')
  from sums s left join waits w using (task, start) left join runs f using (task, start)
  on conflict (task, at, seconds) do update set success = r.success + excluded.success, failed = r.failed + excluded.failed, cancelled = r.cancelled + excluded.cancelled,
    wait = jobs._add_histograms(r.wait, excluded.wait), run = jobs._add_histograms(r.run, excluded.run);
end $$;
