-- Compiles a JSON Schema into a jsonpath predicate: one expression that publishing evaluates over many
-- bodies at once. It says the same as the walk in 0013_misfit.sql, or is null where a jsonpath cannot say
-- it (recursive types, values other than scalars in an enum, very long texts): then the walk decides alone.
--
-- All of it is in strict mode, where a path to something that is not there makes a predicate unknown.
-- Each predicate made here is true of a value that fits, and false or unknown of any other. A filter
-- keeps only what it is true of; so `exists(@ ? (p))` is p without the third value, and may be negated.

-- Parts that all have to hold. '' stands for no condition, null for one that cannot be expressed.
create function jobs._joined(i_parts text[], i_by text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case
    when array_position(i_parts, null) is not null then null
    when cardinality(p) > 1 then '(' || array_to_string(p, i_by) || ')'
    else coalesce(p[1], '') end
  from (select array_remove(i_parts, '') as p) g
$$;

create function jobs._all_of(variadic i_parts text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$ select jobs._joined(i_parts, ' && ') $$;

create function jobs._one_of(variadic i_parts text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$ select jobs._joined(i_parts, ' || ') $$;

-- A name or a text as a jsonpath writes it.
create function jobs._quoted(i_text text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$ select to_jsonb(i_text)::text $$;

-- A predicate about what stands at i_at, without the third value.
create function jobs._known(i_predicate text, i_at text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select 'exists(' || i_at || ' ? (' || i_predicate || '))'
$$;

-- The predicate that what stands at i_at fits a schema; null when it cannot be expressed. i_refs are the
-- references that were followed to get here: a type that holds itself has no end.
create function jobs._predicate(i_schema jsonb, i_at text, i_root jsonb, i_refs text[] default '{}') returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_ref text := i_schema->>'$ref';
  v_meant jsonb := jobs._definition(i_root, v_ref);
  v_predicate text;
begin
  if jsonb_typeof(i_schema) <> 'object' then
    return case when i_schema = 'false' then '(1 == 2)' else 'exists(' || i_at || ')' end;
  elsif v_ref = any (i_refs) then
    return null;
  end if;
  v_predicate := jobs._all_of(
    jobs._predicate_of_types(i_schema, i_at, i_root, i_refs),
    case when i_schema ? 'enum' then jobs._predicate_of_values(i_schema->'enum', i_at) else '' end,
    case when i_schema ? 'const' then jobs._predicate_of_values(jsonb_build_array(i_schema->'const'), i_at) else '' end,
    case when v_meant is null then '' else jobs._predicate(v_meant, i_at, i_root, i_refs || v_ref) end,
    jobs._predicate_of_all(i_schema->'allOf', i_at, i_root, i_refs),
    jobs._predicate_of_any(i_schema->'anyOf', false, i_at, i_root, i_refs),
    jobs._predicate_of_any(i_schema->'oneOf', true, i_at, i_root, i_refs),
    case when i_schema ? 'not' then '!' || jobs._known(jobs._predicate(i_schema->'not', '@', i_root, i_refs), i_at) else '' end);
  return case when v_predicate = '' then 'exists(' || i_at || ')' else v_predicate end;
end $$;

-- A value is one of these scalars.
create function jobs._predicate_of_values(i_values jsonb, i_at text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select jobs._one_of(variadic array_agg(case when jsonb_typeof(e) not in ('object', 'array') then i_at || ' == ' || e end))
  from jsonb_array_elements(i_values) e
$$;

-- Every one of these schemas.
create function jobs._predicate_of_all(i_schemas jsonb, i_at text, i_root jsonb, i_refs text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case when count(*) = 0 then '' else jobs._all_of(variadic array_agg(jobs._predicate(s, i_at, i_root, i_refs))) end
  from jsonb_array_elements(i_schemas) s
$$;

-- A schema, or what it refers to when it only refers.
create function jobs._meant(i_schema jsonb, i_root jsonb) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case when jsonb_typeof(i_schema) <> 'object' then i_schema
    when i_schema - '{description,title}'::text[] = jsonb_build_object('$ref', i_schema->'$ref')
    then coalesce(jobs._definition(i_root, i_schema->>'$ref'), i_schema) else i_schema end
$$;

-- The types that a schema allows, as one list, integers being numbers; null when it does not say.
create function jobs._types(i_schema jsonb) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select replace(jobs._as_array(i_schema->'type')::text, '"integer"', '"number"')::jsonb
$$;

-- The texts that a schema allows when it allows nothing else; else null.
create function jobs._values(i_schema jsonb) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case when bool_and(jsonb_typeof(e) = 'string') then jsonb_agg(e) end
  from jsonb_array_elements(coalesce(i_schema->'enum', jsonb_build_array(i_schema->'const'))) e
$$;

-- Whether the one schema requires a field that the other does not allow.
create function jobs._excludes(i_one jsonb, i_other jsonb) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select i_other->'additionalProperties' = 'false' and not i_other ? 'patternProperties'
    and exists (select from jsonb_array_elements_text(i_one->'required') k where not coalesce(i_other->'properties' ? k, false))
$$;

-- Whether two lists have nothing in common; null when one is null.
create function jobs._are_disjoint(i_one jsonb, i_other jsonb) returns boolean
language sql immutable strict set search_path = pg_catalog, pg_temp as $$
  select not i_one ?| array(select jsonb_array_elements_text(i_other))
$$;

-- Whether it is plain that no value fits both: other types, other constants, another tag, or a field
-- that one requires and the other forbids.
create function jobs._are_apart(i_one jsonb, i_other jsonb) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select coalesce(jobs._are_disjoint(jobs._types(i_one), jobs._types(i_other)), false)
    or coalesce(jobs._are_disjoint(jobs._values(i_one), jobs._values(i_other)), false)
    or coalesce(i_one->>'type' = 'object' and i_other->>'type' = 'object', false) and (
      coalesce(jobs._excludes(i_one, i_other) or jobs._excludes(i_other, i_one), false)
      or exists (select from jsonb_array_elements_text(i_one->'required') k
                 where i_other->'required' ? k and jobs._are_disjoint(jobs._values(i_one->'properties'->k), jobs._values(i_other->'properties'->k))))
$$;

-- At least one of these schemas, or exactly one. Of two that are not plainly apart, such as the variants
-- of an enum with its tag, it has to say that they do not both hold.
create function jobs._predicate_of_any(i_schemas jsonb, i_one boolean, i_at text, i_root jsonb, i_refs text[]) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_any text := (select jobs._one_of(variadic array_agg(jobs._predicate(s, i_at, i_root, i_refs))) from jsonb_array_elements(i_schemas) s);
  v_not_two text[];
begin
  if i_schemas is null then
    return '';
  elsif i_one then
    v_not_two := array(
      select '!(' || jobs._known(jobs._predicate(a.s, '@', i_root, i_refs), i_at) || ' && ' || jobs._known(jobs._predicate(b.s, '@', i_root, i_refs), i_at) || ')'
      from jsonb_array_elements(i_schemas) with ordinality a(s, at), jsonb_array_elements(i_schemas) with ordinality b(s, at)
      where a.at < b.at and not jobs._are_apart(jobs._meant(a.s, i_root), jobs._meant(b.s, i_root)));
  end if;
  return jobs._all_of(variadic v_any || coalesce(v_not_two, '{}'));
end $$;
