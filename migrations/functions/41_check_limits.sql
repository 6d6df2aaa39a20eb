-- Once a minute: are the buckets right? What is true is which runs hold slots, and that stands beside the runs in
-- jobs.batch; the numbers in jobs.bucket are counted from it. Nothing makes them differ, but a restored backup may,
-- a row that somebody deleted, or an error here.

-- Compares the buckets of all limits that no other transaction has locked with the runs, corrects what differs and
-- notes it in the audit, lets claims look at buckets where jobs wait though there is room, and deletes what buckets
-- need not remember. Returns how many it has corrected. Locks those limits until the transaction ends.
create or replace function jobs.check_limits() returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_ids integer[] := array(select l.id from jobs.job_limit l where l.dropped_at is null order by l.id for no key update skip locked);
  v_wrong jsonb;
begin
  perform jobs._note_turn();
  v_wrong := nullif(coalesce(jobs._correct_buckets(v_ids), '[]') || jobs._correct_waiting(v_ids), '[]');
  if v_wrong is not null then
    perform jobs._audit('correct_limits', null, null, 'the slots counted were not those that runs hold', v_wrong);
    raise warning 'the slots counted for % keys of limits were not those that runs hold, and are corrected: see the audit', jsonb_array_length(v_wrong);
  end if;
  perform jobs._look_where_room(v_ids), jobs._delete_idle_buckets(v_ids);
  return coalesce(jsonb_array_length(v_wrong), 0);
end $$;

-- The same, at most once a minute, for jobs.maintain.
create or replace function jobs._check_limits_now_and_then() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now bigint := jobs._millis(jobs.now());
begin
  if (v_now - pg_sequence_last_value('jobs.limits_checked') between 0 and 60000) is not true then
    perform setval('jobs.limits_checked', v_now), jobs.check_limits();
  end if;
end $$;

-- Corrects the slots counted in the buckets of these limits; what was wrong, up to a hundred. Deltas that no claim has
-- applied yet will be taken off, so they count as held.
create or replace function jobs._correct_buckets(i_ids integer[]) returns jsonb
language plpgsql as $$
declare
  v_wrong jsonb;
begin
  with held as materialized (
    select h.bucket, sum(h.slots)::integer as slots
    from (select u.bucket, coalesce(u.cost, 1) as slots
          from jobs.batch b, lateral rows from (unnest(b.buckets), unnest(b.costs)) with ordinality u(bucket, cost, at)
          where b.buckets is not null and u.bucket is not null and b.open & jobs._bit((u.at - 1) / b.slots_each) <> 0
          union all
          select k, 1 from jobs.pending q, unnest((q.on_end).kept) k where (q.on_end).kept is not null
          union all
          select e.bucket, e.slots from jobs.bucket_delta d, unnest(d.buckets, d.slots) e(bucket, slots)) h
    where (h.bucket & 16383)::integer = any (i_ids) group by 1
  ), wrong as materialized (
    select b.id, b.ctid as at, b.version, b.held, coalesce(h.slots, 0) as slots
    from jobs.bucket b left join held h on h.bucket = b.id
    where (b.id & 16383)::integer = any (i_ids) and b.held <> coalesce(h.slots, 0)
  ), fixed as (
    update jobs.bucket b set held = w.slots from wrong w where b.id = w.id and b.version = w.version
  ), missing as (
    insert into jobs.bucket (id, version, key, held) select h.bucket, nextval('jobs.bucket_versions'), '[]', h.slots from held h
    where h.slots > 0 and not exists (select from jobs.bucket b where b.id = h.bucket) returning id, held
  )
  select jsonb_agg(jsonb_build_object('limit', l.name, 'bucket', w.id::text, 'counted', w.was, 'held', w.slots)) into v_wrong
  from (select w.id, w.held as was, w.slots from wrong w union all select m.id, 0, m.held from missing m limit 100) w join jobs.job_limit l on l.id = w.id & 16383;
  return v_wrong;
end $$;

-- Corrects the buckets of these limits at which jobs are blocked and which do not say so, and makes jobs ready that are
-- blocked at a limit which is not there any more; what was wrong. Reads one row of each bucket that has blocked jobs.
create or replace function jobs._correct_waiting(i_ids integer[]) returns jsonb
language plpgsql set enable_seqscan = off set jit = off as $$
declare
  v_buckets bigint[];
  v_wrong jsonb;
begin
  with recursive blocked as (
    (select q.bucket from jobs.pending q where q.bucket is not null order by q.bucket limit 1)
    union all
    select (select q.bucket from jobs.pending q where q.bucket > b.bucket order by q.bucket limit 1) from blocked b where b.bucket is not null
  )
  select array_agg(b.bucket) into v_buckets from blocked b;
  with wrong as materialized (
    select w.id, s.version, s.key, s.held, s.tats, s.turn, s.closed_until, s.closed_by, s.reason
    from unnest(v_buckets) w(id) left join lateral (select b.* from jobs.bucket b where b.id = w.id order by b.version desc limit 1) s on true
    where (w.id & 16383)::integer = any (i_ids) and s.waits is not true
  ), gone as (
    delete from jobs.bucket b using wrong w where b.id = w.id and b.version = w.version
  ), made as (
    insert into jobs.bucket (id, version, key, held, waits, first_rank, first_seq, tats, turn, closed_until, closed_by, reason)
    select w.id, nextval('jobs.bucket_versions'), coalesce(w.key, '[]'), coalesce(w.held, 0), true, -9223372036854775808, -9223372036854775808, w.tats, coalesce(w.turn, 0), w.closed_until, w.closed_by, w.reason
    from wrong w
  ), freed as (
    update jobs.pending q set bucket = null, ready_seq = jobs._unblocked_seq(q.bucket, q.ready_seq)
    where q.bucket = any (array(select b from unnest(v_buckets) b where not exists (select from jobs.job_limit l where l.id = (b & 16383)::integer))) returning q.bucket
  )
  select jsonb_agg(jsonb_build_object('limit', l.name, 'bucket', w.id::text, 'waits', true)) into v_wrong
  from (select w.id from wrong w limit 100) w join jobs.job_limit l on l.id = (w.id & 16383)::integer;
  return coalesce(v_wrong, '[]');
end $$;

-- Lets claims look at buckets where jobs may wait though there is room.
create or replace function jobs._look_where_room(i_ids integer[]) returns void
language plpgsql as $$
declare
  v_buckets bigint[] := array(
    select b.id from jobs.bucket b join jobs.job_limit l on l.id = b.id & 16383 and l.key is not null and not l.fair
    where l.id = any (i_ids) and b.waits and jobs._room(l.max, l.rates, b.held, b.tats, b.closed_until, jobs.now()) > 0);
begin
  if v_buckets <> '{}' then
    perform jobs._look_at(v_buckets), jobs._wake_workers();
  end if;
end $$;

-- Deletes buckets in which nothing is held, nobody waits, and whose rates and closing are over.
create or replace function jobs._delete_idle_buckets(i_ids integer[]) returns void
language plpgsql as $$
begin
  delete from jobs.bucket b
  where (b.id & 16383)::integer = any (i_ids) and b.held = 0 and not b.waits and (b.closed_until > jobs.now()) is not true and (jobs.now() < any (b.tats)) is not true;
end $$;
