-- The predicates of single types (for 0014_predicate.sql), and the one of a whole body.

create function jobs._predicate_of_number(i_type text, i_schema jsonb, i_at text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select jobs._all_of(i_type,
    coalesce(i_at || ' >= ' || (i_schema->'minimum'), ''), coalesce(i_at || ' <= ' || (i_schema->'maximum'), ''),
    coalesce(i_at || ' > ' || (i_schema->'exclusiveMinimum'), ''), coalesce(i_at || ' < ' || (i_schema->'exclusiveMaximum'), ''),
    coalesce(i_at || ' % ' || (i_schema->'multipleOf') || ' == 0', ''))
$$;

-- A regular expression counts characters, up to 255 of them.
create function jobs._predicate_of_string(i_schema jsonb, i_at text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select jobs._all_of(i_at || '.type() == "string"',
    case
      when not i_schema ?| '{minLength,maxLength}' or g.least = 0 and g.most is null then ''
      when g.least = 1 and g.most is null then i_at || ' != ""'
      when greatest(g.least, g.most) > 255 then null
      when g.least > g.most then '(1 == 2)'
      else i_at || ' like_regex "^.{' || g.least || ',' || coalesce(g.most::text, '') || '}$" flag "s"' end,
    case when i_schema ? 'pattern' and jobs._is_portable(i_schema->>'pattern')
      then i_at || ' like_regex ' || jobs._quoted(i_schema->>'pattern') || ' flag "s"' else '' end)
  from (select ceil(greatest((i_schema->'minLength')::numeric, 0))::integer as least, floor((i_schema->'maxLength')::numeric)::integer as most) g
$$;

create function jobs._predicate_of_array(i_schema jsonb, i_at text, i_root jsonb, i_refs text[]) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_fixed integer := coalesce(jsonb_array_length(i_schema->'prefixItems'), 0);
  v_items text;
begin
  if i_schema ? 'items' and i_schema->'items' <> 'true' and i_schema->'items' <> '{}' then
    v_items := '!exists(' || i_at || case when v_fixed = 0 then '[*]' else '[' || v_fixed || ' to last]' end
      || ' ? (!' || jobs._known(jobs._predicate(i_schema->'items', '@', i_root, i_refs), '@') || '))';
    v_items := case when v_fixed = 0 then v_items else '(' || i_at || '.size() <= ' || v_fixed || ' || ' || v_items || ')' end;
  else
    v_items := '';
  end if;
  return jobs._all_of(variadic array[
      i_at || '.type() == "array"',
      coalesce(i_at || '.size() >= ' || (i_schema->'minItems'), ''),
      coalesce(i_at || '.size() <= ' || (i_schema->'maxItems'), ''), v_items]
    || array(
      select '(' || jobs._predicate(p, i_at || '[' || at - 1 || ']', i_root, i_refs) || ' || ' || i_at || '.size() < ' || at || ')'
      from jsonb_array_elements(i_schema->'prefixItems') with ordinality g(p, at) order by at));
end $$;

-- What is said of fields by a pattern of their names, and of all others.
create function jobs._predicate_of_other_fields(i_schema jsonb, i_root jsonb, i_refs text[]) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_patterns text[] := array(select k from jsonb_object_keys(i_schema->'patternProperties') k);
  v_others text := coalesce(nullif(jobs._all_of(variadic
    array(select '@.key != ' || jobs._quoted(k) from jsonb_object_keys(i_schema->'properties') k)
    || array(select '!(@.key like_regex ' || jobs._quoted(p) || ' flag "s")' from unnest(v_patterns) p)), ''), '1 == 1');
begin
  if exists (select from unnest(v_patterns) p where not jobs._is_portable(p)) then
    return array[null::text];
  end if;
  return array(
      select '!exists(@.keyvalue() ? (@.key like_regex ' || jobs._quoted(p.key) || ' flag "s" && !' || jobs._known(jobs._predicate(p.value, '@', i_root, i_refs), '@.value') || '))'
      from jsonb_each(i_schema->'patternProperties') p)
    || case
      when not i_schema ? 'additionalProperties' or i_schema->'additionalProperties' in ('true', '{}') then '{}'
      when i_schema->'additionalProperties' = 'false' then array['!exists(@.keyvalue() ? (' || v_others || '))']
      else array['!exists(@.keyvalue() ? (' || v_others || ' && !' || jobs._known(jobs._predicate(i_schema->'additionalProperties', '@', i_root, i_refs), '@.value') || '))']
    end::text[];
end $$;

create function jobs._predicate_of_object(i_schema jsonb, i_at text, i_root jsonb, i_refs text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select jobs._known(jobs._all_of(variadic
      array['@.type() == "object"']
      || array(
        select 'exists(@.' || jobs._quoted(k) || ')'
        from jsonb_array_elements_text(i_schema->'required') k
        where not coalesce(i_schema->'properties' ? k, false))
      || array(
        select case when coalesce(i_schema->'required' ? p.key, false) then jobs._predicate(p.value, '@.' || jobs._quoted(p.key), i_root, i_refs)
          else '(' || jobs._predicate(p.value, '@.' || jobs._quoted(p.key), i_root, i_refs) || ' || (exists(@.' || jobs._quoted(p.key) || ')) is unknown)' end
        from jsonb_each(i_schema->'properties') p)
      || jobs._predicate_of_other_fields(i_schema, i_root, i_refs)), i_at)
$$;

create function jobs._predicate_of_type(i_type text, i_schema jsonb, i_at text, i_root jsonb, i_refs text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case i_type
    when 'object' then jobs._predicate_of_object(i_schema, i_at, i_root, i_refs)
    when 'array' then jobs._predicate_of_array(i_schema, i_at, i_root, i_refs)
    when 'string' then jobs._predicate_of_string(i_schema, i_at)
    when 'number' then jobs._predicate_of_number(i_at || '.type() == "number"', i_schema, i_at)
    when 'integer' then jobs._predicate_of_number(i_at || '.floor() == ' || i_at, i_schema, i_at)
    when 'null' then i_at || ' == null'
    else i_at || '.type() == "boolean"' end
$$;

-- What stands at i_at is of one of the schema's types and keeps what is said of that type. Without types,
-- each of them is meant, as far as something is said of it.
create function jobs._predicate_of_types(i_schema jsonb, i_at text, i_root jsonb, i_refs text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case
    when i_schema ? 'type' or i_schema ?| '{properties,required,additionalProperties,patternProperties,items,prefixItems,minItems,maxItems,minLength,maxLength,pattern,minimum,maximum,exclusiveMinimum,exclusiveMaximum,multipleOf}'
    then (
      select jobs._one_of(variadic array_agg(jobs._predicate_of_type(t, i_schema, i_at, i_root, i_refs) order by at))
      from jsonb_array_elements_text(jobs._as_array(coalesce(i_schema->'type', '["object", "array", "string", "number", "boolean", "null"]')))
        with ordinality g(t, at))
    else '' end
$$;

-- A half of a body that is given as nothing.
create function jobs._predicate_of_absence(i_at text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select i_at || ' == null || (exists(' || i_at || ')) is unknown'
$$;

-- One parameter is filled by position or by keyword, not by both, and with what fits; or left out.
create function jobs._predicate_of_param(i_schema jsonb, i_param jsonb, i_position text, i_keyword text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select '(' || jobs._predicate(s, i_position, i_schema) || ' && (exists(' || i_keyword || ')) is unknown'
    || ' || (exists(' || i_position || ')) is unknown && (' || jobs._predicate(s, i_keyword, i_schema)
    || case when i_param->'required' = 'true' then '' else ' || (exists(' || i_keyword || ')) is unknown' end || '))'
  from coalesce(i_schema->'properties'->(i_param->>'name'), 'true') s
$$;

-- The predicate that a body fits a task, apart from keywords that it does not have; null when it cannot be
-- expressed. i_params are the parameters in order, {"name", "type", "required"}. First the arguments by
-- keyword alone, then, where each parameter can be checked by itself, by position and keyword.
create function jobs._predicate_of_body(i_schema jsonb, i_params jsonb, i_open boolean) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_schema jsonb := case when jsonb_typeof(i_schema) = 'object' then i_schema else '{}' end;   -- true takes anything
  v_keywords text := '($."args".size() == 0 || ' || jobs._predicate_of_absence('$."args"') || ') && ' || jobs._predicate(
    case when i_open then v_schema else v_schema - 'additionalProperties' end || jsonb_build_object('required',
      coalesce(v_schema->'required', '[]') || jsonb_path_query_array(i_params, '$[*] ? (@.required == true).name')), '$."kwargs"', v_schema);
  v_mixed text := jobs._all_of(variadic
    array['$.type() == "object"',
      '($."args".type() == "array" && $."args".size() <= ' || jsonb_array_length(i_params) || ' || ' || jobs._predicate_of_absence('$."args"') || ')',
      '($."kwargs".type() == "object" || ' || jobs._predicate_of_absence('$."kwargs"') || ')']
    || array(select jobs._predicate_of_param(v_schema, p, format('$."args"[%s]', at - 1), '$."kwargs".' || jobs._quoted(p->>'name'))
             from jsonb_array_elements(i_params) with ordinality g(p, at)));
begin
  if i_open or v_schema - '{$schema,$defs,title,description,type,properties,required,additionalProperties}'::text[] <> '{}' then
    return '(' || v_keywords || ')';
  end if;
  return '(' || v_keywords || ') || ' || v_mixed;
end $$;
