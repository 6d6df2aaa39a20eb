-- How soon jobs of a task have to end, as its program declares it.
alter table jobs.task add column slo numeric(9, 2);   -- seconds from due to its end; null: nothing is declared
create index task_with_slo on jobs.task (name) where slo is not null;
alter type jobs.declaration add attribute slo numeric(9, 2);
drop function if exists jobs.tasks();                 -- returns it too
