-- The templates of single types (for 82_predicate.sql), and the predicate of a whole body.

create or replace function jobs._template_of_number(i_type text, i_schema jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  if not i_schema ?| '{minimum,maximum,exclusiveMinimum,exclusiveMaximum,multipleOf}' then
    return i_type;
  end if;
  return jobs._joined(array[i_type,
    coalesce(E'\x01 >= ' || (i_schema->'minimum')::text, ''), coalesce(E'\x01 <= ' || (i_schema->'maximum')::text, ''),
    coalesce(E'\x01 > ' || (i_schema->'exclusiveMinimum')::text, ''), coalesce(E'\x01 < ' || (i_schema->'exclusiveMaximum')::text, ''),
    coalesce(E'\x01 % ' || (i_schema->'multipleOf')::text || ' == 0', '')], ' && ');
end $$;

-- A regular expression checks the length, up to 255 characters.
create or replace function jobs._template_of_string(i_schema jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_least integer;
  v_most integer;
begin
  if not i_schema ?| '{minLength,maxLength,pattern}' then
    return E'\x01.type() == "string"';
  end if;
  v_least := ceil(greatest((i_schema->'minLength')::numeric, 0))::integer;
  v_most := floor((i_schema->'maxLength')::numeric)::integer;
  return jobs._joined(array[E'\x01.type() == "string"',
    case
      when not i_schema ?| '{minLength,maxLength}' or v_least = 0 and v_most is null then ''
      when v_least = 1 and v_most is null then E'\x01 != ""'
      when greatest(v_least, v_most) > 255 then jobs._not_expressible()
      when v_least > v_most then '(1 == 2)'
      else E'\x01 like_regex "^.{' || v_least || ',' || coalesce(v_most::text, '') || '}$" flag "s"' end,
    case when i_schema ? 'pattern' and jobs._is_portable(i_schema->>'pattern')
      then E'\x01 like_regex ' || jobs._quoted(i_schema->>'pattern') || ' flag "s"' else '' end], ' && ');
end $$;

create or replace function jobs._template_of_array(i_schema jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_fixed integer := coalesce(jsonb_array_length(i_schema->'prefixItems'), 0);
  v_first text[] := array[]::text[];
  v_items text := '';
begin
  if i_schema ? 'items' and i_schema->'items' <> 'true' and i_schema->'items' <> '{}' then
    v_items := E'!exists(\x01' || case when v_fixed = 0 then '[*]' else '[' || v_fixed || ' to last]' end
      || ' ? (!' || jobs._known(jobs._template(i_schema->'items', i_root, i_refs, i_known), '@') || '))';
    v_items := case when v_fixed = 0 then v_items else E'(\x01.size() <= ' || v_fixed || ' || ' || v_items || ')' end;
  end if;
  if v_fixed > 0 then
    v_first := array(
      select '(' || jobs._at(t, E'\x01[' || at - 1 || ']') || E' || \x01.size() < ' || at || ')'
      from unnest(jobs._templates(i_schema->'prefixItems', i_root, i_refs, i_known)) with ordinality g(t, at) order by at);
  end if;
  return jobs._joined(array[
      E'\x01.type() == "array"',
      coalesce(E'\x01.size() >= ' || (i_schema->'minItems')::text, ''),
      coalesce(E'\x01.size() <= ' || (i_schema->'maxItems')::text, ''), v_items] || v_first, ' && ');
end $$;

-- The template for fields whose names match patterns, and for all others.
create or replace function jobs._template_of_other_fields(i_schema jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_others jsonb := i_schema->'additionalProperties';
  v_parts text[] := array[]::text[];
  v_names text[] := array(select '@.key != ' || jobs._quoted(k) from jsonb_object_keys(i_schema->'properties') k);
  v_length integer := 0;
  v_pattern text;
begin
  for v_pattern in select k from jsonb_object_keys(i_schema->'patternProperties') k loop
    if not jobs._is_portable(v_pattern) then
      perform jobs._not_expressible();
    end if;
    v_names := v_names || ('!(@.key like_regex ' || jobs._quoted(v_pattern) || ' flag "s")');
    v_parts := v_parts || ('!exists(@.keyvalue() ? (@.key like_regex ' || jobs._quoted(v_pattern) || ' flag "s" && !'
      || jobs._known(jobs._template(i_schema->'patternProperties'->v_pattern, i_root, i_refs, i_known), '@.value') || '))');
    v_length := v_length + length(v_parts[cardinality(v_parts)]);
    if v_length > 30000 then
      perform jobs._not_expressible();
    end if;
  end loop;
  if v_others is not null and v_others not in ('true', '{}') then
    v_parts := v_parts || ('!exists(@.keyvalue() ? (' || coalesce(nullif(jobs._joined(v_names, ' && '), ''), '1 == 1')
      || case when v_others = 'false' then '' else ' && !' || jobs._known(jobs._template(v_others, i_root, i_refs, i_known), '@.value') end || '))');
  end if;
  return jobs._joined(v_parts, ' && ');
end $$;

create or replace function jobs._template_of_object(i_schema jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_parts text := '@.type() == "object"';
  v_properties jsonb := i_schema->'properties';
  v_required jsonb := coalesce(i_schema->'required', '[]');
  v_key text;
  v_value jsonb;
  v_at text;
begin
  if v_required <> '[]' and not coalesce(v_properties ?& array(select jsonb_array_elements_text(v_required)), false) then
    for v_key in select k from jsonb_array_elements_text(v_required) k where not coalesce(v_properties ? k, false) loop
      v_parts := jobs._short(v_parts || ' && exists(@.' || jobs._quoted(v_key) || ')');
    end loop;
  end if;
  for v_key, v_value in select p.key, p.value from jsonb_each(v_properties) p loop
    v_at := '@.' || jobs._quoted(v_key);
    v_parts := v_parts || ' && ' || case when v_required ? v_key then jobs._at(jobs._template(v_value, i_root, i_refs, i_known), v_at)
      else '(' || jobs._at(jobs._template(v_value, i_root, i_refs, i_known), v_at) || ' || (exists(' || v_at || ')) is unknown)' end;
    if length(v_parts) > 30000 then
      perform jobs._not_expressible();
    end if;
  end loop;
  if i_schema ?| '{patternProperties,additionalProperties}' then
    v_parts := v_parts || coalesce(' && ' || nullif(jobs._template_of_other_fields(i_schema, i_root, i_refs, i_known), ''), '');
  end if;
  return jobs._known(v_parts, E'\x01');
end $$;

create or replace function jobs._template_of_type(i_type text, i_schema jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return case i_type
    when 'object' then jobs._template_of_object(i_schema, i_root, i_refs, i_known)
    when 'array' then jobs._template_of_array(i_schema, i_root, i_refs, i_known)
    when 'string' then jobs._template_of_string(i_schema)
    when 'number' then jobs._template_of_number(E'\x01.type() == "number"', i_schema)
    when 'integer' then jobs._template_of_number(E'\x01.floor() == \x01', i_schema)
    when 'null' then E'\x01 == null'
    else E'\x01.type() == "boolean"' end;
end $$;

-- The template for a value that has one of the schema's types and satisfies the keywords for that type. A
-- schema without types allows every type, with the keywords for each.
create or replace function jobs._template_of_types(i_schema jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_types jsonb := i_schema->'type';
  v_parts text[] := array[]::text[];
  v_type text;
begin
  if v_types is null and i_schema ?| '{properties,required,additionalProperties,patternProperties,items,prefixItems,minItems,maxItems,minLength,maxLength,pattern,minimum,maximum,exclusiveMinimum,exclusiveMaximum,multipleOf}' then
    v_types := '["object", "array", "string", "number", "boolean", "null"]';
  end if;
  if jsonb_typeof(v_types) = 'string' then
    return jobs._template_of_type(v_types #>> '{}', i_schema, i_root, i_refs, i_known);
  end if;
  for v_type in select t from jsonb_array_elements_text(jobs._as_array(v_types)) t loop
    v_parts := v_parts || jobs._template_of_type(v_type, i_schema, i_root, i_refs, i_known);
  end loop;
  return jobs._joined(v_parts, ' || ');
end $$;

-- The predicate that one half of a body is null or missing.
create or replace function jobs._absent(i_at text) returns text
language sql immutable parallel safe
return i_at || ' == null || (exists(' || i_at || ')) is unknown';

-- The predicate for one parameter: it is given by position or by keyword, not by both, with a value that
-- fits; or left out.
create or replace function jobs._predicate_of_param(i_template text, i_is_required boolean, i_position text, i_keyword text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return '(' || jobs._at(i_template, i_position) || ' && (exists(' || i_keyword || ')) is unknown'
    || ' || (exists(' || i_position || ')) is unknown && (' || jobs._at(i_template, i_keyword)
    || case when i_is_required then '' else ' || (exists(' || i_keyword || ')) is unknown' end || '))';
end $$;

-- The predicate that a body fits a task, apart from keywords that the task does not have; an error when it
-- cannot be expressed. i_params are the parameters in order, {"name", "type", "required"}. Its first part is
-- for arguments by keyword alone; the second, added where each parameter can be validated by itself, is for
-- arguments by position and keyword.
create or replace function jobs._predicate_of_body(i_schema jsonb, i_params jsonb, i_extra_kwargs boolean) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_schema jsonb := case when jsonb_typeof(i_schema) = 'object' then i_schema else '{}' end;   -- true accepts anything
  v_known jsonb := jobs._known_definitions(v_schema);
  v_of_fields jsonb;   -- templates of the properties by U+0002 and their name: made once, used for keywords and positions
  v_keywords text;
  v_param jsonb;
  v_parts text[];
begin
  select coalesce(jsonb_object_agg(E'\x02' || p.key, jobs._template(p.value, v_schema, '{}', v_known)), '{}') into v_of_fields
  from jsonb_each(v_schema->'properties') p;
  v_known := v_known || v_of_fields;
  v_keywords := '($."args".size() == 0 || ' || jobs._absent('$."args"') || ') && ' || jobs._at(jobs._template(
    case when i_extra_kwargs then v_schema else v_schema - 'additionalProperties' end || jsonb_build_object(
      'properties', (select coalesce(jsonb_object_agg(k, jsonb_build_object('$ref', E'\x02' || k)), '{}') from jsonb_object_keys(v_schema->'properties') k),
      'required', coalesce(v_schema->'required', '[]') || jsonb_path_query_array(i_params, '$[*] ? (@.required == true).name')), v_schema, '{}', v_known), '$."kwargs"');
  if i_extra_kwargs or v_schema - '{$schema,$defs,title,description,type,properties,required,additionalProperties}'::text[] <> '{}' then
    return jobs._short('(' || v_keywords || ')');
  end if;
  v_parts := array['$.type() == "object"',
    '($."args".type() == "array" && $."args".size() <= ' || jsonb_array_length(i_params) || ' || ' || jobs._absent('$."args"') || ')',
    '($."kwargs".type() == "object" || ' || jobs._absent('$."kwargs"') || ')'];
  for v_at in 0..jsonb_array_length(i_params) - 1 loop
    v_param := i_params->v_at;
    v_parts := v_parts || jobs._predicate_of_param(
      coalesce(v_of_fields->>(E'\x02' || (v_param->>'name')), E'exists(\x01)'),
      v_param->'required' = 'true', format('$."args"[%s]', v_at), '$."kwargs".' || jobs._quoted(v_param->>'name'));
  end loop;
  return jobs._short('(' || v_keywords || ') || ' || jobs._joined(v_parts, ' && '));
end $$;
