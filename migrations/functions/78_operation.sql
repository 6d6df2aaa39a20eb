-- Operations: retry, re-drive, cancel or purge all jobs that match, in bounded steps. This file starts, shows
-- and stops them; 79_operation_steps.sql does their work.

-- Refuses a selection that cannot be meant (PT400), and returns the operation as it would be started. A
-- cancel takes pending and running jobs, a purge pending ones, the others failed ones unless i_state says
-- cancelled.
create or replace function jobs._as_operation(
  i_kind text, i_topic text, i_state text, i_error text, i_since timestamptz, i_until timestamptz, i_rate double precision, i_reason text,
  i_grace_seconds double precision default null
) returns jobs.operation
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  v_op jobs.operation;
  v_states text[] := case i_kind when 'cancel' then '{pending,running}'::text[] when 'purge' then '{pending}' else '{failed,cancelled}' end;
  v_flaw text := case
    when (i_kind in ('retry', 'redrive', 'cancel', 'purge')) is not true then 'its kind is retry, redrive, cancel or purge'
    when (length(i_topic) between 1 and 200) is not true then 'it needs a topic of 1 to 200 characters; * is every task'
    when i_state <> all (v_states) then format('a %s takes jobs that are %s', i_kind, array_to_string(v_states, ' or '))
    when length(i_error) not between 1 and 1000 then 'error is a part of the last error, of 1 to 1000 characters'
    when not jobs._is_reachable(i_since) or not jobs._is_reachable(i_until) then 'since and until lie between 0001-01-02 and 9999-12-30 (UTC)'
    when not (i_rate >= 0.001 and i_rate <= 1000000) then 'rate lies within 0.001 and 1000000 jobs a second'
    when i_grace_seconds is not null and i_kind <> 'cancel' then 'only a cancel has a grace'
    when not (i_grace_seconds >= 0 and i_grace_seconds <= 3600) then 'the grace of a cancel lies within 0 and 3600 seconds'
    when length(i_reason) > 1000 then 'its reason has at most 1000 characters' end;
begin
  if v_flaw is not null then
    raise sqlstate 'PT400' using message = 'operation: ' || v_flaw, hint = 'jobs.start_operation(''redrive'', ''mail.*'', i_error => ''timed out'')';
  end if;
  v_op.kind := i_kind;
  v_op.topic := i_topic;
  v_op.job_state := coalesce(i_state, case i_kind when 'cancel' then null when 'purge' then 'pending' else 'failed' end);
  v_op.error := i_error;
  v_op.since := i_since;
  v_op.started_at := jobs.now();
  v_op.until := least(i_until, v_op.started_at);
  v_op.odd_after := case when i_until is null then v_op.started_at + interval '1 day' else 'infinity' end;
  v_op.number := coalesce(pg_sequence_last_value('jobs.job_number'), 0);
  v_op.rate := i_rate;
  v_op.reason := i_reason;
  v_op.grace_seconds := case when i_kind = 'cancel' then coalesce(i_grace_seconds, jobs._grace()) end;
  v_op.phase := case when i_kind in ('retry', 'redrive') then 'history' when v_op.job_state = 'running' then 'running' else 'pending' end;
  v_op.range_from := v_op.odd_after;   -- first, before a day has passed
  v_op.range_until := 'infinity';
  v_op.after_job := '';
  return v_op;
end $$;

-- Counts the jobs that an operation would take if it were started now: at most i_limit are looked at in each
-- state, and `exact` is false when there are more. `examples` has the newest of them, up to five: their ids,
-- tasks and the beginnings of their errors. PT400 as jobs.start_operation. Changes and locks nothing.
create or replace function jobs.preview_operation(
  i_kind text, i_topic text, i_state text default null, i_error text default null, i_since timestamptz default null, i_until timestamptz default null,
  i_limit bigint default 1000000
) returns table (jobs bigint, exact boolean, examples jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  perform jobs._check_limit('i_limit', i_limit);
  return query select m.* from jobs._matches(jobs._as_operation(i_kind, i_topic, i_state, i_error, i_since, i_until, null, null), i_limit) m;
end $$;

-- The same for an operation.
create or replace function jobs._matches(i_op jobs.operation, i_limit bigint) returns table (jobs bigint, exact boolean, examples jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_task text := jobs._pattern(i_op.topic);
  v_error text := '%' || jobs._pattern(i_op.error) || '%';
  v_since timestamptz := coalesce(i_op.since, '-infinity');
begin
  if i_op.phase = 'history' then
    return query select m.* from jobs._matches_in_history(i_op, i_limit) m;
    return;
  end if;
  return query
  with looked as materialized (
    select w.job_id, w.task, w.traceback, w.task like v_task and w.id <= i_op.number and w.created_at >= v_since and (w.created_at < i_op.until or w.created_at > i_op.odd_after) and (v_error is null or w.traceback like v_error) is true as fits
    from (select q.* from jobs._waiting q where i_op.job_state is distinct from 'running' limit i_limit) w
    union all
    select r.job_id, r.task, r.traceback, r.task like v_task and r.id <= i_op.number and r.created_at >= v_since and (r.created_at < i_op.until or r.created_at > i_op.odd_after) and (v_error is null or r.traceback like v_error) is true
    from (select x.* from jobs._runs x where i_op.job_state is distinct from 'pending' limit i_limit) r
  )
  select count(*) filter (where k.fits), count(*) < i_limit,
    (select coalesce(jsonb_agg(jobs._example(e.job_id, e.task, e.traceback) order by e.job_id desc), '[]')
     from (select o.job_id, o.task, o.traceback from looked o where o.fits order by o.job_id desc limit 5) e)
  from looked k;
end $$;

-- The same in history, one week at a time, newest first, without keeping the locks of the days.
create or replace function jobs._matches_in_history(i_op jobs.operation, i_limit bigint) returns table (jobs bigint, exact boolean, examples jsonb)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_week text;
  v_looked bigint := 0;
  v_some bigint[];
  v_examples jsonb;
begin
  jobs := 0;
  examples := '[]';
  for v_week in select w from jobs._weeks() w loop
    begin
      execute format('
        with looked as materialized (
          select h.job_id, h.task, case when f.fits then left(h.traceback, 200) end as error, f.fits
          from jobs.job h, lateral (select h.redriven_as is null and %s as fits) f
          where h.status <> ''success''%s order by h.job_id desc limit $1
        ) select array[count(*), count(*) filter (where l.fits)],
            (select jsonb_agg(jobs._example(e.job_id, e.task, e.error) order by e.job_id desc)
             from (select o.* from looked o where o.fits order by o.job_id desc limit 5) e) from looked l', jobs._match(i_op), v_week)
      into v_some, v_examples using i_limit - v_looked;
      raise sqlstate 'PT000';
    exception when sqlstate 'PT000' then null;
    end;
    v_looked := v_looked + v_some[1];
    jobs := jobs + v_some[2];
    examples := case when jsonb_array_length(examples) < 5 then examples || coalesce(v_examples, '[]') else examples end;
    exit when v_looked >= i_limit;
  end loop;
  exact := v_looked < i_limit;
  examples := jsonb_path_query_array(examples, '$[0 to 4]');
  return next;
end $$;

-- The condition that an operation takes a job h in history.
create or replace function jobs._match(i_op jobs.operation) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return format('(h.task like %L and h.status = %L and (h.complete_on < %s or h.complete_on > %s)', jobs._pattern(i_op.topic), i_op.job_state,
                jobs._literal(i_op.until), jobs._literal(i_op.odd_after))
    || coalesce(' and h.complete_on >= ' || jobs._literal(i_op.since), '')
    || case when i_op.error is null then '' else format(' and coalesce(h.traceback like %L, false)', '%' || jobs._pattern(i_op.error) || '%') end || ')';
end $$;

-- A job in a preview.
create or replace function jobs._example(i_job text, i_task text, i_error text) returns jsonb
language sql immutable parallel safe
return pg_catalog.jsonb_build_object('job_id', i_job, 'task', i_task, 'error', pg_catalog.left(i_error, 200));

-- Starts an operation over all jobs that match, as jobs.preview_operation counts them, and returns it: jobs
-- that begin to match later are left alone. Workers do its steps (jobs.maintain), and so does
-- jobs.step_operation. i_error is a part of a job's last error, with * for any text in it; i_since and
-- i_until are when jobs ended, for cancel and purge when they were published; i_rate is in jobs a second,
-- null as fast as it goes; i_grace_seconds is that of jobs.cancel. i_matched is what a preview has just counted; null: it counts now. PT400 for what
-- cannot be meant. Takes no lock.
create or replace function jobs.start_operation(
  i_kind text, i_topic text, i_state text default null, i_error text default null, i_since timestamptz default null, i_until timestamptz default null,
  i_rate double precision default null, i_reason text default null, i_matched bigint default null, i_grace_seconds double precision default null
) returns jobs.operation_info
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_op jobs.operation := jobs._as_operation(i_kind, i_topic, i_state, i_error, i_since, i_until, i_rate, i_reason, i_grace_seconds);
  v_matched record;
begin
  if pg_sequence_last_value('jobs.operations_made') is null then
    perform nextval('jobs.operations_made');
  end if;
  perform jobs._check_limit('i_matched', i_matched);
  if i_matched is null then
    select m.jobs, m.exact into v_matched from jobs._matches(v_op, 1000000) m;
  else
    select i_matched as jobs, i_matched < 1000000 as exact into v_matched;
  end if;
  insert into jobs.operation as o (kind, topic, job_state, error, since, until, odd_after, number, rate, grace_seconds, who, role, reason, matched, matched_exactly, phase, range_from, range_until,
                                   paced_at, started_at, stepped_at)
  values (v_op.kind, v_op.topic, v_op.job_state, v_op.error, v_op.since, v_op.until, v_op.odd_after, v_op.number, v_op.rate, v_op.grace_seconds, session_user, nullif(current_setting('role', true), 'none'), v_op.reason,
          v_matched.jobs, v_matched.exact, v_op.phase, v_op.range_from, v_op.range_until, v_op.started_at, v_op.started_at, v_op.started_at)
  returning o.* into v_op;
  perform jobs._audit('start_operation', v_op.topic, v_op.matched, v_op.reason, jsonb_strip_nulls(jsonb_build_object(
    'operation', v_op.id, 'kind', v_op.kind, 'state', v_op.job_state, 'error', v_op.error, 'since', v_op.since, 'until', v_op.until, 'rate', v_op.rate, 'grace_seconds', v_op.grace_seconds)));
  return jobs._shown_operation(v_op);
end $$;

-- An operation without its position.
create or replace function jobs._shown_operation(i_op jobs.operation) returns jobs.operation_info
language sql immutable parallel safe
return row((i_op).id, (i_op).kind, (i_op).topic, (i_op).job_state, (i_op).error, (i_op).since, (i_op).until, (i_op).rate, (i_op).who, (i_op).role, (i_op).reason,
  (i_op).state, (i_op).matched, (i_op).matched_exactly, (i_op).done, (i_op).skipped, (i_op).skips, (i_op).left_out, (i_op).last_error, (i_op).started_at,
  (i_op).stepped_at, (i_op).ended_at, (i_op).grace_seconds)::jobs.operation_info;

-- Locks an operation and returns it, after waiting for a step of at most a moment. PT404 when there is none,
-- PT409 when it has ended.
create or replace function jobs._lock_operation(i_operation bigint) returns jobs.operation
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_op jobs.operation;
begin
  select o.* into v_op from jobs.operation o where o.id = i_operation for update;
  if not found then
    perform jobs._refuse_operation(i_operation);
  elsif v_op.state not in ('running', 'paused') then
    raise sqlstate 'PT409' using message = format('operation %s has ended: %s', i_operation, v_op.state), hint = 'start another one';
  end if;
  return v_op;
end $$;

-- Raises the error for an operation that there is not.
create or replace function jobs._refuse_operation(i_operation bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise sqlstate 'PT404' using message = format('there is no operation %s', coalesce(i_operation::text, 'null')), hint = 'jobs.operations() lists them';
end $$;

-- Changes the state of an operation, writes the audit, and returns it.
create or replace function jobs._change_operation(i_operation bigint, i_action text, i_state text, i_reason text) returns jobs.operation_info
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_op jobs.operation := jobs._lock_operation(i_operation);
  v_now timestamptz := jobs.now();
begin
  update jobs.operation o
  set state = i_state, paced_at = v_now, errors = 0, retry_at = null, ended_at = case when i_state = 'cancelled' then v_now end
  where o.id = i_operation returning o.* into v_op;
  perform jobs._audit(i_action, v_op.topic, null, i_reason, jsonb_build_object('operation', i_operation, 'done', v_op.done, 'skipped', v_op.skipped));
  return jobs._shown_operation(v_op);
end $$;

-- Stops an operation where it is until jobs.resume_operation, and returns it. PT404 when there is none, PT409
-- when it has ended. Waits for a step that is at work.
create or replace function jobs.pause_operation(i_operation bigint, i_reason text default null) returns jobs.operation_info
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return jobs._change_operation(i_operation, 'pause_operation', 'paused', i_reason);
end $$;

-- Lets a paused operation go on from where it was, and returns it. PT404 and PT409 as jobs.pause_operation.
create or replace function jobs.resume_operation(i_operation bigint, i_reason text default null) returns jobs.operation_info
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return jobs._change_operation(i_operation, 'resume_operation', 'running', i_reason);
end $$;

-- Ends an operation where it is, and returns it; what it has done stays done. PT404 and PT409 as
-- jobs.pause_operation.
create or replace function jobs.cancel_operation(i_operation bigint, i_reason text default null) returns jobs.operation_info
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return jobs._change_operation(i_operation, 'cancel_operation', 'cancelled', i_reason);
end $$;

-- The newest operations, at most i_num, those before i_before (null: from the newest). Locks nothing.
create or replace function jobs.operations(i_before bigint default null, i_num integer default 50) returns setof jobs.operation_info
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._check_limit('i_num', i_num);
  return query select (jobs._shown_operation(o)).* from jobs.operation o where o.id < coalesce(i_before, 9223372036854775807) order by o.id desc limit i_num;
end $$;

-- One operation; PT404 when there is none.
create or replace function jobs.get_operation(i_operation bigint) returns jobs.operation_info
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_op jobs.operation := (select o from jobs.operation o where o.id = i_operation);
begin
  if v_op.id is null then
    perform jobs._refuse_operation(i_operation);
  end if;
  return jobs._shown_operation(v_op);
end $$;
