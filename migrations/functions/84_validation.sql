-- Validation of bodies when they are published: evaluates predicates over all of them, then walks through
-- those that do not pass, to find the message.

-- The predicate of a task's bodies; null when it cannot be expressed, or is too long to be evaluated quickly.
create or replace function jobs._compiled(i_schema jsonb, i_params jsonb, i_extra_kwargs boolean) returns jsonpath
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_predicate text;
begin
  v_predicate := jobs._predicate_of_body(i_schema, i_params, i_extra_kwargs);   -- assigned here, where its error is caught
  return ('strict ' || v_predicate)::jsonpath;
exception when others then
  return null;   -- a task with any schema can be declared; then the walk decides
end $$;

-- The cost of evaluating a predicate on a body: the bytes of the body times the bytes of the predicate plus a
-- constant. A call may spend 10^11 of these units, which take a few seconds.
create or replace function jobs._cost(i_body_bytes bigint, i_predicate_bytes integer) returns bigint
language sql immutable parallel safe
return i_body_bytes * (10000 + i_predicate_bytes);

-- Whether it is plain that a body fits; otherwise the walk decides, also for a body that is too large for
-- this predicate.
create or replace function jobs._is_fit(i_body jsonb, i_fits jsonpath, i_names text[]) returns boolean
language sql stable parallel safe
return case
  when jobs._cost(case when pg_catalog.pg_column_compression(i_body) is null then pg_catalog.pg_column_size(i_body) else jobs._large_text_size(i_body) end,
                  pg_catalog.pg_column_size(i_fits)) > 30000000000 then false
  when not coalesce(coalesce(i_body, '{}'::jsonb) @@ i_fits, false) then false
  when i_names is null or pg_catalog.jsonb_typeof(i_body->'kwargs') is distinct from 'object' then true
  else (i_body->'kwargs') - i_names = '{}'::jsonb end;

-- Refuses bodies that do not fit their tasks (PT422), or warns about them, as each task sets; and refuses
-- tasks that nobody has declared, where jobs.config sets that, even if i_checked exempts their bodies.
-- Returns whether a task declares options, or what is unique about its jobs, unless all bodies are exempt.
-- Reads the settings of the tasks once for the statement; takes no lock. A call with more and larger bodies
-- than predicates can check in a few seconds gets the time limit of the walks.
create or replace function jobs._check_bodies(i_tasks text[], i_bodies jsonb[], i_checked boolean[] default null) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_nestloop = off set jit = off as $$
declare
  v_size integer := cardinality(i_bodies);
  v_names text[] := array(select distinct g.name from unnest(i_tasks) g(name));
  v_accepts_unknown boolean := (select c.unknown_task = 'accept' from jobs.config c);
  v_known jobs.publish_check[];
  v_declares boolean;
  v_suspects integer[];
begin
  if v_accepts_unknown and i_checked = '{t}' then
    return false;
  end if;
  v_known := array(select k from jobs.publish_check k where k.name = any (v_names));
  v_declares := exists (select from unnest(v_known) k where not k.is_plain);
  if v_accepts_unknown and not exists (select from unnest(v_known) k where k.validation <> 'off') then
    return v_declares;
  end if;
  select array_agg(g.at order by g.at) into v_suspects
  from unnest(jobs._for_each(i_tasks, v_size), i_bodies, jobs._for_each(i_checked, v_size)) with ordinality g(task, body, checked, at)
  left join unnest(v_known) k on k.name = g.task
  where case when g.checked then k.name is null and not v_accepts_unknown
    else not coalesce(
      k.validation = 'off' or (select jobs._cost(pg_column_size(i_bodies), max(pg_column_size(o.fits))) from unnest(v_known) o) <= 100000000000
        and jobs._is_fit(g.body, k.fits, k.names), v_accepts_unknown) end;
  if v_suspects is not null then
    -- These arrays begin at 1; those of a caller may not.
    perform jobs._refuse_unfit(array(select t from unnest(jobs._for_each(array(select unnest(i_tasks)), v_size)) t), array(select unnest(i_bodies)), v_suspects);
  end if;
  return v_declares;
end $$;

-- Validates these bodies in detail: raises PT422 for the first of a task that nobody has declared, where such
-- tasks are refused, and then for the first that does not fit a task in strict mode, and warns once about all
-- others. Shows the path and what was expected, and no part of a body. Takes about two seconds at most in a
-- call; bodies after that are left to their workers.
create or replace function jobs._refuse_unfit(i_tasks text[], i_bodies jsonb[], i_suspects integer[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_limits jobs.config := (select c from jobs.config c);
  v_until timestamptz := clock_timestamp() + interval '2 s';
  v_at integer;
  v_check jobs.publish_check;
  v_reason text;
  v_warning text;
  v_warnings integer := 0;
begin
  if v_limits.unknown_task = 'reject' then
    perform jobs._refuse_unknown(i_tasks);
  end if;
  foreach v_at in array i_suspects loop
    exit when clock_timestamp() > v_until;
    continue when jobs._text_size(i_bodies[v_at]) > v_limits.max_body_bytes;   -- refused for its size
    select * into v_check from jobs.publish_check k where k.name = i_tasks[v_at];
    continue when not found;   -- its declaration was removed just now
    v_reason := jobs._schema_error_of_job(v_check.task, i_bodies[v_at], v_until);
    continue when v_reason is null;
    v_reason := jobs._which(v_at, cardinality(i_bodies)) || 'task ' || jobs._shown(i_tasks[v_at]) || ': ' || v_reason;
    if v_check.validation = 'warn' then
      v_warning := coalesce(v_warning, v_reason);
      v_warnings := v_warnings + 1;
    else
      raise sqlstate 'PT422' using message = v_reason,
        hint = 'jobs.tasks() shows what the task takes; jobs.set_validation(task, ''warn'') lets such jobs through';
    end if;
  end loop;
  if v_warnings > 0 then
    raise warning '%', v_warning || case when v_warnings > 1 then format(' (and %s more of these jobs do not fit)', v_warnings - 1) else '' end
      using hint = 'jobs.tasks() shows what the task takes';
  end if;
end $$;

-- Refuses the first of these tasks that nobody has declared (PT422).
create or replace function jobs._refuse_unknown(i_tasks text[]) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_unknown record;
begin
  select g.task, min(g.at) as at into v_unknown
  from unnest(i_tasks) with ordinality g(task, at)
  where g.task is not null and not exists (select from jobs.publish_check k where k.name = g.task) group by g.task order by 2 limit 1;
  if found then
    raise sqlstate 'PT422' using
      message = jobs._which(v_unknown.at, cardinality(i_tasks)) || 'task ' || jobs._shown(v_unknown.task) || ': nobody has declared it',
      hint = 'start its worker or run its `migrate` first, or set jobs.config.unknown_task to accept';
  end if;
end $$;

-- The only keywords that a signature accepts; null: any.
create or replace function jobs._names(i_params jsonb, i_extra_kwargs boolean) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return case when not i_extra_kwargs then array(select p->>'name' from jsonb_array_elements(i_params) with ordinality g(p, at) order by at) end;
end $$;

-- Why a body fits no signature of a task that is in use, as a message about the present one. Null when it
-- fits, and when the walk cannot decide: the body is nested too deeply, takes too many steps, takes 300 ms or
-- until i_until (null: for 2 s), or the schema is malformed. Evaluates the predicates of all signatures
-- first, which costs next to nothing, and then walks.
create or replace function jobs._schema_error_of_job(i_task varchar, i_body jsonb, i_until timestamptz default null) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_until timestamptz := coalesce(i_until, clock_timestamp() + interval '2 s');
  v_task jobs.task;
  v_reason text;
begin
  if exists (
    select from jobs.task_signature f
    where f.task = i_task and clock_timestamp() < v_until
      and (f.params is null or jobs._is_fit(i_body, f.fits, jobs._names(f.params, f.extra_kwargs))) and jobs._is_in_use(f)) then
    return null;
  end if;
  select * into v_task from jobs.task t where t.name = i_task;
  v_reason := jobs._schema_error_of_body(i_body, v_task.params, v_task.extra_kwargs, v_task.args_schema, v_until);
  if v_reason is null or exists (
    select from jobs.task_signature f
    where f.task = i_task and (f.params, f.extra_kwargs, f.args_schema) is distinct from (v_task.params, v_task.extra_kwargs, v_task.args_schema) and jobs._is_in_use(f)
      and jobs._schema_error_of_body(i_body, f.params, f.extra_kwargs, f.args_schema, v_until) is null) then
    return null;
  end if;
  -- Names and texts of a schema may have any length and contain any character.
  return jobs._escaped(case when length(v_reason) > 2000 then left(v_reason, 2000) || ' ...' else v_reason end);
exception when statement_too_complex or data_exception then
  return null;
end $$;

-- Why a body does not fit parameters and their schema; null when it does. Raises an error when the walk takes
-- until i_until, or longer than 300 ms, counted from when a large body has been bound to its parameters.
create or replace function jobs._schema_error_of_body(i_body jsonb, i_params jsonb, i_extra_kwargs boolean, i_schema jsonb, i_until timestamptz default null) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_form constant text := '; a body is {"args": [...], "kwargs": {...}}';
  v_args jsonb := coalesce(nullif(i_body->'args', 'null'), '[]');
  v_kwargs jsonb := coalesce(nullif(i_body->'kwargs', 'null'), '{}');
  v_reason text := 'arguments do not fit: ';
  v_error jobs.schema_error;
begin
  if jsonb_typeof(i_body) not in ('object', 'null') then
    return v_reason || 'expected an object, found ' || jobs._kind(i_body) || v_form;
  elsif jsonb_typeof(v_args) <> 'array' then
    return v_reason || '`args`: expected an array, found ' || jobs._kind(v_args) || v_form;
  elsif jsonb_typeof(v_kwargs) <> 'object' then
    return v_reason || '`kwargs`: expected an object, found ' || jobs._kind(v_kwargs) || v_form;
  end if;
  v_error := jobs._schema_error_of_binding(v_args, v_kwargs, i_params, i_extra_kwargs);
  if v_error.path is not null then
    -- Arguments beside `args` and `kwargs` are not seen: say where they belong.
    return v_reason || '`' || v_error.path || '`: ' || v_error.expected
      || case when coalesce(nullif(i_body->'args', 'null'), nullif(i_body->'kwargs', 'null')) is null then v_form else '' end;
  end if;
  v_error := jobs._schema_error(i_schema, jobs._bound(v_args, v_kwargs, i_params), '', i_schema,
                          i_until => least(i_until, clock_timestamp() + interval '300 ms'));
  return v_reason || coalesce('`' || nullif(v_error.path, '') || '`: ', '') || 'expected ' || left(v_error.expected, 400) || ', found ' || v_error.found;
end $$;

-- Positional and keyword arguments as one object.
create or replace function jobs._bound(i_args jsonb, i_kwargs jsonb, i_params jsonb) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case when i_kwargs = '{}' then g.bound else g.bound || i_kwargs end
  from (select coalesce(jsonb_object_agg(i_params->(at::integer - 1)->>'name', a), '{}') as bound
        from jsonb_array_elements(i_args) with ordinality a(a, at)) g
$$;

-- What is wrong with the binding of arguments to parameters, as the worker words it: it binds by the same
-- rules, those of Python. Does not show a name that the task does not have: it came with the body, and others
-- than the publisher read this message.
create or replace function jobs._schema_error_of_binding(i_args jsonb, i_kwargs jsonb, i_params jsonb, i_extra_kwargs boolean) returns jobs.schema_error
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_names text[] := array(select p->>'name' from jsonb_array_elements(i_params) with ordinality g(p, at) order by at);
  v_given integer := jsonb_array_length(i_args);
  v_name text;
begin
  if v_given > cardinality(v_names) then
    return row('args', format('takes %s positional arguments, %s were given', cardinality(v_names), v_given), null, 0, 0)::jobs.schema_error;
  end if;
  select k into v_name from jsonb_object_keys(i_kwargs) k where k = any (v_names[:v_given]) order by k limit 1;
  if found then
    return row(v_name, 'given twice, by position and by keyword', null, 0, 0)::jobs.schema_error;
  elsif not i_extra_kwargs and i_kwargs - v_names <> '{}' then
    return row('kwargs', 'unexpected keyword argument; the task takes: ' || array_to_string(v_names, ', '), null, 0, 0)::jobs.schema_error;
  end if;
  return (
    select row(p->>'name', 'missing required argument, expected ' || (p->>'type'), null, 0, 0)::jobs.schema_error
    from jsonb_array_elements(i_params) with ordinality g(p, at)
    where p->'required' = 'true' and at > v_given and not i_kwargs ? (p->>'name')
    order by at limit 1);
end $$;
