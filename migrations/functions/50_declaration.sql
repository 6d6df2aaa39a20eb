-- The task registry: the tasks that workers declare, and the roles that own them.
--
-- A task belongs to the role that declared it first. Its owner, every role with the privileges of its owner,
-- and administrators (jobs_admin, the owner of schema jobs, superusers) may change it. A different
-- declaration by another role is ignored with a warning, so that a worker of another team can start but
-- changes nothing for this one.

-- A key of a declaration that is no field of it; null when there is none. Such a key may be a setting under a
-- name of another version, which would keep its default without a word.
create or replace function jobs._unknown_key(i_task jsonb) returns text
language sql immutable parallel safe
return pg_catalog.jsonb_path_query_first(
  i_task - array['name', 'aliases', 'doc', 'args_schema', 'result_schema', 'retries', 'timeout', 'priority', 'keep', 'params', 'extra_kwargs', 'unique', 'validate', 'schedules', 'limits', 'slo', 'events'],
  '$.keyvalue().key') #>> '{}';

-- The first error in the schedules of a declaration, as a message; null when there is none that a look at their form finds.
create or replace function jobs._schedule_flaw(i_schedules jsonb) returns text
language sql immutable parallel safe
return case
  when i_schedules is null or i_schedules = 'null' then null
  when i_schedules @? '$[*] ? (@.type() != "object" || !exists(@.name ? (@.type() == "string")))' then 'each is an object with a name'
  else 'unknown key ' || jobs._shown(pg_catalog.jsonb_path_query_first(i_schedules,
    '$[*].keyvalue().key ? (!(@ like_regex "^(name|cron|every|zone|gap|fold|jitter|catch_up|catch_up_limit|overlap)$"))') #>> '{}')
    || ': a schedule has name, cron, every, zone, gap, fold, jitter, catch_up, catch_up_limit, overlap' end;

-- The first error in a declaration, as a message; null when it is valid. One expression without a query, so
-- that it adds next to nothing to a worker's start.
create or replace function jobs._flaw(i_task jsonb) returns text
language sql stable parallel safe
return case
  when pg_catalog.jsonb_typeof(i_task) <> 'object' then 'it is no object'
  when (pg_catalog.jsonb_typeof(i_task->'name') = 'string' and jobs._is_name(i_task->>'name')) is not true
    then 'name: 1 to 200 characters, no control characters'
  when jobs._unknown_key(i_task) is not null
    then 'unknown key ' || jobs._shown(jobs._unknown_key(i_task))
      || ': a task has name, aliases, doc, args_schema, result_schema, retries, timeout, priority, keep, params, extra_kwargs, unique, validate, schedules, limits, slo, events'
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
    then 'params: null or at most 1000 of {"name", "type", "required", "default"}, names without control characters'
  when coalesce(pg_catalog.jsonb_typeof(i_task->'extra_kwargs'), 'null') not in ('boolean', 'null') then 'extra_kwargs: true or false'
  when case coalesce(pg_catalog.jsonb_typeof(i_task->'slo'), 'null') when 'null' then false when 'number' then (i_task->>'slo')::numeric not between 0.01 and 2592000 else true end
    then 'slo: 0.01 to 2592000 seconds (30 days)'
  when coalesce(pg_catalog.jsonb_typeof(i_task->'events'), 'null') not in ('boolean', 'null') then 'events: true or false'
  when coalesce(i_task->'validate', 'null') not in ('"off"', '"warn"', '"strict"', 'null') then 'validate: off, warn or strict'
  when coalesce(pg_catalog.jsonb_typeof(i_task->'schedules'), 'null') not in ('array', 'null') or pg_catalog.jsonb_array_length(i_task->'schedules') > 100
    then 'schedules: at most 100'
  when coalesce(pg_catalog.jsonb_typeof(i_task->'limits'), 'null') not in ('array', 'null')
    or pg_catalog.jsonb_typeof(i_task->'limits') = 'array'
      and i_task @? '$.limits[*] ? (@.type() != "object" || !exists(@.name ? (@.type() == "string")))' or i_task @? 'strict $.limits[20]'
    then 'limits: at most 20 objects with a name'
  when jobs._schedule_flaw(i_task->'schedules') is not null then 'schedules: ' || jobs._schedule_flaw(i_task->'schedules')
end;

-- Refuses a list of declarations when one of them is invalid (PT400); then nothing of the list is declared.
create or replace function jobs._check_declarations(i_tasks jsonb) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
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
  if i_tasks @? 'strict $[*] ? (exists (@.unique))' then
    perform jobs._check_declared_unique(g.task) from jsonb_array_elements(i_tasks) g(task);
  end if;
  if i_tasks @? '$[*].limits[*]' then
    perform jobs._check_declared_limits(g.task) from jsonb_array_elements(i_tasks) g(task);
  end if;
exception when program_limit_exceeded or out_of_memory or internal_error then   -- `invalid memory alloc request size`: a text of more than 256 MB was matched with a pattern
  raise sqlstate 'PT413' using message = 'register_tasks: what is declared is too large to be checked', hint = v_hint;
end $$;

-- Refuses schemas and parameters that are too large for everybody who lists tasks to read (PT413). Measures
-- their JSON text, as it is sent; so register_tasks calls it only for declarations that change something.
create or replace function jobs._check_sizes(i_changes jobs.declaration[]) returns void
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
create or replace function jobs._declared(i_tasks jsonb) returns setof jobs.declaration
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select g.name, coalesce(g.aliases, '{}'), coalesce(g.doc, ''), g.args_schema, g.result_schema, g.retries, g.timeout,
    g.priority, coalesce(g.keep, 'all'), nullif(g.params, 'null'), coalesce(g.extra_kwargs, false), nullif(g."unique", 'null'), coalesce(g.validate, 'strict'), g.slo
  from jsonb_to_recordset(i_tasks) g(name text, aliases text[], doc text, args_schema jsonb, result_schema jsonb, retries integer,
    timeout numeric(9, 2), priority integer, keep text, params jsonb, extra_kwargs boolean, "unique" jsonb, validate text, slo numeric(9, 2))
$$;
