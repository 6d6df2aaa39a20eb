-- Why a job that is due does not start: the limits that keep it back, in the order in which claims check
-- them.

-- Jobs that hold slots of a bucket, at most i_num: those that run, and one in order that waits for its next
-- run (its time, else null).
create or replace function jobs._holders_of(i_bucket bigint, i_num integer) returns table (job_id varchar, scheduled_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_nestloop = on set jit = off as $$
begin
  return query
  select r.job_id, r.scheduled_at from (
    select (b.jobs[p.nth]).job_id, null::timestamptz as scheduled_at
    from jobs.batch b,
      lateral (select ((s.at - 1) / b.slots_each)::integer + 1 as nth from unnest(b.buckets) with ordinality s(bucket, at) where s.bucket = i_bucket) p
    where i_bucket = any (b.buckets) and (b.open >> (p.nth - 1)) & 1 = 1
    union all
    select k.job_id, k.scheduled_at from jobs._keepers() k where k.bucket = i_bucket) r
  limit i_num;
end $$;

-- Reports that a key is closed, until when, by which job and why.
create or replace function jobs._explain_closed(i_limit jobs.job_limit, i_state jobs.bucket_state, i_details jsonb) returns jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_until timestamptz := nullif(i_state.closed_until, 'infinity');
begin
  return row('key_closed',
    format('the limit %s is closed%s until %s%s%s', jobs._shown(i_limit.name), case when i_limit.key is not null then ' for its key' else '' end,
           coalesce(jobs._moment(v_until), 'it is opened by `pgjobs limit release`'), coalesce(', by job ' || jobs._escaped(i_state.closed_by), ''),
           coalesce(': ' || jobs._escaped(i_state.reason), '')),
    v_until, i_details || jsonb_build_object('closed_by', i_state.closed_by, 'reason', i_state.reason))::jobs.reason;
end $$;

-- Reports that all slots are held, and by which jobs, or of a limit in order which job is before this one.
create or replace function jobs._explain_held(i_limit jobs.job_limit, i_state jobs.bucket_state, i_details jsonb) returns jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_jobs text[];
  v_next timestamptz;
begin
  select array_agg(h.job_id::text), max(h.scheduled_at) into v_jobs, v_next from jobs._holders_of(i_state.id, 5) h;
  if i_limit.in_order then
    return row('key_held',
      format('the limit %s runs the jobs of a key one after another: %s', jobs._shown(i_limit.name),
             case when v_jobs is null then 'the one before has just ended' when v_next is null then 'job ' || v_jobs[1] || ' runs'
                  else format('job %s waits for its next run, scheduled for %s', v_jobs[1], jobs._moment(v_next)) end),
      v_next, i_details || jsonb_build_object('job_id', v_jobs[1]))::jobs.reason;
  end if;
  return row('limit_reached',
    format('the limit %s has no free slot%s: %s of %s are held%s', jobs._shown(i_limit.name), case when i_limit.key is not null then ' for its key' else '' end,
           i_state.held, i_limit.max, coalesce(' (by ' || array_to_string(v_jobs, ', ') || case when i_state.held > 5 then ' and others' else '' end || ')', '')),
    null, i_details || jsonb_build_object('max', i_limit.max, 'held', i_state.held, 'jobs', to_jsonb(coalesce(v_jobs, '{}'))))::jobs.reason;
end $$;

-- What keeps a job from starting in a bucket; no row when nothing does.
create or replace function jobs._explain_bucket(i_limit jobs.job_limit, i_bucket bigint, i_details jsonb) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := jobs.now();
  v_state jobs.bucket_state;
  v_until timestamptz;
begin
  select s.* into v_state from jobs._states_of(array[i_limit.id], array[i_bucket]) s;
  if v_state.closed_until > v_now then
    return next jobs._explain_closed(i_limit, v_state, i_details);
  end if;
  if coalesce(v_state.held, 0) >= (case when i_limit.in_order then 1 else i_limit.max end) then
    v_state.id := i_bucket;
    v_state.held := coalesce(v_state.held, 0);
    return next jobs._explain_held(i_limit, v_state, i_details);
  end if;
  v_until := jobs._opens_at(null, i_limit.rates, 0, v_state.tats, null, v_now);
  if v_until > v_now and jobs._room(null, i_limit.rates, 0, v_state.tats, null, v_now) = 0 then
    return next row('rate_limited',
      format('the limit %s lets the next job start at %s (%s)', jobs._shown(i_limit.name), jobs._moment(v_until),
             (select string_agg(jobs._rate_text(r), ', ') from unnest(i_limit.rates) r)), v_until, i_details)::jobs.reason;
  end if;
end $$;

-- Which limits keep a job back that is due: where it waits at a bucket, that one; else those without key over
-- its task. The key goes to those who may read arguments.
create or replace function jobs._explain_limits(i_job varchar, i_task varchar, i_bucket bigint) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_limit jobs.job_limit;
  v_key jsonb;
begin
  if i_bucket is null then
    for v_limit in
      select l.* from unnest(jobs._limits_of(array[i_task::text])) t join jobs.job_limit l on l.id = t.limit_id where l.key is null order by l.id
    loop
      return query select e.* from jobs._explain_bucket(v_limit, v_limit.id::bigint, jsonb_build_object('name', v_limit.name)) e;
    end loop;
    return;
  end if;
  select l.* into v_limit from jobs.job_limit l where l.id = (i_bucket & 16383)::integer;
  if v_limit.id is null or v_limit.dropped_at is not null then
    return next row('blocked', 'it waited for a limit that was dropped: the next round of any live worker gives it back to its queue', null, '{}'::jsonb)::jobs.reason;
    return;
  end if;
  if jobs._reads_arguments() then
    v_key := jobs._shown_key(v_limit, (select s.key from jobs._states_of(array[v_limit.id], array[i_bucket]) s));
  end if;
  return query select e.* from jobs._explain_bucket(v_limit, i_bucket, jsonb_strip_nulls(jsonb_build_object('name', v_limit.name, 'key', v_key))) e;
  return next jobs._explain_place(i_job, v_limit, i_bucket);
end $$;

-- Reports how many jobs of its key are before a job; counts to 10,000.
create or replace function jobs._explain_place(i_job varchar, i_limit jobs.job_limit, i_bucket bigint) returns jobs.reason
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_before bigint;
begin
  select count(*) into v_before
  from (select from jobs.pending o, lateral (select jobs._rank(q.priority, q.ready_seq) as rank, q.ready_seq from jobs.pending q where q.job_id = i_job and q.size = 1) j
        where o.bucket = i_bucket and (jobs._rank(o.priority, o.ready_seq), o.ready_seq) < (j.rank, j.ready_seq) limit 10001) b;
  return row('blocked',
    format('it waits for a slot of the limit %s: %s', jobs._shown(i_limit.name),
           case when v_before > 10000 then 'more than 10000 jobs of its key are before it' when v_before = 0 then 'it is the next of its key' when v_before = 1 then '1 job of its key is before it'
                else format('%s jobs of its key are before it', v_before) end),
    null, jsonb_build_object('name', i_limit.name, 'before', least(v_before, 10000)))::jobs.reason;
end $$;
