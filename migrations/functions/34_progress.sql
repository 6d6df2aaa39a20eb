-- Progress of running jobs.

-- Takes what a worker reports of the progress of its runs (jobs.beat).
create or replace function jobs._note_progress(i_worker uuid, i_progress jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
end $$;
