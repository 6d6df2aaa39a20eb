#!/usr/bin/env bash
# Removes each safeguard of the SQL layer in turn and shows which test goes red. Exits with 1 when one survives.
# Not part of every CI run: tests/mutations.sh takes about ten minutes. With an argument: only what matches it.
set -uo pipefail
cd "$(dirname "$0")/.."
cargo test -q -p pgjobs-tests --test it --test worker --no-run || exit 2
survived=0

# safeguard: what it is; then the mutation as function|text|replacement; then the tests that should notice
check() {
  local safeguard=$1 mutation=$2; shift 2
  [[ $safeguard == *${only:-}* ]] || return 0
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
check "the bits that say what still runs, in settle" "_settle|array_agg(b.open & g.bits)|array_agg(g.bits)" "${it[@]}" settling batches
check "the refusal of two verdicts on one run" "_settle|if v_twice then|if false then" "${it[@]}" batches
check "the end of a plain lease in heartbeat" "heartbeat|and r.expires_at > jobs.now()|" "${it[@]}" settling contract
check "the refusal of a worker that was declared dead" "claim|w.id = i_worker and w.lost_at is null|w.id = i_worker" "${it[@]}" faults
check "a heartbeat of the dead" "heartbeat_worker|w.id = i_worker and w.lost_at is null|w.id = i_worker" "${it[@]}" faults
check "skipping what other claims hold" "claim|limit k.rows for update skip locked|limit k.rows for update" "${it[@]}" batches together faults
check "skipping what others hold, in sweep" "_sweep_expired|for update skip locked|for update" "${it[@]}" faults races
check "skipping held batches, in settle" "_settle|for update skip locked|for update" "${it[@]}" settling faults races
check "skipping held rows when they are taken apart" "_separate_heads|for update skip locked|for update" "${it[@]}" together
check "the number of a transaction before the job's" "publish|v_transaction xid8 := pg_current_xact_id()|v_transaction xid8 := null" "${it[@]}" batches
check "the charge for a lost run" "_settle_others|r.retries + (r.outcome in ('retry', 'verify'))::integer|r.retries" "${it[@]}" faults settling contract
check "the limit of runs" "_settle_others|o.retries + 1 >= o.max_retries|false" "${it[@]}" settling contract
check "the worker's name in unclaim" "unclaim|r.lease = i_lease and r.worker = i_worker|r.lease = i_lease" "${it[@]}" settling
check "waiting for the claim that is given back" "unclaim|perform pg_advisory_xact_lock(jobs._worker_key(i_worker));|" "${it[@]}" races
check "the size of a claim" "claim|where r.reach <= k.jobs|where true" "${it[@]}" together
check "jobs claimed alone" "claim|coalesce(q.task = any (i_alone), false) or|" "${it[@]}" batches together
check "the largest body" "_fits|<= 512|>= 0" "${it[@]}" contract together
check "one caller at a time in retain" "retain|not pg_try_advisory_xact_lock(hashtextextended('jobs.retain', 0))|false" "${it[@]}" history races
check "history's knowledge of a verdict said before" "settle|where h.job_id = g.job_id and h.lease = g.lease|where false" "${it[@]}" settling batches
check "the topics of a role, when it publishes" "publish|perform jobs._check_topics(true, array[i_task]);|" "${it[@]}" topics
check "the topics of a role, when it publishes many" "_check_bulk|perform jobs._check_topics(true, i_tasks);|" "${it[@]}" topics
check "the topics of a role, when it consumes" "consume_topic|jobs._allowed(false, jobs._ready_tasks(topic))|jobs._ready_tasks(topic)" "${it[@]}" topics
check "the topics of a role, when it claims" "claim|perform jobs._check_topics(false, i_tasks);|" "${it[@]}" topics
check "the lease of who is narrowed" "ack|perform jobs._check_lease(i_lease);|" "${it[@]}" topics
check "whose a worker is, in heartbeat_worker" "heartbeat_worker|and jobs._acts_as(w.role)|" "${it[@]}" roles
check "whose a worker is, in held_by" "held_by|and jobs._acts_as(w.role)|" "${it[@]}" roles
check "that the last topic stays" "revoke_topic|update jobs.topic_grant g set publish = false, consume = false|delete from jobs.topic_grant g" "${it[@]}" topics
check "the wake-up of sleeping workers" "publish|jobs._is_awaited('jobs.sleeping_until')|false" --test worker -- sleeps
check "the check of a single job" "publish|if not i_checked then|if false then" "${it[@]}" schemas
check "the check of many jobs" "_check_bodies|if v_suspects is not null then|if false then" "${it[@]}" schemas
check "the refusal of a task that nobody has declared" "publish|c.unknown_task = 'accept'|true" "${it[@]}" schemas
check "what the task's own types made, in bulk" "_check_bodies|g.checked is not true and|" "${it[@]}" schemas
check "keywords that a task does not have" "_is_fit|ELSE (((i_body -> 'kwargs'::text) - i_names) = '{}'::jsonb)|ELSE true" "${it[@]}" schemas
check "an argument given twice, in the predicate" "_predicate_of_param|' && (exists('|' && (1 == \"a\" && exists('" "${it[@]}" schemas
check "the two values of an item's predicate" "_predicate_of_array|jobs._known(jobs._predicate(i_schema->'items', '@', i_root, i_refs), '@')|jobs._predicate(i_schema->'items', '@', i_root, i_refs)" "${it[@]}" schemas
check "exactly one of several variants" "_predicate_of_any|elsif i_one then|elsif false then" "${it[@]}" schemas
check "the end of types that hold themselves" "_predicate|v_ref = any (i_refs)|false" "${it[@]}" schemas
check "the depth that a walk can bear" "_misfit_of_job|statement_too_complex or data_exception|division_by_zero" "${it[@]}" schemas
check "the forms that other versions declared" "_misfit_of_job|if exists (|if false and exists (" "${it[@]}" schemas
check "the forms that a living worker has" "_is_in_use|or exists (|or false and exists (" "${it[@]}" schemas
check "an operator's word on the check" "_refresh_publish_checks|coalesce(t.check_mode_set, t.check_mode)|t.check_mode" "${it[@]}" schemas
exit $survived
