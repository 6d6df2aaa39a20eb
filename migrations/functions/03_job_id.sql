-- Job ids: made here, or by a client and then checked.

-- The beginning of every job id made at this time: 48 bits of the time.
create or replace function jobs._id_time(i_now timestamptz) returns bytea
language sql stable parallel safe
return pg_catalog.substr(pg_catalog.int8send(jobs._millis(i_now)), 3);

-- A job id: a version 7 UUID without dashes. It begins with the time, then 24 bits of the job's number, so
-- that jobs published together are adjacent and in order in the index, each to the right of the last, where
-- an index is cheapest to extend; then 48 random bits, so that nobody guesses an id.
create or replace function jobs._new_job_id(
  i_time bytea, i_number bigint, i_random bytea default pg_catalog.substr(pg_catalog.uuid_send(pg_catalog.gen_random_uuid()), 11)
) returns varchar
language sql volatile
return pg_catalog.encode(i_time
  || pg_catalog.int4send((1879080960 | (((i_number >> 12) & 4095) << 16) | (i_number & 4095))::integer)   -- version 7, variant 8
  || i_random, 'hex');

-- Random bytes for i_ids job ids, six each: hashes of two random UUIDs, which cannot be derived from the ids.
-- To ask the system for random bytes for each id would be a sixth of the cost of publishing many jobs.
create or replace function jobs._randoms(i_ids integer) returns bytea
language sql volatile
return (
  select pg_catalog.string_agg(pg_catalog.sha512(s.seed || pg_catalog.int4send(n)), '')
  from (select pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) || pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) as seed offset 0) s,
    pg_catalog.generate_series(1, 1 + 6 * i_ids / 64) n);

-- The six bytes of the nth id, from 1.
create or replace function jobs._nth_random(i_randoms bytea, i_nth integer) returns bytea
language sql immutable parallel safe
return pg_catalog.substr(i_randoms, 6 * i_nth - 5, 6);

-- A job id for each of these job numbers, in order.
create or replace function jobs._new_job_ids(i_numbers bigint[], i_now timestamptz) returns varchar[]
language plpgsql volatile set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  v_time bytea := jobs._id_time(i_now);
  v_randoms bytea := jobs._randoms(cardinality(i_numbers));
begin
  return array(
    select jobs._new_job_id(v_time, n.number, jobs._nth_random(v_randoms, n.at))
    from (select unnest(i_numbers) as number, generate_series(1, cardinality(i_numbers)) as at) n);
end $$;

-- The value of jobs.pending.returned for a requeued job: sets it apart from others with its id. Random, so
-- that nobody can collide with it on purpose.
create or replace function jobs._any_key() returns smallint
language sql volatile parallel safe
return (1 + pg_catalog.floor(32767 * pg_catalog.random()))::smallint;

-- Refuses ids that a client may not give to new jobs: ids of another format, of the future, or of jobs that
-- run, have ended, or were requeued. (The primary key of jobs.pending refuses the id of a job that waits for
-- its first run.)
create or replace function jobs._check_new_ids(i_job_ids text[], i_now timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_least text;
  v_greatest text;
  v_known boolean := true;
begin
  select case when bool_and(j ~ '^[0-9a-f]{12}7[0-9a-f]{19}$') then min(j collate "C") end, max(j collate "C") into v_least, v_greatest
  from unnest(i_job_ids) j;
  if left(v_greatest, 12) > encode(jobs._id_time(i_now + interval '1 day'), 'hex') and v_least is not null then
    raise sqlstate 'PT400' using message = 'a job id made by the client carries a time more than a day ahead of the database''s clock',
      hint = 'set the clock of the client, or let the database make the ids';
  end if;
  if v_least is not null then
    v_known := exists (select from unnest(i_job_ids) i(id), lateral (select from jobs.pending q where q.job_id = i.id and q.returned <> 0 limit 1) r)
      or exists (
        select from unnest(i_job_ids) i(id),
          lateral (select from jobs.pending q, unnest(q.jobs) j
                   where q.size > 1 and q.job_id >= left(i.id, 13) and q.job_id <= i.id and q.last_job >= i.id and j.job_id = i.id) p)
      or exists (
        select from unnest(i_job_ids) i(id),
          lateral (select from (select b.jobs from jobs.batch b where b.first_job = i.id
                                union all
                                select b.jobs from jobs.batch b where b.part >= 0 and b.first_job < i.id and b.last_job >= i.id) b, unnest(b.jobs) j
                   where j.job_id = i.id) r)
      or jobs._have_ended(i_job_ids, v_least);
  end if;
  if v_known then
    raise sqlstate 'PT409' using message = 'a job id made by the client is a new version 7 UUID without dashes',
      hint = 'this one was used before, or is none: make another one, or give none and the database makes it';
  end if;
end $$;
