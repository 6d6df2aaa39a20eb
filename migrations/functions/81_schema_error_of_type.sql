-- The walk of 80_schema_error.sql for each type of value.

create or replace function jobs._schema_error_of_string(i_schema jsonb, i_text text, i_depth integer) returns jobs.schema_error
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  if length(i_text) < (i_schema->'minLength')::numeric then
    return row('', format('at least %s characters', i_schema->'minLength'), 'fewer', i_depth, 1)::jobs.schema_error;
  elsif length(i_text) > (i_schema->'maxLength')::numeric then
    return row('', format('at most %s characters', i_schema->'maxLength'), 'more', i_depth, 1)::jobs.schema_error;
  elsif i_schema ? 'pattern' and jobs._is_portable(i_schema->>'pattern') and i_text !~ (i_schema->>'pattern') then
    return row('', 'a string that matches ' || (i_schema->>'pattern'), 'another string', i_depth, 1)::jobs.schema_error;
  end if;
  return null;
end $$;

create or replace function jobs._schema_error_of_number(i_schema jsonb, i_number numeric, i_depth integer) returns jobs.schema_error
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  if i_number < (i_schema->'minimum')::numeric then
    return row('', 'at least ' || (i_schema->>'minimum'), 'less', i_depth, 1)::jobs.schema_error;
  elsif i_number > (i_schema->'maximum')::numeric then
    return row('', 'at most ' || (i_schema->>'maximum'), 'more', i_depth, 1)::jobs.schema_error;
  elsif i_number <= (i_schema->'exclusiveMinimum')::numeric then
    return row('', 'more than ' || (i_schema->>'exclusiveMinimum'), 'less or equal', i_depth, 1)::jobs.schema_error;
  elsif i_number >= (i_schema->'exclusiveMaximum')::numeric then
    return row('', 'less than ' || (i_schema->>'exclusiveMaximum'), 'more or equal', i_depth, 1)::jobs.schema_error;
  elsif i_number % nullif((i_schema->'multipleOf')::numeric, 0) <> 0 then
    return row('', 'a multiple of ' || (i_schema->>'multipleOf'), 'another number', i_depth, 1)::jobs.schema_error;
  end if;
  return null;
end $$;

create or replace function jobs._schema_error_of_array(
  i_schema jsonb, i_array jsonb, i_root jsonb, i_depth integer, i_left integer, i_until timestamptz
) returns jobs.schema_error
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_length integer := jsonb_array_length(i_array);
  v_first jsonb := i_schema->'prefixItems';
  v_fixed integer := coalesce(jsonb_array_length(v_first), 0);
  v_items jsonb := i_schema->'items';
  v_error jobs.schema_error := row(null, null, null, null, 0);
  v_steps integer := 0;
begin
  if v_length < (i_schema->'minItems')::numeric or v_length > (i_schema->'maxItems')::numeric then
    return row('', concat('length ', 'at least ' || (i_schema->>'minItems'),
        case when i_schema ?& '{minItems,maxItems}' then ', ' end, 'at most ' || (i_schema->>'maxItems')),
      'length ' || v_length, i_depth, 0)::jobs.schema_error;
  end if;
  for v_at in 0..case when v_items is null or v_items = 'true' then least(v_fixed, v_length) else v_length end - 1 loop
    v_error := jobs._walk(case when v_at < v_fixed then v_first->v_at else v_items end, i_array->v_at, i_root, i_depth + 1, i_left - v_steps, i_until);
    v_steps := v_steps + v_error.steps;
    if v_error.path is not null then
      v_error.path := jobs._path('[' || v_at || ']', v_error.path);
      exit;
    end if;
  end loop;
  v_error.steps := v_steps;
  return v_error;
end $$;

-- The schemas for a field of this name when there are patterns of names: by its name, by patterns, or else
-- that of all other fields.
create or replace function jobs._schemas_of_field(i_schema jsonb, i_key text) returns jsonb[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_schemas jsonb[] := array_remove(array[i_schema->'properties'->i_key], null);
  v_is_named boolean := cardinality(v_schemas) > 0;
  v_pattern text;
begin
  for v_pattern in select k from jsonb_object_keys(i_schema->'patternProperties') k loop
    if not jobs._is_portable(v_pattern) then
      v_is_named := true;   -- whether it matches this name is not known here
    elsif i_key ~ v_pattern then
      v_is_named := true;
      v_schemas := v_schemas || (i_schema->'patternProperties'->v_pattern);
    end if;
  end loop;
  return case when v_is_named or not i_schema ? 'additionalProperties' then v_schemas else v_schemas || (i_schema->'additionalProperties') end;
end $$;

-- Validates the fields of an object. Reports only names that the schema itself contains: another may be a
-- secret.
create or replace function jobs._schema_error_of_object(
  i_schema jsonb, i_object jsonb, i_root jsonb, i_depth integer, i_left integer, i_until timestamptz
) returns jobs.schema_error
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_properties jsonb := coalesce(i_schema->'properties', '{}');
  v_others jsonb := i_schema->'additionalProperties';
  v_has_patterns boolean := i_schema ? 'patternProperties';
  v_key text;
  v_value jsonb;
  v_schema jsonb;
  v_error jobs.schema_error;
  v_steps integer := 0;
begin
  for v_key, v_value in select e.key, e.value from jsonb_each(i_object) e loop
    if v_has_patterns and clock_timestamp() > i_until then
      raise statement_too_complex using message = 'names of fields that take too long to match';
    end if;
    foreach v_schema in array case when v_has_patterns then jobs._schemas_of_field(i_schema, v_key) else array[coalesce(v_properties->v_key, v_others)] end loop
      continue when v_schema is null;
      if v_schema = 'false' and not v_properties ? v_key then
        v_error := row('', 'no field of this name', 'one', i_depth, 1);
      else
        v_error := jobs._walk(v_schema, v_value, i_root, i_depth + 1, i_left - v_steps, i_until);
      end if;
      v_steps := v_steps + v_error.steps;
      if v_error.path is not null then
        return row(jobs._path(case when v_properties ? v_key then left(v_key, 60) else '*' end, v_error.path),
                   v_error.expected, v_error.found, v_error.depth, v_steps)::jobs.schema_error;
      end if;
    end loop;
  end loop;
  return jobs._schema_error_of_required(i_schema->'required', i_object, i_depth, v_steps);
end $$;

create or replace function jobs._schema_error_of_required(i_required jsonb, i_object jsonb, i_depth integer, i_steps integer) returns jobs.schema_error
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  for v_at in 0..coalesce(jsonb_array_length(i_required), 0) - 1 loop
    if not i_object ? (i_required->>v_at) then
      return row('', (select string_agg('field `' || k || '`', ' and ') from jsonb_array_elements_text(i_required) k where not i_object ? k),
                 'none', i_depth, i_steps)::jobs.schema_error;
    end if;
  end loop;
  return row(null, null, null, null, i_steps)::jobs.schema_error;
end $$;

-- Validates a value against other schemas inside this one: $ref, allOf, anyOf, oneOf, not.
create or replace function jobs._schema_error_of_variants(
  i_schema jsonb, i_value jsonb, i_root jsonb, i_depth integer, i_left integer, i_until timestamptz
) returns jobs.schema_error
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_error jobs.schema_error := row(null, null, null, null, 0);
  v_all jsonb := coalesce(i_schema->'allOf', '[]');
  v_meant jsonb;
  v_keyword text;
  v_steps integer := 0;
begin
  if i_schema ? '$ref' then
    v_meant := jobs._definition(i_root, i_schema->>'$ref');
    if v_meant is not null and not i_schema ?| '{anyOf,oneOf,allOf,not}' then   -- the usual case
      return jobs._walk(v_meant, i_value, i_root, i_depth, i_left, i_until);
    end if;
    v_all := v_all || jsonb_build_array(v_meant);
  end if;
  for v_at in 0..jsonb_array_length(v_all) - 1 loop
    continue when v_all->v_at = 'null';
    v_error := jobs._walk(v_all->v_at, i_value, i_root, i_depth, i_left - v_steps, i_until);
    v_steps := v_steps + v_error.steps;
    exit when v_error.path is not null;
  end loop;
  foreach v_keyword in array '{anyOf,oneOf}'::text[] loop
    continue when v_error.path is not null or not i_schema ? v_keyword;
    v_error := jobs._schema_error_of_any(i_schema->v_keyword, v_keyword = 'oneOf', i_value, i_root, i_depth, i_left - v_steps, i_until);
    v_steps := v_steps + v_error.steps;
  end loop;
  if v_error.path is null and i_schema ? 'not' then
    v_error := jobs._walk(i_schema->'not', i_value, i_root, 0, i_left - v_steps, i_until);
    v_steps := v_steps + v_error.steps;
    v_error := case when v_error.path is null
      then row('', 'any value but ' || coalesce((i_schema->'not'->'const')::text, 'what the schema excludes'), 'that', i_depth, 0)::jobs.schema_error end;
  end if;
  v_error.steps := v_steps;
  return v_error;
end $$;

-- The schema error of a value for which there are several variants: that of the variants that it fits to the
-- greatest depth.
create or replace function jobs._schema_error_of_any(
  i_variants jsonb, i_one boolean, i_value jsonb, i_root jsonb, i_depth integer, i_left integer, i_until timestamptz
) returns jobs.schema_error
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_error jobs.schema_error;
  v_errors jobs.schema_error[] := array[]::jobs.schema_error[];
  v_fitting integer := 0;
  v_steps integer := 0;
begin
  for v_at in 0..jsonb_array_length(i_variants) - 1 loop
    v_error := jobs._walk(i_variants->v_at, i_value, i_root, i_depth, i_left - v_steps, i_until);
    v_steps := v_steps + v_error.steps;
    v_fitting := v_fitting + (v_error.path is null)::integer;
    exit when v_fitting > i_one::integer;
    v_errors := v_errors || v_error;
  end loop;
  if v_fitting > 0 or cardinality(v_errors) = 0 then
    v_error := case when v_fitting > 1 and i_one then row('', 'one of several variants', 'several', i_depth, 0)::jobs.schema_error end;
  else
    select m.path, string_agg(distinct m.expected, ' or '), min(m.found), max(m.depth), 0 into v_error
    from unnest(v_errors) m
    group by m.path order by max(m.depth) desc, m.path limit 1;
  end if;
  v_error.steps := v_steps;
  return v_error;
end $$;
