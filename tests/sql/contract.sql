-- The contract of schema `jobs`, as a database's own test suite states it. Run by pg_prove.
\set ECHO none
\set QUIET on
begin;
select no_plan();

-- What clients call.
select has_function('jobs', 'publish', array['varchar', 'jsonb', 'timestamptz', 'numeric', 'integer', 'integer', 'boolean', 'text', 'jsonb', 'jsonb']);
select has_function('jobs', 'publish_bulk', array['jobs.bulk_job[]']);
select has_function('jobs', 'consume', array['integer']);
select has_function('jobs', 'consume', array['varchar', 'integer']);
select has_function('jobs', 'consume_topic', array['varchar', 'integer']);
select has_function('jobs', 'ack', array['varchar', 'jsonb', 'uuid']);
select has_function('jobs', 'nack', array['varchar', 'text', 'timestamptz', 'boolean', 'uuid']);
select has_function('jobs', 'heartbeat', array['varchar', 'uuid', 'numeric']);
select has_function('jobs', 'explain', array['varchar']);
select volatility_is('jobs'::name, f::name, 'stable', f || ' is stable') from unnest(array['get', 'result', 'find', 'overview', 'workers', 'tasks', 'explain', 'count']) f;
select is_definer('jobs'::name, f::name, f || ' is security definer') from unnest(array['publish', 'publish_bulk', 'consume', 'consume_topic', 'ack', 'nack', 'explain', 'cancel', 'retry']) f;

-- What they read.
select has_view('jobs'::name, v::name, v || ' is a view') from unnest(array['all', 'running', 'expired', 'job_queue']) v;
select has_column('jobs'::name, 'job_queue'::name, c::name, 'job_queue has ' || c)
from unnest(array['id', 'job_id', 'task', 'body', 'retries', 'max_retries', 'priority', 'timeout', 'created_at', 'run_at', 'scheduled_at']) c;
select has_column('jobs'::name, 'job'::name, c::name, 'job has ' || c)
from unnest(array['id', 'job_id', 'task', 'body', 'retries', 'max_retries', 'priority', 'timeout', 'status', 'created_at', 'run_at',
                  'scheduled_at', 'complete_on', 'result', 'traceback']) c;
select hasnt_column('jobs'::name, v::name, 'lease'::name, v || ' shows no lease') from unnest(array['all', 'running', 'expired', 'job_queue']) v;
select ok(max(migration) >= 1, 'the original''s client finds nothing to migrate') from jobs.migrations;

-- Publishing.
select is((p.retries, p.max_retries, p.priority, p.timeout::integer), (0, 3, 0, 60), 'NULL means the default')
from jobs.publish('tap.a', '{"args": [1], "kwargs": null}') p;
select throws_ok($$select jobs.publish('')$$, 'PT400');
select throws_ok($$select jobs.publish('a', null, null, 0)$$, 'PT400');
select throws_ok($$select jobs.publish('a', null, null, null, null, 0)$$, 'PT400');
select throws_ok($$select jobs.publish('a', to_jsonb(repeat('x', 2000000)))$$, 'PT413');
select is(count(*)::integer, 2, 'in bulk')
from jobs.publish_bulk(array[('tap.b', null, null, null, 5, null), ('tap.b', null, now() + interval '1 day', null, null, 1)]::jobs.bulk_job[]);

-- Claiming: the greater priority first, what is due, what the topic names.
create temp table claim as select * from jobs.consume_topic('tap.%', 10);
select results_eq('select task::text, attempt from claim order by priority desc', $$values ('tap.b', 1), ('tap.a', 1)$$, 'greater priority first, and only what is due');
select isnt(c.lease, null, 'a lease for each') from claim c;
select is_empty($$select * from jobs.consume_topic('tap.%', 10)$$, 'nobody gets a running job');
select is_empty($$select * from jobs.consume_topic('tap_a', 10)$$, '_ is literal');

-- Settling.
select throws_ok($$select jobs.ack('nosuchjob')$$, 'P0001');
select throws_ok(format($$select jobs.ack(%L, null, gen_random_uuid())$$, c.job_id), 'PT409') from claim c where c.task = 'tap.a';
select is(a.status::text, 'success', 'an ack under its lease') from claim c, jobs.ack(c.job_id, '{"n": 1}', c.lease) a where c.task = 'tap.a';
select lives_ok(format($$select jobs.ack(%L, '{"n": 1}', %L)$$, c.job_id, c.lease), 'may be said again') from claim c where c.task = 'tap.a';
select lives_ok(format($$select jobs.nack(%L, 'no', now(), true)$$, c.job_id)) from claim c where c.task = 'tap.b';
select is((q.retries, q.run_at is null), (1, true), 'a nack puts the job back, charged') from jobs.job_queue q where q.task = 'tap.b' and q.retries > 0;
select is(h.result, '{"n": 1}', 'the result lies in history') from jobs.job h where h.task = 'tap.a';

-- Nothing is for everybody.
select schema_privs_are('jobs', 'public', array[]::text[]);
select is_empty(
  $$select p.oid::regprocedure from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    where p.pronamespace = 'jobs'::regnamespace and a.grantee = 0$$, 'PUBLIC may call nothing');

select * from finish();
rollback;
