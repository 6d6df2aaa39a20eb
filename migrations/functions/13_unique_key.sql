-- Unique keys: what makes a job one of a kind, and who holds a key.
--
-- A key has a name (the task, or one that several tasks share) and a value. A job that is published under a
-- key holds it until it has started, until it has ended, or for a time; until then no other job gets it. The
-- row in jobs.unique_key has a primary key, so two transactions cannot take one key: the second waits for the
-- end of the first. That is the only wait, and only publishers with the same key have it.

-- The keys of an object that says what is unique; what else it has is refused.
create or replace function jobs._unique_options() returns text[]
language sql immutable parallel safe
return array['name', 'key', 'arguments', 'until', 'on_conflict', 'wait', 'max_wait'];

-- A span of time in such an object: seconds, or an interval as text; null: none. i_which names the job or
-- task.
create or replace function jobs._unique_time(i_which text, i_unique jsonb, i_name text) returns interval
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_time interval;
begin
  begin
    v_time := case jsonb_typeof(i_unique->i_name) when 'number' then make_interval(secs => (i_unique->>i_name)::double precision) else (i_unique->>i_name)::interval end;
  exception when data_exception then
    v_time := '0';
  end;
  if v_time <= '0' or v_time > interval '3650 days' then
    raise sqlstate 'PT400' using message = format('%sunique: %s is a time above 0 and of at most 3650 days', i_which, i_name),
      hint = 'give seconds (3600), or an interval as text ("1 hour")';
  end if;
  return v_time;
end $$;

-- Reads what is unique about a job, all but the key's value. PT400 for an object that says what it cannot
-- mean, with what it may say. A job that replaces or postpones holds its key until it starts, any other until
-- it ends, unless the object says otherwise.
create or replace function jobs._read_unique(i_which text, i_unique jsonb, i_task text) returns jobs.unique_rule
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_rule jobs.unique_rule;
  v_until text := i_unique->>'until';
  v_flaw text := case
    when jsonb_typeof(i_unique) <> 'object' then 'it is an object, or false'
    when i_unique - jobs._unique_options() - 'defaults' <> '{}'
      then format('unknown key %s; its keys are %s', jobs._shown(jsonb_path_query_first(i_unique - jobs._unique_options() - 'defaults', '$.keyvalue().key') #>> '{}'),
                  array_to_string(jobs._unique_options(), ', '))
    when i_unique ? 'name' and (jsonb_typeof(i_unique->'name') = 'string' and jobs._is_name(i_unique->>'name')) is not true
      then 'name: 1 to 200 characters, no control characters'
    when i_unique ? 'key' and i_unique ? 'arguments' then 'give its key or the names of its arguments, not both'
    when i_unique ? 'arguments' and (jsonb_typeof(i_unique->'arguments') <> 'array' or i_unique @? 'strict $.arguments[*] ? (@.type() != "string")'
      or i_unique @? 'strict $.arguments[100]') then 'arguments: at most 100 names of arguments'
    when i_unique ? 'defaults' and jsonb_typeof(i_unique->'defaults') <> 'object' then 'defaults: an object of arguments by name'
    when coalesce(i_unique->>'on_conflict', '') not in ('', 'keep', 'replace', 'postpone', 'refuse') then 'on_conflict: keep, replace, postpone or refuse'
    when (i_unique ? 'wait' or i_unique ? 'max_wait') and i_unique->>'on_conflict' is distinct from 'postpone' then 'only on_conflict "postpone" has a wait and a max_wait'
    when octet_length(i_unique::text) > 8192 then 'it takes at most 8192 bytes' end;
begin
  if v_flaw is not null then
    raise sqlstate 'PT400' using message = i_which || 'unique: ' || v_flaw, hint = '{"arguments": ["customer"], "until": "ended", "on_conflict": "keep"}';
  end if;
  v_rule.name := coalesce(i_unique->>'name', i_task);
  v_rule.on_conflict := coalesce(i_unique->>'on_conflict', 'keep');
  v_rule.until_started := coalesce(v_until = 'started', v_rule.on_conflict in ('replace', 'postpone'));
  if v_until not in ('started', 'ended') then
    v_rule.until := jobs._unique_time(i_which, i_unique, 'until');
  end if;
  v_rule.wait := jobs._unique_time(i_which, i_unique, 'wait');
  v_rule.max_wait := jobs._unique_time(i_which, i_unique, 'max_wait');
  return v_rule;
end $$;

-- Refuses what a task declares as unique, when it cannot be meant (PT400).
create or replace function jobs._check_declared_unique(i_task jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_which text := format('task %s: ', jobs._shown(i_task->>'name'));
  v_unknown text;
begin
  if coalesce(i_task->'unique', 'null') = 'null' then
    return;
  end if;
  perform jobs._read_unique(v_which, i_task->'unique', '');
  if (i_task->'unique') ? 'key' then
    raise sqlstate 'PT400' using message = v_which || 'unique: a task declares arguments, and each job has its own key', hint = '{"arguments": ["customer"]}';
  end if;
  select a into v_unknown from jsonb_array_elements_text(i_task->'unique'->'arguments') a
  where jsonb_typeof(i_task->'params') = 'array' and a not in (select p->>'name' from jsonb_array_elements(i_task->'params') p) limit 1;
  if found then
    raise sqlstate 'PT400' using message = v_which || format('unique: it has no argument %s', jobs._shown(v_unknown)), hint = 'its arguments are those of its params';
  end if;
end $$;

-- What is unique about the jobs of a call that are alike, read once for all of them. PT403 for a name that is
-- neither the task nor what the task declares, when the caller is restricted and may not publish what has
-- this name.
create or replace function jobs._unique_kind(i_which text, i_unique jsonb, i_task text) returns jobs.unique_rule
language plpgsql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_rule jobs.unique_rule := jobs._read_unique(i_which, i_unique, i_task);
begin
  if v_rule.name <> i_task and not exists (select from jobs.publish_check k where k.name = i_task and k.unique_by->>'name' = v_rule.name) then
    perform jobs._check_topics(true, array[v_rule.name]);
  end if;
  return v_rule;
end $$;

-- What is unique about a job: what its publisher gave, over what its task declares if the task's own type did
-- not make the body; null: nothing. Inlined.
create or replace function jobs._given_over(i_given jsonb, i_checked boolean, i_declared jsonb) returns jsonb
language sql immutable parallel safe
return case when i_given = 'false' then null
            when i_checked or i_declared is null or pg_catalog.jsonb_typeof(i_given) <> 'object' then i_given
            when i_given ? 'key' then i_declared - 'arguments' || i_given
            when i_given->>'on_conflict' <> 'postpone' then i_declared - array['wait', 'max_wait'] || i_given
            else i_declared || coalesce(i_given, '{}') end;

-- How each of these jobs is one of a kind; null: it is not. i_uniques has what each publisher gave: an
-- object, false (not unique, whatever its task declares) or null. Of a body that the task's own type made
-- (i_checked) it is all there is; for others it overrides what the task declares, key by key. PT400 for what
-- cannot be meant.
create or replace function jobs._unique_rules(i_tasks text[], i_bodies jsonb[], i_uniques jsonb[], i_checked boolean[]) returns jobs.unique_rule[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_mergejoin = off set enable_nestloop = off set jit = off
set plan_cache_mode = force_generic_plan as $$
declare
  v_jobs integer := cardinality(i_bodies);
  v_kind record;
  v_places bigint[] := array[]::bigint[];
  v_rules jobs.unique_rule[] := array[]::jobs.unique_rule[];
begin
  if array[cardinality(i_tasks), cardinality(coalesce(i_uniques, '{null}')), cardinality(coalesce(i_checked, '{null}'))] <@ array[1, v_jobs]
    and i_tasks[1] = all (i_tasks) and (i_uniques is null or cardinality(i_uniques) = 1 or i_uniques[1] = all (i_uniques)) is true
    and (i_checked is null or cardinality(i_checked) = 1 or i_checked[1] = all (i_checked)) is true and (i_uniques[1] ? 'key') is not true then
    -- The usual call: all its jobs are alike. (A null beside other values takes the long way, as nulls alone do.)
    select coalesce(k.task, i_tasks[1]) as task, jobs._given_over(i_uniques[1], i_checked[1], k.unique_by) as kind into v_kind
    from (values (1)) one left join jobs.publish_check k on k.name = i_tasks[1];
    return case when v_kind.kind is null then array_fill(null::jobs.unique_rule, array[v_jobs])
                else jobs._rules_of_kind(jobs._which(1, v_jobs), v_kind.task, v_kind.kind, i_bodies, null) end;
  end if;
  for v_kind in
    select p.task, p.kind, array_agg(p.at) as places, array_agg(p.body) as bodies, array_agg(p.value) as values
    from (   -- the value of a key apart from all else, which many jobs have in common
      select g.at, g.body, coalesce(k.task, g.task) as task, e.given->'key' as value, case when e.given ? 'key' then e.given || '{"key": null}' else e.given end as kind
      from unnest(jobs._for_each(i_tasks, v_jobs), i_bodies, jobs._for_each(i_uniques, v_jobs), jobs._for_each(i_checked, v_jobs)) with ordinality
        g(task, body, given, checked, at)
      left join jobs.publish_check k on k.name = g.task,
      lateral (select jobs._given_over(g.given, g.checked, k.unique_by) as given) e
      where e.given is not null
      order by g.at) p
    group by p.task, p.kind order by min(p.at)
  loop
    v_places := v_places || v_kind.places;
    v_rules := v_rules || jobs._rules_of_kind(case when v_jobs > 1 then jobs._which(v_kind.places[1], v_jobs) else '' end,
                                              v_kind.task, v_kind.kind, v_kind.bodies, v_kind.values);
  end loop;
  if v_places = array(select generate_series(1::bigint, v_jobs)) then
    return v_rules;
  end if;
  return array(
    select case when r.key is not null then row(r.name, r.key, r.until_started, r.until, r.on_conflict, r.wait, r.max_wait)::jobs.unique_rule end
    from generate_series(1, v_jobs) g(at)
    left join unnest(v_rules, v_places) r(name, key, until_started, until, on_conflict, wait, max_wait, at) on r.at = g.at order by g.at);
end $$;

-- The same for jobs of one task that have all but the value of their key in common. The value is what the
-- publisher gave (an array, or else one value), or those of the arguments: by keyword, by position, else the
-- default, else null; or the whole body, of a task whose arguments are not known. PT400 where arguments were
-- given by position and nobody has declared their names.
create or replace function jobs._rules_of_kind(i_which text, i_task text, i_kind jsonb, i_bodies jsonb[], i_values jsonb[]) returns jobs.unique_rule[]
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
  v_rule jobs.unique_rule := jobs._unique_kind(i_which, i_kind, i_task);
  v_params jsonb := (select case when i_kind ? 'arguments' or not t.extra_kwargs then t.params end from jobs.task t where t.name = i_task);
  v_names text[];
  v_positions integer[];
  v_defaults jsonb[];
  v_keys text[];
begin
  if i_kind ? 'key' then
    v_keys := array(
      select '[' || coalesce((select string_agg(jobs._key_part(p), ', ') from jsonb_array_elements(case jsonb_typeof(v.value) when 'array' then v.value else jsonb_build_array(v.value) end) p), '') || ']'
      from unnest(i_values) v(value));
  elsif i_kind ? 'arguments' or v_params is not null then
    if v_params is null and exists (select from unnest(i_bodies) b(body) where jsonb_typeof(b.body->'args') = 'array' and b.body->'args' <> '[]') then
      raise sqlstate 'PT400' using message = i_which || 'unique: nobody has declared which positional argument is which', hint = 'give the arguments of the key by keyword, or give the key';
    end if;
    select array_agg(a.name order by a.at), array_agg(p.at::integer - 1 order by a.at), array_agg(i_kind->'defaults'->a.name order by a.at) into v_names, v_positions, v_defaults
    from jsonb_array_elements_text(coalesce(i_kind->'arguments', jsonb_path_query_array(v_params, '$[*].name'))) with ordinality a(name, at)
    left join jsonb_array_elements(v_params) with ordinality p(param, at) on p.param->>'name' = a.name;
    if v_params is not null and array_position(v_positions, null) is not null and not (select t.extra_kwargs from jobs.task t where t.name = i_task) then
      raise sqlstate 'PT400' using message = i_which || format('unique: the task has no argument %s', jobs._shown(v_names[array_position(v_positions, null)])),
        hint = 'its arguments are those of its params (jobs.tasks())';
    end if;
    v_keys := array(
      select '[' || case cardinality(v_names)
          when 1 then jobs._key_part(coalesce(b.kwargs->v_names[1], b.args->v_positions[1], v_defaults[1]))   -- most keys, and thrice as fast
          else coalesce((select string_agg(jobs._key_part(coalesce(b.kwargs->n.name, b.args->n.position, n.value)), ', ')
                         from unnest(v_names, v_positions, v_defaults) n(name, "position", value)), '') end || ']'
      from (select g.body->'kwargs' as kwargs, nullif(g.body->'args', '[]') as args from unnest(i_bodies) g(body)) b);
  else
    v_keys := array(select '[' || coalesce(b.body::text, 'null') || ']' from unnest(i_bodies) b(body));
  end if;
  return array(
    select row(v_rule.name, case when length(k) > 200 then 'sha256:' || encode(sha256(convert_to(k, 'UTF8')), 'hex') else k end,
      v_rule.until_started, v_rule.until, v_rule.on_conflict, v_rule.wait, v_rule.max_wait)::jobs.unique_rule
    from unnest(v_keys) k);
end $$;

-- A value in the text of a key: a number has one form there, whatever zeros it was written with. Inlined.
create or replace function jobs._key_part(i_value jsonb) returns text
language sql immutable parallel safe
return coalesce(case when pg_catalog.jsonb_typeof(i_value) = 'number' then pg_catalog.trim_scale(i_value::numeric)::text else i_value::text end, 'null');
