-- A clock that tests can set. Not a migration: it is applied to a test database by hand or by pgjobs' testing
-- helpers, and only the owner of schema jobs can apply it, so production cannot get it.
--
-- `update jobs.test_clock set at = at + interval '1 hour'` moves every session of the database forward.
create table jobs.test_clock (
  only_row boolean primary key default true check (only_row),
  at timestamptz,                              -- the clock is stopped at this time; null: it runs
  shift interval not null default '0'          -- added to the time while the clock runs
);
insert into jobs.test_clock default values;

create or replace function jobs.now() returns timestamptz
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(c.at, clock_timestamp() + c.shift) from jobs.test_clock c
$$;
