//! A dashboard that is served, over a database with something of everything.

use pgjobs::web::{Dashboard, Role, Viewer};
use pgjobs_tests::Db;

use crate::webdriver::Browser;

/// A dashboard and a browser that looks at it.
pub(crate) struct Site {
    pub(crate) db: Db,
    pub(crate) browser: Browser,
    pub(crate) url: String,
}

/// Every page that needs no id.
pub(crate) const PAGES: [&str; 15] = [
    "/",
    "/jobs",
    "/jobs?state=failed",
    "/tasks",
    "/tasks/mail.welcome",
    "/topics",
    "/limits",
    "/limits/each",
    "/workflows",
    "/workflows/1",
    "/schedules",
    "/schedules/nightly",
    "/workers",
    "/errors",
    "/database",
];

/// What ended in the last day, so that charts have something to show.
const HISTORY: &str = "
insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at, run_at, complete_on, attempt, traceback)
select g, jobs._new_job_id(jobs._id_time(t.at), g), case when g % 3 = 0 then 'bill.charge' else 'mail.welcome' end, '{}', 0, 1, 0, 30, case when g % 37 = 0 then 'failed' else 'success' end::jobs.job_status,
  t.at - make_interval(secs => 0.2 + (g % 17) * 0.11 + 2 * abs(sin(g / 300.0))), t.at - make_interval(secs => 0.05 + (g % 13) * 0.09), t.at, 1,
  case when g % 37 = 0 then 'timed out after ' || g % 5 || ' s' end
from generate_series(1, 4000) g, lateral (select greatest(date_trunc('day', now(), 'UTC'), now() - interval '3 hours' * power(g / 4000.0, 1.5)) as at) t";

/// Tasks, jobs in each state, schedules, a worker that lives as long as the test, a pause, statistics.
const DATA: &str = r#"
select jobs.register_tasks('[
  {"name": "mail.welcome", "doc": "Greets a customer.\nOnce.", "retries": 3, "timeout": 30, "priority": 0, "validate": "strict",
   "params": [{"name": "user_id", "type": "i64", "required": true}, {"name": "locale", "type": "Locale", "required": false}, {"name": "loud", "type": "bool", "required": false}, {"name": "more", "type": "Value", "required": false}],
   "args_schema": {"type": "object", "properties": {"user_id": {"type": "integer"}, "locale": {"enum": ["en", "pt"]}, "loud": {"type": "boolean"}, "more": {}}, "required": ["user_id"]},
   "result_schema": true},
  {"name": "bill.charge", "doc": "Charges a card.", "retries": 5, "timeout": 10, "priority": 2, "params": [], "args_schema": {"type": "object"}, "result_schema": true}]');
select jobs.register_worker('00000000-0000-7000-8000-000000000001', 'web-1', 4711, '0.3.0', '{*}', '{mail.welcome,bill.charge}', 16, 3600, '{ping,pause,resume,slots,drain,stop}');
select jobs.publish('mail.welcome', jsonb_build_object('kwargs', jsonb_build_object('user_id', g)), i_max_retries => 1) from generate_series(1, 60) g;
select jobs.publish('bill.charge', i_max_retries => 1) from generate_series(1, 20) g;
select case when c.id % 5 = 0 then jobs.nack(c.job_id, 'stripe: 402 card ' || c.id || ' declined')::text else jobs.ack(c.job_id, '{"sent": true}')::text end from jobs.consume(70) c;
select jobs.publish('mail.welcome', '{"kwargs": {"user_id": 7}}', now() + interval '1 hour');
select jobs.publish('bill.late', i_max_retries => 2);
select jobs.set_limit('each', 'mail.*', '{"key": ["user_id"], "max": 2}'), jobs.set_limit('stripe', 'bill.*', '{"max": 20, "rates": ["100/s"]}');
select jobs.block_key('each', '7', now() + interval '1 hour', 'they asked for a pause');
select jobs.consume('mail.welcome', 2);
select jobs.publish_workflow('[{"name": "fetch", "task": "flow.fetch"}, {"name": "rows", "task": "flow.rows", "each": [{"args": [1]}, {"args": [2]}], "max_retries": 1, "after": ["fetch"]},
  {"name": "publish", "task": "flow.publish", "after": ["rows"]}, {"name": "alert", "task": "flow.alert", "after": [{"node": "publish", "when": "failure"}]}]', 'catalogue');
select jobs.ack(c.job_id, '1', c.lease) from jobs.consume_topic('flow.fetch', 1) c;
select jobs.nack(c.job_id, 'boom', i_lease => c.lease) from jobs.consume_topic('flow.rows', 1) c;
select jobs.set_schedule('nightly', 'mail.welcome', '{"kwargs": {"user_id": 1}}', '0 3 * * mon-fri', i_zone => 'Europe/Berlin');
select jobs.set_schedule('often', 'bill.charge', i_every => '90 s');
select jobs.run_schedule('nightly');
select jobs.pause_topic('crm.*', null, 'the provider is down');
select jobs.keep_statistics(true);
"#;

impl Site {
    /// With data, for an administrator.
    pub(crate) async fn full() -> Self {
        let site = Site::empty().await;
        site.db.run(DATA).await;
        site.db.run(HISTORY).await;
        // Not in the transaction of the jobs: a pass counts what is committed.
        pgjobs_tests::until("the jobs are counted", async || {
            site.db.run("update jobs.rollup_day set begun_at = '-infinity'; select jobs.maintain()").await;
            site.db
                .one::<i64>("select coalesce(sum(success + failed), 0) from jobs.rollup where task = ''")
                .await
                >= 4000
        })
        .await;
        site
    }

    /// With nothing in the database.
    pub(crate) async fn empty() -> Self {
        Site::of(Role::Admin).await
    }

    /// For a viewer of this role.
    pub(crate) async fn of(role: Role) -> Self {
        let db = Db::new().await;
        let router = Dashboard::new(db.pool.clone())
            .name("shop · test")
            .authenticate(move |_| Some(Viewer::new("ann", role)))
            .router();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { pgjobs::web::axum::serve(listener, router).await });
        Site { db, browser: Browser::start().await, url }
    }

    /// Opens a page of the dashboard, which must not complain.
    pub(crate) async fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.url)).await;
    }

    /// Waits until the browser is where an action sends it.
    pub(crate) async fn arrive(&self, path: &str) {
        let script = format!(
            "return (location.pathname + location.search).startsWith('{path}') && document.readyState === 'complete'"
        );
        self.browser.until(&format!("the browser is at {path}"), &script).await;
    }
}
