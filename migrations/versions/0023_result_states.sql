-- Results of nodes say whether a job failed or was cancelled: functions that return another row are made anew.
drop function if exists jobs.node_results(bigint, text, integer, integer);
drop function if exists jobs.shown_node_results(bigint, text, integer, integer);
drop function if exists jobs._results_of_node(jobs.node, integer, integer);

drop function if exists jobs._tidy_steps(timestamptz, timestamptz);    -- it takes a time as well
