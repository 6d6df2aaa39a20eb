-- When a cron line is due: first on the clock of its zone, as if that never changed, then as a moment.
--
-- Where clocks go forward, the times in between (a gap) exist on no clock: with gap 'shift' they are due at
-- the first moment after it, with 'skip' they are not. Where clocks go back, times come twice (a fold): with
-- fold 'first' or 'second' they are due once, with 'both' twice. Unless told otherwise a line with fixed
-- hours is due once a day (shift, first), and one whose hour field begins with `*` goes by elapsed time
-- (skip, both).

-- The day on which the workday nearest to a day falls, in a month whose first is this weekday; 0: the last
-- workday. Null when the month has no such day.
create or replace function jobs._workday(i_day integer, i_last integer, i_first_weekday integer) returns integer
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select case
    when i_day > i_last then null
    when w.weekday = 6 then case when d.day = 1 then 3 else d.day - 1 end
    when w.weekday = 0 then case when d.day = i_last then d.day - 2 else d.day + 1 end
    else d.day end
  from (select case i_day when 0 then i_last else i_day end as day) d, lateral (select (i_first_weekday + d.day - 1) % 7 as weekday) w
$$;

-- The days of the month that begins on this date on which the line is due, in order.
create or replace function jobs._cron_days(i_cron jobs.cron, i_month date) returns integer[]
language plpgsql immutable parallel safe as $$
declare
  v_last integer := extract(day from (i_month + interval '1 month') - interval '1 day')::integer;
  v_first integer := extract(dow from i_month)::integer;
  v_workdays integer[] := array(select jobs._workday(w, v_last, v_first) from unnest(i_cron.workdays) w);
begin
  return array(
    select d.day
    from generate_series(1, v_last) d(day),
      lateral (select (v_first + d.day - 1) % 7 as weekday) w,
      lateral (select d.day = any (i_cron.days) or d.day = any (v_workdays) or i_cron.last_day and d.day = v_last as by_day,
                 w.weekday = any (i_cron.weekdays) or ((d.day - 1) / 7 + 1) * 10 + w.weekday = any (i_cron.nth_weekdays)
                   or d.day > v_last - 7 and 60 + w.weekday = any (i_cron.nth_weekdays) as by_weekday) f
    where case when i_cron.any_day then f.by_weekday when i_cron.any_weekday then f.by_day else f.by_day or f.by_weekday end
    order by d.day);
end $$;

-- The next time of day in minutes, after this one, at which the line is due on a day that fits; null: none
-- that day.
create or replace function jobs._cron_time(i_cron jobs.cron, i_hour integer, i_minute integer) returns integer
language plpgsql immutable parallel safe as $$
begin
  return coalesce(
    case when i_hour = any (i_cron.hours) then i_hour * 60 + (select min(m) from unnest(i_cron.minutes) m where m > i_minute) end,
    (select min(h) from unnest(i_cron.hours) h where h > i_hour) * 60 + i_cron.minutes[1]);
end $$;

-- The next time after this one, on a clock that never changes, at which the line is due; null: never. The
-- rarest line, of a fifth weekday in february, is due after at most 40 years.
create or replace function jobs._next_local(i_cron jobs.cron, i_after timestamp) returns timestamp
language plpgsql immutable parallel safe as $$
declare
  v_month date := date_trunc('month', i_after)::date;
  v_day integer := extract(day from i_after)::integer;
  v_time integer := jobs._cron_time(i_cron, extract(hour from i_after)::integer, extract(minute from i_after)::integer);
  v_from integer := case when v_time is null then v_day + 1 else v_day end;   -- the first day that may fit
  v_next integer;
begin
  for v_n in 1..492 loop
    if extract(month from v_month)::integer = any ((i_cron).months) then
      v_next := (select min(d) from unnest(jobs._cron_days(i_cron, v_month)) d where d >= v_from);
      if v_next is not null then
        v_time := case when v_n = 1 and v_next = v_day then v_time else (i_cron).hours[1] * 60 + (i_cron).minutes[1] end;
        return v_month + (v_next - 1) + make_interval(mins => v_time);
      end if;
    end if;
    v_month := v_month + interval '1 month';
    v_from := 1;
  end loop;
  return null;
end $$;

-- How far clocks in a zone are ahead of UTC at a moment.
create or replace function jobs._offset(i_at timestamptz, i_zone text) returns interval
language sql stable parallel safe
return (i_at at time zone i_zone) - (i_at at time zone 'UTC');

-- The moments, in order, at which clocks in a zone show this time: none in a gap, two in a fold.
create or replace function jobs._moments(i_local timestamp, i_zone text) returns timestamptz[]
language plpgsql stable parallel safe as $$
declare
  v_at timestamptz := i_local at time zone i_zone;
  v_utc timestamptz := i_local at time zone 'UTC';
  v_first timestamptz := v_utc - jobs._offset(v_at - interval '24 hours', i_zone);
  v_second timestamptz := v_utc - jobs._offset(v_at + interval '24 hours', i_zone);
begin
  if v_first = v_second then
    return array[v_first];
  end if;
  return array(select m from unnest(array[v_first, v_second]) m where m at time zone i_zone = i_local order by 1);
end $$;

-- The first whole minute after the first moment at which clocks in a zone differ from how they were at the
-- first; the offset changes once in between.
create or replace function jobs._clock_change(i_zone text, i_first timestamptz, i_last timestamptz) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_offset interval := jobs._offset(i_first, i_zone);
  v_before timestamptz := date_trunc('minute', i_first);
  v_after timestamptz := date_trunc('minute', i_last + interval '59 s');
  v_middle timestamptz;
begin
  while v_after - v_before > interval '1 minute' loop
    v_middle := date_trunc('minute', v_before + (v_after - v_before) / 2);
    if jobs._offset(v_middle, i_zone) = v_offset then
      v_before := v_middle;
    else
      v_after := v_middle;
    end if;
  end loop;
  return v_after;
end $$;

-- The first moment after a gap in which this time lies.
create or replace function jobs._gap_end(i_local timestamp, i_zone text) returns timestamptz
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jobs._clock_change(i_zone, g.at - jobs._offset(g.at + interval '24 hours', i_zone), g.at - jobs._offset(g.at - interval '24 hours', i_zone))
  from (select i_local at time zone 'UTC' as at) g
$$;

-- The first due moment after i_after whose time on the clock is after i_local.
create or replace function jobs._first_due(
  i_cron jobs.cron, i_zone text, i_gap text, i_fold text, i_after timestamptz, i_local timestamp
) returns timestamptz
language plpgsql stable as $$
declare
  v_local timestamp := i_local;
  v_moments timestamptz[];
  v_at timestamptz;
begin
  loop
    v_local := jobs._next_local(i_cron, v_local);
    v_moments := jobs._moments(v_local, i_zone);
    v_at := case
      when v_moments = '{}' then case i_gap when 'shift' then jobs._gap_end(v_local, i_zone) end
      when i_fold = 'first' then v_moments[1]
      when i_fold = 'second' then v_moments[cardinality(v_moments)]
      else (select min(m) from unnest(v_moments) m where m > i_after) end;
    exit when v_at > i_after or v_local is null;
  end loop;
  return v_at;
end $$;

-- The first moment after i_after at which a cron line is due in a zone; null: never.
create or replace function jobs._next_cron(i_cron jobs.cron, i_zone text, i_gap text, i_fold text, i_after timestamptz) returns timestamptz
language plpgsql stable as $$
declare
  v_gap text := coalesce(i_gap, case when (i_cron).any_hour then 'skip' else 'shift' end);
  v_fold text := coalesce(i_fold, case when (i_cron).any_hour then 'both' else 'first' end);
  v_next timestamptz := jobs._first_due(i_cron, i_zone, v_gap, v_fold, i_after, date_trunc('minute', i_after at time zone i_zone));
  v_change timestamptz;
begin
  -- Where clocks are about to go back, a time before the one they show now comes again.
  if v_fold <> 'first' and jobs._offset(i_after + interval '3 hours', i_zone) < jobs._offset(i_after, i_zone) then
    v_change := jobs._clock_change(i_zone, i_after, i_after + interval '3 hours');
    v_next := least(v_next, jobs._first_due(i_cron, i_zone, v_gap, v_fold, v_change - interval '1 minute',
                                            (v_change at time zone i_zone) - interval '1 minute'));
  end if;
  return v_next;
end $$;

-- Refuses what is no time zone (PT400). Abbreviations are refused because they know no summer time: CET is an
-- hour ahead of UTC in july, too. So are digits elsewhere than in Etc/GMT+5: PostgreSQL takes any misspelt
-- name with a number behind it for a zone that somebody defines there.
create or replace function jobs._check_zone(i_zone text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if (i_zone = 'UTC' or i_zone ~ '^(Etc/GMT[+-][0-9]{1,2}|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_-]+)+)$') is not true then
    raise invalid_parameter_value;
  end if;
  perform now() at time zone i_zone;
exception when invalid_parameter_value then
  raise sqlstate 'PT400' using message = format('zone: %s is no time zone', coalesce(jobs._shown(i_zone), 'null')),
    hint = 'give a name such as Europe/Berlin (select name from pg_timezone_names) or UTC; abbreviations know no summer time';
end $$;

-- Refuses a period in which ticks cannot be computed, or that would take long (PT400).
create or replace function jobs._check_period(i_from timestamptz, i_to timestamptz) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if (i_from between '1900-01-01 00:00+00' and i_to and i_to <= '3000-01-01 00:00+00' and i_to - i_from <= interval '36525 days') is not true then
    raise sqlstate 'PT400' using message = 'ticks are computed for periods of at most 100 years, from 1900 to 3000', hint = 'give a first time and a later last one';
  end if;
end $$;

-- The next i_num times, at most 1000, at which a cron line is due after i_after (null: now), to look at a
-- line before it is used; none that is more than a hundred years away. PT400 when the line or the zone is
-- wrong. Reads no table.
create or replace function jobs.next_ticks(
  i_cron text, i_zone text default 'UTC', i_num integer default 5, i_after timestamptz default null, i_gap text default null, i_fold text default null
) returns setof timestamptz
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_cron jobs.cron := jobs._read_cron(i_cron);
  v_at timestamptz := coalesce(i_after, jobs.now());
  v_until timestamptz;
begin
  perform jobs._check_limit('i_num', i_num);
  perform jobs._check_zone(i_zone);
  perform jobs._check_choice('gap', i_gap, '{shift,skip}');
  perform jobs._check_choice('fold', i_fold, '{first,second,both}');
  perform jobs._check_period(v_at, v_at);
  v_until := v_at + interval '100 years';
  for v_n in 1..least(i_num, 1000) loop
    v_at := jobs._next_cron(v_cron, i_zone, i_gap, i_fold, v_at);
    exit when (v_at <= v_until) is not true;
    return next v_at;
  end loop;
end $$;
