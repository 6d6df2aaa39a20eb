-- Topics: patterns over dotted task names.

-- A topic as a LIKE pattern: `*` and `%` match any text, every other character itself.
create or replace function jobs._pattern(i_topic text) returns text
language sql immutable parallel safe
return pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(i_topic, '\', '\\'), '_', '\_'), '*', '%');

-- A task's name as a LIKE pattern that matches it alone.
create or replace function jobs._literally(i_task text) returns text
language sql immutable parallel safe
return pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(i_task, '\', '\\'), '_', '\_'), '%', '\%');

-- The literal text before a topic's first wildcard, from which an index scan can start.
create or replace function jobs._prefix(i_topic text) returns text
language sql immutable parallel safe
return pg_catalog.substring(i_topic, '^[^*%]*');

-- Whether a task is within these limits of a caller. For many rows: the limits are computed once.
create or replace function jobs._is_under(i_task text, i_limits jobs.limits) returns boolean
language sql immutable parallel safe
return ((i_limits).login is null or i_task like any ((i_limits).login)) and ((i_limits).role is null or i_task like any ((i_limits).role));

-- Whether the caller may know of the jobs of a task (null: of every task): a restricted role (85_topic_grants.sql)
-- knows those that it may publish or consume, and others know all. The views ask it for each row. Locks nothing.
create or replace function jobs.sees_task(i_task varchar default null) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_publishes jobs.limits := jobs._limits(true);
begin
  return v_publishes is null or i_task is not null and (jobs._is_under(i_task, v_publishes) or jobs._is_under(i_task, jobs._limits(false)));
end $$;
