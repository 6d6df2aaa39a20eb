-- What becomes of the steps of jobs that end. A job that succeeded, or that leaves no trace, needs them no
-- more. Those of a job that failed or was cancelled stay while history has it: its retry goes on where it
-- was.

-- Deletes what these jobs have recorded.
create or replace function jobs._drop_steps(i_jobs text[]) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
begin
  delete from jobs.checkpoint c where c.job_id = any (i_jobs);
  delete from jobs.resumable r where r.job_id = any (i_jobs);
  perform jobs._forget_waits(i_jobs);
end $$;

-- After the end of these jobs, each with what it has on its end, and whether it needs its steps no more
-- (null: none of them does without).
create or replace function jobs._end_steps(i_jobs text[], i_on_ends jobs.on_end[], i_are_over boolean[] default null) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_unkept text[];
  v_over text[];
  v_left text[];
begin
  select array_agg(g.job_id) filter (where g.is_over), array_agg(g.job_id) filter (where g.is_over is not true) into v_over, v_left
  from unnest(i_on_ends, i_jobs, i_are_over) g(unique_name, unique_key, until_started, kept, node, nth, steps, job_id, is_over) where g.steps;
  if v_left is not null then
    perform jobs._forget_waits(v_left);
    v_unkept := jobs._unkept('none');
    with kept as (
      insert into jobs.resumable as r (job_id, ended_at)
      select j, jobs.now() from unnest(v_left) j, lateral (select c.task from jobs.checkpoint c where c.job_id = j limit 1) c
      where c.task <> all (v_unkept)
      on conflict (job_id) do update set ended_at = excluded.ended_at
      returning r.job_id
    ) select v_over || array(select j from unnest(v_left) j except select k.job_id::text from kept k) into v_over;
  end if;
  if v_over <> '{}' then
    perform jobs._drop_steps(v_over);
  end if;
end $$;

-- Deletes the steps of jobs that were dropped from history for their age, for about i_seconds; signals that
-- were sent longer ago than jobs.config.signal_days; and old rows of signals that nobody waits for.
create or replace function jobs._tidy_steps(i_now timestamptz, i_oldest timestamptz, i_seconds double precision) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_until timestamptz := clock_timestamp() + make_interval(secs => i_seconds);
  v_days integer := (select c.signal_days from jobs.config c);
begin
  if pg_sequence_last_value('jobs.steps_made') is not null then
    while jobs._drop_steps_of_old_jobs(i_oldest) and clock_timestamp() < v_until loop
    end loop;
  end if;
  if pg_sequence_last_value('jobs.signals_made') is not null then
    delete from jobs.signal s where s.ctid = any (array(
      select o.ctid from jobs.signal o
      where coalesce(o.sent_at, o.made_at) < i_now - make_interval(days => v_days)
        and not exists (select from jobs.signal_waiter w where w.name = o.name)
      order by coalesce(o.sent_at, o.made_at) limit 100000 for update skip locked));
  end if;
end $$;

-- Deletes the steps of up to 1,000 jobs that ended before i_oldest and are gone from history; true when there
-- may be more.
create or replace function jobs._drop_steps_of_old_jobs(i_oldest timestamptz) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_old record;
  v_gone text[];
  v_open integer;
begin
  select array_agg(r.job_id::text) as jobs, min(r.ended_at) - interval '1 day' as since, max(r.ended_at) + interval '1 day' as until into v_old
  from (select r.job_id, r.ended_at from jobs.resumable r where r.ended_at < i_oldest order by r.ended_at limit 1000 for update skip locked) r;
  if v_old.jobs is null then
    return false;
  end if;
  -- Of those that run again the next end notes it anew; here they would keep others from their turn.
  delete from jobs.resumable r where r.job_id = any (v_old.jobs) and jobs._is_open(r.job_id);
  get diagnostics v_open = row_count;
  -- One statement, so that it sees each job in one of its places. A retry takes it from one to the other.
  execute format('select array(select j from unnest($1) j where not jobs._is_open(j) and not exists (
                    select from jobs.job h where h.job_id = j and h.complete_on >= %s and h.complete_on < %s))',
                 jobs._literal(v_old.since), jobs._literal(v_old.until)) into v_gone using v_old.jobs;
  perform jobs._drop_steps(v_gone);
  return cardinality(v_gone) + v_open = 1000;
end $$;

-- What a pending job, not due yet, waits for by its own will: a signal, or the end of a sleep. No row when
-- its last run, the i_attempt, has not asked for either.
create or replace function jobs._explain_waits(i_job varchar, i_attempt integer) returns setof jobs.reason
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case c.kind when 'sleep' then 'sleeps' else 'waits_for_signal' end,
    case c.kind when 'sleep' then format('it sleeps (%s) until %s', jobs._shown(c.name), jobs._moment(c.until))
                else format('it waits for the signal %s until %s', jobs._shown(c.name), jobs._moment(c.until)) end,
    c.until, jsonb_build_object('name', c.name, 'since', c.saved_at)
  from jobs.checkpoint c
  where c.job_id = i_job and c.attempt = i_attempt and c.until > jobs.now()
    and (c.kind = 'sleep' or c.waits and exists (select from jobs.signal_waiter w where w.job_id = c.job_id and w.name = c.name and w.attempt = c.attempt))
  order by c.until, c.name
$$;
