//! Listens, and serves a dashboard until it is told to stop.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::cli::output::failure::Failure;
use crate::web::{Dashboard, axum};

/// Listens already, and serves nothing yet: its address is known before anybody is told.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens on this address; port 0 takes a free one.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, Failure> {
        let failed = |error| Failure::usage(format!("cannot listen on {address}: {error}"));
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Server { listener, address })
    }

    /// The page's URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Serves until this future ends; what is on its way then is not waited for, since nothing depends on it.
    pub(crate) async fn serve(
        self,
        dashboard: Dashboard,
        until: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        // With the addresses of clients, by which wrong passwords are counted.
        let service = dashboard.router().into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(self.listener, service);
        tokio::select! {
            served = serving.into_future() => served.map_err(|error| Failure::failed(format!("the dashboard ended: {error}"))),
            () = until => Ok(()),
        }
    }
}
