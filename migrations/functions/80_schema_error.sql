-- Validates a JSON value against a JSON Schema: walks through both, and returns where and why the value does
-- not fit.
--
-- The walk knows the keywords that describe Rust's types: type, enum, const, properties, required,
-- additionalProperties, patternProperties, items, prefixItems, bounds of numbers, texts and arrays, pattern,
-- anyOf, oneOf, allOf, not, $ref into $defs. Every other keyword is an annotation, formats and uniqueItems
-- among them (docs/decisions/0013). A schema error contains no part of the value: no scalar, and no field
-- name except those that the schema names.
--
-- A walk has a budget of steps and of time: a schema may refer to itself in several places, and a value may
-- be large. The caller decides what an unfinished walk means; publishing accepts the body, because its worker
-- reads it anyway.

-- The kind of a value, as messages name it.
create or replace function jobs._kind(i_value jsonb) returns text
language sql immutable parallel safe
return case
  when pg_catalog.jsonb_typeof(i_value) <> 'number' then pg_catalog.jsonb_typeof(i_value)
  when i_value::numeric % 1 = 0 then 'integer' else 'floating point' end;

-- An array unchanged, anything else as an array of one.
create or replace function jobs._as_array(i_value jsonb) returns jsonb
language sql immutable strict
return case when pg_catalog.jsonb_typeof(i_value) = 'array' then i_value else pg_catalog.jsonb_build_array(i_value) end;

-- The types that a schema names, with Rust's names for integers.
create or replace function jobs._expected_type(i_schema jsonb) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select string_agg(case
      when t = 'integer' and i_schema->>'format' ~ '^u?int(8|16|32|64|128)$' then replace(replace(i_schema->>'format', 'uint', 'u'), 'int', 'i')
      when t = 'null' then t
      when t in ('integer', 'array', 'object') then 'an ' || t
      else 'a ' || t end, ' or ' order by at)
  from jsonb_array_elements_text(jobs._as_array(i_schema->'type')) with ordinality g(t, at)
$$;

-- Whether a value has one of these types (one, or a list); null when there are none. As in JSON Schema, 1.0
-- is an integer.
create or replace function jobs._has_type(i_types jsonb, i_value jsonb) returns boolean
language sql immutable parallel safe
return i_types ? pg_catalog.jsonb_typeof(i_value)
  or (i_types ? 'integer' and pg_catalog.jsonb_typeof(i_value) = 'number' and i_value::numeric % 1 = 0);

-- The definition that `#/$defs/Name` refers to; null when this schema does not contain it, and then nothing
-- is validated.
create or replace function jobs._definition(i_root jsonb, i_ref text) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_pointer text := substr(i_ref, 2);
begin
  if i_ref ~ '^#/[$]defs/[A-Za-z0-9_.-]+$' then   -- as schemars writes it
    return i_root->'$defs'->substr(i_ref, 9);
  elsif i_ref ~ '^#(/|$)' is not true then
    return null;
  elsif v_pointer ~ '%[0-9A-Fa-f]{2}' then
    select convert_from(decode(string_agg(coalesce(m[1], encode(convert_to(m[2], 'UTF8'), 'hex')), '' order by at), 'hex'), 'UTF8')
    into v_pointer from regexp_matches(v_pointer, '%([0-9A-Fa-f]{2})|([^%]+|%)', 'g') with ordinality g(m, at);
  end if;
  return i_root #> array(
    select replace(replace(p, '~1', '/'), '~0', '~') from unnest(string_to_array(v_pointer, '/')) with ordinality g(p, at) where at > 1 order by at);
end $$;

-- Whether a regular expression means the same in PostgreSQL and in JSON Schema, whose dialect is another:
-- plain characters, classes, \d, groups, repetition. Any other pattern is an annotation.
create or replace function jobs._is_portable(i_pattern text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
begin
  if i_pattern !~ '^\^?([A-Za-z0-9 _@:/,;!#%&=~<>"''.-]|\\[d./+*?()|^$-]|\[\^?([A-Za-z0-9 _@:/,;!#%&=~<>".+*?-]|\\[d.-])+\]|[(|)?*+]|\{[0-9]+(,[0-9]*)?\})*\$?$'
    or i_pattern ~ '\(\?|[?*+}]\?' then
    return false;
  end if;
  return '' ~ i_pattern is not null;   -- raises an error when it is malformed or repeats too often
exception when invalid_regular_expression then
  return false;
end $$;

-- Appends the rest of a path to a path.
create or replace function jobs._path(i_path text, i_further text) returns text
language sql immutable parallel safe
return case when i_path = '' or i_further = '' or pg_catalog.left(i_further, 1) = '[' then i_path || i_further else i_path || '.' || i_further end;

-- The schema error of a value at a path; its path is null when the value fits. i_root is the schema that
-- contains the definitions. Raises an error (statement_too_complex) when it takes more than i_steps, or
-- longer than i_until (null: no limit).
create or replace function jobs._schema_error(
  i_schema jsonb, i_value jsonb, i_path text, i_root jsonb, i_steps integer default 20000, i_until timestamptz default null
) returns jobs.schema_error
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_error jobs.schema_error := jobs._walk(i_schema, i_value, i_root, 0, i_steps, i_until);
begin
  v_error.path := jobs._path(i_path, v_error.path);
  return v_error;
end $$;

-- One step of the walk, and the steps below it: the schema error with its path from here. i_left steps may be
-- taken; the clock is read at every 64th of them.
create or replace function jobs._walk(i_schema jsonb, i_value jsonb, i_root jsonb, i_depth integer, i_left integer, i_until timestamptz) returns jobs.schema_error
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_type text := jsonb_typeof(i_value);
  v_steps integer := 1;
  v_error jobs.schema_error;
begin
  if i_left <= 0 or (i_left % 64 = 0 and clock_timestamp() > i_until) then
    raise statement_too_complex using message = 'a schema that takes too many steps, or too long, to hold against a value';
  elsif jsonb_typeof(i_schema) <> 'object' then
    return case when i_schema = 'false' then row('', 'nothing', jobs._kind(i_value), i_depth, 1)::jobs.schema_error
                else row(null, null, null, null, 1)::jobs.schema_error end;
  elsif not jobs._has_type(i_schema->'type', i_value) then
    return row('', jobs._expected_type(i_schema), jobs._kind(i_value), i_depth, 1)::jobs.schema_error;
  elsif i_schema ?| '{const,enum}' and (i_schema->'const' <> i_value or not jobs._is_listed(i_schema->'enum', i_value)) then
    return row('', jobs._expected_value(coalesce(i_schema->'enum', jsonb_build_array(i_schema->'const'))),
               case when v_type = 'string' then 'another string' else jobs._kind(i_value) end, i_depth - 1, 1)::jobs.schema_error;
  elsif v_type = 'object' and i_schema ?| '{properties,patternProperties,additionalProperties,required}' then
    v_error := jobs._schema_error_of_object(i_schema, i_value, i_root, i_depth, i_left - 1, i_until);
    v_steps := 1 + v_error.steps;
  elsif v_type = 'array' and i_schema ?| '{items,prefixItems,minItems,maxItems}' then
    v_error := jobs._schema_error_of_array(i_schema, i_value, i_root, i_depth, i_left - 1, i_until);
    v_steps := 1 + v_error.steps;
  elsif v_type = 'string' and i_schema ?| '{minLength,maxLength,pattern}' then
    v_error := jobs._schema_error_of_string(i_schema, i_value #>> '{}', i_depth);
  elsif v_type = 'number' and i_schema ?| '{minimum,maximum,exclusiveMinimum,exclusiveMaximum,multipleOf}' then
    v_error := jobs._schema_error_of_number(i_schema, i_value::numeric, i_depth);
  end if;
  if v_error.path is null and i_schema ?| '{$ref,anyOf,oneOf,allOf,not}' then
    v_error := jobs._schema_error_of_variants(i_schema, i_value, i_root, i_depth, i_left - v_steps, i_until);
    v_steps := v_steps + v_error.steps;
  end if;
  v_error.steps := v_steps;
  return v_error;
end $$;

-- Whether a value is in this list; null when there is no list. For scalars, containment is equality.
create or replace function jobs._is_listed(i_list jsonb, i_value jsonb) returns boolean
language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
begin
  return case when jsonb_typeof(i_list) <> 'array' or jsonb_typeof(i_value) not in ('object', 'array')
    then i_list @> jsonb_build_array(i_value) else (select coalesce(bool_or(e = i_value), false) from jsonb_array_elements(i_list) e) end;
end $$;

-- The values of a schema, as messages name them: the first eight.
create or replace function jobs._expected_value(i_list jsonb) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select string_agg(left(e::text, 60), ' or ' order by at) filter (where at <= 8) || case when count(*) > 8 then ' or ...' else '' end
  from jsonb_array_elements(i_list) with ordinality g(e, at)
$$;
