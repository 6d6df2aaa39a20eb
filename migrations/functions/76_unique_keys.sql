-- Unique keys for administrators: who holds which, and taking one away. Keys contain arguments of jobs, which
-- may be secret, so nobody else sees them; jobs.explain says to readers whether a job holds one, and not
-- which.

-- The unique keys that are held under a topic, in order, at most i_num: the name, the value as an array (or
-- `sha256:` and the hash of a long one), the job that holds it, the state of that job, and when the key ends
-- by itself (null: with the job). The state is null for a key that nobody holds any more: the next job with
-- this key gets it. Locks nothing.
create or replace function jobs.unique_keys(i_topic text default '*', i_num integer default 100) returns table (
  name varchar, key text, job_id varchar, state varchar, until timestamptz
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  perform jobs._check_limit('i_num', i_num);
  return query
  with held as materialized (
    select u.name, u.key, u.job_id, u.until from jobs.unique_key u
    where u.name like coalesce(jobs._pattern(i_topic), '%') order by u.name, u.key limit i_num
  )
  select h.name, h.key, h.job_id, case when h.until <= v_now then null when h.until is not null then coalesce(o.status, 'ended') else o.status end, h.until
  from held h left join jobs._open_of(array(select k.job_id::text from held k)) o on o.job_id = h.job_id
  order by h.name, h.key;
end $$;

-- Takes a unique key away from the job that holds it, and returns that job's id: another job may then be
-- published under the key, beside this one, which goes on. The key is as jobs.unique_keys shows it. PT404
-- when nobody holds it. Waits for a transaction that takes or gives up the key.
create or replace function jobs.release_unique_key(i_name text, i_key text) returns varchar
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_job varchar;
begin
  delete from jobs.unique_key u where u.name = i_name and u.key = i_key returning u.job_id into v_job;
  if not found then
    raise sqlstate 'PT404' using message = format('no job holds this unique key of %s', coalesce(jobs._shown(i_name), 'null')),
      hint = 'jobs.unique_keys() lists the keys that are held';
  end if;
  perform jobs._audit('release_unique_key', i_name, null, null, jsonb_build_object('key', i_key, 'job_id', v_job));
  return v_job;
end $$;
