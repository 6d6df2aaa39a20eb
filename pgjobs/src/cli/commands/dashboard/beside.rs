//! The dashboard beside something else that runs: `dev`.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::run::{new_password, over};
use super::server::Server;
use crate::cli::database::places::Opened;
use crate::cli::output::failure::Failure;
use crate::web::{Role, Users};

/// A dashboard of this machine alone, which ends with this value.
pub(crate) struct Beside {
    url: String,
    password: String,
    serving: JoinHandle<Result<(), Failure>>,
}

impl Beside {
    /// Serves at port 8080, or at a free one where that is taken.
    pub(crate) async fn start(opened: &[Opened]) -> Result<Self, Failure> {
        let at = |port| Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let server = match at(8080).await {
            Ok(server) => server,
            Err(_) => at(0).await?,
        };
        let (url, password) = (server.url(), new_password());
        let dashboard = over(opened)?.name("dev").login(Users::one("admin", Role::Admin, &password));
        let serving = tokio::spawn(server.serve(dashboard, std::future::pending()));
        Ok(Beside { url, password, serving })
    }

    /// For people: where it is, and how to get in.
    pub(crate) fn words(&self) -> String {
        format!("dashboard at {} (log in as admin with {})", self.url, self.password)
    }

    /// For programs.
    pub(crate) fn document(&self) -> Value {
        json!({ "url": self.url, "user": "admin", "password": self.password })
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
