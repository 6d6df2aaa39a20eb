-- Remote control of workers, for administrators.

-- Sends a command to workers, and returns its number for each: the living ones among i_workers, those that
-- claim a task under i_topic ('*': all), or those that are in both. jobs.commands shows what became of it.
--
--   ping     the worker answers
--   pause    it claims nothing more and releases what it has prefetched; what runs goes on
--   resume   it claims again
--   slots    it runs {"slots": n} jobs at once from now on, 1 to 10000
--   drain    it pauses, and ends when its last run has ended
--   stop     it ends at once and releases what it runs
--   log      it logs by this filter, {"filter": "info,shop=debug"}
--
-- A worker that has not begun to carry it out within i_expires_seconds never does. PT400 for a wrong
-- argument, PT404 for a worker that does not live.
create or replace function jobs.control(
  i_kind text, i_workers uuid[] default null, i_topic text default null, i_details jsonb default null, i_reason text default null,
  i_expires_seconds double precision default 60
) returns table (command bigint, worker uuid)
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_pattern text := jobs._pattern(i_topic);
  v_workers uuid[];
  v_gone uuid;
begin
  perform jobs._check_control(i_kind, i_details, i_expires_seconds);
  if i_workers is null and coalesce(i_topic, '') = '' then
    raise sqlstate 'PT400' using message = 'a command needs workers or a topic', hint = 'the topic * is every worker';
  end if;
  v_workers := array(
    select w.id from jobs.worker w
    where w.lost_at is null and w.expires_at >= v_now and w.id = any (i_workers) is not false
      and (i_topic is null or i_topic = '*' or exists (select from unnest(w.tasks) t where t like v_pattern)));
  select g into v_gone from unnest(i_workers) g where not exists (select from jobs.worker w where w.id = g and w.lost_at is null and w.expires_at >= v_now) limit 1;
  if found then
    raise sqlstate 'PT404' using message = format('there is no living worker %s', coalesce(v_gone::text, 'null')), hint = 'jobs.workers() lists them';
  end if;
  return query select s.command, s.worker from jobs._send_commands(i_kind, v_workers, array[i_details], jobs._caller(), i_reason, i_expires_seconds, v_now) s;
  perform jobs._audit('control', coalesce(case when cardinality(i_workers) = 1 then i_workers[1]::text end, i_topic), null, i_reason,
                      jsonb_strip_nulls(jsonb_build_object('kind', i_kind, 'details', i_details, 'workers', v_workers[:1000])));
end $$;

-- Raises PT400 for a command that jobs.control does not send.
create or replace function jobs._check_control(i_kind text, i_details jsonb, i_expires_seconds double precision) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (i_kind in ('ping', 'pause', 'resume', 'slots', 'drain', 'stop', 'log')) is not true then
    raise sqlstate 'PT400' using message = 'a command is one of ping, pause, resume, slots, drain, stop, log',
      hint = 'jobs.cancel cancels jobs, and with them their runs';
  elsif (i_expires_seconds between 1 and 86400) is not true then
    raise sqlstate 'PT400' using message = 'a command expires after 1 to 86400 seconds';
  elsif i_kind = 'slots' and (jsonb_typeof(i_details -> 'slots') = 'number' and (i_details ->> 'slots')::numeric between 1 and 10000
      and (i_details ->> 'slots')::numeric % 1 = 0) is not true then
    raise sqlstate 'PT400' using message = 'the command slots needs i_details {"slots": n}, a whole number from 1 to 10000', hint = 'pause keeps a worker from claiming';
  elsif i_kind = 'log' and (jsonb_typeof(i_details -> 'filter') = 'string' and length(i_details ->> 'filter') between 1 and 1000) is not true then
    raise sqlstate 'PT400' using message = 'the command log needs i_details {"filter": "info,shop=debug"}, of 1 to 1000 characters';
  elsif i_kind not in ('slots', 'log') and i_details <> '{}' then
    raise sqlstate 'PT400' using message = format('the command %s takes no details', i_kind);
  end if;
end $$;

-- Commands, newest first: those to a worker, those of these numbers, or all, at most i_num before a number.
-- Not the leases that a cancel names. The state is one of sent, applied, refused, expired; answer says what
-- was done, or why nothing was.
create or replace function jobs.commands(
  i_worker uuid default null, i_commands bigint[] default null, i_before bigint default null, i_num integer default 100
) returns table (
  id bigint, worker uuid, host text, kind text, details jsonb, who name, reason text, sent_at timestamptz, expires_at timestamptz,
  state text, answer text, answered_at timestamptz
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  perform jobs._check_limit('i_num', i_num);
  return query
  select c.id, c.worker, w.host, c.kind, c.details - 'runs', c.who, c.reason, c.sent_at, c.expires_at,
    case when o.is_over then 'expired' else c.state end, case when o.is_over then jobs._why_expired(c) else c.answer end,
    case when o.is_over then c.expires_at else c.answered_at end
  from jobs.command c left join jobs.worker w on w.id = c.worker,
    lateral (select c.state = 'sent' and c.expires_at <= v_now as is_over) o
  where (i_worker is null or c.worker = i_worker) and (i_commands is null or c.id = any (i_commands)) and (i_before is null or c.id < i_before)
  order by c.id desc limit least(i_num, 10000);
end $$;
