-- What tasks declare as sensitive: values that people do not see. In the JSON Schema of a task's arguments or result
-- such a value has `writeOnly: true`, a parameter as well as a field within one.

-- A value as it is shown: what its schema calls sensitive is replaced by the text (sensitive). i_root is the schema whose
-- $defs are referred to. Where schemas are deeper than 30, all is replaced: what cannot be looked at is not shown.
create or replace function jobs._masked(i_value jsonb, i_schema jsonb, i_root jsonb, i_depth integer default 0) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_value jsonb := i_value;
  v_part jsonb;
begin
  if i_schema->'writeOnly' = 'true' or i_depth > 30 then
    return to_jsonb('(sensitive)'::text);
  elsif jsonb_typeof(i_schema) is distinct from 'object' or jsonb_typeof(i_value) not in ('object', 'array') then
    -- A reference or an alternative may still say that a single value is sensitive.
    if jsonb_typeof(i_schema) is distinct from 'object' then
      return i_value;
    end if;
  end if;
  if starts_with(i_schema->>'$ref', '#/') then
    v_value := jobs._masked(v_value, i_root #> string_to_array(substr(i_schema->>'$ref', 3), '/'), i_root, i_depth + 1);
  end if;
  for v_part in select a.part from jsonb_each(i_schema) e, lateral jsonb_array_elements(case jsonb_typeof(e.value) when 'array' then e.value else '[]' end) a(part)
    where e.key in ('anyOf', 'oneOf', 'allOf') loop
    v_value := jobs._masked(v_value, v_part, i_root, i_depth + 1);
  end loop;
  if jsonb_typeof(v_value) = 'object' then
    return (select coalesce(jsonb_object_agg(f.key, jobs._masked(f.value, coalesce(i_schema->'properties'->f.key, i_schema->'additionalProperties'), i_root, i_depth + 1)), '{}')
            from jsonb_each(v_value) f);
  elsif jsonb_typeof(v_value) = 'array' then
    return (select coalesce(jsonb_agg(jobs._masked(f.value, coalesce(i_schema->'prefixItems'->(f.n::integer - 1), i_schema->'items'), i_root, i_depth + 1) order by f.n), '[]')
            from jsonb_array_elements(v_value) with ordinality f(value, n));
  end if;
  return v_value;
end $$;

-- The arguments of a job as people see them.
create or replace function jobs._shown_body(i_task varchar, i_body jsonb) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_task record;
begin
  select t.args_schema, t.params into v_task from jobs.publish_check k join jobs.task t on t.name = k.task where k.name = i_task;
  if strpos(v_task.args_schema::text, '"writeOnly": true') > 0 is not true then
    return i_body;
  elsif jsonb_typeof(i_body) is distinct from 'object' then
    return to_jsonb('(sensitive)'::text);
  end if;
  return (
    select coalesce(jsonb_object_agg(b.key, case
      when b.key = 'kwargs' then jobs._masked(b.value, v_task.args_schema, v_task.args_schema)
      when b.key = 'args' and jsonb_typeof(b.value) = 'array' then (
        select coalesce(jsonb_agg(jobs._masked(a.value, v_task.args_schema->'properties'->(v_task.params->(a.n::integer - 1)->>'name'), v_task.args_schema) order by a.n), '[]')
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
  return case when strpos(v_schema::text, '"writeOnly": true') > 0 then jobs._masked(i_result, v_schema, v_schema) else i_result end;
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
