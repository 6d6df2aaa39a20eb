-- The task registry: the tasks that workers declare, and the roles that own them.
--
-- A task belongs to the role that declared it first. Its owner, every role with the privileges of its owner,
-- and administrators (jobs_admin, the owner of schema jobs, superusers) may change it. A different
-- declaration by another role is ignored with a warning, so that a worker of another team can start but
-- changes nothing for this one.

-- The declaration of a task.
create type jobs.declaration as (
  name varchar, aliases text[], doc text, args_schema jsonb, result_schema jsonb, retries integer, timeout numeric(9, 2),
  priority integer, keep text, params jsonb, extra_kwargs boolean, validation text
);

-- A declaration that differs from the one in force, or that claims names of other roles' tasks (`others`,
-- which are left out of its aliases): whether the caller may make it, the owner of the name, and the aliases
-- that the task had.
create type jobs.change as (declared jobs.declaration, differs boolean, is_allowed boolean, owner_name name, others text[], old_aliases text[]);

-- Escapes untrusted text for a message, which people read on terminals and in logs. Characters that are not
-- just visible, such as control characters and those that change the order of letters, are written as \u{1b},
-- as the command line does.
create function jobs._escaped(i_text text) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select case when i_text !~ c.acts then i_text
    else (select string_agg(case when t.letter ~ c.acts then E'\\u{' || to_hex(ascii(t.letter)) || '}' else t.letter end, '' order by t.nth)
          from regexp_split_to_table(i_text, '') with ordinality t(letter, nth)) end
  from (select E'[\\u0001-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufdd0-\\ufdef\\ufeff\\uffa0\\ufff9-\\ufffb\\U000e0000-\\U000e0fff]' as acts) c
$$;

-- The same for a name: in quotes, and cut to the length that a name may have.
create function jobs._shown(i_text text) returns text
language sql immutable parallel safe
return '''' || pg_catalog.replace(jobs._escaped(case when pg_catalog.length(i_text) > 200 then pg_catalog.left(i_text, 200) || '...' else i_text end), '''', '''''') || '''';

-- Whether a text is a task name that publishing accepts.
create function jobs._is_name(i_name text) returns boolean
language sql immutable parallel safe
return pg_catalog.length(i_name) between 1 and 200 and i_name !~ '[[:cntrl:]]';

-- The first error in a declaration, as a message; null when it is valid. One expression without a query, so
-- that it adds next to nothing to a worker's start.
create function jobs._flaw(i_task jsonb) returns text
language sql stable parallel safe
return case
  when pg_catalog.jsonb_typeof(i_task) <> 'object' then 'it is no object'
  when (pg_catalog.jsonb_typeof(i_task->'name') = 'string' and jobs._is_name(i_task->>'name')) is not true
    then 'name: 1 to 200 characters, no control characters'
  when coalesce(pg_catalog.jsonb_typeof(i_task->'aliases'), 'null') not in ('array', 'null')
    or pg_catalog.jsonb_typeof(i_task->'aliases'->0) is not null
      and i_task @? 'strict $.aliases[*] ? (@.type() != "string" || !(@ like_regex "^[^[:cntrl:]]{1,200}$"))' or i_task @? 'strict $.aliases[100]'
    then 'aliases: at most 100 names of 1 to 200 characters, no control characters'
  when coalesce(pg_catalog.jsonb_typeof(i_task->'doc'), 'null') not in ('string', 'null') or pg_catalog.length(i_task->>'doc') > 65536
    then 'doc: a text of at most 65536 characters'
  when coalesce(pg_catalog.jsonb_typeof(i_task->'args_schema'), '') not in ('object', 'boolean') then 'args_schema: an object, true or false'
  when coalesce(pg_catalog.jsonb_typeof(i_task->'result_schema'), '') not in ('object', 'boolean') then 'result_schema: an object, true or false'
  when case when pg_catalog.jsonb_typeof(i_task->'retries') = 'number' then (i_task->>'retries')::numeric not between 1 and 1000 or (i_task->>'retries') !~ '^[0-9]+$' else true end
    then 'retries: 1 to 1000; it counts runs in all'
  when case when pg_catalog.jsonb_typeof(i_task->'timeout') = 'number' then (i_task->>'timeout')::numeric not between 0.01 and 604800 else true end
    then 'timeout: 0.01 to 604800 seconds (7 days)'
  when case when pg_catalog.jsonb_typeof(i_task->'priority') = 'number'
            then (i_task->>'priority')::numeric not between -2147483648 and 2147483647 or (i_task->>'priority') !~ '^-?[0-9]+$' else true end
    then 'priority: a number of 32 bits'
  when coalesce(i_task->'keep', 'null') not in ('"all"', '"failed"', '"none"', 'null') then 'keep: all, failed or none'
  when case pg_catalog.jsonb_typeof(i_task->'params')
      when 'array' then pg_catalog.jsonb_array_length(i_task->'params') > 1000
        or pg_catalog.jsonb_array_length(i_task->'params') <> pg_catalog.jsonb_array_length(pg_catalog.jsonb_path_query_array(i_task->'params',
          'strict $[*] ? (@.name.type() == "string" && @.name != "" && @.type.type() == "string" && @.required.type() == "boolean")'))
      else coalesce(pg_catalog.jsonb_typeof(i_task->'params'), 'null') <> 'null' end
    or case when coalesce(jobs._large_text_size(i_task->'params', 1048576), 0) <= 1048576 then (i_task->'params')::text ~ '[[:cntrl:]]|\\u00[01]' end   -- jobs._check_sizes refuses larger ones
    then 'params: null or at most 1000 of {"name", "type", "required"}, names without control characters'
  when coalesce(pg_catalog.jsonb_typeof(i_task->'extra_kwargs'), 'null') not in ('boolean', 'null') then 'extra_kwargs: true or false'
  when coalesce(i_task->'validate', 'null') not in ('"off"', '"warn"', '"strict"', 'null') then 'validate: off, warn or strict'
end;

-- Refuses a list of declarations when one of them is invalid (PT400); then nothing of the list is declared.
create function jobs._check_declarations(i_tasks jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_hint constant text := 'nothing of this call was declared: correct it and call again';
  v_flaw record;
begin
  if pg_column_size(i_tasks) > 67108864 then
    raise sqlstate 'PT413' using message = format('register_tasks takes at most 64 MB, this is %s', pg_size_pretty(pg_column_size(i_tasks)::bigint)), hint = v_hint;
  elsif jsonb_typeof(i_tasks) is distinct from 'array' or jsonb_array_length(i_tasks) > 10000 then
    raise sqlstate 'PT400' using message = 'register_tasks takes an array of at most 10000 tasks',
      hint = '[{"name": "mail.send", "args_schema": {}, "result_schema": {}, "retries": 3, "timeout": 60, "priority": 0}]';
  end if;
  select g.at, jobs._flaw(g.task) as flaw, case when jobs._is_name(g.task->>'name') then ' ' || jobs._shown(g.task->>'name') end as name into v_flaw
  from jsonb_array_elements(i_tasks) with ordinality g(task, at) where jobs._flaw(g.task) is not null order by g.at limit 1;
  if found then
    raise sqlstate 'PT400' using message = format('task%s (%s of %s): %s', v_flaw.name, v_flaw.at, jsonb_array_length(i_tasks), v_flaw.flaw), hint = v_hint;
  end if;
  select g.task->>'name' as name into v_flaw from jsonb_array_elements(i_tasks) g(task) group by 1 having count(*) > 1 limit 1;
  if found then
    raise sqlstate 'PT400' using message = format('task %s is declared twice in one call', jobs._shown(v_flaw.name)), hint = v_hint;
  end if;
exception when program_limit_exceeded or out_of_memory or internal_error then   -- `invalid memory alloc request size`: a text of more than 256 MB was matched with a pattern
  raise sqlstate 'PT413' using message = 'register_tasks: what is declared is too large to be looked at', hint = v_hint;
end $$;

-- Refuses schemas and parameters that are too large for everybody who lists tasks to read (PT413). Measures
-- their JSON text, as it is sent; so register_tasks calls it only for declarations that change something.
create function jobs._check_sizes(i_changes jobs.declaration[]) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_large record;
begin
  select c.name, g.what, g.bytes into v_large
  from unnest(i_changes) c,
    lateral (values ('args_schema', jobs._large_text_size(c.args_schema, 1048576)), ('result_schema', jobs._large_text_size(c.result_schema, 1048576)),
                    ('params', coalesce(jobs._large_text_size(c.params, 1048576), 0))) g(what, bytes)
  where (g.bytes <= 1048576) is not true limit 1;
  if found then
    raise sqlstate 'PT413' using
      message = format('task %s: %s takes %s bytes, the limit is 1048576', jobs._shown(v_large.name), v_large.what, coalesce(v_large.bytes::text, 'too many')),
      hint = 'nothing of this call was declared: give the task smaller types, or true as its schema';
  end if;
end $$;

-- Reads declarations from a JSON array and fills in the defaults of omitted fields.
create function jobs._declared(i_tasks jsonb) returns setof jobs.declaration
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select g.name, coalesce(g.aliases, '{}'), coalesce(g.doc, ''), g.args_schema, g.result_schema, g.retries, g.timeout,
    g.priority, coalesce(g.keep, 'all'), nullif(g.params, 'null'), coalesce(g.extra_kwargs, false), coalesce(g.validate, 'strict')
  from jsonb_to_recordset(i_tasks) g(name text, aliases text[], doc text, args_schema jsonb, result_schema jsonb, retries integer,
    timeout numeric(9, 2), priority integer, keep text, params jsonb, extra_kwargs boolean, validate text)
$$;

-- The role that declares: the role set by SET ROLE, or else the session user. The roles that all clients of a
-- kind share identify nobody: under one of them it is the session user too.
create function jobs._declarer() returns oid
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
create function jobs._is_administrator() returns boolean
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
create function jobs._may_change(i_owner oid, i_name name) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return jobs._is_administrator() or exists (
    select from pg_roles r where r.oid = i_owner and r.rolname = i_name and pg_has_role(jobs._declarer(), r.oid, 'usage'));
end $$;

-- The changes that these declarations make. A role may neither declare a task under an alias of another
-- role's task, nor take a name of another role's task as an alias.
create function jobs._changes(i_tasks jobs.declaration[]) returns setof jobs.change
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
begin
  return query
  select c.declared, c.differs, c.owner is null or jobs._may_change(c.owner, c.owner_name), c.owner_name, c.others, c.old_aliases
  from (
    select row(d.name, a.aliases, d.doc, d.args_schema, d.result_schema, d.retries, d.timeout, d.priority, d.keep, d.params, d.extra_kwargs, d.validation)::jobs.declaration as declared,
      (t.doc, t.args_schema, t.result_schema, t.retries, t.timeout, t.priority, t.keep, t.params, t.extra_kwargs, t.validation, t.aliases)
        is distinct from (d.doc, d.args_schema, d.result_schema, d.retries, d.timeout, d.priority, d.keep, d.params, d.extra_kwargs, d.validation, a.aliases) as differs,
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
create function jobs._names_of_others(i_task varchar, i_aliases text[]) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return array(
    select k.name::text from jobs.publish_check k join jobs.task t on t.name = k.task
    where k.name = any (i_aliases) and k.task <> i_task and not jobs._may_change(t.owner, t.owner_name) order by k.name);
end $$;

-- Upserts tasks, given as a JSON array of {name, aliases, doc, args_schema, result_schema, retries, timeout,
-- priority, keep, params, extra_kwargs, validate}. The last declaration of a task by its owner or an
-- administrator is in force. jobs.task_signature keeps the signature of each, which decides which bodies may
-- be published. Without params, bodies of the task are not validated. PT400 for a declaration that is invalid
-- for any task.
--
-- Writes only what changed, so that a hundred workers that start at once with the same tasks leave one
-- version of each row. Locks the changed rows to the end of the caller's transaction, and waits two seconds
-- for other transactions that change the same rows; then it declares all other tasks and warns about those,
-- because a worker must be able to start anyway.
create function jobs.register_tasks(i_tasks jsonb) returns void
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
end $$;

-- Writes those of these changes that the caller may make, and refreshes what publishing looks up for them.
create function jobs._declare_changes(i_changes jobs.change[]) returns void
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
create function jobs._declare_one_by_one(i_changes jobs.change[]) returns void
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
create function jobs._warn_of_others(i_changes jobs.change[]) returns void
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
create function jobs._declare(i_tasks jobs.declaration[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_owner oid := jobs._declarer();
  v_owner_name name := (select r.rolname from pg_roles r where r.oid = jobs._declarer());
begin
  if (select count(*) from (select from jobs.task t where t.owner = v_owner limit 100000) g) >= 100000 then
    raise sqlstate 'PT400' using message = format('role %s has declared 100000 tasks', jobs._shown(v_owner_name)),
      hint = 'name tasks by what they do, and give what differs as an argument; the owner of schema jobs may delete some from jobs.task';
  end if;
  insert into jobs.task as t (name, aliases, doc, args_schema, result_schema, retries, timeout, priority, keep, params, extra_kwargs, validation, fits,
                              declared_at, owner, owner_name)
  select d.*, case when (o.args_schema, o.params, o.extra_kwargs) is not distinct from (d.args_schema, d.params, d.extra_kwargs) then o.fits
                   else jobs._compiled(d.args_schema, d.params, d.extra_kwargs) end, jobs.now(), v_owner, v_owner_name
  from unnest(i_tasks) d left join jobs.task o on o.name = d.name
  order by d.name
  on conflict (name) do update
  set aliases = excluded.aliases, doc = excluded.doc, args_schema = excluded.args_schema,
      result_schema = excluded.result_schema, retries = excluded.retries, timeout = excluded.timeout,
      priority = excluded.priority, keep = excluded.keep, params = excluded.params, extra_kwargs = excluded.extra_kwargs,
      validation = excluded.validation, fits = excluded.fits, declared_at = excluded.declared_at
  where jobs._may_change(t.owner, t.owner_name)
    and (t.aliases, t.doc, t.args_schema, t.result_schema, t.retries, t.timeout, t.priority, t.keep, t.params, t.extra_kwargs, t.validation)
      is distinct from (excluded.aliases, excluded.doc, excluded.args_schema, excluded.result_schema, excluded.retries, excluded.timeout,
                        excluded.priority, excluded.keep, excluded.params, excluded.extra_kwargs, excluded.validation);
end $$;

-- Records when the signatures in force of these tasks were declared, and deletes signatures that are no
-- longer in use. Keeps at most twenty of a task, those that were declared last.
create function jobs._remember_signatures(i_tasks jobs.declaration[]) returns void
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
create function jobs._is_in_use(i_signature jobs.task_signature) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select i_signature.declared_at > jobs.now() - interval '1 day' or exists (
    select from jobs.worker w
    where w.lost_at is null and w.expires_at > jobs.now() and i_signature.task = any (w.tasks)
      and w.started_at < i_signature.declared_at + interval '11 minutes')
$$;

-- Updates what publishing looks up under these names (null: under all), as far as it has changed; meanwhile
-- publishers read the old rows. A task's own name takes precedence over an alias of another task. Every
-- lookup of a task by one of its names reads this table.
create function jobs._refresh_publish_checks(i_names text[] default null) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set jit = off as $$
declare
  v_names text[] := coalesce(i_names, array(
    select t.name::text from jobs.task t union select unnest(t.aliases) from jobs.task t union select k.name from jobs.publish_check k));
begin
  with aliases as materialized (
    select a.alias, t.name as task from jobs.task t, unnest(t.aliases) a(alias) where t.aliases <> '{}'
  ), meant as materialized (
    select distinct on (g.name) g.name, n.task
    from unnest(v_names) g(name) join (select t.name, t.name as task from jobs.task t union all select a.alias, a.task from aliases a) n using (name)
    order by g.name, g.name <> n.task, n.task
  ), gone as (
    delete from jobs.publish_check k
    where k.name = any (array(select g.name from unnest(v_names) g(name) except select m.name from meant m))
  )
  insert into jobs.publish_check as k (name, task, mode, keep, names, fits)
  select m.name, m.task, w.mode, t.keep, w.names, t.fits
  from meant m join jobs.task t on t.name = m.task,
    lateral (select case when t.params is null then 'off' else coalesce(t.validation_set, t.validation) end as mode, jobs._names(t.params, t.extra_kwargs) as names) w
  where not exists (
    select from jobs.publish_check o
    where o.name = m.name and (o.task, o.mode, o.keep, o.names, o.fits::text) is not distinct from (t.name, w.mode, t.keep, w.names, t.fits::text))
  order by m.name
  on conflict (name) do update
  set task = excluded.task, mode = excluded.mode, keep = excluded.keep, names = excluded.names, fits = excluded.fits;
end $$;

-- All names of the tasks that do not keep all ended jobs in history: with 'all' those whose `keep` is not
-- 'all', with 'none' those whose `keep` is 'none'. Reads an index that contains no other tasks.
create function jobs._unkept(i_which text) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  if i_which = 'none' then
    return array(select k.name::text from jobs.publish_check k where k.keep = 'none' and k.keep <> 'all');
  end if;
  return array(select k.name::text from jobs.publish_check k where k.keep <> 'all');
end $$;

-- Sets whether bodies of a task are validated when they are published: `off`, `warn`, `strict`; null restores
-- the worker's declaration. For the task's owner and administrators (PT403). Applies to jobs that are
-- published after this commits.
create function jobs.set_validation(i_task varchar, i_mode text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if i_mode not in ('off', 'warn', 'strict') then
    raise sqlstate 'PT400' using message = 'a task is validated as off, warn or strict; null leaves it to its declaration';
  elsif not exists (select from jobs.task t where t.name = i_task) then
    raise sqlstate 'PT404' using message = 'no task of this name is declared', hint = 'jobs.tasks() lists them';
  elsif not exists (select from jobs.task t where t.name = i_task and jobs._may_change(t.owner, t.owner_name)) then
    raise sqlstate 'PT403' using message = format('task %s belongs to another role', quote_literal(i_task)),
      hint = 'jobs.tasks() says to which; an administrator may call jobs.own_task(task, role)';
  end if;
  update jobs.task t set validation_set = i_mode where t.name = i_task and t.validation_set is distinct from i_mode;
  perform jobs._refresh_publish_checks(array(select unnest(t.aliases || t.name::text) from jobs.task t where t.name = i_task));
end $$;

-- Transfers tasks to a role, one by its name or all under a topic, and returns their number; for
-- administrators (PT403). From then on that role, and every role with its privileges, may change them. Tasks
-- that several roles declare should belong to a role of which all of these are members.
create function jobs.own_task(i_task text, i_role name) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_role oid := (select r.oid from pg_roles r where r.rolname = i_role);
  v_tasks bigint;
begin
  if not jobs._is_administrator() then
    raise sqlstate 'PT403' using message = 'only administrators hand tasks over', hint = 'ask a member of jobs_admin, or the owner of schema jobs';
  elsif v_role is null then
    raise sqlstate 'PT404' using message = format('there is no role %s', coalesce(quote_literal(i_role), 'null'));
  end if;
  update jobs.task t set owner = v_role, owner_name = i_role where t.name like jobs._pattern(i_task);
  get diagnostics v_tasks = row_count;
  if v_tasks = 0 then
    raise sqlstate 'PT404' using message = format('no task is declared under %s', coalesce(jobs._shown(i_task), 'null')), hint = 'jobs.tasks() lists them';
  end if;
  return v_tasks;
end $$;

-- Refuses a worker whose registration is invalid (PT400), because everybody who lists workers reads it.
create function jobs._check_worker(i_worker uuid, i_host text, i_pid integer, i_version text, i_topics text[], i_tasks text[], i_slots integer) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_flaw text := case
    when i_worker is null then 'worker: a UUID that it makes for itself'
    when (length(i_host) between 1 and 255 and i_host !~ '[[:cntrl:]]') is not true then 'host: 1 to 255 characters, no control characters'
    when (i_pid >= 0) is not true then 'pid: the number of its process'
    when (length(i_version) between 1 and 200 and i_version !~ '[[:cntrl:]]') is not true then 'version: 1 to 200 characters, no control characters'
    when (i_slots between 0 and 100000) is not true then 'slots: 0 to 100000'
    when (coalesce(array_ndims(i_topics), 1) = 1 and cardinality(i_topics) <= 1000) is not true
      or exists (select from unnest(i_topics) g(topic) where jobs._is_name(g.topic) is not true) then 'topics: at most 1000, each of 1 to 200 characters, no control characters'
    when (coalesce(array_ndims(i_tasks), 1) = 1 and cardinality(i_tasks) <= 100000) is not true
      or exists (select from unnest(i_tasks) g(task) where jobs._is_name(g.task) is not true) then 'tasks: at most 100000 names of 1 to 200 characters, no control characters' end;
begin
  if v_flaw is not null then
    raise sqlstate 'PT400' using message = 'a worker cannot register: ' || v_flaw, hint = 'correct it and register again; nothing was registered';
  end if;
end $$;
