-- The events of workflows. Their topic is workflow.NAME, so that a watch of workflow.* hears of all of them.

-- A workflow has ended, or cannot go on by itself: whoever decides that calls it, in the same transaction.
-- Writes an event if the topic is watched, else does nothing. Locks nothing.
create or replace function jobs._note_workflow_end(i_workflow bigint, i_name text, i_state text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if not jobs._are_watched() then
    return;
  end if;
  perform jobs._write_events(array[row('workflow_ended', 'workflow.' || coalesce(i_name, '-'), 1, i_workflow::text, array[0],
    array[jsonb_build_object('workflow', i_workflow, 'state', i_state)])::jobs.event_group]);
end $$;
