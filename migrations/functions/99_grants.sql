-- Who may call what. PUBLIC may do nothing; only the owner may use the tables. The installation creates the
-- four roles if it may create roles, and uses those that exist:
--
--   jobs_publisher  publishes
--   jobs_worker     publishes, claims, settles
--   jobs_reader     sees the states of jobs and their meta, never their bodies, results or errors
--   jobs_admin      everything a person does
--
-- An upgrade grants and revokes on new objects only (note_objects.sql), and to a role that is new to the schema:
-- what an administrator changed stays. (A function that was dropped and created again is new.)
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

-- Revokes all privileges of others on what was created: those of PUBLIC, those from default privileges of the
-- installing role. A role that may call an internal function, or set a trigger on a table, acts as the owner.
--
-- The new objects of the schema that belong to the installing role were created by the files before this one:
-- the first of them finds the schema empty (conditions.sql). Objects of other owners are left alone.
do $$
declare
  v_known constant oid[] := pg_catalog.string_to_array(pg_catalog.current_setting('pgjobs.known_objects', true), ',')::oid[];
  v_grant record;
begin
  if pg_catalog.cardinality(v_known) > 0 is not true then
    revoke all on schema jobs from public;
  end if;
  for v_grant in
    with objects as materialized (
      select 'routine ' || p.oid::regprocedure as object, p.oid, p.proowner as owner, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)) as acl
      from pg_catalog.pg_proc p where p.pronamespace = 'jobs'::regnamespace
      union all
      select case c.relkind when 'S' then 'sequence ' else 'table ' end || c.oid::regclass, c.oid, c.relowner, l.acl
      from pg_catalog.pg_class c, lateral (select c.relacl as acl union all select a.attacl from pg_catalog.pg_attribute a where a.attrelid = c.oid) l
      where c.relnamespace = 'jobs'::regnamespace and c.relkind in ('r', 'p', 'v', 'S') and pg_catalog.cardinality(l.acl) > 0
    )
    select distinct o.object, case a.grantee when 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end as grantee
    from objects o, pg_catalog.aclexplode(o.acl) a
    where o.owner = (select r.oid from pg_catalog.pg_roles r where r.rolname = current_user) and a.grantee <> o.owner
      and (o.oid = any (v_known)) is not true
  loop
    execute pg_catalog.format('revoke all on %s from %s cascade', v_grant.object, v_grant.grantee);
  end loop;
end $$;

do $$
declare
  v_known constant oid[] := pg_catalog.string_to_array(pg_catalog.current_setting('pgjobs.known_objects', true), ',')::oid[];
  c_publisher constant text[] := '{draining,signal,publish,publish_bulk,publish_json,publish_arrays,publish_unique,publish_workflow,now,next_ticks,schedules,get_schedule,schedule_ticks,
    schedule_log,explain_schedule,set_schedule,drop_schedule,pause_schedule,resume_schedule,run_schedule,backfill_schedule}';
  c_worker constant text[] := c_publisher || '{consume,consume_topic,claim,fetch,start,fail_next,release,ack,nack,settle,heartbeat,
    beat,held_by,register_worker,unregister_worker,count_workers,register_tasks,sweep,promote,maintain,maintain_partitions,
    maintain_partitions_and_commit,result,results,await_results,count_lost,tasks_in_use,sample_keys,read_ready,sample_not_ready,
    open_bodies,unusable,tick,note_progress,set_progress,progress_of,job_log,watches,event_position,events_after,await_events,announce_events,block_key,acquire,
    begin_steps,find_step,save_step,sleep,await_signal,steps,step_value,unknown_steps,add_nodes,workflow,workflow_nodes,node_results,workflow_result,explain_workflow}'::text[];
  c_reader constant text[] := '{draining,sees_task,overview,count,open_counts,flow,search,explain,workers,unusable,pauses,limits,problems,statistics,task_statistics,server_health,standby,metrics,now,next_ticks,schedules,get_schedule,schedule_ticks,schedule_log,explain_schedule,
    progress_of,ended_lately,watches,event_position,events_after,await_events,steps,workflow,workflows,workflow_nodes,explain_workflow}';
  -- New to the schema: made after the last time that these grants were.
  v_new constant name[] := array(
    select r.rolname from pg_catalog.pg_roles r where r.rolname in ('jobs_publisher', 'jobs_worker', 'jobs_reader', 'jobs_admin')
      and not exists (select from jobs.schema_functions s where r.rolname = any (s.served_roles)));
  v_grant record;
begin
  for v_grant in
    select r.rolname, o.privilege, o.object
    from (
      values ('jobs_publisher', c_publisher), ('jobs_worker', c_worker), ('jobs_reader', c_reader), ('jobs_admin', null)
    ) g(role, functions)
    join pg_catalog.pg_roles r on r.rolname = g.role,
    lateral (
      -- Only other functions call those that begin with _.
      select p.oid, 'execute' as privilege, 'routine ' || p.oid::regprocedure as object from pg_catalog.pg_proc p
      where p.pronamespace = 'jobs'::regnamespace and p.proname !~ '^_' and (p.proname = any (g.functions)) is not false
        and p.proowner = (select m.oid from pg_catalog.pg_roles m where m.rolname = current_user)
      union all
      select v.relation, v.privilege, v.relation::text from (values
        ('jobs_worker', 'select', 'jobs.migrations'::regclass),
        ('jobs_worker', 'select', 'jobs.schema_migrations'),
        ('jobs_worker', 'select', 'jobs.schema_functions'),
        ('jobs_reader', 'select (id, job_id, task, status, priority, retries, max_retries, timeout, created_at, run_at, scheduled_at,
                                 complete_on, attempt, worker, meta)', 'jobs."all"'),
        ('jobs_reader', 'select (id, job_id, task, priority, retries, created_at, run_at, attempt, expires_at, worker, meta)', 'jobs.running'),
        ('jobs_reader', 'select (id, job_id, task, priority, retries, created_at, run_at, attempt, expires_at, worker, meta)', 'jobs.expired'),
        ('jobs_admin', 'select', 'jobs."all"'),
        ('jobs_admin', 'select', 'jobs.running'),
        ('jobs_admin', 'select', 'jobs.expired'),
        ('jobs_admin', 'select', 'jobs.migrations'),
        ('jobs_admin', 'select', 'jobs.schema_migrations'),
        ('jobs_admin', 'select', 'jobs.schema_functions'),
        ('jobs_admin', 'select, update', 'jobs.config')) v(role, privilege, relation)
      where v.role = g.role
    ) o
    where (o.oid = any (v_known)) is not true or r.rolname = any (v_new)
  loop
    execute pg_catalog.format('grant %s on %s to %I', v_grant.privilege, v_grant.object, v_grant.rolname);
  end loop;
  for v_grant in select n as rolname from pg_catalog.unnest(v_new) n loop
    execute pg_catalog.format('grant usage on schema jobs to %I', v_grant.rolname);
    if not pg_catalog.has_schema_privilege(v_grant.rolname, 'jobs', 'usage') then
      raise warning 'the role % cannot use the schema yet: its owner has to run `grant usage on schema jobs to %`', v_grant.rolname, v_grant.rolname;
    end if;
  end loop;
end $$;
