//! The dashboard over HTTP: who may do what, what a page holds, and what it must never do.

mod actions;
mod jobs;
mod limits;
mod look;
mod people;
mod pitfalls;
mod roles;
mod scale;
mod sensitive;
mod servers;
mod states;
mod workflows;

use pgjobs::web::axum::Router;
use pgjobs::web::{Dashboard, Role, Users, Viewer};
use pgjobs_tests::Db;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};

/// A dashboard that is served, and somebody who looks at it.
pub(crate) struct Site {
    pub(crate) url: String,
    client: Client,
}

/// The header that browsers send with requests of a page to its own site.
pub(crate) const FETCH_SITE: &str = "sec-fetch-site";

impl Site {
    /// Somebody of this role looks, whom the program knows.
    pub(crate) async fn of(db: &Db, role: Role) -> Self {
        let hook = move |_: &_| Some(Viewer::new("mara", role));
        Site::serve(Dashboard::new(db.pool.clone()).authenticate(hook).router()).await
    }

    /// A login for mara, an operator, whose password is `opensesame`.
    pub(crate) async fn with_login(db: &Db) -> Self {
        let users = Users::one("mara", Role::Operator, "opensesame");
        Site::serve(Dashboard::new(db.pool.clone()).login(users).router()).await
    }

    pub(crate) async fn serve(router: Router) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        tokio::spawn(pgjobs::web::axum::serve(listener, router).into_future());
        Site::at(&url)
    }

    /// Somebody else at the same dashboard.
    pub(crate) fn at(url: &str) -> Self {
        let client =
            Client::builder().cookie_store(true).redirect(redirect::Policy::none()).build().expect("client");
        Site { url: url.to_owned(), client }
    }

    /// A request as it is.
    pub(crate) fn raw(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(method.parse().expect("method"), format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        Page::of(self.raw("GET", path).header(FETCH_SITE, "none").send().await.expect("answer")).await
    }

    /// Sends a form as a page of the dashboard does.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Page {
        let request = self.raw("POST", path).header(FETCH_SITE, "same-origin").form(form);
        Page::of(request.send().await.expect("answer")).await
    }
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Page { status, headers, text: response.text().await.expect("text") }
    }

    /// Its text, after the status 200.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.text
    }

    /// Where it sends the browser.
    pub(crate) fn to(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.headers["location"].to_str().expect("text")
    }
}

/// Jobs in each state: ready `mail.a`, scheduled `mail.later`, running `mail.run`, failed `mail.bad`.
pub(crate) async fn fill(db: &Db) {
    db.run(
        r#"select jobs.publish('mail.run', '{"args": [1]}');
           select jobs.consume(1);
           select jobs.publish('mail.bad', '{"args": [9007199254740993], "kwargs": {"to": "a@b"}}', i_max_retries => 1, i_meta => '{"tags": ["vip"], "tenant": 7}');
           select jobs.nack(job_id, 'timed out: no answer') from jobs.consume(1);
           select jobs.publish('mail.a', '{"args": [2]}', i_meta => '{"tags": ["vip"]}');
           select jobs.publish('mail.later', '{"args": [3]}', now() + interval '1 day')"#,
    )
    .await;
}

/// The id of the newest job of a task.
pub(crate) async fn id_of(db: &Db, task: &str) -> String {
    db.one(&format!("select max(job_id)::text from jobs.\"all\" where task = '{task}'")).await
}
