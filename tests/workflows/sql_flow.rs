//! What the tests of workflows in SQL share: publishing one, ending jobs of its nodes, and looking at what
//! became of it.

use pgjobs_tests::{Db, ManualWorker};
use serde_json::{Value, json};

/// The tasks of these tests.
const TASKS: [&str; 5] = ["a", "b", "c", "d", "u"];

/// A node of one job of this task, with what else is said of it.
pub(crate) fn node(name: &str, task: &str, more: Value) -> Value {
    let mut node = json!({"name": name, "task": task, "max_retries": 1});
    node.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    node
}

/// A database with workflows, and a worker of all tasks.
pub(crate) struct Flow<'a> {
    pub(crate) db: &'a Db,
    pub(crate) worker: ManualWorker<'a>,
}

impl<'a> Flow<'a> {
    pub(crate) async fn on(db: &'a Db) -> Self {
        Flow { db, worker: db.worker(&TASKS).await }
    }

    pub(crate) async fn publish(&self, nodes: Value, options: Value) -> i64 {
        sqlx::query_scalar("select jobs.publish_workflow($1, null, $2)")
            .bind(nodes)
            .bind(options)
            .fetch_one(&self.db.pool)
            .await
            .unwrap()
    }

    /// Runs what is ready of a task, round after round, until nothing is.
    pub(crate) async fn end(&self, task: &str, outcome: &str) {
        self.end_with(task, outcome, "1").await;
    }

    pub(crate) async fn end_with(&self, task: &str, outcome: &str, result: &str) {
        loop {
            if self.worker.claim(200).tasks(&[task]).await.is_empty() {
                return;
            }
            self.settle(task, outcome, result).await;
        }
    }

    /// Ends what runs of a task.
    pub(crate) async fn settle(&self, task: &str, outcome: &str, result: &str) {
        self.db
            .run(&format!(
                "select jobs.settle(s.ids, s.leases, array_fill('{outcome}'::text, array[cardinality(s.ids)]), array_fill('{result}'::jsonb, array[cardinality(s.ids)]), array_fill('boom'::text, array[cardinality(s.ids)]))
                 from (select array_agg(r.job_id::text) as ids, array_agg(r.lease) as leases from jobs._runs r where r.task = '{task}') s"
            ))
            .await;
    }

    /// Ends all that runs as a success.
    pub(crate) async fn settle_all(&self) {
        self.db
            .run("select jobs.settle(s.ids, s.leases) from (select array_agg(r.job_id::text) as ids, array_agg(r.lease) as leases from jobs._runs r) s where s.ids is not null")
            .await;
    }

    /// Ends everything as a success.
    pub(crate) async fn finish(&self) {
        self.settle_all().await;
        while !self.worker.claim(200).await.is_empty() {
            self.settle_all().await;
        }
    }

    /// The state of a workflow, and those of its nodes: `running: a success, b waiting`.
    pub(crate) async fn states(&self, workflow: i64) -> String {
        self.db
            .one(&format!(
                "select w.state || ': ' || string_agg(n.name || ' ' || n.state, ', ' order by n.id) from jobs.workflow w join jobs.node n on n.workflow = w.id where w.id = {workflow} group by w.id"
            ))
            .await
    }

    /// Asserts the states, and that all counters are right.
    pub(crate) async fn assert(&self, workflow: i64, states: &str) {
        assert_eq!(self.states(workflow).await, states);
        assert_right(self.db).await;
    }

    pub(crate) async fn maintain(&self) {
        self.db.run("select jobs.maintain()").await;
    }

    /// The job of a node of one.
    pub(crate) async fn job(&self, workflow: i64, node: &str) -> String {
        self.db
            .one(&format!(
                "select n.job_id::text from jobs.node n where n.workflow = {workflow} and n.name = '{node}'"
            ))
            .await
    }
}

/// Runs statements in a session.
pub(crate) async fn tell(session: &mut sqlx::PgConnection, sql: &str) {
    let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
    statements.execute(session).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// What is wrong with workflows: counters that are not those of rows, nodes that wait for nobody, jobs
/// counted twice.
const WRONG: &str = "
with members as materialized (
  select (q.on_end).node as node, q.job_id from jobs.pending q where q.size = 1 and (q.on_end).node is not null
  union all select (j.on_end).node, j.job_id from jobs.pending q, unnest(q.jobs) j where q.size > 1
  union all select (j.on_end).node, j.job_id from jobs.batch b, unnest(b.jobs) with ordinality j where b.open & jobs._bit(j.ordinality - 1) <> 0
), deltas as materialized (
  select d.node, sum(d.ended) as ended from jobs.node_delta d group by 1
), nodes as materialized (
  select n.*, n.open - coalesce((select d.ended from deltas d where d.node = n.id), 0) as really_open,
    (select count(*) from members m where m.node = n.id) as members, (select count(*) from jobs.edge e where e.child = n.id and e.is_met is null) as undecided
  from jobs.node n
), wrong(what, id, name) as (
  select 'counters of workflow', w.id, w.state::text from jobs.workflow w
    where row(w.nodes, w.open, w.running) is distinct from
      (select row(count(*)::integer, count(*) filter (where n.state in ('waiting', 'running'))::integer, count(*) filter (where n.state = 'running')::integer) from nodes n where n.workflow = w.id)
  union all select 'is over while nodes run, or is not while none does', w.id, w.state::text from jobs.workflow w where (w.ended_at is null) <> (w.running > 0)
  union all select 'success with open nodes', w.id, w.state::text from jobs.workflow w where w.state = 'success' and w.open > 0
  union all select 'open jobs', n.id, n.name from nodes n where n.really_open <> n.members
  union all select 'published twice', n.id, n.name from nodes n where n.members > n.jobs
  union all select 'a negative counter', n.id, n.name from nodes n where least(n.open, n.failed, n.waits) < 0
  union all select 'edges that it waits for', n.id, n.name from nodes n where n.state = 'waiting' and (n.waits <> n.undecided or n.waits = 0)
  union all select 'waits for what has ended', n.id, n.name from nodes n
    where n.state = 'waiting' and exists (select from jobs.edge e join jobs.node p on p.id = e.parent where e.child = n.id and (not e.is_met or e.is_met is null and p.state in ('success', 'skipped', 'cancelled')))
  union all select 'time of its end', n.id, n.name from nodes n where (n.ended_at is null) <> (n.state in ('waiting', 'running'))
  union all select 'failures', n.id, n.name from nodes n where n.really_open = 0 and n.open = 0 and n.failed <> (select count(*) from jobs.node_failure f where f.node = n.id)
  union all select 'state of its jobs', n.id, n.name from nodes n where n.jobs > 0 and n.open = 0 and (n.state = 'running' or n.state = case when n.failed > 0 then 'success' else 'failed' end::jobs.node_state)
)
select coalesce(string_agg(format('%s: %s %s', w.what, w.id, w.name), '; '), '') from wrong w";

/// Asserts that nothing is wrong with any workflow.
pub(crate) async fn assert_right(db: &Db) {
    assert_eq!(db.one::<String>(WRONG).await, "");
}
