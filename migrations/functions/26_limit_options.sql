-- What is said of a limit: reading and checking its options, and showing them.

-- A rate as people write it, `100/s` or `100/10s`, without its burst. Inlined.
create or replace function jobs._rate_text(i_rate jobs.rate) returns text
language sql immutable parallel safe
return (i_rate).count || '/' || case (i_rate).seconds when 1 then 's' when 60 then 'm' when 3600 then 'h' when 86400 then 'd'
  else case when (i_rate).seconds::integer % 86400 = 0 then (i_rate).seconds::integer / 86400 || 'd'
            when (i_rate).seconds::integer % 3600 = 0 then (i_rate).seconds::integer / 3600 || 'h'
            when (i_rate).seconds::integer % 60 = 0 then (i_rate).seconds::integer / 60 || 'm'
            else (i_rate).seconds::integer || 's' end end;

-- The burst of a rate for which none was given: what a second brings, at least 1.
create or replace function jobs._default_burst(i_count integer, i_seconds double precision) returns integer
language sql immutable parallel safe
return greatest(1, pg_catalog.floor(i_count / i_seconds))::integer;

-- Reads one rate: a text, or an object with rate and burst. PT400 for what is no rate.
create or replace function jobs._as_rate(i_rate jsonb) returns jobs.rate
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_text text := case jsonb_typeof(i_rate) when 'object' then i_rate->>'rate' when 'string' then i_rate #>> '{}' end;
  v_parts text[] := regexp_match(v_text, '^([0-9]{1,9})/([0-9]{0,8})([smhd])$');
  v_burst jsonb := nullif(case jsonb_typeof(i_rate) when 'object' then i_rate->'burst' end, 'null');
  v_rate jobs.rate;
  v_flaw text;
begin
  v_rate.count := v_parts[1]::integer;
  v_rate.seconds := coalesce(nullif(v_parts[2], ''), '1')::double precision * case v_parts[3] when 's' then 1 when 'm' then 60 when 'h' then 3600 else 86400 end;
  v_flaw := case
    when jsonb_typeof(i_rate) = 'object' and i_rate - array['rate', 'burst'] <> '{}' then 'a rate has the keys rate and burst'
    when v_parts is null then format('%s is no rate', jobs._shown(coalesce(v_text, i_rate::text)))
    when (v_rate.seconds between 1 and 31622400) is not true then 'the span of a rate is 1 second to 366 days'
    when v_rate.count < 1 or v_rate.count > 1000000 * v_rate.seconds then 'a rate has 1 start or more in its span, and at most 1000000 a second'
    when v_burst is not null and (jsonb_typeof(v_burst) = 'number' and v_burst::text ~ '^[1-9][0-9]{0,6}$') is not true then 'burst: 1 to 9999999' end;
  if v_flaw is not null then
    raise sqlstate 'PT400' using message = v_flaw, hint = '"100/s", "300/m", "1000/h", "5000/d", "100/10s", or {"rate": "100/s", "burst": 20}';
  end if;
  v_rate.burst := coalesce(v_burst::integer, jobs._default_burst(v_rate.count, v_rate.seconds));
  return v_rate;
end $$;

-- Whether an array has an element twice.
create or replace function jobs._repeats(i_array jsonb) returns boolean
language sql immutable parallel safe
return (select pg_catalog.count(*) > pg_catalog.count(distinct e) from pg_catalog.jsonb_array_elements(i_array) e);

-- What the options of a limit say that cannot be together; null: nothing.
create or replace function jobs._limit_contradiction(i_options jsonb) returns text
language sql immutable parallel safe
return case
  when i_options->'in_order' = 'true' and i_options ? 'max' then 'in_order lets one job of a key run at a time: leave max out'
  when i_options ? 'on_dead' and (i_options->'in_order' = 'true') is not true and i_options->'on_dead' <> '"skip"' then 'on_dead is for limits in_order'
  when i_options->'fair' = 'true' and not i_options ? 'key' then 'fair needs a key, whose values take turns'
  when i_options ? 'weights' and (i_options->'fair' = 'true') is not true then 'weights are for fair limits'
  when i_options ? 'burst' and not i_options ? 'rates' then 'burst is for limits with rates'
  when i_options ? 'burst' and i_options->'rates'->0 ? 'burst' then 'the first rate has a burst already'
  when i_options ? 'cost' and not (i_options ? 'max' or i_options ? 'rates') then 'cost is for limits with max or rates'
  when (i_options ? 'max' or i_options ? 'rates' or i_options->'in_order' = 'true' or i_options->'fair' = 'true') is not true
    then 'it limits nothing: give max, rates, in_order or fair' end;

-- The first error in the options of a limit that a look at them finds, as a message; null: none.
create or replace function jobs._limit_flaw(i_options jsonb) returns text
language sql immutable parallel safe
return case
  when pg_catalog.jsonb_typeof(i_options) is distinct from 'object' then 'its options are an object'
  when pg_catalog.pg_column_size(i_options) > 65536 then 'its options take at most 64 kB'
  when i_options - array['key', 'max', 'rates', 'burst', 'cost', 'in_order', 'on_dead', 'fair', 'weights'] <> '{}'
    then 'unknown key ' || jobs._shown(pg_catalog.jsonb_path_query_first(i_options - array['key', 'max', 'rates', 'burst', 'cost', 'in_order', 'on_dead', 'fair', 'weights'], '$.keyvalue().key') #>> '{}')
      || ': a limit has key, max, rates, burst, cost, in_order, on_dead, fair, weights'
  when not (coalesce(pg_catalog.jsonb_typeof(i_options->'key'), 'null') in ('array', 'null')) or i_options->'key' = '[]' or i_options @? 'strict $.key[10]'
    or i_options @? 'strict $.key[*] ? (@.type() != "string" || !(@ like_regex "^[^[:cntrl:]]{1,200}$"))'
    or pg_catalog.jsonb_typeof(i_options->'key') = 'array' and jobs._repeats(i_options->'key')
    then 'key: 1 to 10 different names of arguments'
  when coalesce(pg_catalog.jsonb_typeof(i_options->'max'), 'null') <> 'null' and (pg_catalog.jsonb_typeof(i_options->'max') = 'number' and i_options->>'max' ~ '^([0-9]{1,9}|1000000000)$') is not true
    then 'max: 0 to 1000000000'
  when not (coalesce(pg_catalog.jsonb_typeof(i_options->'rates'), 'null') in ('array', 'null')) or i_options->'rates' = '[]' or i_options @? 'strict $.rates[8]' then 'rates: 1 to 8'
  when not (coalesce(pg_catalog.jsonb_typeof(i_options->'cost'), 'null') in ('string', 'null')) or jobs._is_name(i_options->>'cost') is false then 'cost: the name of an argument'
  when not (coalesce(pg_catalog.jsonb_typeof(i_options->'in_order'), 'null') in ('boolean', 'null')) then 'in_order: true or false'
  when not (coalesce(pg_catalog.jsonb_typeof(i_options->'fair'), 'null') in ('boolean', 'null')) then 'fair: true or false'
  when not (coalesce(i_options->'on_dead', 'null') in ('"skip"', '"hold"', '"pause"', 'null')) then 'on_dead: skip, hold or pause'
  when not (coalesce(pg_catalog.jsonb_typeof(i_options->'weights'), 'null') in ('object', 'null'))
    or i_options @? 'strict $.weights.* ? (@.type() != "number" || @ < 0.001 || @ > 1000000)' then 'weights: an object of numbers from 0.001 to 1000000'
  else jobs._limit_contradiction(pg_catalog.jsonb_strip_nulls(i_options)) end;

-- A limit with these options, checked, and without an id. PT400 for what cannot be meant.
create or replace function jobs._as_limit(i_name text, i_topic text, i_options jsonb) returns jobs.job_limit
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_hint constant text := '{"key": ["customer"], "max": 2, "rates": ["100/s", "1000/h"]}';
  v_flaw text := case
    when jobs._is_name(i_name) is not true then 'its name has 1 to 200 characters and no control characters'
    when i_name ~ ' [(]dropped [0-9]+[)]$' then 'its name has the form of a dropped one'
    when jobs._is_name(i_topic) is not true then 'it needs a topic of 1 to 200 characters, without control characters; * is every task'
    else jobs._limit_flaw(i_options) end;
  v_given jsonb := jsonb_strip_nulls(i_options);
  v_limit jobs.job_limit;
begin
  if v_flaw is not null then
    raise sqlstate 'PT400' using message = format('limit %s: %s', coalesce(jobs._shown(i_name), 'null'), v_flaw), hint = v_hint;
  end if;
  v_limit.name := i_name;
  v_limit.topic := i_topic;
  v_limit.pattern := jobs._pattern(i_topic);
  -- One in order without a key has an empty one, so that what waits for it is out of the way of the job that keeps its place.
  v_limit.key := coalesce((select array_agg(k.name order by k.at) from jsonb_array_elements_text(v_given->'key') with ordinality k(name, at)), case when v_given->'in_order' = 'true' then '{}'::text[] end);
  v_limit.in_order := coalesce((v_given->'in_order')::boolean, false);
  v_limit.max := case when v_limit.in_order then 1 else (v_given->>'max')::integer end;
  v_limit.cost := v_given->>'cost';
  v_limit.on_dead := coalesce(v_given->>'on_dead', 'skip');
  v_limit.fair := coalesce((v_given->'fair')::boolean, false);
  v_limit.weights := v_given->'weights';
  v_limit.rates := jobs._as_rates(i_name, v_given->'rates', v_given->'burst');
  v_limit.edited := false;
  v_limit.created_at := jobs.now();
  v_limit.changed_at := v_limit.created_at;
  v_limit.changed_by := jobs._caller();
  return v_limit;
end $$;

-- The rates of a limit; i_burst is that of the first. PT400 for what is no rate, and for one that is there
-- twice.
create or replace function jobs._as_rates(i_name text, i_rates jsonb, i_burst jsonb) returns jobs.rate[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_rates jobs.rate[];
begin
  v_rates := (
    select array_agg(jobs._as_rate(case when r.at = 1 and i_burst is not null
        then jsonb_build_object('rate', case jsonb_typeof(r.rate) when 'object' then r.rate->'rate' else r.rate end, 'burst', i_burst) else r.rate end) order by r.at)
    from jsonb_array_elements(i_rates) with ordinality r(rate, at));
  if (select count(*) > count(distinct r.count / r.seconds) from unnest(v_rates) r) then
    raise sqlstate 'PT400' using message = 'two of the rates mean the same', hint = 'several rates differ, as "10/s" and "1000/h"';
  end if;
  return v_rates;
exception when sqlstate 'PT400' then
  raise sqlstate 'PT400' using message = format('limit %s: rates: %s', jobs._shown(i_name), sqlerrm),
    hint = '"100/s", "300/m", "1000/h", "5000/d", "100/10s", or {"rate": "100/s", "burst": 20}';
end $$;

-- The options of a limit, from which jobs._as_limit makes the same.
create or replace function jobs._limit_options(i_limit jobs.job_limit) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jsonb_strip_nulls(jsonb_build_object('key', to_jsonb(nullif(i_limit.key, '{}')), 'max', case when not i_limit.in_order then i_limit.max end,
    'rates', (select jsonb_agg(jsonb_build_object('rate', jobs._rate_text(row(r.count, r.seconds, r.burst)::jobs.rate),
                'burst', nullif(r.burst, jobs._default_burst(r.count, r.seconds))) order by r.at)
              from unnest(i_limit.rates) with ordinality r(count, seconds, burst, at)),
    'cost', i_limit.cost, 'in_order', nullif(i_limit.in_order, false), 'on_dead', case when i_limit.in_order then i_limit.on_dead end,
    'fair', nullif(i_limit.fair, false), 'weights', i_limit.weights))
$$;

-- The options of a limit after a change: those that are given replace, null removes, others stay. What hangs
-- on an option goes with it: a burst with the rates, weights with fair, on_dead with in_order.
create or replace function jobs._changed_options(i_old jsonb, i_given jsonb) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case when jsonb_typeof(i_given) <> 'object' or i_old is null then i_given else
    case when i_given ? 'burst' and not i_given ? 'rates' and i_old ? 'rates' then jsonb_set(i_old, '{rates,0}', (i_old->'rates'->0) - 'burst') else i_old end
      - case when i_given->'fair' in ('false', 'null') then array['weights'] else '{}' end
      - case when i_given->'in_order' in ('false', 'null') then array['on_dead'] else '{}' end
      || i_given end
$$;
