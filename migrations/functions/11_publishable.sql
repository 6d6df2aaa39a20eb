-- What may be published: sizes, ranges and names of one job, and of a call with many.

-- Whether everything but the name of a job may be published; i_limit is the greatest size of its body.
create or replace function jobs._fits(
  i_bytes bigint, i_limit integer, i_scheduled_at timestamptz, i_timeout numeric, i_max_retries integer
) returns boolean
language sql stable parallel safe
return i_bytes <= i_limit
  and jobs._is_reachable(i_scheduled_at) is not false
  and (pg_catalog.numrange(0.01, 604800, '[]') @> i_timeout) is not false
  and (pg_catalog.int4range(1, 1000, '[]') @> i_max_retries) is not false;

-- Whether a job may be published. If false or null, the caller lets jobs._refuse decide.
create or replace function jobs._publishable(
  i_task varchar, i_bytes bigint, i_limit integer, i_scheduled_at timestamptz, i_timeout numeric, i_max_retries integer
) returns boolean
language sql stable parallel safe
return pg_catalog.int4range(1, 200, '[]') @> pg_catalog.length(i_task) and i_task !~ '[[:cntrl:]]'
  and jobs._fits(i_bytes, i_limit, i_scheduled_at, i_timeout, i_max_retries);

-- Raises the error for a job that may not be published, with the reason and the allowed range; returns true
-- when nothing is wrong after all. The message never shows the body, which may hold secrets. i_which names
-- the job within its call.
create or replace function jobs._refuse(
  i_which text, i_task varchar, i_bytes bigint, i_scheduled_at timestamptz, i_timeout numeric, i_max_retries integer
) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_limit integer := (select c.max_body_bytes from jobs.config c);
begin
  if i_task is null or length(i_task) not between 1 and 200 or i_task ~ '[[:cntrl:]]' then
    raise sqlstate 'PT400' using message = i_which || 'a task name has 1 to 200 characters and no control characters';
  elsif i_bytes > v_limit then
    raise sqlstate 'PT413' using
      message = format('%sthe body of task %s takes %s bytes as text%s, the limit is %s', i_which, jobs._shown(i_task), i_bytes,
                       case when i_bytes >= 268435456 then ' or more, or is nested too deeply to be read' else '' end, v_limit),
      hint = 'store the data elsewhere and pass a reference, or raise jobs.config.max_body_bytes';
  elsif not jobs._is_reachable(i_scheduled_at) then
    raise sqlstate 'PT400' using message = i_which || 'scheduled_at lies between 0001-01-02 and 9999-12-30 (UTC), which every client can hold';
  elsif i_timeout is not null and not (i_timeout >= 0.01 and i_timeout <= 604800) then
    raise sqlstate 'PT400' using message = i_which || 'timeout lies within 0.01 and 604800 seconds (7 days)';
  elsif i_max_retries not between 1 and 1000 then
    raise sqlstate 'PT400' using message = i_which || 'max_retries lies within 1 and 1000; it counts runs in all';
  end if;
  return true;
end $$;

-- Checks a call with many jobs before any of it is copied, and returns the size of each body as text. It
-- checks the number of jobs, whether the caller may publish these tasks, the size of each body and of all
-- together. It stops at the first body that is too large, since a body that is small as stored may take a
-- second to write as text.
create or replace function jobs._check_bulk(i_tasks text[], i_bodies jsonb[]) returns bigint[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_limits jobs.config := (select c from jobs.config c);
  v_jobs integer := cardinality(i_bodies);
  v_which text := case when v_jobs > 1 then 'job %s of ' || v_jobs || ': ' else '' end;
  v_sizes bigint[];
begin
  if v_jobs > v_limits.max_bulk then
    raise sqlstate 'PT413' using message = format('a call publishes at most %s jobs, this one has %s', v_limits.max_bulk, v_jobs),
      hint = 'publish them in several calls, in one transaction if need be, or raise jobs.config.max_bulk';
  end if;
  -- Before one name is copied for each of many jobs.
  if cardinality(i_tasks) = 1 and v_jobs > 1 and jobs._publishable(i_tasks[1], 0, 0, null, null, null) is not true then
    perform jobs._refuse(format(v_which, 1), i_tasks[1], 0, null, null, null);
  end if;
  perform jobs._check_topics(true, i_tasks);
  v_sizes := array(
    select case when t.size <= v_limits.max_body_bytes
             or jobs._refuse(format(v_which, t.at), i_tasks[least(t.at, cardinality(i_tasks))], t.size, null, null, null) then t.size end
    from (select jobs._text_size(b.body) as size, b.at from (select unnest(i_bodies) as body, generate_series(1, v_jobs) as at) b offset 0) t);
  perform jobs._check_bulk_bytes(v_sizes, v_limits.max_bulk_bytes);
  return v_sizes;
end $$;

-- Refuses a meta that is no object or takes more than 4096 bytes as text, and returns its size; 0 for null.
-- It is copied from table to table with the job and shown in lists, so it is small.
create or replace function jobs._check_meta(i_which text, i_meta jsonb) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_bytes bigint := jobs._text_size(i_meta);
begin
  if jsonb_typeof(i_meta) <> 'object' or jsonb_typeof(i_meta->'tags') <> 'array' then
    raise sqlstate 'PT400' using message = i_which || 'meta is an object, and its key tags, if there is one, an array', hint = '{"tenant": 7, "tags": ["vip"]}';
  elsif v_bytes > 4096 then
    raise sqlstate 'PT413' using message = format('%smeta takes %s bytes as text, the limit is 4096', i_which, v_bytes),
      hint = 'pass what the task needs as arguments';
  end if;
  return v_bytes;
end $$;

-- Refuses a call whose bodies and metas take more than i_limit bytes.
create or replace function jobs._check_bulk_bytes(i_sizes bigint[], i_limit integer) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_bytes bigint := (select sum(s) from unnest(i_sizes) s);
begin
  if v_bytes > i_limit then
    raise sqlstate 'PT413' using message = format('a call publishes at most %s bytes of bodies, this one has %s', i_limit, v_bytes),
      hint = 'publish them in several calls, in one transaction if need be, or raise jobs.config.max_bulk_bytes';
  end if;
end $$;

-- These sizes with those of the metas; as they are when no job has any.
create or replace function jobs._with_metas(i_bytes bigint[], i_metas jsonb[]) returns bigint[]
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_sizes bigint[];
begin
  if i_metas is null then
    return i_bytes;
  end if;
  v_sizes := array(
    select g.bytes + jobs._check_meta(format('job %s of %s: ', g.at, cardinality(i_bytes)), g.meta)
    from unnest(i_bytes, i_metas) with ordinality g(bytes, meta, at) order by g.at);
  perform jobs._check_bulk_bytes(v_sizes, (select c.max_bulk_bytes from jobs.config c));
  return v_sizes;
end $$;
