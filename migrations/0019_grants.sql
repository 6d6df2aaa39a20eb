-- Who may call what. PUBLIC may do nothing; only the owner may use the tables. The installation creates the
-- four roles if it may create roles, and uses those that exist:
--
--   jobs_publisher  publishes
--   jobs_worker     publishes, claims, settles
--   jobs_reader     sees the states of jobs, never their bodies, results or errors
--   jobs_admin      everything a person does
do $$
declare
  v_role text;
begin
  foreach v_role in array array['jobs_publisher', 'jobs_worker', 'jobs_reader', 'jobs_admin'] loop
    begin
      if not exists (select 1 from pg_catalog.pg_roles r where r.rolname = v_role) then
        execute pg_catalog.format('create role %I nologin', v_role);
      end if;
    exception
      when duplicate_object or unique_violation then null;  -- created meanwhile for another database of this server
      when insufficient_privilege then
        raise notice 'role % was not made: ask a superuser for it, or grant the functions of schema jobs to roles of your own', v_role;
    end;
  end loop;
end $$;

revoke all on schema jobs from public;

-- Revokes all privileges of others on what was created: those of PUBLIC, those from default privileges of the
-- installing role, and those granted on the tables of the Python package. A role that may call an internal
-- function, or set a trigger on a table, acts as the owner.
--
-- The objects of the schema that belong to the installing role were created by the files before this one: the
-- first of them finds the schema empty (conditions.sql). Objects of other owners are left alone.
do $$
declare
  v_me oid := (select r.oid from pg_catalog.pg_roles r where r.rolname = current_user);
  v_grant record;
begin
  for v_grant in
    with objects as materialized (
      select 'routine ' || p.oid::regprocedure as object, p.proowner as owner, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)) as acl
      from pg_catalog.pg_proc p where p.pronamespace = 'jobs'::regnamespace
      union all
      select case c.relkind when 'S' then 'sequence ' else 'table ' end || c.oid::regclass, c.relowner, l.acl
      from pg_catalog.pg_class c, lateral (select c.relacl as acl union all select a.attacl from pg_catalog.pg_attribute a where a.attrelid = c.oid) l
      where c.relnamespace = 'jobs'::regnamespace and c.relkind in ('r', 'p', 'v', 'S') and pg_catalog.cardinality(l.acl) > 0
    )
    select distinct o.object, case a.grantee when 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end as grantee
    from objects o, pg_catalog.aclexplode(o.acl) a where o.owner = v_me and a.grantee <> o.owner
  loop
    execute pg_catalog.format('revoke all on %s from %s cascade', v_grant.object, v_grant.grantee);
  end loop;
end $$;

do $$
declare
  v_function regprocedure;
begin
  if exists (select 1 from pg_catalog.pg_roles r where r.rolname = 'jobs_publisher') then
    grant usage on schema jobs to jobs_publisher;
    grant execute on function jobs.publish, jobs.publish_bulk, jobs.publish_json, jobs.publish_arrays, jobs.now to jobs_publisher;
  end if;
  if exists (select 1 from pg_catalog.pg_roles r where r.rolname = 'jobs_worker') then
    grant usage on schema jobs to jobs_worker;
    grant execute on function jobs.publish, jobs.publish_bulk, jobs.publish_json, jobs.publish_arrays, jobs.now,
      jobs.consume(integer), jobs.consume(varchar, integer), jobs.consume_topic, jobs.claim, jobs.fetch, jobs.start, jobs.fail_next, jobs.release, jobs.ack, jobs.nack,
      jobs.settle, jobs.heartbeat, jobs.heartbeat_worker, jobs.held_by, jobs.register_worker, jobs.unregister_worker, jobs.count_workers,
      jobs.register_tasks, jobs.sweep, jobs.promote, jobs.maintain, jobs.maintain_partitions, jobs.result, jobs.results, jobs.await_results,
      jobs.count_lost, jobs.tasks_in_use, jobs.sample_keys, jobs.read_ready, jobs.sample_not_ready, jobs.open_bodies, jobs.unusable to jobs_worker;
    grant execute on procedure jobs.maintain_partitions_and_commit to jobs_worker;
    grant select on jobs.migrations, jobs.schema_migrations to jobs_worker;
  end if;
  if exists (select 1 from pg_catalog.pg_roles r where r.rolname = 'jobs_reader') then
    grant usage on schema jobs to jobs_reader;
    grant execute on function jobs.overview, jobs.count, jobs.explain, jobs.workers, jobs.unusable, jobs.now to jobs_reader;
    grant select (id, job_id, task, status, priority, retries, max_retries, timeout, created_at, run_at, scheduled_at,
                  complete_on, attempt, worker) on jobs."all" to jobs_reader;
    grant select (id, job_id, task, priority, retries, created_at, run_at, attempt, expires_at, worker)
      on jobs.running, jobs.expired to jobs_reader;
  end if;
  if exists (select 1 from pg_catalog.pg_roles r where r.rolname = 'jobs_admin') then
    grant usage on schema jobs to jobs_admin;
    for v_function in   -- only other functions call those that begin with _
      select p.oid from pg_catalog.pg_proc p where p.pronamespace = 'jobs'::regnamespace and p.proname !~ '^_' and p.proowner = (select r.oid from pg_catalog.pg_roles r where r.rolname = current_user)
    loop
      execute pg_catalog.format('grant execute on routine %s to jobs_admin', v_function);
    end loop;
    grant select on jobs."all", jobs.running, jobs.expired, jobs.migrations, jobs.schema_migrations to jobs_admin;
    grant select, update on jobs.config to jobs_admin;
  end if;
  if exists (select 1 from pg_catalog.pg_roles r where r.rolname ~ '^jobs_(publisher|worker|reader|admin)$'
             and not pg_catalog.has_schema_privilege(r.oid, 'jobs'::regnamespace, 'usage')) then
    raise warning 'the roles cannot use the schema yet: its owner has to run `grant usage on schema jobs to jobs_publisher, jobs_worker, jobs_reader, jobs_admin`';
  end if;
end $$;
