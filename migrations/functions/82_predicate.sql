-- Compiles a JSON Schema into a jsonpath predicate: one expression that publishing evaluates over many bodies
-- at once. It decides as the walk in 0013_schema_errors.sql does, or is null where a jsonpath cannot express
-- the schema (recursive types, values other than scalars in an enum, very long texts): then the walk alone
-- decides.
--
-- All of it is in strict mode, where a path to a missing item makes a predicate unknown. Each predicate made
-- here is true for a value that fits, and false or unknown for any other. A filter keeps only items for which
-- it is true; so `exists(@ ? (p))` is p without the third value, unknown, and may be negated.
--
-- The functions for parts return templates: the character U+0001, which no jsonpath contains otherwise, marks
-- where the value goes. A part that cannot be expressed, or grows beyond 30,000 characters, ends the whole
-- compilation with one error (statement_too_complex), so that a schema that doubles itself forty times costs
-- no more than another.

-- The predicate that the value at i_at fits a schema; null when it cannot be expressed.
create or replace function jobs._predicate(i_schema jsonb, i_at text, i_root jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return jobs._at(jobs._template(i_schema, i_root, '{}', jobs._known_definitions(i_root)), i_at);
exception when statement_too_complex then
  return null;
end $$;

-- A template applied to the value at i_at.
create or replace function jobs._at(i_template text, i_at text) returns text
language sql immutable parallel safe
return pg_catalog.replace(i_template, E'\x01', i_at);

-- A predicate about the value at i_at that is never unknown.
create or replace function jobs._known(i_template text, i_at text) returns text
language sql immutable parallel safe
return 'exists(' || i_at || ' ? (' || pg_catalog.replace(i_template, E'\x01', '@') || '))';

-- A name or a text, quoted for a jsonpath.
create or replace function jobs._quoted(i_text text) returns text
language sql immutable parallel safe
return pg_catalog.to_jsonb(i_text)::text;

-- Ends the compilation. (Volatile, or the planner would call it to see what it returns.)
create or replace function jobs._not_expressible() returns text
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  raise statement_too_complex using message = 'a schema that one jsonpath cannot express';
end $$;

-- Returns a part; ends the compilation when it is too long to be evaluated quickly.
create or replace function jobs._short(i_part text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return case when length(i_part) <= 30000 then i_part else jobs._not_expressible() end;
end $$;

-- Joins parts that must all hold (' && '), or of which one must hold (' || '). '' means no condition.
create or replace function jobs._joined(i_parts text[], i_by text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_parts text[] := array_remove(i_parts, '');
begin
  return case when cardinality(v_parts) > 1 then jobs._short('(' || array_to_string(v_parts, i_by) || ')') else coalesce(v_parts[1], '') end;
end $$;

-- The templates of definitions, by their references: each is made once, those first that refer to no others.
-- Definitions that refer to themselves are left out.
create or replace function jobs._known_definitions(i_root jsonb) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_known jsonb := '{}'::jsonb;
  v_open jsonb := '{}'::jsonb;   -- definitions still to compile, with their references
  v_name text;
begin
  if jsonb_typeof(i_root->'$defs') = 'object' then
    select coalesce(jsonb_object_agg(d.key, (
        select coalesce(jsonb_agg(distinct r), '[]') from jsonb_path_query(d.value, 'strict $.**."$ref" ? (@.type() == "string")', silent => true) r)), '{}') into v_open
    from jsonb_each(i_root->'$defs') d where d.key ~ '^[A-Za-z0-9_.-]+$';
    if (select count(*) from jsonb_object_keys(v_open)) > 200 then
      perform jobs._not_expressible();   -- they are too long, if all of them are used
    end if;
  end if;
  loop
    select o.key into v_name from jsonb_each(v_open) o
    where not exists (select from jsonb_array_elements_text(o.value) r where v_open ? substr(r, 9)) limit 1;
    exit when not found;
    v_known := v_known || jsonb_build_object('#/$defs/' || v_name, jobs._template(i_root->'$defs'->v_name, i_root, array['#/$defs/' || v_name], v_known));
    v_open := v_open - v_name;
  end loop;
  return v_known;
end $$;

-- The template of a schema. i_refs are the references that were followed to get here: a type that contains
-- itself has no end. i_known are templates that were made before, by reference.
create or replace function jobs._template(i_schema jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_ref text := i_schema->>'$ref';
  v_meant jsonb;
  v_parts text[];
begin
  if jsonb_typeof(i_schema) <> 'object' then
    return case when i_schema = 'false' then '(1 == 2)' else E'exists(\x01)' end;
  elsif i_known ? v_ref and i_schema - '{$ref,title,description,default}'::text[] = '{}' then
    return i_known->>v_ref;
  elsif v_ref = any (i_refs) then
    return jobs._not_expressible();
  elsif not i_schema ?| '{$ref,enum,const,allOf,anyOf,oneOf,not}' then   -- the usual case
    return coalesce(nullif(jobs._template_of_types(i_schema, i_root, i_refs, i_known), ''), E'exists(\x01)');
  end if;
  v_meant := case when v_ref is not null then jobs._definition(i_root, v_ref) end;
  v_parts := array[
    jobs._template_of_types(i_schema, i_root, i_refs, i_known),
    case when i_schema ? 'enum' then jobs._template_of_values(i_schema->'enum') else '' end,
    case when i_schema ? 'const' then jobs._template_of_values(jsonb_build_array(i_schema->'const')) else '' end,
    case when v_meant is null then '' when i_known ? v_ref then i_known->>v_ref else jobs._template(v_meant, i_root, i_refs || v_ref, i_known) end,
    case when i_schema ? 'allOf' then jobs._joined(jobs._templates(i_schema->'allOf', i_root, i_refs, i_known), ' && ') else '' end,
    case when i_schema ? 'anyOf' then jobs._joined(jobs._templates(i_schema->'anyOf', i_root, i_refs, i_known), ' || ') else '' end,
    case when i_schema ? 'oneOf' then jobs._template_of_one(i_schema->'oneOf', i_root, i_refs, i_known) else '' end,
    case when i_schema ? 'not' then '!' || jobs._known(jobs._template(i_schema->'not', i_root, i_refs, i_known), E'\x01') else '' end];
  return coalesce(nullif(jobs._joined(v_parts, ' && '), ''), E'exists(\x01)');
end $$;

-- The templates of several schemas; ends the compilation when they are too long together.
create or replace function jobs._templates(i_schemas jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_templates text[] := array[]::text[];
  v_length integer := 0;
begin
  for v_at in 0..jsonb_array_length(i_schemas) - 1 loop
    v_templates := v_templates || jobs._template(i_schemas->v_at, i_root, i_refs, i_known);
    v_length := v_length + length(v_templates[v_at + 1]);
    if v_length > 30000 then
      perform jobs._not_expressible();
    end if;
  end loop;
  return v_templates;
end $$;

-- The template for a value that is one of these scalars.
create or replace function jobs._template_of_values(i_values jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return jobs._joined(array(
    select case when jsonb_typeof(e) not in ('object', 'array') then E'\x01 == ' || e::text else jobs._not_expressible() end
    from jsonb_array_elements(i_values) e), ' || ');
end $$;

-- A schema, or the definition that it refers to when it is only a reference.
create or replace function jobs._meant(i_schema jsonb, i_root jsonb) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return case when jsonb_typeof(i_schema) <> 'object' then i_schema
    when i_schema - '{description,title}'::text[] = jsonb_build_object('$ref', i_schema->'$ref')
    then coalesce(jobs._definition(i_root, i_schema->>'$ref'), i_schema) else i_schema end;
end $$;

-- The types that a schema allows, as one list, with integers as numbers; null when it names none.
create or replace function jobs._types(i_schema jsonb) returns jsonb
language sql immutable parallel safe
return pg_catalog.replace(jobs._as_array(i_schema->'type')::text, '"integer"', '"number"')::jsonb;

-- The texts that a schema allows when it allows nothing else; otherwise null.
create or replace function jobs._values(i_schema jsonb) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return case
    when i_schema ? 'enum' then (select case when bool_and(jsonb_typeof(e) = 'string') then jsonb_agg(e) end from jsonb_array_elements(i_schema->'enum') e)
    when jsonb_typeof(i_schema->'const') = 'string' then jsonb_build_array(i_schema->'const') end;
end $$;

-- Whether one schema requires a field that the other does not allow.
create or replace function jobs._excludes(i_one jsonb, i_other jsonb) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return i_other->'additionalProperties' = 'false' and not i_other ? 'patternProperties'
    and exists (select from jsonb_array_elements_text(i_one->'required') k where not coalesce(i_other->'properties' ? k, false));
end $$;

-- Whether two lists have no element in common; null when one is null.
create or replace function jobs._are_disjoint(i_one jsonb, i_other jsonb) returns boolean
language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
begin
  return not i_one ?| array(select jsonb_array_elements_text(i_other));
end $$;

-- Whether it is plain that no value fits both schemas: other types, other constants, another tag, or a field
-- that one requires and the other forbids.
create or replace function jobs._are_apart(i_one jsonb, i_other jsonb) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return coalesce(jobs._are_disjoint(jobs._types(i_one), jobs._types(i_other)), false)
    or coalesce(jobs._are_disjoint(jobs._values(i_one), jobs._values(i_other)), false)
    or coalesce(i_one->>'type' = 'object' and i_other->>'type' = 'object', false) and (
      coalesce(jobs._excludes(i_one, i_other) or jobs._excludes(i_other, i_one), false)
      or exists (select from jsonb_array_elements_text(i_one->'required') k
                 where i_other->'required' ? k and jobs._are_disjoint(jobs._values(i_one->'properties'->k), jobs._values(i_other->'properties'->k))));
end $$;

-- The template for a value that fits exactly one of these schemas. Two of them that are plainly apart, such
-- as the variants of a tagged enum, add nothing to it; for any other two it adds that they do not both fit.
-- With more than forty there are too many pairs to compare.
create or replace function jobs._template_of_one(i_schemas jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_templates text[] := case when jsonb_array_length(i_schemas) <= 40 then jobs._templates(i_schemas, i_root, i_refs, i_known) else array[jobs._not_expressible()] end;
  v_meant jsonb[] := array(select jobs._meant(s, i_root) from jsonb_array_elements(i_schemas) with ordinality g(s, at) order by at);
  v_all text := jobs._joined(v_templates, ' || ');
begin
  for v_one in 1..cardinality(v_meant) loop
    for v_other in v_one + 1..cardinality(v_meant) loop
      continue when jobs._are_apart(v_meant[v_one], v_meant[v_other]);
      v_all := jobs._joined(array[v_all, '!(' || jobs._known(v_templates[v_one], E'\x01') || ' && ' || jobs._known(v_templates[v_other], E'\x01') || ')'], ' && ');
    end loop;
  end loop;
  return v_all;
end $$;
