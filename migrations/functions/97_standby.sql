-- How old is what this server shows, if it is a standby.

-- How far this server is behind its primary: null if it is a primary itself, else an object: `streaming`
-- (whether it receives from a server now), `replayed_at` (the last commit that it replayed; null: none since
-- its start), `bytes` (received and not replayed yet), and `seconds`, the age of what it shows: 0 if it
-- receives and has replayed all that it received, else since replayed_at, or at least since its start. What
-- the primary has not sent it cannot know: a primary that falls silent counts after 35 s, where the owner
-- of the schema may see that (pg_monitor). Locks nothing, reads no table.
create or replace function jobs.standby() returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  c_keepalive constant interval := interval '35 s';  -- an idle primary says something each 30 s
  v_now constant timestamptz := clock_timestamp();
  v_replayed_at constant timestamptz := pg_last_xact_replay_timestamp();
  v_bytes constant numeric := greatest(pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn(), 0);
  v_heard_at timestamptz;
  v_streams boolean;
  v_since timestamptz;
begin
  if not pg_is_in_recovery() then
    return null;
  end if;
  -- Who may not see more sees the process alone.
  select r.last_msg_receipt_time into v_heard_at from pg_stat_wal_receiver r where coalesce(r.status, 'streaming') = 'streaming';
  v_streams := found;
  v_since := case when not v_streams or v_bytes > 0 then coalesce(v_replayed_at, pg_postmaster_start_time())
                  when v_heard_at < v_now - c_keepalive then v_heard_at end;
  return jsonb_build_object('streaming', v_streams, 'replayed_at', v_replayed_at, 'bytes', coalesce(v_bytes, 0)::bigint,
    'seconds', greatest(coalesce(round(extract(epoch from v_now - v_since)::numeric, 3), 0), 0));
end $$;

-- For monitors of a standby how old its data are; of a primary zero.
create or replace function jobs._metrics_of_standby() returns table (name text, labels jsonb, value double precision)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_standby constant jsonb := coalesce(jobs.standby(), '{}');
begin
  return query
  select m.name, '{}'::jsonb, m.value from (values
    ('pgjobs_standby_lag_seconds', coalesce((v_standby ->> 'seconds')::double precision, 0)),
    ('pgjobs_standby_lag_bytes', coalesce((v_standby ->> 'bytes')::double precision, 0))) m(name, value);
end $$;

-- A standby whose data are older than half a minute.
create or replace function jobs._problems_of_standby() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_standby constant jsonb := jobs.standby();
  v_seconds constant numeric := (v_standby ->> 'seconds')::numeric;
begin
  if v_seconds > 30 then
    return next row('standby_behind', 'warning',
      format('this standby shows what was %s ago, and %s', jobs._span(make_interval(secs => v_seconds::double precision)),
             case when (v_standby ->> 'streaming')::boolean then 'has not replayed all that it received' else 'receives nothing from a primary' end),
      ceil(v_seconds), 30,
      case when (v_standby ->> 'streaming')::boolean then 'see what holds its replay up: `select pid, xact_start from pg_stat_activity order by xact_start` there, or read from the primary'
           else 'see why in the log of its server (primary_conninfo, the slot, the network), or read from the primary' end,
      v_standby)::jobs.problem;
  end if;
end $$;
