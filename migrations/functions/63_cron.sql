-- Reading a cron line: five fields, minute, hour, day of the month, month and weekday. A field is a list of
-- `*`, numbers, names (jan, mon), ranges and steps. Days may also be `L` (the last of the month), `15W` (the
-- workday, monday to friday, nearest to the 15th, within the month) and `LW`; weekdays `mon#2` (the second of
-- the month) and `friL` (the last). When neither day nor weekday is `*`, a date needs to match only one of
-- them. There `?` is `*`, and 7 is sunday as 0 is.

-- Raises the error for a part of a field.
create or replace function jobs._refuse_cron(i_field text, i_part text, i_why text) returns void
language plpgsql immutable as $$
begin
  raise sqlstate 'PT400' using message = format('cron: %s: %s %s', i_field, jobs._shown(i_part), i_why),
    hint = 'five fields: minute hour day month weekday, as in ''*/5 9-17 * * mon-fri''; also L, 15W, LW, fri#2, friL, @daily';
end $$;

-- The number that a name or a number stands for; null when it is neither.
create or replace function jobs._cron_number(i_word text, i_names text[], i_low integer) returns integer
language sql immutable parallel safe
return coalesce(pg_catalog.array_position(i_names, i_word) + i_low - 1, case when i_word ~ '^[0-9]{1,2}$' then i_word::integer end);

create or replace function jobs._weekday_names() returns text[]
language sql immutable parallel safe
return '{sun,mon,tue,wed,thu,fri,sat}'::text[];

-- The numbers in one part of a field, as in `9-17/2`. Raises PT400 for what is no part of this field.
create or replace function jobs._cron_numbers(i_part text, i_field text, i_low integer, i_high integer, i_names text[] default null) returns integer[]
language plpgsql immutable as $$
declare
  v_part text[] := regexp_match(i_part, '^(?:([*])|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:/([0-9]{1,2}))?$');
  v_from integer := case when v_part[1] is null then jobs._cron_number(v_part[2], i_names, i_low) else i_low end;
  v_to integer := case when v_part[1] is not null then i_high
                       when v_part[3] = 'sun' and i_names is not null then 7   -- the end of a week, as in fri-sun
                       when v_part[3] is not null then jobs._cron_number(v_part[3], i_names, i_low)
                       else v_from end;
begin
  if v_from is null or v_to is null or (v_part[4] is not null and v_part[1] is null and v_part[3] is null) then
    perform jobs._refuse_cron(i_field, i_part, 'is no number, name, range or step');
  elsif v_from < i_low or v_to > i_high then
    perform jobs._refuse_cron(i_field, i_part, format('is not within %s to %s', i_low, i_high));
  elsif v_to < v_from then
    perform jobs._refuse_cron(i_field, i_part, 'ends before it begins');
  elsif v_part[4]::integer = 0 then
    perform jobs._refuse_cron(i_field, i_part, 'has steps of 0');
  end if;
  return array(select g from generate_series(v_from, v_to, coalesce(v_part[4]::integer, 1)) g);
end $$;

-- The numbers of a field that is a list of such parts, in order.
create or replace function jobs._cron_list(i_list text, i_field text, i_low integer, i_high integer, i_names text[] default null) returns integer[]
language plpgsql immutable as $$
begin
  return array(select distinct n from unnest(string_to_array(i_list, ',')) p, unnest(jobs._cron_numbers(p, i_field, i_low, i_high, i_names)) n order by n);
end $$;

-- The same of what is left of a list, which may be nothing.
create or replace function jobs._cron_rest(i_parts text[], i_field text, i_low integer, i_high integer, i_names text[] default null) returns integer[]
language plpgsql immutable as $$
begin
  return case when i_parts = '{}' then '{}' else jobs._cron_list(array_to_string(i_parts, ','), i_field, i_low, i_high, i_names) end;
end $$;

-- The weekdays of parts such as `fri#2` and `friL`, as jobs.cron keeps them.
create or replace function jobs._cron_nth(i_parts text[]) returns integer[]
language plpgsql immutable as $$
begin
  return array(
    select distinct coalesce(substring(p from '#([0-9])$')::integer, 6) * 10 + n % 7
    from unnest(i_parts) p, unnest(jobs._cron_numbers(regexp_replace(p, '(#[0-9]|#?l)$', ''), 'weekday', 0, 7, jobs._weekday_names())) n order by 1);
end $$;

-- The five fields of a line, in lower case; PT400 when there are not five. Nicknames are replaced.
create or replace function jobs._cron_fields(i_cron text) returns text[]
language plpgsql immutable as $$
declare
  v_line text := lower(btrim(left(i_cron, 500), E' \t'));
  v_fields text[] := regexp_split_to_array(
    case v_line when '@yearly' then '0 0 1 1 *' when '@annually' then '0 0 1 1 *' when '@monthly' then '0 0 1 * *' when '@weekly' then '0 0 * * 0'
                when '@daily' then '0 0 * * *' when '@midnight' then '0 0 * * *' when '@hourly' then '0 * * * *' else v_line end, '[[:blank:]]+');
begin
  if length(i_cron) > 300 then
    raise sqlstate 'PT400' using message = 'cron: a line has at most 300 characters', hint = 'make several schedules of it';
  elsif v_line ~ '^@' and cardinality(v_fields) = 1 then
    perform jobs._refuse_cron('nickname', v_line, 'is not one of @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly');
  elsif cardinality(v_fields) <> 5 then
    perform jobs._refuse_cron('line', i_cron, format('has %s fields instead of five', case when v_line = '' then 0 else cardinality(v_fields) end));
  end if;
  return v_fields;
end $$;

-- Reads a cron line. PT400 names the field and the part that is wrong.
create or replace function jobs._read_cron(i_cron text) returns jobs.cron
language plpgsql immutable as $$
declare
  v_field text[] := jobs._cron_fields(i_cron);
  v_days text[] := string_to_array(replace(v_field[3], '?', '*'), ',');
  v_weekdays text[] := string_to_array(replace(v_field[5], '?', '*'), ',');
  v_nearest constant text := '^[0-9]{1,2}w$';
  v_nth constant text := '^[a-z0-9].*(#[1-5]|l)$';
  v_cron jobs.cron;
begin
  v_cron.minutes := jobs._cron_list(v_field[1], 'minute', 0, 59);
  v_cron.hours := jobs._cron_list(v_field[2], 'hour', 0, 23);
  v_cron.days := jobs._cron_rest(array(select p from unnest(v_days) p where p not in ('l', 'lw') and p !~ v_nearest), 'day', 1, 31);
  v_cron.workdays := jobs._cron_rest(array(select left(p, -1) from unnest(v_days) p where p ~ v_nearest), 'day', 1, 31)
    || case when 'lw' = any (v_days) then array[0] else '{}' end;
  v_cron.last_day := 'l' = any (v_days);
  v_cron.months := jobs._cron_list(v_field[4], 'month', 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
  v_cron.weekdays := array(select distinct n % 7 from unnest(jobs._cron_rest(
    array(select p from unnest(v_weekdays) p where p !~ v_nth), 'weekday', 0, 7, jobs._weekday_names())) n order by 1);
  v_cron.nth_weekdays := jobs._cron_nth(array(select p from unnest(v_weekdays) p where p ~ v_nth));
  v_cron.any_day := v_field[3] in ('*', '?');
  v_cron.any_weekday := v_field[5] in ('*', '?');
  v_cron.any_hour := v_field[2] ~ '^[*]';
  return v_cron;
end $$;
