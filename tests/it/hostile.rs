//! Every public function says the same under any settings that a role or a database may have.

use pgjobs_tests::{Db, amount};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

/// The clock stands still, so that two databases say the same to the microsecond.
const NOON: &str = "update jobs.test_clock set at = '2030-06-15 12:00:00+00'; select jobs.maintain_partitions();
    create function public.act(act text) returns text language plpgsql security definer as $$
    declare v_job text; v_lease uuid; begin
      if act = 'ack' then
        select job_id, lease into v_job, v_lease from jobs.consume(1);
        return (select concat_ws(' ', a.task, a.status, a.result, a.attempt, a.complete_on = jobs.now()) from jobs.ack(v_job, '{\"a\": [1]}', v_lease) a);
      end if;
      select c.job_id, c.lease into v_job, v_lease from jobs.consume('b.*', 1) c;
      perform jobs.nack(v_job, 'boom', jobs.now() + interval '1 hour', true, v_lease);
      return (select concat_ws(' ', g.task, g.status, g.retries, g.traceback, g.scheduled_at - jobs.now() = interval '1 hour') from jobs.get(v_job) g);
    end $$";

/// What clients, workers and people call, each with one text that tells what came of it, without ids.
const SCENARIO: &[&str] = &[
    r#"select jobs.register_tasks('[{"name": "mail.send", "aliases": ["mail.old"], "retries": 3, "timeout": 60, "priority": 0, "result_schema": true,
        "params": [{"name": "to", "type": "String", "required": true}, {"name": "at", "type": "i64", "required": false}],
        "args_schema": {"type": "object", "properties": {"to": {"type": "string", "pattern": "^[a-z]+@[a-z.]+$"}, "at": {"type": "integer"}}, "required": ["to"]}},
        {"name": "noop", "retries": 3, "timeout": 60, "priority": 0, "args_schema": {}, "result_schema": {}}]')::text"#,
    r#"select concat_ws(' ', p.task, p.body, p.retries, p.max_retries, p.priority, p.timeout, p.created_at = jobs.now(), p.scheduled_at)
        from jobs.publish('mail.send', '{"args": ["me@example.org"], "kwargs": {"at": 7}}') p"#,
    r#"select jobs.publish('mail.send', '{"args": [7]}')::text"#,
    r#"select jobs.publish('mail.old', '{"kwargs": {"to": "no one"}}')::text"#,
    "select concat_ws(' ', p.task, p.scheduled_at - jobs.now() = interval '2 days', p.timeout, p.max_retries)
        from jobs.publish('noop', 'null', '2030-06-17 12:00:00+00', 1.5, -3, 9) p",
    "select jobs.publish('')::text",
    "select jobs.publish('a', null, null, 'NaN')::text",
    "select string_agg(p.task || p.timeout, ' ') from jobs.publish_bulk(array[('b.one', null, null, null, null, null), ('b_two', '{}', null, 5, 1, 2)]::jobs.bulk_job[]) p",
    r#"select string_agg(p.task || p.priority, ' ') from jobs.publish_json('[{"task": "many", "priority": 2}, {"task": "many", "scheduled_at": "2031-01-01T00:00:00Z"}]') p"#,
    r#"select jobs.publish_json('[{"job": 1}]')::text"#,
    "select cardinality(jobs.publish_arrays('{all.a,all.b}', array['1', null]::jsonb[], null, array[null, 60], '{7.25}', '{1}', null,
        array['01970000000070008000000000000001', '01970000000070008000000000000002']))::text",
    "select jobs.publish_arrays('{a}', array['1']::jsonb[], null, null, null, null, null, '{nope}')::text",
    "select cardinality(jobs.publish_arrays('{packed}', array_fill('{\"args\": [1]}'::jsonb, array[100]), null, null, null, null, null, i_pack => true))::text",
    r#"select string_agg(p.outcome, ' ') from jobs.publish_unique('{once}', array['{"args": [7]}', '{"args": [8]}']::jsonb[], array['{"key": 7, "until": "1 day"}'::jsonb]) p"#,
    r#"select concat_ws(' ', p.task, p.body) from jobs.publish('once', i_unique => '{"key": 7.0}') p"#,
    r#"select jobs.publish('once', i_unique => '{"keys": 7}')::text"#,
    "select string_agg(concat_ws(' ', u.name, u.key, u.state, u.until - jobs.now() = interval '1 day'), ' ') from jobs.unique_keys('once') u",
    "select jobs.release_unique_key('once', '[8]')",
    "select string_agg(concat_ws(' ', o.task, o.ready, o.scheduled, o.running, o.success, o.failed, o.exact), ', ' order by o.task) from jobs.overview() o",
    "select jobs.ended_lately(61)::text",
    "select string_agg(concat_ws(' ', f.task, f.status, f.priority), ', ' order by f.task, f.id) from jobs.find('pending', 'b.*') f",
    "select string_agg(concat_ws(' ', f.task, f.state, f.arguments, f.looked), ', ') from jobs.search('open', 'b.*', i_since => '2000-01-01', i_text => '1') f",
    "select string_agg(concat_ws(' ', o.task, o.ready, o.scheduled, o.running, o.exact), ', ' order by o.task) from jobs.open_counts() o",
    "select concat_ws(' ', jobs.sees_task(), jobs.sees_task('b.x'))",
    "select concat_ws(' ', f.failed, f.failed_exactly, f.backoff, f.backoff_exactly) from jobs.flow() f",
    "select string_agg(concat_ws(' ', f.task, f.state, f.error, f.looked), ', ') from jobs.search('failed', i_error => 'X', i_num => 3) f",
    "select string_agg(concat_ws(' ', s.task, s.body), ', ') from jobs.find('pending', 'b.*') f, lateral jobs.shown(f.job_id) s",
    "select public.act('ack')",
    "select public.act('nack')",
    "select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{*}', '{packed,many,noop}', 100, 30)::text",
    "select concat_ws(' ', count(*), sum(cardinality(c.jobs)), min(c.part), bool_and(c.run_at = jobs.now()))
        from jobs.claim('00000000-0000-7000-8000-000000000000', '{packed,many,noop}', 90, '11111111-1111-1111-1111-111111111111', 5) c",
    "select alive::text from jobs.beat('00000000-0000-7000-8000-000000000000', array['11111111-1111-1111-1111-111111111111'::uuid], '{0}')",
    "select string_agg(concat_ws(' ', c.command is not null, c.worker), ', ') from jobs.control('slots', i_topic => 'no%p', i_details => '{\"slots\": 7}', i_reason => 'x') c",
    "select concat_ws(' ', b.alive, b.commands, b.polls) from jobs.beat('00000000-0000-7000-8000-000000000000', i_receipts => '[{\"id\": 1, \"state\": \"applied\"}]',
        i_status => '{\"paused\": true, \"slots\": 7}') b",
    "select string_agg(concat_ws(' ', c.kind, c.state, c.answer, c.reason), ', ') from jobs.commands() c",
    "select count(*)::text from jobs.held_by('00000000-0000-7000-8000-000000000000')",
    r#"select jobs.note_progress('00000000-0000-7000-8000-000000000000', (select jsonb_agg(jsonb_build_object('lease', h.lease, 'run', h.batch_index, 'job', h.job_id, 'version', 1,
        'done', h.batch_index, 'total', 0.5, 'note', 'note ' || h.batch_index, 'logs', '[[1, [["2030-06-15T12:00:00Z", "info", "a", "b", {"c": 1}]]]]'::jsonb))
        from jobs.held_by('00000000-0000-7000-8000-000000000000') h where h.batch_index < 3))::text"#,
    "select jobs.note_progress('00000000-0000-7000-8000-000000000000', '{}')::text",
    "select jobs.set_progress('nobody', 1)::text",
    "select string_agg(concat_ws(' ', p.attempt, p.at = jobs.now(), p.done, p.total, p.note), ', ' order by p.done)
        from jobs.progress_of(array(select h.job_id::text from jobs.held_by('00000000-0000-7000-8000-000000000000') h)) p",
    "select concat_ws(' ', l.position, l.attempt, l.at, l.level, l.target, l.message, l.fields) from jobs.held_by('00000000-0000-7000-8000-000000000000') h, jobs.job_log(h.job_id) l limit 1",
    "select count(*)::text from jobs.settle((select array_agg(h.job_id::text order by h.batch_index) from jobs.held_by('00000000-0000-7000-8000-000000000000') h),
        (select array_agg(h.lease order by h.batch_index) from jobs.held_by('00000000-0000-7000-8000-000000000000') h),
        (select array_agg((array['success', 'fail', 'retry', 'snooze', 'release', 'verify'])[1 + (h.batch_index % 6)] order by h.batch_index) from jobs.held_by('00000000-0000-7000-8000-000000000000') h),
        (select array_agg(to_jsonb(h.batch_index) order by h.batch_index) from jobs.held_by('00000000-0000-7000-8000-000000000000') h),
        (select array_agg('error ' || h.batch_index order by h.batch_index) from jobs.held_by('00000000-0000-7000-8000-000000000000') h),
        (select array_agg(h.batch_index::float8 order by h.batch_index) from jobs.held_by('00000000-0000-7000-8000-000000000000') h),
        (select array_agg(h.batch_index order by h.batch_index) from jobs.held_by('00000000-0000-7000-8000-000000000000') h))",
    "select string_agg(concat_ws(' ', o.task, o.ready, o.scheduled, o.running, o.success, o.failed, o.exact), ', ' order by o.task) from jobs.overview() o",
    "select concat_ws(' ', jobs.count('failed'), jobs.count('success'), jobs.count('pending', 'b.*'), jobs.count('running'), jobs.count('cancelled'))",
    "select string_agg(e.code || ': ' || e.message, '; ') from (select job_id from jobs.find('pending', 'b.one')) f, lateral jobs.explain(f.job_id) e",
    "select string_agg(e.code || ': ' || e.message, '; ') from (select job_id from jobs.find('failed', null, null, 1)) f, lateral jobs.explain(f.job_id) e",
    "select string_agg(e.code || ': ' || e.message, '; ') from (select job_id from jobs.find('pending', 'mail.send')) f, lateral jobs.explain(f.job_id) e",
    "select string_agg(concat_ws(' ', r.status, r.result, r.traceback), ', ') from (select job_id from jobs.find('success', null, null, 3)) f, lateral jobs.result(f.job_id) r",
    "select count(*)::text from jobs.retry(array(select job_id::text from jobs.find('failed')))",
    "select count(*)::text from jobs.cancel(array(select job_id::text from jobs.find('pending', 'many')))",
    "select jobs.purge('all.*')::text",
    "select jobs.pause_topic('b.*', '2030-07-01 00:00+00', 'moves')::text",
    "select concat_ws(' ', p.topic, p.paused_at = jobs.now(), p.until, p.note, (select count(*) from jobs.consume('b.*', 5))) from jobs.pauses() p",
    "select string_agg(e.code || ': ' || e.message, '; ') from (select job_id from jobs.find('pending', 'b.one')) f, lateral jobs.explain(f.job_id) e",
    "select jobs.resume_topic('b.*')::text",
    "select concat_ws(' ', jobs.set_draining(true, 'moves'), jobs.set_draining(true, 'out'))",
    "select concat_ws(' ', d.since = jobs.now(), d.note, d.actor = session_user, (select jobs.set_draining(false)), (select count(*) from jobs.draining())) from jobs.draining() d",
    r#"select jobs.set_limit('two', 'b.*', '{"key": ["n"], "max": 2, "rates": ["100/s", "7/10m"], "burst": 20}')::text"#,
    r#"select jobs.set_limit('two', null, '{"max": null, "rates": ["1000/h"], "cost": "n"}')::text"#,
    r#"select jobs.set_limit('two', null, '{"maxx": 1}')::text"#,
    "select concat_ws(' ', a.action, a.target, a.details->>'topic', a.details->>'options') from jobs.audit_log('two') a limit 1",
    "select concat_ws(' ', jobs.drop_limit('two'), jobs.drop_limit('two'))",
    "select jobs.set_limit('limit', 'limited', '{\"key\": [\"a\"], \"max\": 1, \"rates\": [\"2/s\"]}')::text",
    "select string_agg((jobs.publish('limited', '{\"kwargs\": {\"a\": 1}}')).task, ' ') from generate_series(1, 3)",
    "select count(*)::text from jobs.consume_topic('limited', 5)",
    "select concat_ws(' ', l.name, l.topic, l.key, l.max, l.rates, l.held, l.blocked, l.keys, l.closed, l.changed_at = jobs.now()) from jobs.limits('limited') l",
    "select jobs.block_key('limit', '1', '2030-07-01 00:00+00', 'told')::text",
    "select concat_ws(' ', k.key, k.held, k.blocked, k.closed_until, k.reason, k.next_at) from jobs.limit_keys('limit') k",
    "select concat_ws(' ', k.name, k.key, k.reason, k.closed_until, k.blocked) from jobs.blocked_keys() k",
    "select string_agg(e.code || ': ' || regexp_replace(e.message, '[0-9a-f]{32}', 'id'), '; ') from (select job_id from jobs.find('pending', 'limited', null, 1)) f, lateral jobs.explain(f.job_id) e",
    "select jobs.release_key('limit', '[1]')::text",
    "select concat_ws(' ', jobs.acquire('limit', '2'), jobs.acquire('limit', '2', 2) > 0)",
    "select jobs.check_limits()::text",
    r#"select jobs.publish_workflow('[{"name": "first", "task": "limited"}, {"name": "then", "task": "limited", "bind": {"a": "first"}}]', 'flow')::text"#,
    r#"select jobs.publish_workflow('[{"name": "a", "task": "limited", "after": ["b"]}, {"name": "b", "task": "limited", "after": ["a"]}]')::text"#,
    "select string_agg(concat_ws(' ', w.name, w.state, w.nodes, w.open, n.name, n.state, n.after), '; ' order by n.id) from jobs.workflows() w, jobs.workflow_nodes(w.id) n",
    "select string_agg(concat_ws(' ', e.code, e.message), '; ') from jobs.workflows() w, jobs.explain_workflow(w.id) e",
    "select string_agg(jobs.cancel_workflow(w.id, null, 'told')::text, ' ') from jobs.workflows() w",
    "select string_agg(r.r, ' ') from jobs.workflows() w, lateral (select count(*)::text as r from jobs.retry_workflow(w.id)) r",
    "select string_agg(jobs.cancel_workflow(w.id)::text, ' ') from jobs.workflows() w",
    "select jobs.drop_limit('limit')::text",
    "select jobs.purge('limited')::text",
    "select (jobs.publish('stepped', i_priority => 9)).task",
    r#"select concat_ws(' ', jobs.save_step(c.job_id, c.lease, 'one', '{"b": 1.50, "a": [null]}', '{"y": 1, "x": 2}'), jobs.sleep(c.job_id, c.lease, 'nap', 90), jobs.await_signal(c.job_id, c.lease, 'go', 90),
        (select count(*) from jobs.settle(array[c.job_id::text], array[c.lease], '{snooze}', i_delays => '{90}'))) from jobs.consume_topic('stepped', 1) c"#,
    "select string_agg(concat_ws(' ', s.name, s.kind, s.state, s.bytes, s.until, s.attempt, s.saved_at = jobs.now()), ', ') from jobs.find('pending', 'stepped') f, jobs.steps(f.job_id) s",
    "select encode(c.inputs_hash, 'hex') from jobs.checkpoint c where c.name = 'one'",
    "select string_agg(e.code || ': ' || e.message, '; ') from (select job_id from jobs.find('pending', 'stepped')) f, lateral jobs.explain(f.job_id) e",
    r#"select concat_ws(' ', jobs.signal('go', '{"d": "2030-01-01", "n": 1e400}'), jobs.signal('go'))"#,
    "select jobs.step_value(f.job_id, 'go')::text from jobs.find('pending', 'stepped') f",
    "select string_agg(concat_ws(' ', u.task, u.name, u.jobs), ', ') from jobs.unknown_steps('{stepped}', '{n*}') u",
    "select count(*)::text from jobs.cancel(array(select job_id::text from jobs.find('pending', 'stepped')))",
    "select jobs.watch('b.*', '{queued,cancelled}')::text",
    "select concat_ws(' ', w.topic, w.kinds, w.is_declared, w.watched_at = jobs.now()) from jobs.watches() w",
    "select (jobs.publish_arrays('{b.watched}', '{1,2}', null, null, null, null, null) is not null)::text",
    "select cardinality(array(select jobs.cancel(array(select job_id::text from jobs.find('pending', 'b.watched')))))::text",
    "select string_agg(concat_ws(' ', e.kind, e.task, e.attempt, e.details), ', ' order by e.ordinality) from jobs.events_after(jobs.event_position()) with ordinality e",
    "select (jobs.event_position() <> '')::text",
    "select concat_ws(' ', jobs.await_events(1)::text, jobs.announce_events())",
    "select jobs.unwatch('b.*')::text",
    "select string_agg(concat_ws(' ', p.code, p.severity, p.found, p.allowed), ', ') from jobs.problems() p where p.code <> 'setting_in_the_way'",
    "select string_agg(concat_ws(' ', m.name, m.labels, m.value), ', ' order by m.name, m.labels::text) from jobs.metrics('tasks') m where m.name <> 'pgjobs_oldest_ready_seconds'",
    "select concat_ws(' ', jobs.keep_statistics(true), jobs.keep_statistics(true))",
    "select string_agg(concat_ws(' ', e.task, e.error, e.jobs, e.exact, e.first_at <= e.last_at), ', ') from jobs.errors() e",
    "select (jobs.standby() is null)::text",
    "select concat_ws(' ', h->>'standby', jsonb_typeof(h->'tables'), jsonb_typeof(h->'holders')) from jobs.server_health() h",
    "select concat_ws(' ', t.name, t.workers, t.validation, t.aliases) from jobs.tasks() t where t.declared order by 1 limit 1",
    "select string_agg(concat_ws(' ', t.task, t.ready, t.scheduled, t.running, t.exact, jsonb_array_length(t.signatures)), ', ' order by t.task) from jobs.tasks_in_use('{*}') t",
    "select count(*)::text from jobs.sample_keys('packed', 3, 2)",
    "select concat_ws(' ', count(*), min(l.body::text)) from jobs.read_ready('packed', i_num => 3) l",
    "select count(*)::text from jobs.sample_not_ready('noop', 3)",
    "select string_agg(b.body::text, ' ') from jobs.open_bodies(array(select job_id::text from jobs.find('pending', 'b_*'))) b",
    "select jobs.set_validation('mail.send', 'warn')::text",
    r#"select concat_ws(' ', e.body, e.priority, e.timeout, e.meta, e.status) from (select job_id from jobs.find('pending', 'b.one', null, 1)) f,
        lateral jobs.edit(f.job_id, '{"args": [2]}', 5, jobs.now() + interval '1 day', 1.5, 4, '{"a": 1}', 'x') e"#,
    "select count(*)::text from (select job_id from jobs.find('pending', 'noop', null, 1)) f, lateral jobs.cancel(array[f.job_id::text])",
    "select string_agg(concat_ws(' ', r.new_job_id is null, r.skipped), ', ') from jobs.redrive(array(select job_id::text from jobs.find('cancelled', 'noop')) || 'x'::text) r",
    "select concat_ws(' ', p.jobs, p.exact, jsonb_array_length(p.examples)) from jobs.preview_operation('retry', '*', 'cancelled') p",
    "select concat_ws(' ', o.id, o.kind, o.job_state, o.state, o.matched, o.rate) from jobs.start_operation('retry', 'ma*', 'cancelled', null, '2030-01-01', '2031-01-01', 1000, 'why') o",
    "update jobs.test_clock set at = at + interval '1 second'",
    "select concat_ws(' ', (jobs.pause_operation(1)).state, (jobs.resume_operation(1)).state)",
    "update jobs.test_clock set at = at + interval '1 second'",
    "select concat_ws(' ', o.state, o.done, o.skipped, o.skips, o.left_out, o.last_error) from jobs.step_operation(1, 5) o",
    "select concat_ws(' ', o.kind, o.matched) from jobs.start_operation('cancel', 'many') o",
    "select concat_ws(' ', o.state, o.done, o.last_error) from jobs.step_operation(2, 5) o",
    "select concat_ws(' ', o.kind, (jobs.cancel_operation(o.id)).state) from jobs.start_operation('purge', 'none') o",
    "select string_agg(concat_ws(' ', o.id, o.state), ', ') from jobs.operations() o",
    "select concat_ws(' ', g.topic, g.done) from jobs.get_operation(2) g",
    "select jobs.keep('many', 'failed', 3)::text",
    "select string_agg(concat_ws(' ', k.topic, k.status, k.days), ', ') from jobs.keep_rules() k",
    "select string_agg(concat_ws(' ', a.id, a.action, a.target like '0%', a.jobs, a.reason), ', ') from jobs.audit_log() a",
    "select concat_ws(' ', s.name, s.task, s.cron, s.zone, s.next_at = '2030-06-16 05:00:00+00', s.paused_at) from jobs.set_schedule('daily', 'noop', i_cron => '0 7 * * *',
        i_zone => 'Europe/Berlin', i_overlap => 'skip', i_jitter => '5 min') s",
    "select concat_ws(' ', s.every = interval '90 s', s.next_at > jobs.now(), s.catch_up) from jobs.set_schedule('often', 'noop', i_every => '90 s', i_catch_up => 'all') s",
    "select jobs.set_schedule('wrong', 'noop', i_cron => '0 25 * * *')::text",
    "select jobs.set_schedule('wrong', 'noop', i_cron => '0 5 * * *', i_zone => 'Europe/Nowhere')::text",
    "select string_agg(to_char(t at time zone 'UTC', 'MM-DD HH24:MI'), ' ') from jobs.next_ticks('30 2 L,15w * fri#2,sunL', 'Australia/Lord_Howe', 40) t",
    "select (jobs.run_schedule('daily') is not null)::text",
    "select s.pause_note from jobs.pause_schedule('often', 'holiday') s",
    "select string_agg(concat_ws(' ', e.code, e.message), '; ') from jobs.explain_schedule('often') e",
    "select ((jobs.resume_schedule('often')).pause_note is null)::text",
    "select count(*)::text from jobs.backfill_schedule('often', '2030-01-01 00:00+00', '2030-01-01 01:00+00')",
    "select count(*)::text from jobs.schedule_ticks('daily', 3)",
    "select concat_ws(' ', g.name, g.overlap, g.jitter = interval '5 min', g.declared, g.edited) from jobs.get_schedule('daily') g",
    "select jobs.grant_topic('postgres', 'mail.*')::text",
    "select string_agg(concat_ws(' ', g.role, g.topic, g.publish, g.consume), ', ') from jobs.topic_grants() g",
    "select jobs.revoke_topic('postgres', 'mail.*')::text",
    "update jobs.test_clock set at = at + interval '3 days'",
    "select string_agg(r, ', ') from jobs.maintain_partitions() r",
    "select (jobs.maintain() is not null)::text",
    "select count(*)::text from jobs.statistics(null, jobs.now() - interval '29 days', jobs.now(), '6 h') s",
    "select (count(*) >= 0)::text from jobs.task_statistics('*', jobs.now() - interval '29 days') s",
    "select concat_ws(' ', jobs.sweep(), jobs.promote(), jobs.tick())",
    "select string_agg(concat_ws(' ', l.outcome, l.tick is null, l.at = jobs.now(), l.reason), '; ') from jobs.schedule_log('daily') l",
    "select string_agg(concat_ws(' ', s.name, s.next_at > jobs.now(), s.due_at - s.next_at < interval '5 min', s.last_at < jobs.now()), '; ') from jobs.schedules('*') s",
    "select jobs.drop_schedule('daily')::text",
    "select string_agg(concat_ws(' ', o.task, o.ready, o.scheduled, o.running, o.success, o.failed, o.cancelled), ', ' order by o.task) from jobs.overview() o",
    "select string_agg(concat_ws(' ', e.task, e.success, e.failed, e.cancelled), ', ' order by e.task) from jobs.ended_lately(60) e",
    "select count(*)::text from jobs.workers() w where not w.alive",
    "select jobs.unregister_worker('00000000-0000-7000-8000-000000000000')::text",
    "update jobs.test_clock set at = at + interval '20 days'",
    "select count(*)::text from jobs.maintain_partitions()",
    "update jobs.test_clock set at = at + interval '61 minutes'",
    "select string_agg(r, ', ') from jobs.maintain_partitions() r",
    "select concat_ws(' ', jobs.count('success'), (select count(*) from jobs.running), (select count(*) from jobs.expired), (select count(*) from jobs.job_queue))",
    "select string_agg(concat_ws(' ', k.topic, k.clean_until), ', ') from jobs.keep_rules() k",
    "select jobs.drop_keep('many', 'failed')::text",
    "select string_agg(u, ', ') from jobs.unusable() u",
];

/// One setting each, or a few that go together.
const SETTINGS: &[&[&str]] = &[
    &["default_transaction_isolation = 'serializable'"],
    &["default_transaction_isolation = 'repeatable read'"],
    &["lock_timeout = '5s'", "statement_timeout = '20s'", "idle_in_transaction_session_timeout = '5s'"],
    &["jit = on", "jit_above_cost = 0", "jit_inline_above_cost = 0", "jit_optimize_above_cost = 0"],
    &["enable_seqscan = off", "enable_bitmapscan = off", "enable_sort = off"],
    &["enable_indexscan = off", "enable_indexonlyscan = off"],
    &["enable_hashjoin = off", "enable_hashagg = off", "enable_mergejoin = off"],
    &["enable_nestloop = off", "enable_material = off"],
    &[
        "enable_partition_pruning = off",
        "constraint_exclusion = off",
        "from_collapse_limit = 1",
        "join_collapse_limit = 1",
    ],
    &["plan_cache_mode = 'force_generic_plan'"],
    &["plan_cache_mode = 'force_custom_plan'", "work_mem = '64kB'"],
    &[
        "parallel_setup_cost = 0",
        "parallel_tuple_cost = 0",
        "min_parallel_table_scan_size = 0",
        "max_parallel_workers_per_gather = 4",
    ],
    &["standard_conforming_strings = off", "escape_string_warning = off", "backslash_quote = 'on'"],
    &["plpgsql.variable_conflict = 'use_variable'"],
    &["plpgsql.variable_conflict = 'use_column'"],
    &["plpgsql.extra_errors = 'all'"],
    &["datestyle = 'German'", "intervalstyle = 'iso_8601'", "timezone = 'Asia/Kolkata'"],
    &["datestyle = 'SQL, DMY'", "intervalstyle = 'sql_standard'", "timezone = 'America/Santiago'"],
    &["datestyle = 'Postgres, MDY'", "intervalstyle = 'postgres_verbose'", "timezone = 'Pacific/Kiritimati'"],
    &[
        "bytea_output = 'escape'",
        "extra_float_digits = -15",
        "array_nulls = on",
        "transform_null_equals = on",
    ],
    &["search_path = ''"],
    &["search_path = 'jobs', 'public'"],
    &["row_security = off", "session_replication_role = 'replica'"],
    &["synchronous_commit = off", "default_transaction_deferrable = on", "check_function_bodies = off"],
];

/// What every step says, an error with its code and words.
async fn answers(session: &mut PgConnection) -> Vec<String> {
    let mut answers = Vec::new();
    for step in SCENARIO {
        let row = session.fetch_optional(AssertSqlSafe(*step)).await;
        answers.push(match row {
            Ok(row) => row.and_then(|row| row.get::<Option<String>, _>(0)).unwrap_or_default(),
            Err(error) => format!("{error}"),
        });
    }
    answers
}

async fn fresh() -> Db {
    let db = Db::with_clock().await;
    db.run(NOON).await;
    db
}

async fn compare(expected: &[String], db: &Db, under: &str) {
    let mut session = db.connect().await;
    let answers = answers(&mut session).await;
    for ((step, answer), expected) in SCENARIO.iter().zip(&answers).zip(expected) {
        assert_eq!(answer, expected, "under {under}: {step}");
    }
}

async fn expected() -> Vec<String> {
    let db = fresh().await;
    answers(&mut db.connect().await).await
}

#[tokio::test]
async fn every_function_says_the_same_under_any_settings() {
    let expected = expected().await;
    let failed: Vec<&String> = expected.iter().filter(|said| said.contains("error returned")).collect();
    assert_eq!(failed.len(), 15, "refusals that belong to the scenario: {failed:#?}");
    // In `cargo test` a few at once, of which no two are about the same; with the feature `soak` each alone.
    let groups = amount(6, 100) as usize;
    for group in 0..groups.min(SETTINGS.len()) {
        let settings = SETTINGS.iter().skip(group).step_by(groups).copied().flatten().collect::<Vec<_>>();
        let db = fresh().await;
        let database: String = db.one("select current_database()::text").await;
        for setting in &settings {
            db.run(&format!("alter database {database} set {setting}")).await;
        }
        compare(&expected, &db, &format!("{settings:?}")).await;
    }
}

/// Change data capture, as of Debezium: a publication of all tables.
#[tokio::test]
async fn every_function_says_the_same_beside_a_publication_of_all_tables() {
    let expected = expected().await;
    let db = fresh().await;
    db.run("set client_min_messages = error; create publication everything for all tables").await;
    compare(&expected, &db, "a publication").await;
    pgjobs::migrate(&db.pool).await.expect("nothing to do");
}

/// In a transaction of the caller's with the strictest isolation, all of it.
#[tokio::test]
async fn every_function_works_inside_one_serializable_transaction() {
    let expected = expected().await;
    let db = fresh().await;
    let mut session = db.connect().await;
    let mut transaction = session.begin().await.unwrap();
    transaction.execute("set transaction isolation level serializable").await.unwrap();
    let mut answers = Vec::new();
    for step in SCENARIO {
        transaction.execute("savepoint s").await.unwrap();
        let row = transaction.fetch_optional(AssertSqlSafe(*step)).await;
        answers.push(match row {
            Ok(row) => row.and_then(|row| row.get::<Option<String>, _>(0)).unwrap_or_default(),
            Err(error) => {
                transaction.execute("rollback to savepoint s").await.unwrap();
                format!("{error}")
            }
        });
    }
    for ((step, answer), expected) in SCENARIO.iter().zip(&answers).zip(&expected) {
        // It died after the snapshot of the transaction, whose sweeps cannot know that nothing is left of it.
        let expected = if step.ends_with("w where not w.alive") { "1" } else { expected };
        assert_eq!(answer, expected, "{step}");
    }
    transaction.rollback().await.unwrap();
}

/// Every kind of job, each of them alone and published with others.
const KINDS: &str = "
select jobs.publish('one'), jobs.publish('later', null, now() + interval '1 hour'), jobs.publish('unknown.task');
select jobs.publish_arrays('{packed}', array_fill('1'::jsonb, array[64]), null, null, null, null, null, i_pack => true);
select jobs.publish('failed', i_max_retries => 1), jobs.publish('again'), jobs.publish('good'), jobs.publish('gone'), jobs.publish('plain');
do $$ declare j record; begin
  for j in select * from jobs.consume('failed', 1) union all select * from jobs.consume('again', 1) loop perform jobs.nack(j.job_id, 'x', null, true, j.lease); end loop;
  for j in select * from jobs.consume('good', 1) loop perform jobs.ack(j.job_id, '1', j.lease); end loop;
end $$;
select jobs.cancel(array(select job_id::text from jobs.find('pending', 'gone')));
select jobs.consume('plain', 1);
select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{*}', '{packed2}', 100, 3600);
select jobs.publish_arrays('{packed2}', array_fill('1'::jsonb, array[64]), null, null, null, null, null, i_pack => true);
select jobs.claim('00000000-0000-7000-8000-000000000000', '{packed2}', 64, gen_random_uuid());
create table kinds as select distinct on (task, status) job_id::text, task, status from jobs.all order by task, status, id;
insert into kinds values ('00000000000070008000000000000000', 'absent', 'none'), ('nonsense', 'absent', 'none');
";

/// A function that remembers a plan or a type from its first call must do as well in its second, of another kind.
#[tokio::test]
async fn every_function_takes_every_kind_of_job_in_one_session() {
    let db = Db::new().await;
    db.run(KINDS).await;
    let functions: Vec<String> = db
        .all(
            "select format('jobs.%s(%s)', proname, case when proargtypes[0] = 'text[]'::regtype then 'array[%s]' else '%s' end)
             from pg_proc where pronamespace = 'jobs'::regnamespace and proargnames[1] in ('i_job', 'i_jobs') and proargtypes[0] in ('text[]'::regtype, 'varchar'::regtype)
               and pronargs - pronargdefaults = 1 order by proname !~ '^_', proname",
        )
        .await;
    assert!(functions.iter().any(|name| name.contains("explain")) && functions.len() > 10, "{functions:?}");
    let jobs: Vec<String> = db.all("select job_id from kinds order by task").await;
    assert!(jobs.len() >= 12, "{}", jobs.len());
    for function in functions {
        for order in [jobs.clone(), jobs.iter().rev().cloned().collect()] {
            let mut session = db.connect().await;
            for job in order.iter().chain(&order) {
                let call = format!("select {}", function.replace("%s", &format!("'{job}'")));
                let mut transaction = session.begin().await.unwrap();
                if let Err(error) = transaction.execute(AssertSqlSafe(call)).await {
                    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
                    let refused = code.starts_with("PT") || code == "P0001";
                    assert!(refused, "{function} of {job}: {error}");
                }
                transaction.rollback().await.unwrap();
            }
        }
    }
}
