-- Topic grants: which tasks a role may publish and consume.
--
-- The grants of 99_grants.sql decide which functions a role may call; topic grants restrict what it may do
-- with them. A role without topic grants is not restricted. A role that has topic grants, or the privileges
-- of a role that has some, may do what these allow together and nothing else. Administrators (jobs_admin, the
-- owner of schema jobs, superusers) are never restricted. A restricted role settles jobs only with their
-- leases.

-- A call has two roles: the session user, and the role set by SET ROLE, as a REST gateway does. The limits of
-- either apply to the call, so that nobody avoids a limit by setting a role of which they are a member.
-- (Inside functions that run as their owner, current_user would be the owner.)

-- The role that is set, or else the session user.
create or replace function jobs._caller() returns name
language sql stable
return coalesce(nullif(pg_catalog.current_setting('role', true), 'none')::name, session_user);

-- The oid of a role; null when no role has this name.
create or replace function jobs._role_oid(i_name name) returns oid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select r.oid from pg_roles r where r.rolname = i_name
$$;

-- Whether the caller is the one that registered this (i_login: the user of that session, i_role: the role
-- that was set), or has the privileges of both: then what belongs to them belongs to the caller too.
create or replace function jobs._acts_as(i_role oid, i_login oid) returns boolean
language sql stable
return pg_catalog.pg_has_role(session_user, i_login, 'usage') and pg_catalog.pg_has_role(jobs._caller(), i_role, 'usage');

-- Whether this role administers: it has the privileges of jobs_admin, or of the owner of schema jobs.
create or replace function jobs._is_administrator(i_role name) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select pg_has_role(i_role, (select n.nspowner from pg_namespace n where n.nspname = 'jobs'), 'usage')
    or coalesce(pg_has_role(i_role, jobs._role_oid('jobs_admin'), 'usage'), false)
$$;

-- The role that a grant is meant for. Found by its oid, so that renaming a role widens nothing; but by its
-- name when no role has that oid any more, as when it was dropped and created again, or when the oid is one
-- of another cluster, as after a restore.
create or replace function jobs._grantee(i_grant jobs.topic_grant) returns oid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case
    when exists (select from pg_roles r where r.oid = i_grant.role and r.rolname = i_grant.name) then i_grant.role
    when exists (select from pg_roles r where r.oid = i_grant.role) and i_grant.cluster = (select c.system_identifier from pg_control_system() c) then i_grant.role
    else jobs._role_oid(i_grant.name) end
$$;

-- The patterns of the tasks that a role may publish, or consume; null when it is not restricted. i_how:
-- counts the grants of the roles whose privileges it has (usage), or of all roles of which it is a member.
create or replace function jobs._limits_of(i_role name, i_publish boolean, i_how text) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_grants jobs.topic_grant[] := array(
    select g from jobs.topic_grant g left join pg_roles r on r.oid = g.role
    where pg_has_role(i_role, case when r.rolname = g.name then g.role else jobs._grantee(g) end, i_how));
begin
  if cardinality(v_grants) = 0 or jobs._is_administrator(i_role) then
    return null;
  end if;
  return array(select g.pattern from unnest(v_grants) g where case when i_publish then g.publish else g.consume end);
end $$;

-- Whether one role may become the other without a restricted role in between.
create or replace function jobs._may_become(i_role name, i_other name) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with recursive free(role) as (
    select jobs._role_oid(i_role)
    union
    select m.roleid from free f join pg_auth_members m on m.member = f.role
    where not exists (select from jobs.topic_grant g where jobs._grantee(g) = f.role)
  ) select exists (select from free f where f.role = jobs._role_oid(i_other))
$$;

-- The limits of the caller: of the session user, and of the role that is set. A member of an administrator's
-- role who has set it is not restricted. A role that the user could set only through a restricted role widens
-- nothing, whether the user inherits privileges or not.
create or replace function jobs._limits(i_publish boolean) returns jobs.limits
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_role name := nullif(current_setting('role'), 'none');
  v_limits jobs.limits;
begin
  if session_user = current_user and v_role is null or not exists (select from jobs.topic_grant) then
    return v_limits;   -- the caller is the owner, as whom functions run, or no role is restricted
  end if;
  v_limits.role := case when v_role is not null then jobs._limits_of(v_role, i_publish, 'usage') end;
  v_limits.login := case when v_role is null or not jobs._is_administrator(v_role) then
    jobs._limits_of(session_user, i_publish, case when v_role is null or jobs._may_become(session_user, v_role) then 'usage' else 'member' end) end;
  return v_limits;
end $$;

-- Those of the tasks that the caller may publish, or consume.
create or replace function jobs._allowed(i_publish boolean, i_tasks text[]) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_limits jobs.limits := jobs._limits(i_publish);
begin
  return case when v_limits is null then i_tasks else array(select t from unnest(i_tasks) t where jobs._is_under(t, v_limits)) end;
end $$;

-- Those of the tasks whose results the caller may see: the publisher of a job waits for its result, and the
-- consumer produced it.
create or replace function jobs._visible(i_tasks text[]) returns text[]
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jobs._allowed(true, i_tasks) || jobs._allowed(false, i_tasks)
$$;

-- The condition that the caller may know of the task in this column, as SQL that begins with and; empty for
-- a caller who is not restricted.
create or replace function jobs._in_sight(i_column text) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_publishes jobs.limits := jobs._limits(true);
begin
  return case when v_publishes is null then ''
              else format(' and (jobs._is_under(%1$s, %2$L::jobs.limits) or jobs._is_under(%1$s, %3$L::jobs.limits))', i_column, v_publishes, jobs._limits(false)) end;
end $$;

-- Raises PT403 when the caller may not publish, or consume, one of the tasks.
create or replace function jobs._check_topics(i_publish boolean, i_tasks text[]) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_limits jobs.limits := jobs._limits(i_publish);
  v_task text;
begin
  if v_limits is null then
    return;
  end if;
  select t into v_task from unnest(i_tasks) t
  where jobs._is_under(t, v_limits) is not true limit 1;
  if found then
    raise sqlstate 'PT403' using
      message = format('role %s may not %s the task %s', jobs._shown(jobs._restricted()),
                       case when i_publish then 'publish' else 'consume' end, coalesce(jobs._shown(v_task), 'null')),
      hint = format('an administrator may call jobs.grant_topic(%s, topic)', jobs._shown(jobs._restricted()));
  end if;
end $$;

-- The role of the caller that is restricted, for messages.
create or replace function jobs._restricted() returns name
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case when l.role is null then session_user else jobs._caller() end from jobs._limits(true) l
$$;

-- Raises PT403 when the caller is restricted and gives no lease: without one it could settle anybody's job.
create or replace function jobs._check_lease(i_lease uuid) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if i_lease is null and (select l.login is not null or l.role is not null from jobs._limits(false) l) then
    raise sqlstate 'PT403' using message = format('role %s settles jobs only under their leases', jobs._shown(jobs._restricted())),
      hint = 'give the lease that jobs.consume returned with the job';
  end if;
end $$;

-- Allows a role to publish and consume the tasks under a topic, and restricts it to its grants from then on.
-- A new grant of the same topic replaces the old one. Applies to statements that begin after it commits.
create or replace function jobs.grant_topic(i_role name, i_topic text, i_publish boolean default true, i_consume boolean default true) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if jobs._role_oid(i_role) is null then
    raise sqlstate 'PT404' using message = format('there is no role %s', coalesce(jobs._shown(i_role), 'null')), hint = 'pg_roles lists them';
  elsif (length(i_topic) between 1 and 200) is not true then
    raise sqlstate 'PT400' using message = 'a topic is a pattern over task names of 1 to 200 characters', hint = 'use * for every task';
  end if;
  perform jobs._adopt_grants(i_role);
  insert into jobs.topic_grant as g (role, name, cluster, topic, pattern, publish, consume)
  select jobs._role_oid(i_role), i_role, c.system_identifier, i_topic, jobs._pattern(i_topic), coalesce(i_publish, false), coalesce(i_consume, false)
  from pg_control_system() c
  on conflict (role, topic) do update set publish = excluded.publish, consume = excluded.consume;
  perform jobs._audit('grant_topic', i_role, null, null, jsonb_build_object('topic', i_topic, 'publish', coalesce(i_publish, false), 'consume', coalesce(i_consume, false)));
end $$;

-- Revokes a grant; false when there was none. A role that loses its last grant may do nothing, rather than
-- everything: it stays restricted. (jobs.grant_topic(role, '*') widens it again.)
create or replace function jobs.revoke_topic(i_role name, i_topic text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  perform jobs._adopt_grants(i_role);
  update jobs.topic_grant g set publish = false, consume = false where g.role = jobs._role_oid(i_role) and g.topic = i_topic;
  if not found then
    return false;
  end if;
  perform jobs._audit('revoke_topic', i_role, null, null, jsonb_build_object('topic', i_topic));
  return true;
end $$;

-- Updates the oid and name in the grants that are meant for this role, when it was renamed, created again or
-- restored elsewhere.
create or replace function jobs._adopt_grants(i_role name) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.topic_grant g set role = r.oid, name = r.rolname, cluster = (select c.system_identifier from pg_control_system() c)
  from pg_roles r
  where r.rolname = i_role and r.oid = jobs._grantee(g) and (g.role, g.name) is distinct from (r.oid, r.rolname)
    and not exists (select from jobs.topic_grant o where o.role = r.oid and o.topic = g.topic and o.ctid <> g.ctid)
$$;

-- All topic grants, by the present names of their roles. `known` is false for a grant whose role does not
-- exist any more: it restricts any role that gets that name.
create or replace function jobs.topic_grants() returns table (role name, topic text, publish boolean, consume boolean, known boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  select coalesce(r.rolname, g.name), g.topic, g.publish, g.consume, r.rolname is not null
  from jobs.topic_grant g left join pg_roles r on r.oid = jobs._grantee(g)
  order by 1, 2
$$;
