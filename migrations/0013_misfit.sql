-- Whether a JSON value fits a JSON Schema, and if not, where and why: the walk that decides.
--
-- It knows what Rust's types say of themselves: type, enum, const, properties, required,
-- additionalProperties, patternProperties, items, prefixItems, bounds of numbers, texts and arrays,
-- pattern, anyOf, oneOf, allOf, not, $ref into $defs. Every other keyword is an annotation, formats and
-- uniqueItems among them (docs/decisions/0013). What it says of a misfit never shows a value.

-- The first misfit found: its path, what was expected there and what stands there. `depth` tells which
-- of several variants was meant: the one that fits furthest in.
create type jobs.misfit as (path text, expected text, found text, depth integer);

-- The kind of a value, in the words of a message.
create function jobs._kind(i_value jsonb) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case jsonb_typeof(i_value)
    when 'number' then case when i_value::numeric % 1 = 0 then 'integer' else 'floating point' end
    else jsonb_typeof(i_value) end
$$;

-- A list as it is, anything else as a list of one.
create function jobs._as_array(i_value jsonb) returns jsonb
language sql immutable strict
return case when pg_catalog.jsonb_typeof(i_value) = 'array' then i_value else pg_catalog.jsonb_build_array(i_value) end;

-- The types that a schema names, integers in Rust's words.
create function jobs._expected_type(i_schema jsonb) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select string_agg(case
      when t = 'integer' and i_schema->>'format' ~ '^u?int(8|16|32|64|128)$' then replace(replace(i_schema->>'format', 'uint', 'u'), 'int', 'i')
      when t = 'null' then t
      when t in ('integer', 'array', 'object') then 'an ' || t
      else 'a ' || t end, ' or ' order by at)
  from jsonb_array_elements_text(jobs._as_array(i_schema->'type')) with ordinality g(t, at)
$$;

-- Whether a value is of one of these types. As JSON Schema has it, 1.0 is an integer.
create function jobs._has_type(i_types jsonb, i_value jsonb) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select jobs._as_array(i_types) ? jsonb_typeof(i_value)
    or (jobs._as_array(i_types) ? 'integer' and jobs._kind(i_value) = 'integer')
$$;

-- What `#/$defs/Name` refers to; null when it is not in this schema, and then nothing is checked.
create function jobs._definition(i_root jsonb, i_ref text) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_pointer text := substr(i_ref, 2);
begin
  if i_ref ~ '^#(/|$)' is not true then
    return null;
  elsif v_pointer ~ '%[0-9A-Fa-f]{2}' then
    select convert_from(decode(string_agg(coalesce(m[1], encode(convert_to(m[2], 'UTF8'), 'hex')), '' order by at), 'hex'), 'UTF8')
    into v_pointer from regexp_matches(v_pointer, '%([0-9A-Fa-f]{2})|([^%]+|%)', 'g') with ordinality g(m, at);
  end if;
  return i_root #> array(
    select replace(replace(p, '~1', '/'), '~0', '~') from unnest(string_to_array(v_pointer, '/')) with ordinality g(p, at) where at > 1 order by at);
end $$;

-- Whether a regular expression means the same here and in JSON Schema, whose dialect is another: plain
-- characters, classes, \d, groups, repetition. Any other pattern is an annotation.
create function jobs._is_portable(i_pattern text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
begin
  if i_pattern !~ '^\^?([A-Za-z0-9 _@:/,;!#%&=~<>"''.-]|\\[d./+*?()|^$-]|\[\^?([A-Za-z0-9 _@:/,;!#%&=~<>".+*?-]|\\[d.-])+\]|[(|)?*+]|\{[0-9]+(,[0-9]*)?\})*\$?$'
    or i_pattern ~ '\(\?|[?*+}]\?' then
    return false;
  end if;
  return '' ~ i_pattern is not null;   -- an error when it is malformed or repeats too often
exception when invalid_regular_expression then
  return false;
end $$;

-- One level further in.
create function jobs._inside(i_path text, i_key text) returns text
language sql immutable
return case i_path when '' then pg_catalog.left(i_key, 60) else i_path || '.' || pg_catalog.left(i_key, 60) end;

-- The misfit of a value at a path, null when it fits. i_root is the schema that holds the definitions.
create function jobs._misfit(i_schema jsonb, i_value jsonb, i_path text, i_root jsonb, i_depth integer default 0) returns jobs.misfit
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_kind text := jobs._kind(i_value);
  v_misfit jobs.misfit;
begin
  if jsonb_typeof(i_schema) <> 'object' then
    return case when i_schema = 'false' then row(i_path, 'nothing', v_kind, i_depth)::jobs.misfit end;
  elsif not jobs._has_type(i_schema->'type', i_value) then
    return row(i_path, jobs._expected_type(i_schema), v_kind, i_depth)::jobs.misfit;
  elsif i_schema->'const' <> i_value or not jobs._is_listed(i_schema->'enum', i_value) then
    return row(i_path, jobs._expected_value(coalesce(i_schema->'enum', jsonb_build_array(i_schema->'const'))),
               case when v_kind = 'string' then 'another string' else v_kind end, i_depth - 1)::jobs.misfit;
  end if;
  v_misfit := case v_kind
    when 'object' then jobs._misfit_of_object(i_schema, i_value, i_path, i_root, i_depth)
    when 'array' then jobs._misfit_of_array(i_schema, i_value, i_path, i_root, i_depth)
    when 'string' then jobs._misfit_of_string(i_schema, i_value #>> '{}', i_path, i_depth)
    when 'integer' then jobs._misfit_of_number(i_schema, i_value::numeric, i_path, i_depth)
    when 'floating point' then jobs._misfit_of_number(i_schema, i_value::numeric, i_path, i_depth) end;
  if v_misfit.path is null and i_schema ?| '{$ref,anyOf,oneOf,allOf,not}' then
    v_misfit := jobs._misfit_of_variants(i_schema, i_value, i_path, i_root, i_depth);
  end if;
  return v_misfit;
end $$;

-- Whether a value is in this list; null when there is no list.
create function jobs._is_listed(i_list jsonb, i_value jsonb) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select bool_or(e = i_value) from jsonb_array_elements(i_list) e
$$;

-- Values of a schema, in the words of a message: the first eight.
create function jobs._expected_value(i_list jsonb) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select string_agg(left(e::text, 60), ' or ' order by at) filter (where at <= 8) || case when count(*) > 8 then ' or ...' else '' end
  from jsonb_array_elements(i_list) with ordinality g(e, at)
$$;

create function jobs._misfit_of_string(i_schema jsonb, i_text text, i_path text, i_depth integer) returns jobs.misfit
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  if length(i_text) < (i_schema->'minLength')::numeric then
    return row(i_path, format('at least %s characters', i_schema->'minLength'), 'fewer', i_depth)::jobs.misfit;
  elsif length(i_text) > (i_schema->'maxLength')::numeric then
    return row(i_path, format('at most %s characters', i_schema->'maxLength'), 'more', i_depth)::jobs.misfit;
  elsif i_schema ? 'pattern' and jobs._is_portable(i_schema->>'pattern') and i_text !~ (i_schema->>'pattern') then
    return row(i_path, 'a string that matches ' || (i_schema->>'pattern'), 'another string', i_depth)::jobs.misfit;
  end if;
  return null;
end $$;

create function jobs._misfit_of_number(i_schema jsonb, i_number numeric, i_path text, i_depth integer) returns jobs.misfit
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  if i_number < (i_schema->'minimum')::numeric then
    return row(i_path, 'at least ' || (i_schema->>'minimum'), 'less', i_depth)::jobs.misfit;
  elsif i_number > (i_schema->'maximum')::numeric then
    return row(i_path, 'at most ' || (i_schema->>'maximum'), 'more', i_depth)::jobs.misfit;
  elsif i_number <= (i_schema->'exclusiveMinimum')::numeric then
    return row(i_path, 'more than ' || (i_schema->>'exclusiveMinimum'), 'less or equal', i_depth)::jobs.misfit;
  elsif i_number >= (i_schema->'exclusiveMaximum')::numeric then
    return row(i_path, 'less than ' || (i_schema->>'exclusiveMaximum'), 'more or equal', i_depth)::jobs.misfit;
  elsif i_number % nullif((i_schema->'multipleOf')::numeric, 0) <> 0 then
    return row(i_path, 'a multiple of ' || (i_schema->>'multipleOf'), 'another number', i_depth)::jobs.misfit;
  end if;
  return null;
end $$;

create function jobs._misfit_of_array(i_schema jsonb, i_array jsonb, i_path text, i_root jsonb, i_depth integer) returns jobs.misfit
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_length integer := jsonb_array_length(i_array);
  v_fixed integer := coalesce(jsonb_array_length(i_schema->'prefixItems'), 0);
  v_misfit jobs.misfit;
begin
  if v_length < (i_schema->'minItems')::numeric or v_length > (i_schema->'maxItems')::numeric then
    return row(i_path, concat('length ', 'at least ' || (i_schema->>'minItems'),
        case when i_schema ?& '{minItems,maxItems}' then ', ' end, 'at most ' || (i_schema->>'maxItems')),
      'length ' || v_length, i_depth)::jobs.misfit;
  end if;
  for v_at in 0..v_length - 1 loop
    continue when v_at >= v_fixed and not i_schema ? 'items';
    v_misfit := jobs._misfit(case when v_at < v_fixed then i_schema->'prefixItems'->v_at else i_schema->'items' end,
                             i_array->v_at, format('%s[%s]', i_path, v_at), i_root, i_depth + 1);
    exit when v_misfit.path is not null;
  end loop;
  return v_misfit;
end $$;

-- What is said of a field of this name: by its name, by patterns, or else of all others.
create function jobs._schemas_of_field(i_schema jsonb, i_key text) returns setof jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_is_named boolean := coalesce(i_schema->'properties' ? i_key, false);
  v_pattern text;
begin
  if v_is_named then
    return next i_schema->'properties'->i_key;
  end if;
  for v_pattern in select k from jsonb_object_keys(i_schema->'patternProperties') k loop
    if not jobs._is_portable(v_pattern) then
      v_is_named := true;   -- whether it is meant for this name is not known here
    elsif i_key ~ v_pattern then
      v_is_named := true;
      return next i_schema->'patternProperties'->v_pattern;
    end if;
  end loop;
  if not v_is_named and i_schema ? 'additionalProperties' then
    return next i_schema->'additionalProperties';
  end if;
end $$;

create function jobs._misfit_of_object(i_schema jsonb, i_object jsonb, i_path text, i_root jsonb, i_depth integer) returns jobs.misfit
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_field record;
  v_misfit jobs.misfit;
  v_missing text;
begin
  for v_field in
    select e.key, e.value, f.schema
    from jsonb_each(i_object) e, jobs._schemas_of_field(i_schema, e.key) f(schema)
    where i_schema ?| '{properties,patternProperties,additionalProperties}'
  loop
    v_misfit := case when v_field.schema = 'false' and not coalesce(i_schema->'properties' ? v_field.key, false)
      then row(jobs._inside(i_path, v_field.key), 'no field of this name', 'one', i_depth)::jobs.misfit
      else jobs._misfit(v_field.schema, v_field.value, jobs._inside(i_path, v_field.key), i_root, i_depth + 1) end;
    if v_misfit.path is not null then
      return v_misfit;
    end if;
  end loop;
  v_missing := (select string_agg('field `' || k || '`', ' and ') from jsonb_array_elements_text(i_schema->'required') k where not i_object ? k);
  return case when v_missing is not null then row(i_path, v_missing, 'none', i_depth)::jobs.misfit end;
end $$;

-- What other schemas inside this one say: $ref, allOf, anyOf, oneOf, not.
create function jobs._misfit_of_variants(i_schema jsonb, i_value jsonb, i_path text, i_root jsonb, i_depth integer) returns jobs.misfit
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_misfit jobs.misfit;
  v_all jsonb := coalesce(i_schema->'allOf', '[]') || jsonb_build_array(jobs._definition(i_root, i_schema->>'$ref'));
  v_part jsonb;
begin
  for v_part in select p from jsonb_array_elements(v_all) p where p <> 'null' loop
    v_misfit := jobs._misfit(v_part, i_value, i_path, i_root, i_depth);
    if v_misfit.path is not null then
      return v_misfit;
    end if;
  end loop;
  v_misfit := jobs._misfit_of_any(i_schema->'anyOf', false, i_value, i_path, i_root, i_depth);
  if v_misfit.path is null then
    v_misfit := jobs._misfit_of_any(i_schema->'oneOf', true, i_value, i_path, i_root, i_depth);
  end if;
  if v_misfit.path is null and i_schema ? 'not' and (jobs._misfit(i_schema->'not', i_value, i_path, i_root)).path is null then
    v_misfit := row(i_path, 'any value but ' || coalesce((i_schema->'not'->'const')::text, 'what the schema excludes'), 'that', i_depth);
  end if;
  return v_misfit;
end $$;

-- The misfit of a value for which there are several variants: that of those which it fits furthest.
create function jobs._misfit_of_any(i_variants jsonb, i_one boolean, i_value jsonb, i_path text, i_root jsonb, i_depth integer) returns jobs.misfit
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_variant jsonb;
  v_misfit jobs.misfit;
  v_misfits jobs.misfit[] := array[]::jobs.misfit[];
  v_fitting integer := 0;
begin
  for v_variant in select v from jsonb_array_elements(i_variants) v loop
    v_misfit := jobs._misfit(v_variant, i_value, i_path, i_root, i_depth);
    v_fitting := v_fitting + (v_misfit.path is null)::integer;
    exit when v_fitting > i_one::integer;
    v_misfits := v_misfits || v_misfit;
  end loop;
  if v_fitting > 0 or cardinality(v_misfits) = 0 then
    return case when v_fitting > 1 and i_one then row(i_path, 'one of several variants', 'several', i_depth)::jobs.misfit end;
  end if;
  select m.path, string_agg(distinct m.expected, ' or '), min(m.found), max(m.depth) into v_misfit
  from unnest(v_misfits) m
  group by m.path order by max(m.depth) desc, m.path limit 1;
  return v_misfit;
end $$;
