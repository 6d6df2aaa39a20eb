-- Draining: of several servers this one is to get no new keys any more, because it will be removed. It is a
-- notice to publishers that route by key. Nothing here acts on it: a publish is never refused, since the
-- server of a transaction is where its data lies, and workers claim as before until nothing is left.

-- Says that this server is draining, or no longer; returns whether that was otherwise before. While it is
-- draining, a further call changes who says so and the note, and keeps the time. Locks its one row. PT400 for
-- null and for a long note.
create or replace function jobs.set_draining(i_draining boolean, i_note text default null) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_found boolean;
begin
  if i_draining is null then
    raise sqlstate 'PT400' using message = 'draining is true or false', hint = 'jobs.set_draining(true) begins it, jobs.set_draining(false) ends it';
  elsif length(i_note) > 1000 then
    raise sqlstate 'PT400' using message = 'the note has at most 1000 characters', hint = 'give a shorter note';
  end if;
  if i_draining then
    v_found := exists (select from jobs.server_state);
    insert into jobs.server_state as s (draining_since, draining_by, note) values (jobs.now(), jobs._caller(), i_note)
    on conflict (only_row) do update set (draining_by, note) = (excluded.draining_by, excluded.note);
  else
    delete from jobs.server_state;
    v_found := not found;
  end if;
  perform jobs._audit('set_draining', null, null, i_note, jsonb_build_object('draining', i_draining));
  return not v_found;
end $$;

-- Since when this server is draining, the note, and the role that said so; no row: it is not. Locks nothing.
create or replace function jobs.draining() returns table (since timestamptz, note text, actor text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query select s.draining_since, s.note, s.draining_by::text from jobs.server_state s;
end $$;
