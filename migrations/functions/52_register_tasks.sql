-- The declarations of a worker that starts.

-- The changes that these declarations make. A role may neither declare a task under an alias of another
-- role's task, nor take a name of another role's task as an alias.
create or replace function jobs._changes(i_tasks jobs.declaration[]) returns setof jobs.change
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
begin
  return query
  select c.declared, c.differs, c.owner is null or jobs._may_change(c.owner, c.owner_name), c.owner_name, c.others, c.old_aliases
  from (
    select row(d.name, a.aliases, d.doc, d.args_schema, d.result_schema, d.retries, d.timeout, d.priority, d.keep, d.params, d.extra_kwargs, d.unique_by, d.validation, d.slo)::jobs.declaration as declared,
      (t.doc, t.args_schema, t.result_schema, t.retries, t.timeout, t.priority, t.keep, t.params, t.extra_kwargs, t.unique_by, t.validation, t.slo, t.aliases)
        is distinct from (d.doc, d.args_schema, d.result_schema, d.retries, d.timeout, d.priority, d.keep, d.params, d.extra_kwargs, d.unique_by, d.validation, d.slo, a.aliases) as differs,
      coalesce(t.owner, h.owner) as owner, coalesce(t.owner_name, h.owner_name) as owner_name, o.others, t.aliases as old_aliases
    from unnest(i_tasks) d
    left join jobs.task t on t.name = d.name
    left join jobs.publish_check k on t.name is null and k.name = d.name
    left join jobs.task h on h.name = k.task,
    lateral (select case when d.aliases = '{}' then '{}' else jobs._names_of_others(d.name, d.aliases) end as others) o,
    lateral (select case when o.others = '{}' then d.aliases
                         else array(select g.alias from unnest(d.aliases) with ordinality g(alias, at) where g.alias <> all (o.others) order by g.at) end as aliases) a
    offset 0) c
  where c.differs or c.others <> '{}';
end $$;

-- The aliases of a task that are names of other tasks which the caller may not change.
create or replace function jobs._names_of_others(i_task varchar, i_aliases text[]) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return array(
    select k.name::text from jobs.publish_check k join jobs.task t on t.name = k.task
    where k.name = any (i_aliases) and k.task <> i_task and not jobs._may_change(t.owner, t.owner_name) order by k.name);
end $$;

-- Upserts tasks, given as a JSON array of {name, aliases, doc, args_schema, result_schema, retries, timeout,
-- priority, keep, params, extra_kwargs, unique, validate, schedules, limits, slo, events}. The last
-- declaration of a task by its owner or an administrator is in force. jobs.task_signature keeps the signature
-- of each, which decides which bodies may be published. Without params, bodies of the task are not validated.
-- PT400 for a declaration that is invalid for any task, or has another key.
--
-- Writes only what changed, so that a hundred workers that start at once with the same tasks leave one
-- version of each row. Locks the changed rows to the end of the caller's transaction, and waits two seconds
-- for other transactions that change the same rows; then it declares all other tasks and warns about those,
-- because a worker must be able to start anyway.
create or replace function jobs.register_tasks(i_tasks jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' set jit = off as $$
declare
  v_declared jobs.declaration[];
  v_changes jobs.change[];
begin
  perform jobs._check_declarations(i_tasks);
  v_declared := array(select d from jobs._declared(i_tasks) d);
  if exists (select from jobs.topic_grant) then   -- the program of a worker under a restricted role may contain other tasks too, which it may not declare
    v_declared := array(select d from unnest(v_declared) d where jobs._allowed(false, d.aliases || d.name::text) = d.aliases || d.name::text);
  end if;
  v_changes := array(select c from jobs._changes(v_declared) c);
  perform jobs._check_sizes(array(select c.declared from unnest(v_changes) c where c.differs and c.is_allowed));
  perform jobs._warn_of_others(v_changes);
  begin
    perform jobs._declare_changes(v_changes);
  exception when lock_not_available or deadlock_detected then
    perform jobs._declare_one_by_one(v_changes);
  end;
  perform jobs._remember_signatures(v_declared);
  if pg_sequence_last_value('jobs.schedules_made') is not null or i_tasks @? '$[*].schedules[*]' then
    perform jobs._declare_schedules(i_tasks, array(select d.name from unnest(v_declared) d));
  end if;
  if pg_sequence_last_value('jobs.limits_made') is not null or i_tasks @? '$[*].limits[*]' then
    perform jobs._declare_limits(i_tasks, array(select d.name from unnest(v_declared) d));
  end if;
  if jobs._are_watched() or i_tasks @? '$[*].events ? (@ == true)' then
    perform jobs._declare_watches(i_tasks, array(select d.name from unnest(v_declared) d));
  end if;
end $$;

-- Writes those of these changes that the caller may make, and refreshes what publishing looks up for them.
create or replace function jobs._declare_changes(i_changes jobs.change[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_allowed jobs.declaration[] := array(select c.declared from unnest(i_changes) c where c.differs and c.is_allowed order by (c.declared).name);
begin
  if v_allowed <> '{}' then
    perform jobs._declare(v_allowed);
    perform jobs._refresh_publish_checks(array(
      select distinct n from unnest(i_changes) c, unnest(c.old_aliases || (c.declared).aliases || (c.declared).name::text) n where c.differs and c.is_allowed));
  end if;
end $$;

-- The same, one change at a time, without those whose rows another transaction has locked: warns about these.
-- Tries for two seconds, so that the worker can start; changes left after that count as locked.
create or replace function jobs._declare_one_by_one(i_changes jobs.change[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '50ms' as $$
declare
  v_until timestamptz := clock_timestamp() + interval '2 s';
  v_change jobs.change;
  v_held text[] := array[]::text[];
begin
  foreach v_change in array i_changes loop
    continue when not (v_change.differs and v_change.is_allowed);
    begin
      if clock_timestamp() > v_until then
        raise lock_not_available;
      end if;
      perform jobs._declare_changes(array[v_change]);
    exception when lock_not_available or deadlock_detected then
      v_held := v_held || jobs._shown((v_change.declared).name);
    end;
  end loop;
  if v_held <> '{}' then
    raise warning 'not declared, because another transaction is declaring them and has not ended within two seconds: %',
      array_to_string(v_held[:5], ', ') || case when cardinality(v_held) > 5 then format(' and %s more', cardinality(v_held) - 5) else '' end
      using hint = 'end it (pg_stat_activity shows it); if its declaration differs from this worker''s, start the worker anew';
  end if;
end $$;

-- Warns about declarations that only other roles may make, and names five of them.
create or replace function jobs._warn_of_others(i_changes jobs.change[]) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_role text := jobs._shown((select r.rolname from pg_roles r where r.oid = jobs._declarer()));
  v_tasks text[] := array(
    select format('%s of role %s', jobs._shown((c.declared).name), jobs._shown(c.owner_name))
    from unnest(i_changes) c where c.differs and not c.is_allowed order by (c.declared).name);
  v_aliases text[] := array(
    select format('%s of task %s', jobs._shown(o), jobs._shown((c.declared).name))
    from unnest(i_changes) c, unnest(c.others) o where c.is_allowed order by 1);
begin
  if v_tasks <> '{}' then
    raise warning 'role % may not change tasks of others; what it declares differently was ignored: %', v_role,
      array_to_string(v_tasks[:5], ', ') || case when cardinality(v_tasks) > 5 then format(' and %s more', cardinality(v_tasks) - 5) else '' end
      using hint = 'declare them as their owner, or have an administrator call jobs.own_task(task, role)';
  end if;
  if v_aliases <> '{}' then
    raise warning 'role % may not take names of tasks of others; these aliases were ignored: %', v_role,
      array_to_string(v_aliases[:5], ', ') || case when cardinality(v_aliases) > 5 then format(' and %s more', cardinality(v_aliases) - 5) else '' end
      using hint = 'choose other names, or have an administrator call jobs.own_task(task, role)';
  end if;
end $$;

-- Writes declarations that the caller may make. Does not change a task that another role declared first at
-- the same moment. Compiles a schema only when it changed.
create or replace function jobs._declare(i_tasks jobs.declaration[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_owner oid := jobs._declarer();
  v_owner_name name := (select r.rolname from pg_roles r where r.oid = jobs._declarer());
begin
  if (select count(*) from (select from jobs.task t where t.owner = v_owner limit 100000) g) >= 100000 then
    raise sqlstate 'PT400' using message = format('role %s has declared 100000 tasks', jobs._shown(v_owner_name)),
      hint = 'name tasks by what they do, and give what differs as an argument; the owner of schema jobs may delete some from jobs.task';
  end if;
  insert into jobs.task as t (name, aliases, doc, args_schema, result_schema, retries, timeout, priority, keep, params, extra_kwargs, unique_by, validation, slo, fits,
                              declared_at, owner, owner_name)
  select d.*, case when (o.args_schema, o.params, o.extra_kwargs) is not distinct from (d.args_schema, d.params, d.extra_kwargs) then o.fits
                   else jobs._compiled(d.args_schema, d.params, d.extra_kwargs) end, jobs.now(), v_owner, v_owner_name
  from unnest(i_tasks) d left join jobs.task o on o.name = d.name
  order by d.name
  on conflict (name) do update
  set aliases = excluded.aliases, doc = excluded.doc, args_schema = excluded.args_schema,
      result_schema = excluded.result_schema, retries = excluded.retries, timeout = excluded.timeout,
      priority = excluded.priority, keep = excluded.keep, params = excluded.params, extra_kwargs = excluded.extra_kwargs,
      unique_by = excluded.unique_by, validation = excluded.validation, slo = excluded.slo, fits = excluded.fits, declared_at = excluded.declared_at
  where jobs._may_change(t.owner, t.owner_name)
    and (t.aliases, t.doc, t.args_schema, t.result_schema, t.retries, t.timeout, t.priority, t.keep, t.params, t.extra_kwargs, t.unique_by, t.validation, t.slo)
      is distinct from (excluded.aliases, excluded.doc, excluded.args_schema, excluded.result_schema, excluded.retries, excluded.timeout,
                        excluded.priority, excluded.keep, excluded.params, excluded.extra_kwargs, excluded.unique_by, excluded.validation, excluded.slo);
end $$;

-- Records when the signatures in force of these tasks were declared, and deletes signatures that are no
-- longer in use. Keeps at most twenty of a task, those that were declared last.
create or replace function jobs._remember_signatures(i_tasks jobs.declaration[]) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_new text[];
begin
  update jobs.task_signature f set declared_at = v_now
  where f.ctid = any (array(
    select g.ctid
    from unnest(i_tasks) d join jobs.task t on t.name = d.name join jobs.task_signature g on g.task = d.name
    where g.declared_at < v_now - interval '10 minutes' and (t.params, t.extra_kwargs, t.args_schema) is not distinct from (d.params, d.extra_kwargs, d.args_schema)
      and (g.params, g.extra_kwargs, g.args_schema) is not distinct from (d.params, d.extra_kwargs, d.args_schema)
    for update of g skip locked));   -- a transaction that locked one writes the same
  with fresh as (
    insert into jobs.task_signature (task, params, extra_kwargs, args_schema, fits, declared_at)
    select t.name, t.params, t.extra_kwargs, t.args_schema, t.fits, v_now
    from unnest(i_tasks) d join jobs.task t on t.name = d.name and (t.params, t.extra_kwargs, t.args_schema) is not distinct from (d.params, d.extra_kwargs, d.args_schema)
    where not exists (select from jobs.task_signature f
                      where f.task = t.name and (f.params, f.extra_kwargs, f.args_schema) is not distinct from (t.params, t.extra_kwargs, t.args_schema))
    returning task
  ) select array_agg(f.task) into v_new from fresh f;
  if v_new is not null then
    delete from jobs.task_signature f where f.ctid = any (array(
      select g.ctid from jobs.task_signature g
      where g.ctid = any (array(
        select r.at from (select f.ctid as at, jobs._is_in_use(f) as is_in_use,
                            row_number() over (partition by f.task order by f.declared_at desc) as rank
                          from jobs.task_signature f where f.task = any (v_new)) r
        where not r.is_in_use or r.rank > 20))
      for update skip locked));
  end if;
end $$;

-- Whether a worker may still run a body with this signature: the signature was declared within a day (a
-- deployment or a rollback is under way), or a live worker with the task registered no later than the
-- signature was last declared.
create or replace function jobs._is_in_use(i_signature jobs.task_signature) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select i_signature.declared_at > jobs.now() - interval '1 day' or exists (
    select from jobs.worker w
    where w.lost_at is null and w.expires_at > jobs.now() and i_signature.task = any (w.tasks)
      and w.started_at < i_signature.declared_at + interval '11 minutes')
$$;
