-- Commands to workers: sending, receiving, receipts. Each ends in a receipt, whatever becomes of its worker:
-- applied or refused by the worker's word, or expired, because the worker went or its time is over.

-- Sends a command to each of these workers that live, and returns their numbers. i_details: that of all, or
-- one for each. A worker that does not know the kind is not asked: its command is refused here. Locks
-- nothing.
create or replace function jobs._send_commands(
  i_kind text, i_workers uuid[], i_details jsonb[], i_who name, i_reason text, i_expires_seconds double precision, i_now timestamptz
) returns table (command bigint, worker uuid)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_details jsonb[] := jobs._for_each(i_details, cardinality(i_workers));
begin
  return query
  insert into jobs.command as c (worker, kind, details, who, reason, sent_at, expires_at, state, answer, answered_at)
  select w.id, i_kind, g.details, i_who, left(i_reason, 1000), i_now,
    i_now + make_interval(secs => i_expires_seconds),
    case when k.is_known then 'sent' else 'refused' end,
    case when not k.is_known then format('unknown command: a worker of version %s does not know %s', jobs._escaped(left(w.version, 50)), i_kind) end,
    case when not k.is_known then i_now end
  from unnest(i_workers, v_details) g(id, details)
    -- Of a cancel also one that is late: it may beat again before anybody declares it dead.
    join jobs.worker w on w.id = g.id and w.lost_at is null and (w.expires_at >= i_now or i_kind = 'cancel'),
    lateral (select i_kind = any (w.commands) as is_known) k
  order by w.id
  returning c.id, c.worker;
  perform jobs._wake_commanded(i_workers);
end $$;

-- Wakes workers that have commands when this transaction commits; without a notification they look with their
-- next beat. The payload is the worker's id, or nothing when many workers are to look.
create or replace function jobs._wake_commanded(i_workers uuid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if jobs._may_notify() and (select c.notify from jobs.config c) then
    if cardinality(i_workers) <= 20 then
      perform pg_notify('jobs_command', w::text) from unnest(i_workers) w;
    else
      perform pg_notify('jobs_command', '');
    end if;
  end if;
end $$;

-- The commands that wait for a worker, oldest first and 1000 at most, as a JSON array of {"id", "kind",
-- "details", "who", "reason", "expires_in": seconds}; null: none. They stay until their receipts: an answer
-- may be lost.
create or replace function jobs._next_commands(i_worker uuid, i_now timestamptz) returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  return (
    select jsonb_agg(jsonb_build_object('id', c.id, 'kind', c.kind, 'details', c.details, 'who', c.who, 'reason', c.reason,
                                        'expires_in', extract(epoch from c.expires_at - i_now)) order by c.id)
    from (select q.id, q.kind, q.details, q.who, q.reason, q.expires_at from jobs.command q
          where q.worker = i_worker and q.state = 'sent' and q.expires_at > i_now order by q.id limit 1000) c);
end $$;

-- Takes the receipts of a worker for commands to it. A command has one answer: a receipt that is sent again
-- changes nothing. One that comes after the command's time is taken, because the worker knows what it did.
-- Never fails for what is in them, because they come with heartbeats: what is no receipt is a warning of the
-- server, and the others are taken.
create or replace function jobs._note_receipts(i_worker uuid, i_receipts jsonb, i_now timestamptz) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
begin
  if jsonb_typeof(i_receipts) <> 'array' then
    i_receipts := jsonb_build_array(i_receipts);
  end if;
  if exists (select from jsonb_array_elements(i_receipts) r where not jobs._is_receipt(r)) then
    raise warning 'of the worker % something was not noted that is no receipt: {"id": a command, "state": "applied", "refused" or "expired", "answer": text}', i_worker;
  end if;
  update jobs.command c
  set state = r.state, answer = left(r.answer, 2000), answered_at = i_now
  from (select distinct on (1) case when jobs._is_receipt(e) then (e ->> 'id')::numeric::bigint end as id, e ->> 'state' as state, e ->> 'answer' as answer
        from jsonb_array_elements(i_receipts) e) r
  where c.id = r.id and c.worker = i_worker and c.state in ('sent', 'expired');
end $$;

-- Whether this says what became of a command.
create or replace function jobs._is_receipt(i_receipt jsonb) returns boolean
language sql immutable parallel safe
return coalesce(case when pg_catalog.jsonb_typeof(i_receipt -> 'id') = 'number'
  then (i_receipt ->> 'id')::numeric between 0 and 9223372036854775807 and (i_receipt ->> 'id')::numeric % 1 = 0
    and i_receipt ->> 'state' in ('applied', 'refused', 'expired') end, false);

-- Ends the commands that wait for a worker which is no more. Skips those that are locked; their time ends
-- them.
create or replace function jobs._expire_commands(i_worker uuid, i_why text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  update jobs.command c set state = 'expired', answer = i_why, answered_at = jobs.now()
  where c.ctid = any (array(
    select q.ctid from jobs.command q where q.worker = i_worker and q.state = 'sent' for update skip locked));
end $$;

-- Deletes commands a week after they were sent, and writes down of others that their time is over: a bounded
-- number in each call (jobs.maintain_partitions).
create or replace function jobs._tidy_commands(i_now timestamptz) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  delete from jobs.command c where c.ctid = any (array(
    select q.ctid from (select o.ctid, o.sent_at from jobs.command o order by o.id limit 10000 for update skip locked) q
    where q.sent_at < i_now - interval '7 days'));
  update jobs.command c set state = 'expired', answer = jobs._why_expired(c), answered_at = c.expires_at
  where c.ctid = any (array(
    select q.ctid from jobs.command q where q.state = 'sent' and q.expires_at <= i_now order by q.worker, q.id limit 10000 for update skip locked));
end $$;

-- Why a command has no answer although its time is over.
create or replace function jobs._why_expired(i_command jobs.command) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select 'no answer came in time: ' || case when w.id is null then 'the worker is gone' else 'the last sign of life of the worker was at ' || jobs._moment(w.heartbeat_at) end
  from (values (1)) o left join jobs.worker w on w.id = i_command.worker
$$;
