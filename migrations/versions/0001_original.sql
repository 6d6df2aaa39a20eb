-- The first half of taking over a database that the Python package 0.2.1 made: sets its objects aside.

-- The Python package 0.2.1 (below: the original) kept its jobs in tables of these names. Its functions and
-- views are dropped; its tables are renamed until 0007_adopt_original.sql has copied their rows. Nothing is
-- dropped with cascade: if one of your views depends on the original, the migration stops with an error that
-- names the view, and nothing is lost.
do $$
begin
  if pg_catalog.to_regclass('jobs.migrations') is not null then
    drop function if exists jobs.consume(varchar, integer), jobs.consume(integer), jobs.clean_timeout(),
      jobs.nack(varchar, text, timestamp, boolean), jobs.ack(varchar, jsonb),
      jobs.publish_bulk(jobs.bulk_job[]),
      jobs.publish(varchar, jsonb, timestamp, numeric, integer, integer);
    drop type if exists jobs.bulk_job;
    drop view if exists jobs."all", jobs.running, jobs.expired;
    drop sequence if exists jobs.job_number;
    alter table jobs.job_queue rename to original_job_queue;
    alter table jobs.job rename to original_job;
    alter table jobs.original_job_queue rename constraint job_queue_pkey to original_job_queue_pkey;
    alter table jobs.original_job rename constraint job_pkey to original_job_pkey;
    alter type jobs.job_status rename to original_job_status;
    drop table jobs.migrations;
  end if;
end $$;
