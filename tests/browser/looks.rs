//! How pages look and are read: without violations of accessibility rules, at every width, by keyboard alone.

use serde_json::Value;

use crate::site::{PAGES, Site};

/// axe-core, which .ci/steps/browser installs; its licence keeps it out of this repository.
const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/axe/node_modules/axe-core/axe.min.js");

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_no_violation_in_light_and_dark() {
    let axe = std::fs::read_to_string(AXE).expect("axe-core is there: .ci/steps/browser installs it");
    let mut found = Vec::new();
    for (site, state) in [(Site::full().await, "full"), (Site::empty().await, "empty")] {
        for theme in ["light", "dark"] {
            site.browser.theme(theme).await;
            for (width, height) in [(1440, 900), (390, 844)] {
                site.browser.size(width, height).await;
                for path in PAGES.iter().chain(&["/audit"]) {
                    site.open(path).await;
                    site.browser.run(&axe).await;
                    let run = "const done = arguments[arguments.length - 1]; axe.run(document, {resultTypes: ['violations']})
                        .then(r => done(r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 160) + ' ' + n.failureSummary).slice(0, 2).join(' | '))))";
                    for violation in site.browser.run_async(run).await.as_array().expect("violations") {
                        found.push(format!(
                            "{state} {theme} {width} {path}: {}",
                            violation.as_str().unwrap_or_default()
                        ));
                    }
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_scrolls_sideways_from_320_to_1600() {
    let site = Site::full().await;
    let mut wide = Vec::new();
    for path in PAGES.iter().chain(&["/audit", "/workers/00000000-0000-7000-8000-000000000001"]) {
        site.open(path).await;
        for width in [320, 390, 480, 640, 800, 960, 1280, 1440, 1600] {
            site.browser.size(width, 900).await;
            let over = site
                .browser
                .run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
                .await;
            if over.as_i64().unwrap_or(1) > 0 {
                let widest = "return [...document.querySelectorAll('main *')].filter(e => !e.closest('.wrap') && e.getBoundingClientRect().right > innerWidth + 1)
                    .slice(0, 3).map(e => e.tagName + '.' + e.className + ' ' + (e.textContent || '').slice(0, 40))";
                wide.push(format!("{path} at {width}: {over} px: {}", site.browser.run(widest).await));
            }
        }
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_paused_by_keyboard_alone() {
    let site = Site::full().await;
    site.open("/").await;
    site.browser.keys("gi").await;
    site.browser.until("the key goes to the topics", "return location.pathname === '/topics'").await;
    // Tab until the field has the focus; each stop on the way is seen.
    let focus = "const e = document.activeElement; return [e.id, e.tagName, getComputedStyle(e).outlineStyle !== 'none']";
    for nth in 0..120 {
        site.browser.keys("\u{e004}").await;
        let at = site.browser.run(focus).await;
        assert!(at[1] == "BODY" || at[2] == true, "stop {nth} has no outline: {at}");
        if at[0] == "topic" {
            break;
        }
        assert!(nth < 119, "the field is never reached");
    }
    site.browser.keys("mail.*\u{e007}").await;
    site.browser
        .until("it is paused", "return document.querySelector('#paused')?.innerText.includes('mail.*')")
        .await;
    assert_eq!(site.db.one::<i64>("select count(*) from jobs.pauses() where topic = 'mail.*'").await, 1);
}

/// Kept under target/screenshots, for eyes; four of them are in the book.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_pages_are_kept() {
    let site = Site::full().await;
    let names = [
        "overview",
        "jobs",
        "failed",
        "tasks",
        "task",
        "topics",
        "limits",
        "limit",
        "schedules",
        "schedule",
        "workers",
        "errors",
        "database",
    ];
    for theme in ["light", "dark"] {
        site.browser.theme(theme).await;
        for (width, height) in [(1440, 900), (390, 844)] {
            site.browser.size(width, height).await;
            for (path, name) in PAGES.iter().zip(names) {
                site.open(path).await;
                site.browser.picture(&format!("{name}-{theme}-{width}")).await;
            }
        }
    }
    let same = site.browser.run("return matchMedia('(prefers-color-scheme: dark)').matches").await;
    assert_eq!(same, Value::Bool(true), "the last pictures are dark");
}
