-- The clock, and times that every client can represent.
--
-- Here and in the next files are what all other functions use.
--
-- These functions are small enough to be inlined into the statements that call them, which a pinned
-- search_path would prevent. They are safe without one: every name in them is qualified.

-- The only clock. A test database may replace this function (testing/clock.sql); nothing else in the schema
-- reads the system time.
create or replace function jobs.now() returns timestamptz
language sql volatile parallel safe
return pg_catalog.clock_timestamp();

-- The time in milliseconds. Stable because date_part is: PostgreSQL does not inline a function that promises
-- more than its body. Not extract, which returns numeric: it would take a hundredth of the cost of publishing
-- a job.
create or replace function jobs._millis(i_at timestamptz) returns bigint
language sql stable parallel safe
return (pg_catalog.date_part('epoch', i_at) * 1000)::bigint;

-- Whether every client can represent this time: Python's times end with the year 9999, in whatever zone they
-- are shown, PostgreSQL's with the year 294276.
create or replace function jobs._is_reachable(i_at timestamptz) returns boolean
language sql immutable parallel safe
return pg_catalog.tstzrange('0001-01-02 00:00:00+00', '9999-12-30 00:00:00+00') @> i_at;

-- A time as ISO 8601 in UTC, whatever the session's settings.
create or replace function jobs._utc(i_at timestamptz) returns text
language sql stable parallel safe
return pg_catalog.to_char(i_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');

-- A time as text for a sentence, the same under every IntervalStyle and TimeZone.
create or replace function jobs._moment(i_at timestamptz) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_ahead interval;
  v_span interval;
  v_days integer;
begin
  if not isfinite(i_at) then
    return i_at::text;
  end if;
  v_ahead := date_trunc('second', i_at - jobs.now());
  v_span := greatest(v_ahead, -v_ahead);
  v_days := extract(day from v_span);
  return to_char(i_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') || case
    when v_span = interval '0' then ' (now)'
    else case when v_ahead > interval '0' then ' (in ' else ' (' end
      || case v_days when 0 then '' when 1 then '1 day ' else v_days || ' days ' end || to_char(v_span, 'HH24:MI:SS')
      || case when v_ahead > interval '0' then ')' else ' ago)' end end;
end $$;
