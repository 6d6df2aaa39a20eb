-- What ended lately, for rates.

-- How many jobs of each task ended in which way in the last i_seconds (1 to 60), and over how many seconds they were
-- counted: fewer just after midnight in UTC, and where more ended than it reads. Reads the newest 2 MiB of today's
-- history by their place, so it takes as long on a large history as on a small one. A history that is cleaned by rules
-- gets some of its new rows in older blocks, and then some are not counted. Locks today's partition against being
-- dropped. For a restricted role, of its tasks. PT400 for another number of seconds.
create or replace function jobs.ended_lately(i_seconds integer default 10) returns table (
  task varchar, success bigint, failed bigint, cancelled bigint, seconds double precision
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_tidscan = on set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_midnight timestamptz := date_trunc('day', v_now at time zone 'UTC') at time zone 'UTC';
  v_name text := (select p.name from jobs._partitions() p where p.day = (v_now at time zone 'UTC')::date);
  v_block bigint;
begin
  if (i_seconds between 1 and 60) is not true then
    raise sqlstate 'PT400' using message = format('i_seconds is a number from 1 to 60, not %s', coalesce(i_seconds::text, 'null')), hint = 'leave it out for 10';
  elsif v_name is null then
    return;
  end if;
  v_block := greatest(pg_relation_size(format('jobs.%I', v_name)::regclass) / 8192 - 256, 0);
  return query execute format('
    with newest as materialized (
      select h.task, h.status, h.complete_on from jobs.%I h where h.ctid >= $1%s
    ), since as materialized (
      select greatest($2, case when $3 then (select min(n.complete_on) from newest n) end) as at
    )
    select n.task, count(*) filter (where n.status = ''success''), count(*) filter (where n.status = ''failed''),
      count(*) filter (where n.status = ''cancelled''), greatest(extract(epoch from $4 - s.at)::double precision, 0.001)
    from newest n, since s where n.complete_on >= s.at group by n.task, s.at order by n.task', v_name, jobs._in_sight('h.task'))
    using format('(%s,0)', v_block)::tid, greatest(v_midnight, v_now - make_interval(secs => i_seconds)), v_block > 0, v_now;
end $$;
