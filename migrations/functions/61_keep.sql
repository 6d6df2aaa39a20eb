-- Rules for keeping history shorter than jobs.config.history_days. Days of history are dropped whole; what
-- goes earlier is deleted, some blocks of a partition in each call, and each partition once for a rule.

-- Keeps ended jobs under a topic for i_days only, those of a state (success, failed, cancelled; null: any),
-- and replaces the rule that there was. Where several rules fit a job, that with the longest topic decides,
-- and of two with one topic that for its state. 0 days: until the day is over. What is deleted is deleted
-- some time after that, by jobs.maintain_partitions. PT400 for more days than jobs.config.history_days: a
-- day is dropped whole, which costs nothing, and rows that were to stay would have to be moved.
create or replace function jobs.keep(i_topic text, i_status text default null, i_days integer default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_days integer := (select c.history_days from jobs.config c);
begin
  if (length(i_topic) between 1 and 200) is not true then
    raise sqlstate 'PT400' using message = 'a topic is a pattern over task names of 1 to 200 characters', hint = 'use * for every task';
  elsif i_status not in ('success', 'failed', 'cancelled') then
    raise sqlstate 'PT400' using message = 'jobs end as success, failed or cancelled', hint = 'leave the state out for all three';
  elsif (i_days between 0 and 36500) is not true then
    raise sqlstate 'PT400' using message = 'days lies within 0 and 36500';
  elsif i_days > v_days then
    raise sqlstate 'PT400' using message = format('history is dropped after %s days, so nothing in it is kept for %s', v_days, i_days),
      hint = format('set jobs.config.history_days to %s or more, and keep the rest shorter: jobs.keep(''*'', null, %s)', i_days, v_days);
  end if;
  if pg_sequence_last_value('jobs.keep_rules_made') is null then
    perform nextval('jobs.keep_rules_made');
  end if;
  insert into jobs.keep_rule as r (topic, status, days, set_at, set_by) values (i_topic, coalesce(i_status, '*'), i_days, jobs.now(), jobs._caller())
  on conflict (topic, status) do update set days = excluded.days, set_at = excluded.set_at, set_by = excluded.set_by;
  perform jobs._look_again();
  perform jobs._audit('keep', i_topic, null, null, jsonb_build_object('status', coalesce(i_status, '*'), 'days', i_days));
end $$;

-- Removes a rule; false when there was none. What it has deleted stays deleted.
create or replace function jobs.drop_keep(i_topic text, i_status text default null) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  delete from jobs.keep_rule r where r.topic = i_topic and r.status = coalesce(i_status, '*');
  if not found then
    return false;
  end if;
  perform jobs._look_again();
  perform jobs._audit('drop_keep', i_topic, null, null, jsonb_build_object('status', coalesce(i_status, '*')));
  return true;
end $$;

-- The rules, the ones that decide first first. `clean_until` is the last day of history that the rule's
-- deletes have been through; null: none. Rules for more days than history has do nothing.
create or replace function jobs.keep_rules() returns table (topic text, status text, days integer, set_at timestamptz, set_by name, clean_until date)
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  select r.topic, nullif(r.status, '*'), r.days, r.set_at, r.set_by, nullif(r.clean_until, '-infinity')
  from jobs.keep_rule r order by length(r.topic) desc, r.topic, r.status = '*', r.status
$$;

-- Has all rules go through history again, since a rule that is new or gone changes what others decide.
create or replace function jobs._look_again() returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.keep_rule r set clean_until = '-infinity', blocks = 0
$$;

-- The condition that a rule decides about a job of a partition h.
create or replace function jobs._is_kept_by(i_rule jobs.keep_rule) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select format('h.task like %L', jobs._pattern(i_rule.topic)) || case when i_rule.status <> '*' then format(' and h.status = %L', i_rule.status) else '' end
    || coalesce((
      select string_agg(format(' and not (h.task like %L', jobs._pattern(o.topic)) || case when o.status <> '*' then format(' and h.status = %L', o.status) else '' end || ')', '')
      from jobs.keep_rule o
      where (length(o.topic), o.topic, o.status <> '*') > (length(i_rule.topic), i_rule.topic, i_rule.status <> '*')), '')
$$;

-- Deletes what rules say is over, for about i_seconds and of at most 30 days, whose partitions stay locked to
-- the end of the transaction. Locks the rows that it deletes.
create or replace function jobs._delete_unkept(i_today date, i_seconds double precision) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_until timestamptz := clock_timestamp() + make_interval(secs => i_seconds);
  v_days integer := 0;
  v_rule jobs.keep_rule;
  v_day record;
begin
  if pg_sequence_last_value('jobs.keep_rules_made') is null then
    return;
  end if;
  for v_rule in select r.* from jobs.keep_rule r order by r.clean_until, r.topic, r.status loop
    for v_day in select p.name, p.day from jobs._partitions() p where p.day > v_rule.clean_until and p.day < i_today - v_rule.days order by p.day loop
      exit when v_days = 30 or clock_timestamp() > v_until;
      v_days := v_days + 1;
      if v_rule.blocks_of is distinct from v_day.day then
        v_rule.blocks := 0;   -- the partition that it was at is gone
        v_rule.blocks_of := v_day.day;
      end if;
      v_rule.blocks := jobs._delete_blocks(v_day.name, v_rule, v_until);
      if v_rule.blocks = 0 then
        v_rule.clean_until := v_day.day;
      end if;
    end loop;
    update jobs.keep_rule r set (clean_until, blocks, blocks_of) = (v_rule.clean_until, v_rule.blocks, v_rule.blocks_of)
    where r.topic = v_rule.topic and r.status = v_rule.status and (r.clean_until, r.blocks, r.blocks_of) is distinct from (v_rule.clean_until, v_rule.blocks, v_rule.blocks_of);
  end loop;
end $$;

-- Deletes what a rule says is over from its block on in a partition, with the steps of such jobs, until i_until;
-- returns the block that is next, 0 when there is none. Failed jobs of workflows that may go on stay, since a
-- retry needs them.
create or replace function jobs._delete_blocks(i_partition text, i_rule jobs.keep_rule, i_until timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_block bigint := i_rule.blocks;
  v_blocks bigint := pg_relation_size('jobs.' || i_partition) / current_setting('block_size')::bigint;
  v_unkept text := jobs._is_kept_by(i_rule) || case when pg_sequence_last_value('jobs.workflows_made') is not null then
    ' and ((h.on_end).node is null or jobs._is_over((h.on_end).node))' else '' end;
  v_stepped text[];
begin
  loop
    if v_block >= v_blocks then
      return 0;
    elsif v_block > i_rule.blocks and clock_timestamp() > i_until then
      return v_block;
    end if;
    -- Not those that somebody has locked: their turn is the next one, and nobody may wait for this call
    -- meanwhile.
    execute format('with gone as (delete from jobs.%1$I o where o.ctid = any (array(select h.ctid from jobs.%1$I h where h.ctid >= %2$L and h.ctid < %3$L and %4$s for update skip locked))
                      returning o.job_id, (o.on_end).steps) select array_agg(g.job_id::text) from gone g where g.steps',
                   i_partition, format('(%s,0)', v_block), format('(%s,0)', v_block + 500), v_unkept) into v_stepped;
    if v_stepped is not null then
      perform jobs._drop_steps(v_stepped);
    end if;
    v_block := v_block + 500;
  end loop;
end $$;
