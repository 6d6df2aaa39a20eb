-- Which times of a schedule are due, and which comes next: no table is read here.

-- Which ticks of a schedule to publish at a time, whether they are late, the last of those that are not
-- published (null: all are), and the next tick after that.
create or replace function jobs._due_ticks(
  i_schedule jobs.schedule, i_now timestamptz,
  out o_ticks timestamptz[], out o_next timestamptz, out o_is_late boolean, out o_missed timestamptz
)
language plpgsql stable as $$
declare
  v_cron jobs.cron := jobs._cron_of(i_schedule);
  v_last timestamptz := i_schedule.next_at;
begin
  o_next := jobs._next_tick(i_schedule, v_cron, v_last);
  o_ticks := array[v_last];
  if o_next <= i_now then
    v_last := jobs._last_tick(i_schedule, v_cron, v_last, i_now);
    o_next := jobs._next_tick(i_schedule, v_cron, v_last);
    o_ticks := case when i_schedule.catch_up = 'all' and i_schedule.overlap = 'allow'
      then jobs._last_ticks(i_schedule, v_cron, v_last, i_schedule.catch_up_limit) else array[v_last] end;
  end if;
  o_is_late := i_now - v_last > interval '1 minute' or cardinality(o_ticks) > 1;
  if i_schedule.catch_up = 'skip' and o_is_late then
    o_ticks := '{}';
    o_missed := v_last;
  elsif o_ticks[1] > i_schedule.next_at then
    o_missed := jobs._last_tick(i_schedule, v_cron, i_schedule.next_at, o_ticks[1] - interval '1 s');
  end if;
end $$;

-- The first tick of a schedule after a time; null: none. i_cron: its cron line, read.
create or replace function jobs._next_tick(i_schedule jobs.schedule, i_cron jobs.cron, i_after timestamptz) returns timestamptz
language plpgsql stable as $$
declare
  v_every numeric := extract(epoch from i_schedule.every);
begin
  return case
    when i_schedule.every is not null then to_timestamp((floor(extract(epoch from i_after) / v_every) + 1) * v_every)
    when i_schedule.at is not null then case when i_schedule.at > i_after then i_schedule.at end
    else jobs._next_cron(i_cron, i_schedule.zone, i_schedule.gap, i_schedule.fold, i_after) end;
end $$;

-- The last tick up to i_now, where i_known is a tick up to i_now. Halves the time in which it lies, since a
-- year may hold half a million ticks: v_tick is always a tick up to i_now, and the last one is not after
-- v_until.
create or replace function jobs._last_tick(i_schedule jobs.schedule, i_cron jobs.cron, i_known timestamptz, i_now timestamptz) returns timestamptz
language plpgsql stable as $$
declare
  v_tick timestamptz := i_known;
  v_until timestamptz := i_now;      -- the last tick is not after it
  v_span interval := interval '2 minutes';
  v_next timestamptz;
begin
  if i_schedule.every is not null then
    -- Not minus an interval: a day is 23 hours long now and then, for a session in such a zone.
    return to_timestamp(floor(extract(epoch from i_now) / extract(epoch from i_schedule.every)) * extract(epoch from i_schedule.every));
  end if;
  while i_now - v_span > v_tick loop   -- most likely it is not long ago
    v_next := jobs._next_tick(i_schedule, i_cron, i_now - v_span);
    if v_next <= i_now then
      v_tick := v_next;
    else
      v_until := i_now - v_span;
      v_span := v_span * 2;
    end if;
  end loop;
  loop
    v_next := jobs._next_tick(i_schedule, i_cron, v_tick);
    exit when (v_next <= i_now) is not true;
    v_tick := v_next;
    v_next := jobs._next_tick(i_schedule, i_cron, v_tick + (v_until - v_tick) / 2);
    if v_next <= i_now then
      v_tick := v_next;
    else
      v_until := greatest(v_tick, v_tick + (v_until - v_tick) / 2);
    end if;
  end loop;
  return v_tick;
end $$;

-- The last i_num ticks up to i_last, which is one, in order, and none before the schedule's next. Goes back
-- by spans that double, and computes the ticks of each once.
create or replace function jobs._last_ticks(i_schedule jobs.schedule, i_cron jobs.cron, i_last timestamptz, i_num integer) returns timestamptz[]
language plpgsql stable as $$
declare
  v_ticks timestamptz[] := array[i_last];
  v_to timestamptz := i_last;   -- ticks from here on are found
  v_span interval := interval '10 minutes';
  v_from timestamptz;
begin
  while cardinality(v_ticks) < i_num and v_to > i_schedule.next_at loop
    v_from := greatest(i_schedule.next_at, i_last - v_span);
    v_ticks := jobs._ticks_between(i_schedule, i_cron, v_from, v_to - interval '1 us', null) || v_ticks;
    v_to := v_from;
    v_span := v_span * 2;
  end loop;
  return v_ticks[greatest(1, cardinality(v_ticks) - i_num + 1):];
end $$;

-- The first i_num ticks of a schedule from one time to another, both included; null: all.
create or replace function jobs._ticks_between(i_schedule jobs.schedule, i_cron jobs.cron, i_from timestamptz, i_to timestamptz, i_num integer) returns timestamptz[]
language plpgsql stable as $$
declare
  v_tick timestamptz := i_from - interval '1 us';
  v_ticks timestamptz[] := array[]::timestamptz[];
begin
  while (cardinality(v_ticks) < i_num) is not false loop
    v_tick := jobs._next_tick(i_schedule, i_cron, v_tick);
    exit when (v_tick <= i_to) is not true;
    v_ticks := v_ticks || v_tick;
  end loop;
  return v_ticks;
end $$;

create or replace function jobs._cron_of(i_schedule jobs.schedule) returns jobs.cron
language plpgsql immutable as $$
begin
  return case when i_schedule.cron is not null then jobs._read_cron(i_schedule.cron) end;
end $$;

-- The first tick of a schedule after now.
create or replace function jobs._first_tick(i_schedule jobs.schedule) returns timestamptz
language plpgsql stable as $$
begin
  return jobs._next_tick(i_schedule, jobs._cron_of(i_schedule), jobs.now());
end $$;

-- How much later than its time the next tick publishes: a part of the jitter that the schedule's name and the
-- time decide, so that it is the same whoever asks.
create or replace function jobs._jitter(i_schedule jobs.schedule) returns interval
language sql immutable parallel safe
return i_schedule.jitter * ((pg_catalog.hashtextextended(i_schedule.name || extract(epoch from i_schedule.next_at)::text, 0) & 16777215) / 16777216.0)::double precision;

-- When the next tick publishes.
create or replace function jobs._due_at(i_schedule jobs.schedule) returns timestamptz
language sql stable parallel safe
return i_schedule.next_at + jobs._jitter(i_schedule);
