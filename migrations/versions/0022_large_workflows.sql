-- Large workflows: of many ends in one statement one delta has its workflow looked at, and a large group that is
-- stopped is cancelled in pieces.
alter table jobs.node add column stopped_to integer;       -- of a group: how many of its jobs were cancelled so; null: none
alter table jobs.node_delta add column is_first boolean;   -- false: beside another of its workflow, or left on purpose

drop trigger advance on jobs.node_delta;
create constraint trigger advance after insert on jobs.node_delta deferrable initially deferred
  for each row when (new.is_first is not false) execute function jobs._advance_at_commit();

drop function if exists jobs.workflow_nodes(bigint);       -- it takes names as well
