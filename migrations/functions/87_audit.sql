-- The audit: who did what to which jobs, when and why. Functions of operators write it, in the transaction of
-- what they do, so that it says neither more nor less than what happened.

-- Writes a row of the audit. Locks nothing that anybody waits for.
create or replace function jobs._audit(i_action text, i_target text, i_jobs bigint, i_reason text default null, i_details jsonb default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into jobs.audit (at, who, role, action, target, jobs, reason, details)
  values (jobs.now(), session_user, nullif(current_setting('role', true), 'none'), i_action, left(i_target, 1000), i_jobs, left(i_reason, 1000), i_details);
end $$;
