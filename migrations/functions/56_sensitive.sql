-- What tasks declare as sensitive: values that people do not see. In the JSON Schema of a task's arguments or result
-- such a value has `writeOnly: true`, a parameter as well as a field within one.

-- A value as it is shown: what its schema calls sensitive is replaced by the text (sensitive). i_root is the schema whose
-- $defs are referred to. What cannot be looked at is not shown: what is deeper than 30, what an unknown definition
-- describes, and a value of another form than its schema describes (a struct as an array). For schemas with something
-- sensitive in them.
create or replace function jobs._masked(i_value jsonb, i_schema jsonb, i_root jsonb, i_depth integer default 0) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_value jsonb := i_value;
  v_part jsonb;
begin
  if jsonb_typeof(i_schema) is distinct from 'object' or jsonb_typeof(i_value) = 'null' then
    return i_value;
  elsif i_schema->'writeOnly' = 'true' or i_depth > 30 then
    return to_jsonb('(sensitive)'::text);
  end if;
  if i_schema ? '$ref' then
    v_part := jobs._definition(i_root, i_schema->>'$ref');
    v_value := case when v_part is null then to_jsonb('(sensitive)'::text) else jobs._masked(v_value, v_part, i_root, i_depth + 1) end;
  end if;
  for v_part in select p from jobs._parts_to_mask(i_schema, i_value) p loop
    v_value := jobs._masked(v_value, v_part, i_root, i_depth + 1);
  end loop;
  if jsonb_typeof(v_value) = 'object' and (i_schema ?| '{properties,patternProperties,additionalProperties}' or not i_schema ?| '{items,prefixItems}') then
    return (select coalesce(jsonb_object_agg(f.key, jobs._masked_field(f.key, f.value, i_schema, i_root, i_depth + 1)), '{}') from jsonb_each(v_value) f);
  elsif jsonb_typeof(v_value) = 'array' and (i_schema ? 'items' or i_schema ? 'prefixItems') then
    return (select coalesce(jsonb_agg(jobs._masked(f.value, coalesce(i_schema->'prefixItems'->(f.n::integer - 1), i_schema->'items', '{"writeOnly": true}'), i_root, i_depth + 1) order by f.n), '[]')
            from jsonb_array_elements(v_value) with ordinality f(value, n));
  elsif i_schema ?| '{properties,patternProperties,additionalProperties,items,prefixItems}' then
    return to_jsonb('(sensitive)'::text);
  end if;
  return v_value;
end $$;

-- The parts of a schema that may describe the value as well: of alternatives those of its type, where there are some.
create or replace function jobs._parts_to_mask(i_schema jsonb, i_value jsonb) returns setof jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return query
  select k.part
  from (select a.part, not e.key in ('anyOf', 'oneOf') or jobs._has_type(a.part->'type', i_value) as fits, bool_or(jobs._has_type(a.part->'type', i_value)) over (partition by e.key) as any
        from jsonb_each(i_schema) e, lateral jsonb_array_elements(jobs._as_array(e.value)) a(part)
        where e.key in ('anyOf', 'oneOf', 'allOf', 'if', 'then', 'else')) k
  where k.fits is not false or k.any is not true;
end $$;

-- Whether something in a schema is sensitive, its definitions included.
create or replace function jobs._has_sensitive(i_schema jsonb) returns boolean
language sql immutable parallel safe
return pg_catalog.strpos(i_schema::text, '"writeOnly": true') > 0;

-- A field of an object as it is shown: by its own schema, else by those of the patterns that its name has, else
-- by that of further fields.
create or replace function jobs._masked_field(i_name text, i_value jsonb, i_schema jsonb, i_root jsonb, i_depth integer) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_value jsonb := i_value;
  v_part jsonb;
begin
  if i_schema->'properties' ? i_name then
    return jobs._masked(i_value, i_schema->'properties'->i_name, i_root, i_depth);
  elsif jsonb_typeof(i_schema->'patternProperties') = 'object' then
    -- Of all patterns: they may be written in another dialect of regular expressions than PostgreSQL's.
    for v_part in select p.value from jsonb_each(i_schema->'patternProperties') p loop
      v_value := jobs._masked(v_value, v_part, i_root, i_depth);
    end loop;
  end if;
  return jobs._masked(v_value, i_schema->'additionalProperties', i_root, i_depth);
end $$;

-- The arguments of a job as people see them.
create or replace function jobs._shown_body(i_task varchar, i_body jsonb) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_task record;
begin
  select t.args_schema, t.args_schema->'properties' as fields, t.params, t.extra_kwargs into v_task from jobs.publish_check k join jobs.task t on t.name = k.task where k.name = i_task;
  if jobs._has_sensitive(v_task.args_schema) is not true then
    return i_body;
  elsif jsonb_typeof(i_body) is distinct from 'object' then
    return to_jsonb('(sensitive)'::text);
  end if;
  return (
    select coalesce(jsonb_object_agg(b.key, case
      when b.key = 'kwargs' and jsonb_typeof(b.value) = 'object' then (
        -- The name of no argument may be the one that a sensitive argument had in another release.
        select coalesce(jsonb_object_agg(k.key, case when v_task.fields ? k.key or v_task.extra_kwargs then jobs._masked_field(k.key, k.value, v_task.args_schema, v_task.args_schema, 1)
                                                     else to_jsonb('(sensitive)'::text) end), '{}')
        from jsonb_each(b.value) k)
      when b.key = 'args' and jsonb_typeof(b.value) = 'array' then (
        select coalesce(jsonb_agg(jobs._masked(a.value, coalesce(v_task.fields->(v_task.params->(a.n::integer - 1)->>'name'), '{"writeOnly": true}'), v_task.args_schema) order by a.n), '[]')
        from jsonb_array_elements(b.value) with ordinality a(value, n))
      when b.value = 'null' then b.value
      else to_jsonb('(sensitive)'::text) end), '{}')
    from jsonb_each(i_body) b);
end $$;

-- The result of a job as people see it.
create or replace function jobs._shown_result(i_task varchar, i_result jsonb) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_schema jsonb := (select t.result_schema from jobs.publish_check k join jobs.task t on t.name = k.task where k.name = i_task);
begin
  return case when jobs._has_sensitive(v_schema) then jobs._masked(i_result, v_schema, v_schema) else i_result end;
end $$;

-- One job in any state, as jobs.get returns it, but without what its task declares as sensitive: for whatever
-- shows jobs to people. No row when it is unknown. Locks nothing.
create or replace function jobs.shown(i_job varchar) returns setof jobs."all"
language plpgsql stable rows 1 security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query select a.id, a.job_id, a.task, jobs._shown_body(a.task, a.body), a.retries, a.max_retries, a.status, a.priority, a.timeout,
    a.created_at, a.run_at, a.scheduled_at, a.complete_on, jobs._shown_result(a.task, a.result), a.traceback, a.attempt, a.worker, a.meta
  from jobs.get(i_job) a;
end $$;
