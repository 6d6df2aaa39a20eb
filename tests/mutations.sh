#!/usr/bin/env bash
# Removes each safeguard of the SQL layer in turn and shows which test goes red. Exits with 1 when one survives.
# Not part of every CI run: tests/mutations.sh takes about half an hour. With an argument: only what matches it.
set -uo pipefail
cd "$(dirname "$0")/.."
cargo test -q -p pgjobs-tests --test it --test worker --test crash --test schedules --test control --test operations --test events --test limits --test steps --test workflows --no-run || exit 2
survived=0

# safeguard: what it is; then the mutation as function|text|replacement; then the tests that should notice
check() {
  local safeguard=$1 mutation=$2; shift 2
  [[ "$safeguard $mutation" == *${only:-}* ]] || return 0
  local log
  log=$(PGJOBS_MUTATION=$mutation cargo test -p pgjobs-tests "$@" 2>&1)
  local red; red=$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' <<<"$log" | head -n 3 | paste -sd' ')
  if grep -q "is not in " <<<"$log"; then red="(the mutation no longer applies)"; survived=1
  elif [ -z "$red" ]; then red="SURVIVED"; survived=1; fi
  printf '| %s | %s |\n' "$safeguard" "$red"
}
only=${1:-}
it=(--test it --)

echo '| without | red |'; echo '|---|---|'
check "the lease test of ack" "ack|jobs._hold(i_job, i_lease)|jobs._hold(i_job, null)" "${it[@]}" settling
check "the lease test of nack" "nack|jobs._hold(i_job, i_lease)|jobs._hold(i_job, null)" "${it[@]}" settling
check "the bits that say what still runs, in settle" "_accept|array_agg(b.open & g.bits)|array_agg(g.bits)" "${it[@]}" settling batches
check "the refusal of two outcomes of one run" "_accept|if v_is_twice then|if false then" "${it[@]}" batches
check "the end of a plain lease in heartbeat" "heartbeat|and r.expires_at > jobs.now()|" "${it[@]}" settling contract
check "the refusal of a worker that was declared dead" "_begin_claim|w.id = i_worker and w.lost_at is null|w.id = i_worker" "${it[@]}" workers
check "a heartbeat of the dead" "beat|w.id = i_worker and w.lost_at is null|w.id = i_worker" "${it[@]}" workers
check "skipping what others have locked, in sweep" "_sweep_expired|for update skip locked|for update" "${it[@]}" faults races
check "skipping locked batches, in settle" "_accept|for update skip locked|for update" "${it[@]}" settling faults races
check "rows to unpack found by their addresses alone" "_unpack_rows|where q.ctid = any (i_rows)|where q.ctid = any (i_rows) and q.size > 1" "${it[@]}" plans
check "lost runs found from the list, not the table" "_settle_lost|where q.lease = l.lease and q.part = l.part offset 0|where q.lease = l.lease and q.part = l.part" "${it[@]}" plans
check "skipping locked rows in an idle worker's claim" "_lock_few|for update skip locked|for update" "${it[@]}" idle_claims
check "an order where an idle worker has no room for all" "_lock_few|coalesce((select sum(f.weight) from few f) > i_num, false)|false" "${it[@]}" idle_claims
check "no lock on what an idle worker does not take" "_lock_few|and (select sum(f.weight) from few f) <= i_num|" "${it[@]}" idle_claims
check "watermarks of an idle worker" "claim|and cardinality(i_watermarks) = 0|" "${it[@]}" idle_claims
check "unpacking for own batches in an idle worker's claim" "_lock_few|when r.size > 1 and t.task = any (i_own_batch) then i_num + 1|when false then 1" "${it[@]}" idle_claims
check "a row for each job where a plain client claims" "_publish_many|jobs._packs()|true" "${it[@]}" packed
check "the note that a plain client claims" "_begin_claim|perform jobs._note_plain_client();|" "${it[@]}" packed
check "packing of jobs that are alike alone" "_store|i_tasks[1] = all (i_tasks)|true" "${it[@]}" packed
check "skipping locked rows when they are unpacked" "_unpack_heads|for update skip locked|for update" "${it[@]}" packed
check "the number of a transaction before the job's" "publish|when pg_current_xact_id() is not null then|when true then" "${it[@]}" batches
check "what a task declares, for one job" "publish|coalesce(i_timeout, k.timeout)|i_timeout" "${it[@]}" declared_options
check "what a task declares, for many" "_declared_options|coalesce(g.priority, k.priority)|g.priority" "${it[@]}" declared_options
check "a typed call's own options" "_declared_options|and g.checked is not true|" "${it[@]}" declared_options
check "the limit of runs" "_ends|(i_retries >= (i_max_retries - 1))|false" "${it[@]}" settling contract
check "the worker's name in release" "release|r.lease = i_lease and r.worker = i_worker|r.lease = i_lease" "${it[@]}" settling
check "the key of a job in the row that it is given up by" "_release_keys|and h.job_id = g.job_id|" "${it[@]}" unique
check "unique keys given up at the end" "_settle|if v_runs.on_end or v_runs.watched then|if v_runs.watched then" "${it[@]}" unique
check "unique keys given up at the start" "_move_rows|if i_rows.on_end then|if false then" "${it[@]}" unique
check "unique keys kept between the runs" "_after_end|jobs._ends(s.outcome, o.retries, o.max_retries)|true" "${it[@]}" unique
check "the newest report of a run" "_store_progress|excluded.version > p.version|true" "${it[@]}" progress
check "the worker's name in its reports" "_store_progress|q.part = g.part and q.worker is not distinct from i_worker|q.part = g.part" "${it[@]}" progress
check "the bits that say what still runs, in reports" "_store_progress|b.open & g.bits|g.bits" "${it[@]}" progress
check "the lease of a run that ended its job, in reports" "_store_progress|g.job = h.job_id and g.lease = h.lease|g.job = h.job_id" "${it[@]}" progress
check "reports of a run that ended its job" "_store_progress|having count(*) > 0|having count(*) < 0" "${it[@]}" progress
check "lines that are sent twice" "_store_progress|on conflict (job_id, attempt, run_at, line) do nothing|" "${it[@]}" progress
check "heartbeats whatever is locked" "_note_progress|SET lock_timeout TO '500ms'|" "${it[@]}" progress
check "reports that are sent again as new" "_note_progress|exception when unique_violation then|exception when syntax_error then" "${it[@]}" progress
check "heartbeats whatever is in a report" "_note_progress|exception when others then|exception when syntax_error then" "${it[@]}" progress
check "the refusal of a dead worker's reports" "note_progress|w.id = i_worker and w.lost_at is null|w.id = i_worker" "${it[@]}" progress
check "notes that readers do not see" "progress_of|case when \$2 then p.note end|p.note" "${it[@]}" progress
check "days of progress that another session makes" "_make_run_partition|quote_ident(i_name)) is not null|quote_ident(i_name)) is not null and false" "${it[@]}" progress
check "days of events that another session makes" "_make_event_partition|quote_ident(i_name)) is not null|quote_ident(i_name)) is not null and false" "${it[@]}" progress
check "days of progress that are dropped" "_maintain_run_partitions|case when i_clock_is_sure then i_oldest end|null" "${it[@]}" progress
check "what a run says with its success" "_settle_successes|o.meta, s.said|o.meta, null" "${it[@]}" progress
check "progress that is in history" "progress_of|h.said is not null and s.done is not null|false" "${it[@]}" progress
check "the log that is in history" "job_log|h.said is not null and|false and" "${it[@]}" progress
check "what cannot be read of a run" "_said|when data_exception then|when syntax_error then" "${it[@]}" progress
check "the longest that a row of history takes" "settle|when octet_length(s) <= 8000 then s|when true then s" "${it[@]}" progress
check "the lease of a plain client's report" "set_progress|where i_lease is null or f.lease = i_lease|where true" "${it[@]}" progress
check "unique keys given up without waiting" "_release_keys|for update skip locked|for update" "${it[@]}" unique
check "unique keys of cancelled jobs" "_cancel|if v_ends is not null then|if false then" "${it[@]}" unique
check "unique keys of purged jobs" "_purge_rows|if v_ends is not null then|if false then" "${it[@]}" unique
check "that a key which is free again is taken" "_take_keys_in_turn|for v_round in 1..20 loop|for v_round in 1..1 loop" "${it[@]}" unique
check "keys without a job are free" "_holders|else o.status end|else coalesce(o.status, 'pending') end" "${it[@]}" unique
check "keys whose time is over are free" "_holders|when h.until <= i_now then null|when false then null" "${it[@]}" unique
check "the order in which a call takes its keys" "_insert_keys|order by r.name, r.key, r.at|order by r.at" "${it[@]}" unique
check "that a call undoes what it took together" "_take_keys_together|raise sqlstate 'PT001';|null;" "${it[@]}" unique
check "that a retry has the key" "_requeue|= h.job_id)|= h.job_id or true)" "${it[@]}" unique
check "that no call goes back to a key" "_take_all_keys|raise sqlstate 'PT001';|return false;" "${it[@]}" unique
check "the order in which a call changes holders" "_change_holders|order by m.holder|order by m.holder desc" "${it[@]}" unique
check "the lock on a holder that is replaced" "_change_holders|where p.job_id = w.holder for update|where p.job_id = w.holder" "${it[@]}" unique
check "the topics of a role, when it replaces" "_change_holders|perform jobs._check_topics(true, array(select distinct w.holder_task::text from unnest(i_met) w where w.holder_state = 'pending' and w.change_at is not null));|" "${it[@]}" unique
check "the topics of a role, when it names a key" "_unique_kind|perform jobs._check_topics(true, array[v_rule.name]);|" "${it[@]}" unique
check "the key that a retry by hand takes again" "_requeue|if v_is_unique then|if false then" "${it[@]}" unique
check "the declared key of a call in SQL" "publish|select k.unique_by is null and|select" "${it[@]}" unique
check "that plain jobs ask for no keys" "_settle|if v_runs.on_end then|if true then perform from jobs.unique_key;" "${it[@]}" unused
check "that claims pass over paused topics" "claim|i_tasks := jobs._unpaused(i_tasks);|" "${it[@]}" pause
check "pauses of a task under its other names" "_unpaused|where p.name is null and|where" "${it[@]}" pause
check "that a pause ends at its time" "_paused_patterns|where (p.until > jobs.now()) is not false|" "${it[@]}" pause
check "that paused jobs hold up no plain client" "consume_topic|when pg_sequence_last_value('jobs.restrictions_made') is not null then|when false then" "${it[@]}" pause
check "that paused tasks miss no worker" "_problems_of_queues|not q.is_served and not q.is_paused|not q.is_served" "${it[@]}" doctor
check "the minute that a sweep may take" "_problems_of_leases|interval '60 s' having|interval '0 s' having" "${it[@]}" doctor
check "the ten minutes that a transaction may take" "_problems_of_snapshots|and a.xact_start < v_now - interval '10 minutes'|" "${it[@]}" doctor
check "that claims look for pauses only once there are some" "claim|pg_sequence_last_value('jobs.restrictions_made') is null|false" "${it[@]}" unused
check "own batches" "_move_many|q.task = any (i_own_batch) or q.bytes|q.bytes" "${it[@]}" batches packed
check "history's knowledge of an outcome accepted before" "settle|where h.job_id = g.job_id and h.lease = g.lease|where false" "${it[@]}" settling batches
check "the topics of a role, when it publishes" "publish|perform jobs._check_topics(true, array[i_task]);|" "${it[@]}" topics
check "the topics of a role, when it publishes many" "_check_bulk|perform jobs._check_topics(true, i_tasks);|" "${it[@]}" topics
check "the topics of a role, when it consumes" "consume_topic|jobs._allowed(false, jobs._ready_tasks(topic))|jobs._ready_tasks(topic)" "${it[@]}" topics
check "the topics of a role, when it claims" "_begin_claim|perform jobs._check_topics(false, i_tasks);|" "${it[@]}" topics
check "the lease of a restricted role" "ack|perform jobs._check_lease(i_lease);|" "${it[@]}" topics
check "that the last topic stays" "revoke_topic|update jobs.topic_grant g set publish = false, consume = false|delete from jobs.topic_grant g" "${it[@]}" topics
check "the wake-up of sleeping workers" "publish|jobs._is_awaited('jobs.sleeping_until')|false" --test worker -- sleeps
check "the validation of a single job" "publish|if i_checked is not true then|if false then" "${it[@]}" schemas
check "the validation of many jobs" "_check_bodies|if v_suspects is not null then|if false then" "${it[@]}" schemas
check "the refusal of a task that nobody has declared" "publish|c.unknown_task = 'accept'|true" "${it[@]}" schemas
check "what the task's own types made, in bulk" "_check_bodies|case when g.checked then k.name is null and not v_accepts_unknown|case when false then null" "${it[@]}" schemas
check "keywords that a task does not have" "_is_fit|ELSE (((i_body -> 'kwargs'::text) - i_names) = '{}'::jsonb)|ELSE true" "${it[@]}" schemas
check "an argument given twice, in the predicate" "_predicate_of_param|' && (exists('|' && (1 == \"a\" && exists('" "${it[@]}" schemas
check "the depth that a walk can bear" "_schema_error_of_job|statement_too_complex or data_exception|division_by_zero" "${it[@]}" schemas
check "an operator's choice of validation" "_refresh_publish_checks|coalesce(t.validation_set, t.validation)|t.validation" "${it[@]}" schemas
check "jobs of a row that must be unpacked come before what waits behind it" "_lock_rows|case when q.size > 1 and s.task = any (i_own_batch) then i_largest + 1 else q.size end as size|q.size" "${it[@]}" packed
check "the id of a requeued job" "_check_new_ids|q.job_id = i.id and q.returned <> 0|false" "${it[@]}" packed
check "a null among tasks with own batches" "claim|or array_position(i_own_batch, null) is not null|" "${it[@]}" packed
check "the order in which jobs of a claim begin" "_move_many|least(i_begin - r.jobs_to + t.size, t.size)|t.size" "${it[@]}" packed
check "what is left when rows weigh less than the first" "_claim_in_order|cardinality(v_rows.rows) >= v_plan.rows[1]|false" "${it[@]}" packed
check "a heavy job behind others" "_lock_rows|or i_is_first and g.reach = g.weight|or g.reach = g.weight" "${it[@]}" weights
check "what a worker prefetched and never began, in a late sweep" "_settle_lost|when o.started then 'lost' else 'unbegun'|else 'lost'" "${it[@]}" order
check "a job on its last run that never began" "_move_rows|q.returned < 0 and q.retries < q.max_retries - 1|q.returned < 0" "${it[@]}" order
check "the row of a dead worker, from an old snapshot" "_sweep_workers|v_sees_all and not exists|not exists" "${it[@]}" order
check "an expired job that a consume does not return" "consume_topic|num - v_back)|num)" "${it[@]}" open_transactions
check "a day of 24 hours" "_on_day|'24:00:00'::interval|'1 day'::interval" "${it[@]}" lookups
check "the size of a compressed body" "publish|and pg_column_compression(i_body) is null|" "${it[@]}" weights
check "a name before it is multiplied" "_check_bulk|cardinality(i_tasks) = 1 and v_jobs > 1|false" "${it[@]}" weights
check "nothing said of a body" "publish|i_checked is not true|not i_checked" "${it[@]}" schemas
check "who else calls maintain_partitions" "_may_lock_history|starts_with(v_lines[3], v_before|starts_with(v_lines[3], left(v_before, 0)" "${it[@]}" history
check "a new partition's default privileges" "_prepare_partition|perform jobs._take_back|perform 1 --" "${it[@]}" install
check "characters that act, in messages" "_escaped|when i_text !~ c.acts then i_text|when true then i_text" "${it[@]}" odd_calls
check "skipping what other claims have locked" "_lock_rows|limit s.rows for update skip locked|limit s.rows for update" "${it[@]}" batches packed faults
check "the charge for a lost run" "_settle_others|r.retries + r.counts::integer|r.retries" "${it[@]}" faults settling contract
check "the size of a claim" "_lock_rows|g.reach <= i_num or|true or" "${it[@]}" packed
check "the largest body" "_fits|(i_bytes <= i_limit)|true" "${it[@]}" contract packed
check "the largest body of a bulk" "_check_bulk|t.size <= v_limits.max_body_bytes|true" "${it[@]}" weights packed
check "the bytes of an error" "_settle_others|+ coalesce(octet_length(r.said), 0)|" "${it[@]}" weights
check "a key of its own for a requeued job" "_settle_others|jobs._any_key() * case when r.outcome = 'unbegun' then -1 else 1 end::smallint|0" "${it[@]}" open_transactions
check "a key of its own for an unpacked job" "_unpack_rows|jobs._text_size(j.meta), jobs._any_key()|jobs._text_size(j.meta), 0" "${it[@]}" open_transactions
check "a released job has not begun" "_move_rows|q.returned < 0 and|q.returned <> 0 and" "${it[@]}" workers
check "no more dead workers than needed" "_sweep_workers|while v_swept < i_limit loop|while true loop" "${it[@]}" open_transactions
check "sweeps of a restricted role" "_sweep_workers|i_limits is null or|true or" "${it[@]}" open_transactions
check "sweeps of a restricted role, expired" "_sweep_expired|i_limits is null or|true or" "${it[@]}" open_transactions
check "what a plain client sweeps" "_sweep_plain|b.worker is null and|" "${it[@]}" open_transactions
check "what a plain client promotes" "_promote|q.task like i_pattern and|" "${it[@]}" open_transactions
check "roles that are reached through a restricted one" "_limits|jobs._may_become(session_user, v_role)|true" "${it[@]}" topics
check "as many outcomes as jobs" "settle|cardinality(i_batch_indexes)])) is false|cardinality(i_batch_indexes)])) is null" "${it[@]}" settling
check "the lease of a claim that is released" "release|if i_lease is null then|if false then" "${it[@]}" workers
check "the bytes of a body as text" "_text_size|octet_length((i_value)::text)|pg_column_size(i_value)" "${it[@]}" weights
check "the bytes of a claim" "_weight|((i_bytes * i_jobs_per_mib) >> 20)|0" "${it[@]}" weights
check "large answers by themselves" "_move_rows|case when i_worker is null or i_rows.bytes <= 65536 then b.jobs end|b.jobs" "${it[@]}" weights
check "the bytes of a result" "_check_results|if v_size > v_limit then|if false then" "${it[@]}" weights
check "the worker's row at the end of a claim" "claim|w.lost_at is null and i_lease <> all (w.void_leases) for key share|true" "${it[@]}" races
check "locks on what a plain client gets" "_quotas|s.task = any (i_own_batch) then i_num + 1|false then i_num + 1" "${it[@]}" locks packed
check "the order of due jobs" "_promote|order by q.scheduled_at, q.id limit|order by q.id limit" "${it[@]}" order
check "what a sweep's limit leaves" "_sweep_expired|(select min(r.expires_at)|(select max(r.expires_at)" "${it[@]}" order
check "the times that clients can hold" "_is_reachable|i_at|null::timestamptz" "${it[@]}" contract
check "the user of the session in a role that is set" "_limits|login := case when v_role is null or not jobs._is_administrator(v_role) then|login := case when v_role is null then" "${it[@]}" topics
check "the oid of a restricted role" "_limits_of|case when r.rolname = g.name then g.role else jobs._grantee(g) end|jobs._role_oid(g.name)" "${it[@]}" topics
check "an id that is known by now" "_check_new_ids|if v_known then|if false then" "${it[@]}" locks
check "whose a worker is, in beat" "beat|and jobs._acts_as(w.role, w.login)|" "${it[@]}" roles
check "whose a worker is, in held_by" "held_by|and jobs._acts_as(w.role, w.login)|" "${it[@]}" roles
check "one caller at a time in maintain_partitions" "_maintain_partitions|for update skip locked|for update" "${it[@]}" races
check "the parent's lock before a partition's" "_change_partitions|lock table only jobs.job in access exclusive mode;|" "${it[@]}" history
check "the lock of who makes a partition" "_make_partition|lock table only jobs.job in access exclusive mode;|" "${it[@]}" history
check "giving way to readers" "_try_to_change_partitions|lock_timeout TO '25ms'|lock_timeout TO '2s'" "${it[@]}" history
check "a clock that stepped" "_is_clock_sure|return v_jumped is null or|return true or" "${it[@]}" history
check "the identity of a partition" "_prepare_partition|replica identity full|replica identity default" "${it[@]}" catalogue hostile
check "the time in a look-up" "_history_of|and h.complete_on >= %s', jobs._literal(v_since)|' || left(jobs._literal(v_since), 0)" "${it[@]}" lookups
check "the search elsewhere for an id that misleads" "_history_of|if i_everywhere and|if false and" "${it[@]}" lookups
check "releasing the locks of a look-up" "_ended_times|raise sqlstate 'PT000';|" "${it[@]}" lookups
check "the end of a session that keeps the locks of maintain_partitions" "maintain_partitions|perform jobs._limit_the_rest();|" "${it[@]}" history
check "who may keep the locks of maintain_partitions" "_may_lock_history|cardinality(v_lines) = 3 and|true or" "${it[@]}" history
check "the locks of maintain_partitions in a prepared transaction" "_limit_the_rest|perform pg_notify('jobs_retained', '');|" "${it[@]}" history
check "the notice of those whom maintain_partitions turns away" "_maintain_partitions|perform jobs._turn_away();|" "${it[@]}" history
check "the days that a time leaves out" "_history_of|enable_partition_pruning TO 'on'|enable_partition_pruning TO 'off'" "${it[@]}" lookups
check "where a partition is stored" "_prepare_partition|SET default_table_access_method TO 'heap'|SET jit TO 'off'" "${it[@]}" catalogue
check "recent failures in the overview" "_in_state|h.status <> ''success'' and h.status = %L|h.status = ''success'' and %L <> ''''" "${it[@]}" lookups
check "the start of a last run before it begins" "start|perform jobs._note_started(i_worker, i_leases, i_batch_indexes, false);|" --test crash -- not_begun
check "who counts as a peer" "count_workers|and (v_tasks && w.tasks[:10] or|and (true or" "${it[@]}" registry_budgets
check "the notification of a transaction that will be prepared" "_may_notify|'off'::text|'none'::text" "${it[@]}" two_phase
check "the bound of results" "results|cardinality(i_jobs) > 10000|false" "${it[@]}" results
check "what still runs of a batch, in results" "_open_of|b.open & jobs._bit(w.ordinality - 1) <> 0|true" "${it[@]}" results
check "the signatures that other versions declared" "_schema_error_of_job|where f.task = i_task and|where false and" "${it[@]}" schemas
check "the signatures that a living worker has" "_is_in_use|or exists (|or false and exists (" "${it[@]}" schemas
check "the two values of an item's predicate" "_template_of_array|jobs._known(jobs._template(i_schema->'items', i_root, i_refs, i_known), '@')|jobs._at(jobs._template(i_schema->'items', i_root, i_refs, i_known), '@')" "${it[@]}" schemas
check "exactly one of several variants" "_template_of_one|continue when jobs._are_apart(v_meant[v_one], v_meant[v_other]);|continue;" "${it[@]}" schemas
check "the end of types that hold themselves" "_template|v_ref = any (i_refs)|false" "${it[@]}" schemas
check "the owner of a task" "_may_change|and pg_has_role(jobs._declarer(), r.oid, 'usage')|" "${it[@]}" owners
check "the name of an owner beside its number" "_may_change|r.oid = i_owner and r.rolname = i_name|r.oid = i_owner" "${it[@]}" owners
check "the owner of a task that two declare at once" "_declare|where jobs._may_change(t.owner, t.owner_name)|where true" "${it[@]}" owners
check "names of others' tasks as aliases" "_names_of_others|and not jobs._may_change(t.owner, t.owner_name)|and false" "${it[@]}" owners
check "the user of the session under a shared role" "_declarer|v_set ~ '^jobs_(publisher|worker|reader|admin)$'|false" "${it[@]}" owners
check "a task's own name before an alias" "_refresh_publish_checks|order by g.name, g.name <> n.task, n.task|order by g.name, g.name = n.task, n.task" "${it[@]}" owners
check "the two seconds that a declaration waits" "register_tasks|when lock_not_available or deadlock_detected|when division_by_zero" "${it[@]}" owners
check "who may set how a task is validated" "set_validation|and jobs._may_change(t.owner, t.owner_name)|" "${it[@]}" owners
check "the steps of a walk" "_walk|i_left <= 0 or (i_left % 64 = 0 and clock_timestamp() > i_until)|false" "${it[@]}" registry_budgets
check "the end of a compilation" "_joined|jobs._short('(' || array_to_string(v_parts, i_by) || ')')|'(' || array_to_string(v_parts, i_by) || ')'" "${it[@]}" registry_budgets
check "predicates before walks" "_schema_error_of_job|jobs._is_fit(i_body, f.fits, jobs._names(f.params, f.extra_kwargs))|false" "${it[@]}" registry_budgets
check "names of fields that the schema does not have" "_schema_error_of_object|else '*' end|else left(v_key, 60) end" "${it[@]}" unseen
check "how many signatures of a task are kept" "_remember_signatures|or r.rank > 20|" "${it[@]}" registry_limits
check "writing only what changed" "_refresh_publish_checks|where o.name = m.name and|where false and" "${it[@]}" registry_budgets
check "the budget of a predicate" "_is_fit|'30000000000'::bigint|'30000000000000'::bigint" "${it[@]}" registry_budgets
check "the budget of a call's predicates" "_check_bodies|<= 100000000000|<= 100000000000000" "${it[@]}" registry_budgets
check "undeclared tasks among what own types made" "_check_bodies|k.name is null and not v_accepts_unknown|false" "${it[@]}" schemas
check "undeclared tasks before bodies that take long" "_refuse_unfit|perform jobs._refuse_unknown(i_tasks);|" "${it[@]}" schemas
check "arrays that do not begin at 1" "_check_bodies|array(select unnest(i_bodies)), v_suspects|i_bodies, v_suspects" "${it[@]}" schemas
check "the length of a refusal" "_schema_error_of_job|length(v_reason) > 2000|false" "${it[@]}" schemas
check "the length of a name in a refusal" "_shown|length(i_text) > 200|false" "${it[@]}" schemas
check "results of others' tasks, one" "result|where a.task = any (jobs._visible(array[a.task::text]))|" "${it[@]}" results
check "results of others' tasks, many" "results|where jobs._is_under(h.task, v_publishes) or jobs._is_under(h.task, v_consumes)|" "${it[@]}" results
check "open jobs of others' tasks, many" "results|jobs._is_under(p.task, v_publishes) or jobs._is_under(p.task, v_consumes) as is_visible|true as is_visible" "${it[@]}" results
check "declarations that nobody holds" "register_tasks|perform jobs._declare_one_by_one(v_changes);|null;" "${it[@]}" owners
check "bodies that cannot be sent, in retry" "_requeue|h.job_id <> all (\$2) and|" "${it[@]}" lookups
check "how many rows can be asked for" "_check_limit|i_limit < 0|false" "${it[@]}" catalogue
check "keys that no declaration has" "_flaw|(jobs._unknown_key(i_task) IS NOT NULL)|false" "${it[@]}" registry_limits
check "what a task finished itself" "settle|when h.status = 'success' then 'finished'|when false then 'finished'" "${it[@]}" settling
check "what a task finished and undid" "settle|if 'verify' = any (i_outcomes) then|if false then" "${it[@]}" settling
check "what is no state" "count|is not true then|is false and false then" "${it[@]}" lookups
sch=(--test schedules --)
check "skipping schedules that another ticks" "tick|for update skip locked|" "${sch[@]}" ticks
check "a tick's move to the next, beside its job" "_tick|perform jobs._move_on(i_schedule, v_due.o_next);|null;" "${sch[@]}" policies
check "the pause of a schedule" "tick|s.paused_at is null and|" "${sch[@]}" policies
check "errors that are not the job's fault, at a tick" "_try_tick|if v_state ~ '^PT4' then|if true then" "${sch[@]}" policies
check "schedules beside one that is refused" "_try_tick|exception when others then|exception when division_by_zero then" "${sch[@]}" policies
check "how many late ticks are published" "_last_ticks|greatest(1, cardinality(v_ticks) - i_num + 1)|1" "${sch[@]}" policies
check "one snapshot for where a job is" "_is_open|union all select from jobs._find_run(i_job)|" "${sch[@]}" policies
check "new times of an edited schedule" "_replaced|if jobs._is_due_alike(i_old, i_new) then|if true then" "${sch[@]}" policies
check "the next tick of a schedule that is declared again" "_replaced|if jobs._is_due_alike(i_old, i_new) then|if false then" "${sch[@]}" policies
check "what times come twice when clocks go back" "_next_cron|v_fold <> 'first' and|false and" "${sch[@]}" cron
check "what times a clock skips" "_first_due|case i_gap when 'shift' then jobs._gap_end(v_local, i_zone) end|null" "${sch[@]}" cron
check "either day or weekday" "_cron_days|else f.by_day or f.by_weekday end|else f.by_day and f.by_weekday end" "${sch[@]}" cron
check "the topics of a role, when it schedules" "_own_schedule|perform jobs._check_topics(true, array[v_schedule.task]);|" "${sch[@]}" rights
check "the topics of a schedule that is replaced" "_save_schedule|when i_new.declared is null then jobs._own_schedule(v_new.name)|when false then null" "${sch[@]}" rights
check "schedules of others' tasks" "_seen_schedule|and s.task = any (jobs._visible(array[s.task::text]))|" "${sch[@]}" rights
check "older workers that still declare a schedule" "_is_abandoned|and w.started_at < i_schedule.undeclared_at|and false" "${sch[@]}" declared
check "an operator's word beside the code's" "_declare_schedule|if v_old.task = i_task and v_old.declared = i_declared|if false and v_old.declared = i_declared" "${sch[@]}" declared
check "names of schedules of other tasks" "_declare_schedule|v_old.task <> all (i_names)|false" "${sch[@]}" declared
check "schedules made by hand" "_declare_schedule|v_old.declared is null or|" "${sch[@]}" declared
check "the right to publish what is declared with a schedule" "_declare_schedules|jobs._allowed(true,|jobs._allowed(false," "${sch[@]}" rights
check "the length of a day" "_last_tick|return to_timestamp(floor(extract(epoch from i_now) / extract(epoch from i_schedule.every)) * extract(epoch from i_schedule.every));|return jobs._next_tick(i_schedule, null, i_now) - i_schedule.every;" "${sch[@]}" policies
check "the length of a schedule's log" "_log_schedule|delete from jobs.schedule_entry e where e.schedule = i_name and e.number <= v_last - 200;|" "${sch[@]}" policies
check "a retry beside an open re-drive" "_requeue|and %s for update) h|and %s) h" "${ops[@]}" redrive
check "edits of an ended job, in turn" "_edit_ended|%s for update'|%s'" "${ops[@]}" edit
check "rules that wait for nobody" "_delete_blocks|and %4\$s for update skip locked|and %4\$s" "${ops[@]}" keep
check "how many bytes a step takes" "_next_pending|and (a.bytes > 16777216) is not true|" "${ops[@]}" operations
con=(--test control --)
check "a cancel to a worker that is late" "_send_commands|or i_kind = 'cancel'|" "${con[@]}" sql
check "commands whose time is over" "_next_commands|and q.expires_at > i_now|" "${con[@]}" sql faults
check "the one answer of a command" "_note_receipts|and c.state in ('sent', 'expired')|" "${con[@]}" sql
check "receipts that are none" "_note_receipts|case when jobs._is_receipt(e) then|case when true then" "${con[@]}" sql
check "a status that is none" "_note_status|jsonb_typeof(i_status) <> 'object' or|false or" "${con[@]}" sql
check "whose a command is" "_note_receipts|and c.worker = i_worker|" "${con[@]}" sql
check "commands of a worker that died" "_sweep_workers|perform jobs._expire_commands(v_dead, 'the worker died');|null;" "${con[@]}" faults
check "commands of a worker that leaves" "unregister_worker|perform jobs._expire_commands(i_worker, 'the worker has left');|null;" "${con[@]}" faults
check "workers that know no commands" "_send_commands|i_kind = any (w.commands)|true" "${con[@]}" faults
check "the end of a command by its time" "commands|c.state = 'sent' and c.expires_at <= v_now|false" "${con[@]}" sql
check "leases in the list of commands" "commands|c.details - 'runs'|c.details" "${con[@]}" sql
check "for whom a command of no worker is" "control|i_workers is null and coalesce(i_topic, '') = ''|false" "${con[@]}" sql
check "telling the worker of a cancel" "_cancel|perform jobs._tell_cancelled(v_runs, i_grace_seconds, i_who, i_reason);|null;" "${con[@]}" cancel
check "waking the worker" "_send_commands|perform jobs._wake_commanded(i_workers);|null;" "${con[@]}" cancel
check "workers that nobody notifies" "beat|polls := not (|polls := false and (" "${con[@]}" cancel
check "the batch of a run that is cancelled, locked" "_cancel_runs|for update|" "${con[@]}" sql
check "the last error beside who cancelled" "_with_note|i_traceback), ''|null), ''" "${con[@]}" cancel
ops=(--test operations --)
check "steps of an operation under its lock" "step_operation|and o.state = 'running' for update skip locked|and o.state = 'running'" "${ops[@]}" deaths
check "another try of what is locked" "_step|elsif i_op.waits < 10 then|elsif false then" "${ops[@]}" operations
check "the end of tries of what is locked" "_step|elsif i_op.waits < 10 then|elsif i_op.waits < 100000 then" "${ops[@]}" operations
check "the grace of a cancel of many jobs" "_act|v_op.grace_seconds|5" "${ops[@]}" operations
check "the block of a day that is gone" "_delete_unkept|v_rule.blocks_of is distinct from v_day.day|false" "${ops[@]}" keep
check "the pause of an operation" "step_operation|and o.state = 'running' for update|for update" "${ops[@]}" operations
check "the position of an operation beside what it did" "_run_operation|v_op.range_until, v_op.after_job, v_op.paced_at|v_op.range_until, i_op.after_job, v_op.paced_at" "${ops[@]}" operations
check "jobs that begin to match after the start" "_as_operation|least(i_until, v_op.started_at)|coalesce(i_until, '9999-01-01')" "${ops[@]}" operations
check "the rate of an operation" "_paced|make_interval(secs => (v_op.done - i_before.done) / v_op.rate)|interval '0'" "${ops[@]}" operations
check "how much of a rate is kept" "_quota|GREATEST(((2)::double precision * (i_op).rate), (1)::double precision)|(1000)::double precision" "${ops[@]}" operations
check "the wait for locks in a step" "_step|when lock_not_available or deadlock_detected then|when division_by_zero then" "${ops[@]}" operations
check "errors of a step, undone alone" "_run_operation|exception when others then|exception when division_by_zero then" "${ops[@]}" operations
check "the pause after an error of a step" "_step_operations|and (o.retry_at > jobs.now()) is not true|" "${ops[@]}" operations
check "the second round of a cancel" "_next_phase|v_op.phase := 'again';|v_op.state := 'done';" "${ops[@]}" operations
check "the mark of a re-driven job" "_lock_failed|when l.redriven_as is not null then|when false then" "${ops[@]}" redrive
check "that a re-driven job is not retried" "_requeue|and h.redriven_as is null|" "${ops[@]}" redrive
check "skipping locked jobs in a re-drive" "_lock_failed|for update skip locked|for update" "${ops[@]}" redrive
check "the schema at a re-drive" "_redrive|v_jobs := jobs._skip_unfit(v_jobs, i_parts);|" "${ops[@]}" redrive
check "unique keys of re-driven jobs" "_redrive|v_jobs := jobs._skip_keyless(v_jobs, v_now);|" "${ops[@]}" redrive
check "the first of a chain of re-drives" "_store_redriven|coalesce(o.meta->''redrive''->''origin'', to_jsonb(o.job_id))|to_jsonb(o.job_id)" "${ops[@]}" redrive
check "the schema at an edit" "_check_edit|if i_is_new_body then|if false then" "${ops[@]}" edit
check "the place of an edited job in the queue" "_edit_pending|when v_new.priority = v_old.priority and|when" "${ops[@]}" edit
check "a key made anew of edited arguments" "_edited_key|v_on_end.unique_key := v_new.key;|" "${ops[@]}" edit
check "the holder of an edited job's new key" "_edited_key|if v_holder <> i_job then|if false then" "${ops[@]}" edit
check "running jobs, at an edit" "edit|if exists (select from jobs._find_run(i_job)) then|if false then" "${ops[@]}" edit
check "which rule for history decides" "_is_kept_by|(length(o.topic), o.topic, o.status <> '*') > (length(i_rule.topic), i_rule.topic, i_rule.status <> '*')|false" "${ops[@]}" keep
check "a clock that jumped, before rules delete" "_maintain_partitions|elsif v_clock_is_sure then|else" "${ops[@]}" keep
check "rules that look again" "drop_keep|perform jobs._look_again();|" "${ops[@]}" keep
check "the audit's year" "_shorten_audit|where o.at < i_now - interval '365 days'|where false" "${ops[@]}" audit
ev=(--test events --)
check "events of picks" "claim|perform jobs._note_picked(i_lease);|" "${ev[@]}" written
check "events of ends" "_settle|or v_runs.watched then|then" "${ev[@]}" written
check "events of what is watched alone" "_write_events|g.kind = any (w.kinds)|true" "${ev[@]}" written
check "transactions that were in progress at a position" "_event_rows|from pg_snapshot_xip(i_from) x|from pg_snapshot_xip('1:1:') x" "${ev[@]}" positions
check "transactions that are in progress" "_event_rows|and pg_visible_in_snapshot(e.xact, i_to)) r|) r" "${ev[@]}" positions
check "the reader's own transaction" "_visible_now|if v_own < pg_snapshot_xmax(v_now) then|if false then" "${ev[@]}" positions
check "that reading does not go back" "events_after|and jobs._covers(v_until.o_read, v_from.o_read) loop|loop" "${ev[@]}" positions
check "what is not kept any more" "_note_dropped_events|set events_dropped_to = v_last|set events_dropped_to = null" "${ev[@]}" positions
check "another timeline" "_read_position|v_parts[1] || '.' || v_parts[2] <> jobs._event_system()|false" "${ev[@]}" positions
check "topics of a reader" "_events_between|where jobs._is_under(e.task, v_publishes) or jobs._is_under(e.task, v_consumes)|" "${ev[@]}" positions
check "notes of progress, for those who may read them" "events_after|case when v_reads_notes then e.details else e.details - 'note' end|e.details" "${ev[@]}" positions
check "other names of what is watched" "_likes_of|jobs._paused_names(array[v_pattern])|array[]::text[]" "${ev[@]}" written
check "that claims look for watches only once there are some" "claim|and not jobs._are_watched()|and false" "${it[@]}" unused
lim=(--test limits --)
check "when a claim says to come again" "_claim_limited|if v_got < v_most and run_at is not null then|if false then" "${lim[@]}" worker::a_job_starts
check "when a limit without a key opens" "_claim_again|l.key is null where b.waits|l.key is null where false" "${lim[@]}" worker::a_job_starts
check "keys that wait, when a limit is changed" "_save_limit|perform jobs._look_at_waiting(v_new.id), jobs._wake_workers();|perform jobs._wake_workers();" "${lim[@]}" dropped
check "what was used of other rates" "_save_limit|perform jobs._fit_rates(v_new);|" "${lim[@]}" options
check "jobs that a dropped limit has blocked" "_retire_limit|perform jobs._free_blocked(i_limit.id, 10000);|" "${lim[@]}" dropped
check "the place of jobs that were blocked" "_free_blocked|case when q.ready_seq > 0 then q.ready_seq - 4611686018427387904 else q.ready_seq end|q.ready_seq" "${lim[@]}" dropped
check "dropped limits that are in use" "_free_dropped|continue when jobs._is_limit_used(v_limit);|" "${lim[@]}" dropped
check "what an operator said of a declared limit" "_declare_limit|v_old.declared = i_declared|false" "${lim[@]}" declared
check "limits that were made by hand" "_declare_limit|(v_old.declared is null or|(false or" "${lim[@]}" declared
check "older workers of a limit that is declared no more" "_drop_undeclared|and w.started_at < l.undeclared_at)|and false)" "${lim[@]}" declared
check "the task of a declared limit alone" "_declare_limit|v_new.pattern := jobs._literally(i_task);|" "${lim[@]}" declared
check "turns of claims at a limit" "_take_turns|order by l.id for no key update);|order by l.id);" "${lim[@]}" races
check "a limit that a plain client has locked" "_take_turns|for no key update skip locked|for no key update" "${lim[@]}" races
check "claims with an old snapshot" "_note_turn|v_last <> v_own and not|false and not" "${lim[@]}" races
check "what was said by transactions that commit late" "_hear|select pg_snapshot_xip(v_state.heard) as xid|select null::xid8 as xid" "${lim[@]}" races
check "jobs of several limits beside those of one" "_open_blocked|l.is_simple or not (select coalesce(bool_or(s.is_simple), false) from locked s)|true" "${lim[@]}" slots
check "jobs of other tasks at a key" "_open_blocked|q.task = any (v_tasks) and|" "${lim[@]}" slots
check "tasks whose limit is full, in a claim" "_claim_limited|where l.task <> all (v_round.shut_tasks)|" "${lim[@]}" slots
check "keys whose first job costs too much, in a claim" "_claim_limited|v_shut := v_shut || v_round.shut_buckets;|" "${lim[@]}" slots
check "a long line of one key" "_judge|when k.is_kept or not k.keys_fit then 0|when k.is_kept then 0" "${lim[@]}" slots
check "who may open a key that is held" "_judge|(s.closed_by = a.job_id and a.on_dead = 'hold') is true|s.closed_by = a.job_id and a.on_dead = 'hold'" "${lim[@]}" ends
check "slots that a job in order keeps" "_keep_slots|on_end.kept = k.buckets|on_end.kept = null" "${lim[@]}" ends
check "the turn of a key that comes to wait" "_note_served|t.turn > coalesce(s.turn, 0)|false" "${lim[@]}" fair
check "the room of a cap" "_claim_capped|case when not v_step.is_free then v_room - v_taken end|null" "${lim[@]}" slots
check "the rest of a cap, for packed rows" "_claim_capped|v_taken > 0 and n.num < 64|false" "${lim[@]}" slots
check "what the minute's check corrects" "_correct_buckets|set held = w.slots|set held = w.held" "${lim[@]}" races
check "what the minute's check finds blocked" "_correct_waiting|s.waits is not true|false" "${lim[@]}" races
check "keys with room among those whose turn is next" "_states_in_turn|and jobs._room(v_limit.max, v_limit.rates, b.held, b.tats, b.closed_until, i_now) > 0|" "${lim[@]}" fair
check "slots that are kept of a limit that has gone" "_give_back_kept|where exists (select from jobs.job_limit l where l.id = (b & 16383)::integer)|" "${lim[@]}" ends
steps=(--test steps --)
check "the lease of a step" "_step_run|if v_run.job_id is null then|if false then" "${steps[@]}" sql
check "the lock that keeps a run from being ended beside a step" "_step_run|for key share|" "${steps[@]}" sql ends
check "that what is recorded first holds" "save_step|c.inputs_hash is distinct from excluded.inputs_hash|true" "${steps[@]}" sql
check "the look at a signal when a job begins to wait" "_await_signals|array_agg(l.name) filter (where l.sent_at is not null)|null::text[]" "${steps[@]}" races
check "that a settle waits for no sender" "_await_signals|for share skip locked|for share" "${steps[@]}" races
check "that a job asks again when its signal is being sent" "_await_signals|jobs.now() + interval '1 s'|q.scheduled_at" "${steps[@]}" races
check "jobs that were locked when their signal was sent" "signal|set is_left = true|set is_left = false" "${steps[@]}" races
check "senders with an old snapshot" "signal|<> 'read committed'|<> current_setting('transaction_isolation')" "${steps[@]}" races
check "that a signal wakes only who waits for it" "_deliver|q.attempt = w.attempt and q.ready_seq is null for update|q.ready_seq is null for update" "${steps[@]}" sql
check "steps of jobs that run again" "_drop_steps_of_old_jobs|not jobs._is_open(j) and|" "${steps[@]}" ends
check "steps of jobs that history still has" "_drop_steps_of_old_jobs|h.job_id = j and|false and" "${steps[@]}" ends
flow=(--test workflows --)
check "which node a packed row is of" "_publish_packed|when ((r.jobs[1]).on_end).node is distinct from ((r.jobs[r.size]).on_end).node|when false" "${flow[@]}" sql_members
check "successes of a group among other outcomes" "_success_bits|g.bits & ~coalesce(o.bits, 0)|g.bits" "${flow[@]}" sql_members
check "a workflow that somebody else has locked" "_advance|for update skip locked|for update" "${flow[@]}" sql_races
check "the snapshot of who applies deltas" "_advance|current_setting('transaction_isolation') = 'read committed'|true" "${flow[@]}" sql_races
check "deltas that were left" "_apply_left_deltas|jobs._advance(d.workflow)|null" "${flow[@]}" sql_races
check "the timeout of a statement at a commit" "_advance|when query_canceled or others|when others" "${flow[@]}" sql_races
check "errors that pass, when a node starts" "_start_nodes|if sqlstate like any|if false and sqlstate like any" "${flow[@]}" sql_races
check "nodes that fail without a job, for the policy" "_go_on|jobs._conclude(i_workflow, v_all,|jobs._conclude(i_workflow, i_ended," "${flow[@]}" sql_policies
check "what follows a failure on hold" "_is_met|when 'cancel' then false end|else false end" "${flow[@]}" sql_edges
check "a child of a parent that was skipped" "_is_met|else (i_parent).state = 'failed' end|else true end" "${flow[@]}" sql_edges
check "edges that are decided once" "_decide|and g.is_met is null|" "${flow[@]}" sql_
check "undos alone after undos have begun" "retry_workflow|if jobs._is_undone(i_workflow) then|if false then" "${flow[@]}" sql_policies
check "what waits after a job that runs again while others are undone" "_reopen_nodes|where v_state = 'running'|where true" "${flow[@]}" sql_policies
check "undos that were cancelled" "_conclude|n.undoes is not null and n.state <> 'success'|n.undoes is not null and n.state = 'failed'" "${flow[@]}" sql_policies
check "a child that waited for a parent that runs again" "_wait_again|and n.state = 'waiting');|and false);" "${flow[@]}" sql_retry
check "a node that succeeded while it was cancelled" "retry_workflow|n.state = 'cancelled' and n.jobs > 0|false and n.jobs > 0" "${flow[@]}" sql_retry
check "the workflow before its jobs, in a retry" "_requeue|perform jobs._lock_workflows_of(i_jobs, i_parts);|null;" "${flow[@]}" sql_retry
check "the workflow before the job, in a graft" "add_nodes|jobs._workflow_of_run(i_job, i_lease) for update|jobs._workflow_of_run(i_job, i_lease)" "${flow[@]}" sql_graft
check "nodes that join what has failed" "add_nodes|v_workflow.state <> 'running'|v_workflow.state not in ('running', 'failed', 'compensating')" "${flow[@]}" sql_graft
check "what waits for any end of a cancelled node" "_nodes_from|or e.\"when\" <> 'ended'|or true" "${flow[@]}" sql_cancel
check "one job that is locked, beside other deadlines" "_stop_workflow|when lock_not_available then|when lock_not_available then raise;" "${flow[@]}" sql_cancel
check "failed jobs of open workflows, for rules of history" "_delete_blocks|jobs._is_over((h.on_end).node)|true" "${flow[@]}" sql_retention
check "the days of open workflows" "_oldest_kept|least(i_day, |coalesce(i_day, " "${flow[@]}" sql_retention
check "topics of undos" "_check_node_bodies|union select s.undo->>'task' from unnest(i_specs) s where s.undo is not null|" "${flow[@]}" sql_publish
check "a condition on an edge for failure" "_after_flaw|array['on_failure', 'condition']|array['on_failure']" "${flow[@]}" sql_publish
check "a fan-out in pieces" "_go_on|> 5000 then|> 500000 then" "${flow[@]}" sql_large
check "nodes that were left" "_advance|coalesce(v_counted.ready, '{}')|'{}'" "${flow[@]}" sql_large
check "a workflow that is stopped in pieces" "_stop_running|where s.reach <= v_most|where true" "${flow[@]}" sql_large
check "how far a large group is stopped" "_cancel_nodes|coalesce(n.stopped_to, 0) + 1|4101" "${flow[@]}" sql_large
check "the timeout of a stop" "_stop_workflow|when query_canceled or others|when others" "${flow[@]}" sql_large
check "one look at many ends" "_leave_ends|row_number() over (partition by n.workflow order by n.node) = 1|true" "${flow[@]}" sql_large
check "workflows of many days at once" "_trim_ended_workflows|< 1000 or|< 100000 or" "${flow[@]}" sql_large
check "alerts of what failed" "_running_nodes|(i_alerts or|(true or" "${flow[@]}" sql_policies
check "a condition that nothing meets" "_is_met|(i_edge).condition is null or (i_edge).on_failure is not null|true" "${flow[@]}" sql_edges
check "values that are not there" "_with_values|not e.edge ? 'on_failure'|false" "${flow[@]}" sql_edges
check "a value where the edge goes on without it" "_read_node|if v_edges.flaw is not null then|if false then" "${flow[@]}" sql_publish
check "results of nodes out of sight" "_check_sight|if jobs.sees_task() then|if true then" "${flow[@]}" sql_publish
check "a retry where nothing failed" "retry_workflow|elsif not exists|elsif false and not exists" "${flow[@]}" sql_retry
check "signals of others" "await_signal|if not jobs.sees_task() and|if false and" --test steps -- rights
check "steps in batches of a group" "_note_steps|, node = null, node_from = null|" --test steps -- ends
check "retried jobs before those that are gone" "_drop_steps_of_old_jobs|and jobs._is_open(r.job_id)|and false" --test steps -- ends
check "the options of an undo" "_start_undos|jobs._read_node_options(n.undo)|null" "${flow[@]}" sql_policies
check "what is wrong with an undo's bind" "_node_flaw|jobs._call_flaw(i_node->'undo')|null::text" "${flow[@]}" sql_policies::an_undo
check "what is wrong with an undo's options" "_node_flaw|jobs._node_options_flaw(i_node->'undo')|null::text" "${flow[@]}" sql_policies::an_undo
check "the state of a cancelled job among results" "_results_of_node|case when f.is_cancelled then 'cancelled' else 'failed' end|'failed'" "${it[@]}" workflow_readers
check "options of nodes, read by the publisher's session" "_read_node_options|to_jsonb(jobs._time_of(o.value #>> '{}'))|o.value" "${flow[@]}" sql_policies::options
check "the size of an undo of a large group" "_check_sizes_of_nodes|where u.undo is not null|where u.undo is not null and cardinality(u.bodies) < 64" "${flow[@]}" sql_policies::the_body
exit $survived
