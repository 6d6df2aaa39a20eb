-- Who may change a task.

-- The role that declares: the role set by SET ROLE, or else the session user. The roles that all clients of a
-- kind share identify nobody: under one of them it is the session user too.
create or replace function jobs._declarer() returns oid
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_set text := nullif(current_setting('role', true), 'none');
begin
  return (
    select r.oid from pg_roles r
    where r.rolname = case
      when v_set is null then session_user
      when v_set ~ '^jobs_(publisher|worker|reader|admin)$' then session_user
      else v_set::name end);
end $$;

-- Whether the caller may administer schema jobs.
create or replace function jobs._is_administrator() returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_caller name := coalesce(nullif(current_setting('role', true), 'none')::name, session_user);
begin
  return exists (
    select from pg_roles r, pg_roles c
    where c.rolname = v_caller and pg_has_role(c.oid, r.oid, 'usage')
      and (r.rolname = 'jobs_admin' or r.oid = (select n.nspowner from pg_namespace n where n.nspname = 'jobs')));
end $$;

-- Whether the caller may change what belongs to this role. Both oid and name must match: after the role was
-- renamed, or dropped and created again, an administrator decides (jobs.own_task).
create or replace function jobs._may_change(i_owner oid, i_name name) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return jobs._is_administrator() or exists (
    select from pg_roles r where r.oid = i_owner and r.rolname = i_name and pg_has_role(jobs._declarer(), r.oid, 'usage'));
end $$;

-- Transfers tasks to a role, one by its name or all under a topic, and returns their number; for
-- administrators (PT403). From then on that role, and every role with its privileges, may change them. Tasks
-- that several roles declare should belong to a role of which all of these are members.
create or replace function jobs.own_task(i_task text, i_role name) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_role oid := (select r.oid from pg_roles r where r.rolname = i_role);
  v_tasks bigint;
begin
  if not jobs._is_administrator() then
    raise sqlstate 'PT403' using message = 'only administrators hand tasks over', hint = 'ask a member of jobs_admin, or the owner of schema jobs';
  elsif v_role is null then
    raise sqlstate 'PT404' using message = format('there is no role %s', coalesce(quote_literal(i_role), 'null')), hint = 'pg_roles lists them';
  end if;
  update jobs.task t set owner = v_role, owner_name = i_role where t.name like jobs._pattern(i_task);
  get diagnostics v_tasks = row_count;
  if v_tasks = 0 then
    raise sqlstate 'PT404' using message = format('no task is declared under %s', coalesce(jobs._shown(i_task), 'null')), hint = 'jobs.tasks() lists them';
  end if;
  return v_tasks;
end $$;
