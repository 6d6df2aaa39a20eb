use std::path::PathBuf;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// The only user of the server: initdb makes it a superuser.
pub(crate) const SUPERUSER: &str = "postgres";

pub(crate) const DEFAULT_PORT: u16 = 5432;

/// How long to wait for a server that accepted the connection and does not answer.
#[cfg(unix)]
const ANSWER_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// Where the server listens: the folder of its socket, and the port in the socket's name, which is no network
/// port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) socket_dir: PathBuf,
    pub(crate) port: u16,
}

impl Address {
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgresql:///{}?host={}&user={SUPERUSER}{}",
            encode(database),
            encode(&self.socket_dir.to_string_lossy()),
            self.port_parameter(),
        )
    }

    pub(crate) fn options(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.socket_dir)
            .port(self.port)
            .username(SUPERUSER)
            .database(database)
            // The environment may ask for TLS, which does not work on a local socket.
            .ssl_mode(PgSslMode::Disable)
    }

    /// Asks the server for its version, which also shows that it answers.
    #[cfg(unix)]
    pub(crate) async fn ask_version(&self) -> sqlx::Result<String> {
        use sqlx::{ConnectOptions, Connection};

        let work = async {
            let mut connection = self.options("postgres").connect().await?;
            let query = sqlx::query_scalar("show server_version");
            let version: String = query.fetch_one(&mut connection).await?;
            connection.close().await?;
            // Distributions append their own text to the version.
            Ok(version.split_whitespace().next().unwrap_or_default().to_owned())
        };
        let answer = tokio::time::timeout(ANSWER_LIMIT, work).await;
        answer.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Clients take the port from PGPORT unless the URL has one, so the URL may omit it only when that
    /// variable is not set.
    fn port_parameter(&self) -> String {
        if self.port == DEFAULT_PORT && std::env::var_os("PGPORT").is_none() {
            return String::new();
        }
        format!("&port={}", self.port)
    }
}

/// Percent-encodes every character that is not plain in both the path and the query of a URL.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_survives_odd_names() {
        let address = Address { socket_dir: "/tmp/a b".into(), port: 6000 };
        let url = address.url("jobs&x=1");
        assert_eq!(url, "postgresql:///jobs%26x%3D1?host=/tmp/a%20b&user=postgres&port=6000");
        let options: PgConnectOptions = url.parse().unwrap();
        assert_eq!(options.get_database(), Some("jobs&x=1"));
        assert_eq!(options.get_socket().unwrap(), &address.socket_dir);
        assert_eq!(options.get_port(), 6000);
    }
}
