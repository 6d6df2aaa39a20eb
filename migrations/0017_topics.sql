-- Topic grants: which tasks a role may publish and consume.
--
-- The grants of 0019_grants.sql say which functions a role may call; these narrow what it may do with them. A
-- role of which none speaks is not narrowed. A role with any, or one that has the privileges of such a role,
-- may do what they name together and nothing else. Whoever may administer (jobs_admin, the owner of schema
-- jobs, superusers) is never narrowed. A role that is narrowed settles jobs only under their leases.

-- The role that calls: whom SET ROLE names, as a REST gateway does, or else the user of the session. Inside
-- functions that run as their owner, current_user would be the owner.
create function jobs._caller() returns name
language sql stable
return coalesce(nullif(pg_catalog.current_setting('role', true), 'none')::name, session_user);

-- Whether the caller is this role, or has its privileges: then what is that role's is the caller's too.
create function jobs._acts_as(i_role name) returns boolean
language sql stable
return case when i_role = jobs._caller() then true else coalesce(
  (select pg_catalog.pg_has_role(jobs._caller(), r.oid, 'usage') from pg_catalog.pg_roles r where r.rolname = i_role), false) end;

-- The patterns of the tasks that the caller may publish, or consume; null when it is not narrowed.
create function jobs._limits(i_publish boolean) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_grants jobs.topic_grant[];
begin
  if session_user = current_user and current_setting('role') = 'none' or not exists (select from jobs.topic_grant) then
    return null;   -- the owner, as whom functions run, or nobody is narrowed
  end if;
  v_grants := array(select g from jobs.topic_grant g where jobs._acts_as(g.role));
  if cardinality(v_grants) = 0 or jobs._acts_as('jobs_admin')
    or pg_has_role(jobs._caller(), (select n.nspowner from pg_namespace n where n.nspname = 'jobs'), 'usage') then
    return null;
  end if;
  return array(select g.pattern from unnest(v_grants) g where case when i_publish then g.publish else g.consume end);
end $$;

-- Those among the tasks that the caller may publish, or consume.
create function jobs._allowed(i_publish boolean, i_tasks text[]) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_limits text[] := jobs._limits(i_publish);
begin
  return case when v_limits is null then i_tasks
    else array(select t from unnest(i_tasks) t where t like any (v_limits)) end;
end $$;

-- Those of a JSON array of tasks that the caller may consume, under each of their names: a narrowed worker's
-- program may hold other tasks as well, of which it has no say.
create function jobs._declarable(i_tasks jsonb) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(jsonb_agg(t.task), '[]')
  from jsonb_array_elements(i_tasks) t(task),
    lateral (select array(select jsonb_array_elements_text(coalesce(t.task->'aliases', '[]'))) || (t.task->>'name') as names) n
  where jobs._allowed(false, n.names) = n.names
$$;

-- PT403 when one of the tasks is not for the caller.
create function jobs._check_topics(i_publish boolean, i_tasks text[]) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_limits text[] := jobs._limits(i_publish);
  v_task text;
begin
  if v_limits is null then
    return;
  end if;
  select t into v_task from unnest(i_tasks) t where t like any (v_limits) is not true limit 1;
  if found then
    raise sqlstate 'PT403' using
      message = format('role %s may not %s the task %s', quote_literal(jobs._caller()),
                       case when i_publish then 'publish' else 'consume' end, coalesce(quote_literal(v_task), 'null')),
      hint = format('an administrator may call jobs.grant_topic(%s, topic)', quote_literal(jobs._caller()));
  end if;
end $$;

-- PT403 when the caller is narrowed and gives no lease: without one it could settle anybody's job.
create function jobs._check_lease(i_lease uuid) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if i_lease is null and jobs._limits(false) is not null then
    raise sqlstate 'PT403' using message = format('role %s settles jobs only under their leases', quote_literal(jobs._caller())),
      hint = 'give the lease that jobs.consume returned with the job';
  end if;
end $$;

-- Lets a role publish and consume the tasks under a topic, and from then on only what its grants name.
-- Given again, it replaces what was said of this topic. In force for statements that begin after it commits.
create function jobs.grant_topic(i_role name, i_topic text, i_publish boolean default true, i_consume boolean default true) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from pg_roles r where r.rolname = i_role) then
    raise sqlstate 'PT404' using message = format('there is no role %s', coalesce(quote_literal(i_role), 'null'));
  elsif (length(i_topic) between 1 and 200) is not true then
    raise sqlstate 'PT400' using message = 'a topic is a pattern over task names of 1 to 200 characters', hint = 'use * for every task';
  end if;
  insert into jobs.topic_grant as g (role, topic, pattern, publish, consume)
  values (i_role, i_topic, jobs._pattern(i_topic), coalesce(i_publish, false), coalesce(i_consume, false))
  on conflict (role, topic) do update set publish = excluded.publish, consume = excluded.consume;
end $$;

-- Takes a grant back; false when there was none. A role that loses its last one may do nothing, rather than
-- everything: it stays narrowed. (jobs.grant_topic(role, '*') widens it again.)
create function jobs.revoke_topic(i_role name, i_topic text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update jobs.topic_grant g set publish = false, consume = false where g.role = i_role and g.topic = i_topic;
  return found;
end $$;

-- All topic grants.
create function jobs.topic_grants() returns table (role name, topic text, publish boolean, consume boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select g.role, g.topic, g.publish, g.consume from jobs.topic_grant g order by g.role, g.topic
$$;
