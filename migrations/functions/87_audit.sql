-- The audit: who did what to which jobs, when and why. Functions of operators write it, in the transaction of
-- what they do, so that it says neither more nor less than what happened.

-- Writes a row of the audit. Its person is what the session has in the setting pgjobs.person: a program that
-- serves several people says so for whom it acts (select set_config('pgjobs.person', 'mara', true)). Nobody
-- checks it, so who and role stay beside it. Locks nothing that anybody waits for.
create or replace function jobs._audit(i_action text, i_target text, i_jobs bigint, i_reason text default null, i_details jsonb default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into jobs.audit (at, who, role, person, action, target, jobs, reason, details)
  values (jobs.now(), session_user, nullif(current_setting('role', true), 'none'), nullif(left(current_setting('pgjobs.person', true), 200), ''), i_action, left(i_target, 1000), i_jobs, left(i_reason, 1000), i_details);
end $$;

-- The same for a list of jobs: one is the target, and of several the details have up to a hundred.
create or replace function jobs._audit_jobs(i_action text, i_jobs text[], i_reason text default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform jobs._audit(i_action, case when cardinality(i_jobs) = 1 then i_jobs[1] end, coalesce(cardinality(i_jobs), 0), i_reason,
                      case when cardinality(i_jobs) > 1 then jsonb_build_object('jobs', to_jsonb(i_jobs[:100])) end);
end $$;

-- What people did, newest first, at most i_num rows: to a target (a job, a topic, a schedule, a role; null:
-- any), by an action (null: any), before the row i_before (null: from the newest). For administrators: the
-- details may have arguments of jobs. A call with several jobs is found by each of its first hundred. Locks
-- nothing.
create or replace function jobs.audit_log(i_target text default null, i_action text default null, i_before bigint default null, i_num integer default 50)
returns table (id bigint, at timestamptz, who name, role name, action text, target text, jobs bigint, reason text, details jsonb, person text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._check_limit('i_num', i_num);
  return query
  select a.id, a.at, a.who, a.role, a.action, a.target, a.jobs, a.reason, a.details, a.person from jobs.audit a
  where (i_target is null or a.target = i_target or a.details->'jobs' ? i_target) and (i_action is null or a.action = i_action)
    and a.id < coalesce(i_before, 9223372036854775807)
  order by a.id desc limit i_num;
end $$;

-- Deletes rows of the audit, and operations that have ended, which are older than a year: a bounded number in
-- each call.
create or replace function jobs._shorten_audit(i_now timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  delete from jobs.audit a where a.id = any (array(
    select o.id from (select b.id, b.at from jobs.audit b order by b.id limit 10000) o where o.at < i_now - interval '365 days'));
  if pg_sequence_last_value('jobs.operations_made') is not null then
    delete from jobs.operation p where p.id = any (array(
      select o.id from (select q.id, q.ended_at from jobs.operation q order by q.id limit 10000) o where o.ended_at < i_now - interval '365 days'));
  end if;
end $$;
