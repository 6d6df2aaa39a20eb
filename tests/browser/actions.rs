//! Every action of these pages, as a person does it; and what changes by itself.

use std::time::{Duration, Instant};

use pgjobs::web::Role;

use crate::site::{PAGES, Site};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_opens_without_a_complaint() {
    for site in [Site::full().await, Site::empty().await] {
        for path in PAGES.iter().chain(&["/audit", "/operations"]) {
            site.open(path).await;
            let missing = site.browser.text("main").await.contains("There is no");
            let heading = site.browser.text("h1").await;
            assert!(!heading.is_empty() || missing, "{path} has no heading");
            let complaints = site.browser.complaints().await;
            let real: Vec<_> = complaints.iter().filter(|line| !line.contains("404")).collect();
            assert!(real.is_empty(), "{path}: {real:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_on_the_page_within_a_second() {
    let site = Site::full().await;
    site.open("/topics").await;
    site.browser
        .until("the page listens", "return document.querySelector('main').innerText.includes('crm.*')")
        .await;
    // The stream is open once it has brought something.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    site.db.run("select jobs.pause_topic('bill.*', null, 'seen live')").await;
    let begun = Instant::now();
    site.browser
        .until("the pause is shown", "return document.querySelector('main').innerText.includes('seen live')")
        .await;
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_paused_with_a_note_and_resumed() {
    let site = Site::full().await;
    site.open("/topics").await;
    site.browser.fill("#topic", "mail.*").await;
    site.browser.fill("#note", "too many mails").await;
    site.browser.follow("form[action$='/topics/pause'] button").await;
    assert!(
        site.browser.text("#paused").await.contains("too many mails"),
        "{}",
        site.browser.text("main").await
    );
    assert_eq!(site.db.one::<i64>("select count(*) from jobs.pauses() where topic = 'mail.*'").await, 1);
    site.browser.follow("[aria-label='Resume mail.*']").await;
    assert_eq!(site.db.one::<i64>("select count(*) from jobs.pauses() where topic = 'mail.*'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_published_by_the_form_or_refused_in_the_words_of_sql() {
    let site = Site::full().await;
    site.open("/tasks/mail.welcome").await;
    site.browser.fill("#arg-0", "many").await;
    site.browser.follow(".main-act").await;
    let refused =
        site.db.refusal(r#"select jobs.publish('mail.welcome', '{"kwargs": {"user_id": "many"}}')"#).await.1;
    let said = site.browser.text("[role=alert]").await;
    assert!(said.contains(&refused), "{said} has not {refused}");
    site.browser.fill("#arg-0", "12345678901234567890123").await;
    site.browser.run("document.querySelector('#arg-3').value = '{\"a\": [1.50]}'").await;
    site.browser.follow("button[name=check]").await;
    assert!(
        site.browser.text("main").await.contains("Nothing was published"),
        "{}",
        site.browser.text("main").await
    );
    site.browser.follow(".main-act").await;
    site.arrive("/jobs/").await;
    let body: String =
        site.db.one("select body::text from jobs.find('pending', 'mail.welcome', null, 1)").await;
    assert_eq!(
        body,
        r#"{"args": [], "kwargs": {"more": {"a": [1.50]}, "user_id": 12345678901234567890123}}"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_run_paused_resumed_and_changed() {
    let site = Site::full().await;
    site.open("/schedules/nightly").await;
    let before: i64 =
        site.db.one("select count(*) from jobs.schedule_log('nightly') where outcome = 'run'").await;
    site.browser.follow("[aria-label='Run now: nightly']").await;
    site.arrive("/jobs/").await;
    assert_eq!(
        site.db.one::<i64>("select count(*) from jobs.schedule_log('nightly') where outcome = 'run'").await,
        before + 1
    );
    site.open("/schedules/nightly").await;
    site.browser.fill("#why", "holidays").await;
    site.browser.follow("form[action$='/pause'] button.main, form.form[action$='/pause'] button").await;
    let note: String = site.db.one("select pause_note from jobs.get_schedule('nightly')").await;
    assert!(note.contains("ann") && note.contains("holidays"), "{note}");
    site.browser.follow("[aria-label='Resume nightly']").await;
    assert!(site.db.one::<bool>("select paused_at is null from jobs.get_schedule('nightly')").await);
    site.browser.fill("#cron", "30 4 * * *").await;
    site.browser.follow("form[action$='/edit'] button").await;
    let line: String = site.db.one("select cron || ' ' || zone from jobs.get_schedule('nightly')").await;
    assert_eq!(line, "30 4 * * * Europe/Berlin");
    site.browser.fill("#cron", "61 4 * * *").await;
    site.browser.follow("form[action$='/edit'] button").await;
    assert!(site.browser.text("main").await.contains("61"), "{}", site.browser.text("main").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_told_things_and_asked_before_it_is_stopped() {
    let site = Site::full().await;
    site.open("/workers/00000000-0000-7000-8000-000000000001").await;
    site.browser.follow("[aria-label='Ping web-1']").await;
    site.browser.follow("[aria-label='Pause web-1 4711']").await;
    site.browser.fill("#slots", "4").await;
    site.browser.follow("form[action$='/stop'] button").await;
    site.browser.follow("a.danger").await;
    assert!(site.browser.text("h1").await.contains("Stop web-1"));
    site.browser.fill("#why", "moved").await;
    site.browser.follow("form[action$='/stop'] button").await;
    let sent: Vec<String> = site
        .db
        .all("select kind || ' ' || coalesce(details->>'slots', '') from jobs.commands() order by id")
        .await;
    assert_eq!(sent, ["ping ", "pause ", "slots 4", "stop "]);
    let reason: String = site.db.one("select reason from jobs.commands() order by id desc limit 1").await;
    assert_eq!(reason, "ann (dashboard): moved");
    assert!(site.browser.text("#receipts").await.contains("stop"), "{}", site.browser.text("main").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_errors_leads_to_the_preview_of_its_repair() {
    let site = Site::full().await;
    site.open("/errors").await;
    assert!(
        site.browser.text("main").await.contains("stripe: * card * declined"),
        "{}",
        site.browser.text("main").await
    );
    let groups = site.browser.count("main tbody tr").await;
    assert!(groups >= 1);
    site.browser.follow("main tbody tr td:last-child a").await;
    site.arrive("/jobs/act?").await;
    assert!(
        site.browser.text("main").await.to_lowercase().contains("retry"),
        "{}",
        site.browser.text("main").await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_no_button_that_would_be_refused() {
    let site = Site::of(Role::Viewer).await;
    site.db.run("select jobs.pause_topic('crm.*'); select jobs.set_schedule('often', 'bill.charge', i_every => '90 s')").await;
    for path in ["/tasks", "/topics", "/schedules", "/schedules/often", "/workers", "/errors", "/database"] {
        site.open(path).await;
        assert_eq!(site.browser.count("main form[method=post]").await, 0, "{path}");
    }
}
