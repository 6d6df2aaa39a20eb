//! Text of others is text: forty payloads in every field that a page shows, and in every parameter of its
//! URL.

use crate::site::Site;

const PAYLOADS: [&str; 40] = [
    "<script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "'><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</pre><script>alert(1)</script>",
    "</svg><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><img src=x onerror=alert(1)>",
    "' onerror='alert(1)",
    "\" onmouseover=\"alert(1)",
    "\" autofocus onfocus=\"alert(1)",
    "<svg onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x>",
    "<math><mi xlink:href=javascript:alert(1)>x</mi></math>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "<form action=javascript:alert(1)><button>x",
    "<button formaction=javascript:alert(1)>x",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<style>@import 'javascript:alert(1)';</style>",
    "<div style=\"background:url(javascript:alert(1))\">",
    "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">",
    "<base href=javascript:alert(1)//>",
    "<link rel=stylesheet href=javascript:alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title=\"</noscript><script>alert(1)</script>\">",
    "${alert(1)}{{constructor.constructor('alert(1)')()}}",
    "&lt;script&gt;alert(1)&lt;/script&gt;&#60;script&#62;",
    "%3Cscript%3Ealert(1)%3C/script%3E",
];

/// A payload in every text that somebody may store.
const STORE: &str = "
    select jobs.register_tasks(jsonb_build_array(jsonb_build_object('name', p, 'doc', p || chr(10) || p, 'aliases', jsonb_build_array(p || 'alias'), 'retries', 1, 'timeout', 60,
        'priority', 0, 'params', jsonb_build_array(jsonb_build_object('name', p, 'type', p, 'required', true)), 'validate', 'off', 'result_schema', true,
        'args_schema', jsonb_build_object('type', 'object', 'title', p, 'properties', jsonb_build_object(p, jsonb_build_object('enum', jsonb_build_array(p), 'description', p))))))
      from (select $1::text as p) x;
    select jobs.publish(p, jsonb_build_object('args', jsonb_build_array(p), 'kwargs', jsonb_build_object(p, p)), i_max_retries => 1, i_meta => jsonb_build_object(p, p, 'tags', jsonb_build_array(p))) from (select $1::text as p) x;
    select jobs.nack(c.job_id, p || chr(10) || p) from (select $1::text as p) x, jobs.consume(1) c;
    select jobs.publish(p, to_jsonb(p), now() + interval '1 h') from (select $1::text as p) x;
    select jobs.set_schedule(p, p, to_jsonb(p), i_every => '90 s', i_meta => jsonb_build_object(p, p)) from (select $1::text as p) x;
    select jobs.pause_schedule(p, p) from (select $1::text as p) x;
    select jobs.set_limit(p, p, jsonb_build_object('key', array[p], 'max', 1)), jobs.block_key(p, to_jsonb(array[p]), 'infinity', p) from (select $1::text as p) x;
    select jobs.pause_topic(p, null, p) from (select $1::text as p) x;
    select jobs.register_worker(gen_random_uuid(), p, 1, p, array[p], array[p], 4, 3600, '{ping}') from (select $1::text as p) x;
    select jobs.control('ping', i_topic => '*', i_reason => p) from (select $1::text as p) x;
    select jobs.start_operation('purge', p, i_reason => p) from (select $1::text as p) x";

async fn store(site: &Site, payload: &str) {
    for statement in STORE.split(';') {
        let call =
            sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).bind(payload).execute(&site.db.pool).await;
        call.unwrap_or_else(|error| panic!("{statement} of {payload}: {error}"));
    }
}

/// No script ran, no element came from a text, and the console says nothing.
async fn assert_harmless(site: &Site, what: &str) {
    assert!(!site.browser.has_dialog().await, "{what}: a dialog is open");
    let strange = "main script, main img, main iframe, main object, main embed, main style, main base, main meta, main link, main video, main math, main template, \
                   [onerror], [onload], [onfocus], [onmouseover], [ontoggle], [style], a[href^='javascript' i], a[href^='data' i], form[action^='javascript' i], [formaction]";
    assert_eq!(site.browser.count(strange).await, 0, "{what}: an element was made of a text");
    let complaints = site.browser.complaints().await;
    let real: Vec<_> =
        complaints.iter().filter(|line| !line.contains("the server responded with a status of 4")).collect();
    assert!(real.is_empty(), "{what}: {real:?}");
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_text_of_others_is_shown_as_text_on_every_page() {
    let site = Site::empty().await;
    let mut session = site.db.connect().await;
    sqlx::Executor::execute(&mut session, "set application_name = '<img src=x onerror=alert(1)>'; begin isolation level repeatable read; select 1 from jobs.config").await.unwrap();
    for payload in PAYLOADS {
        store(&site, payload).await;
    }
    site.db.run("select jobs.keep_statistics(true); select jobs.maintain()").await;
    for path in [
        "/",
        "/jobs",
        "/jobs?state=failed",
        "/tasks",
        "/topics",
        "/limits",
        "/schedules",
        "/workers",
        "/errors",
        "/database",
        "/audit",
        "/operations",
    ] {
        site.open(path).await;
        assert_harmless(&site, path).await;
    }
    let failed: Vec<String> = site.db.all("select job_id::text from jobs.find('failed')").await;
    let workers: Vec<String> = site.db.all("select id::text from jobs.workers()").await;
    let things = failed
        .iter()
        .map(|id| format!("/jobs/{id}"))
        .chain(workers.iter().map(|id| format!("/workers/{id}")));
    let named = PAYLOADS.iter().flat_map(|payload| {
        ["/tasks/", "/limits/", "/schedules/"].map(|page| format!("{page}{}", encode(payload)))
    });
    for path in things.chain(named) {
        site.open(&path).await;
        assert_harmless(&site, &path).await;
    }
    site.open("/tasks").await;
    assert!(site.browser.text("main").await.contains(PAYLOADS[0]), "the payload is there, as text");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_urls_are_shown_as_text() {
    let site = Site::empty().await;
    const PATHS: [&str; 12] = [
        "/tasks?range=",
        "/tasks/",
        "/schedules/",
        "/schedules?after=",
        "/workers/",
        "/errors?topic=",
        "/errors?range=",
        "/audit?target=",
        "/audit?action=",
        "/audit?before=",
        "/jobs?task=",
        "/topics?topic=",
    ];
    for path in PATHS {
        for payload in PAYLOADS {
            let path = format!("{path}{}", encode(payload));
            site.open(&path).await;
            assert_harmless(&site, &path).await;
        }
    }
}
