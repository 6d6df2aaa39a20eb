//! What a monitor reads: counters of this process and the state of the database, in the text format of Prometheus.
//!
//! `cargo run --example metrics`. `pgjobs worker --metrics 127.0.0.1:9000` serves the same, and `contrib/` has
//! alerts and a dashboard of Grafana that read it.

use std::error::Error;
use std::net::SocketAddr;

use pgjobs::{TaskError, Worker, task};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Sends a letter; it is late if it has not arrived half a minute after it was due.
#[task(name = "metrics.send", retries = 1, slo = "30s")]
async fn send(to: i64) -> Result<(), TaskError> {
    match to {
        13 => Err("nobody lives there".into()),
        _ => Ok(()),
    }
}

/// What the monitor gets when it asks for this path.
async fn scrape(address: SocketAddr, path: &str) -> Result<String, Box<dyn Error>> {
    let mut monitor = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    monitor.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    monitor.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;

    // Whoever is to be measured says so before it works: from here on counters count.
    let metrics = pgjobs::web::metrics(pool.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, metrics).into_future());

    pgjobs::publish_all(&pool, [11, 12, 13, 14].map(send::new)).await?;
    Worker::new(pool.clone()).topic("metrics.*").burst().run().await?;
    send::publish(&pool, 15).await?; // and nobody works it

    for path in ["/metrics", "/metrics/database"] {
        println!("GET http://{address}{path}");
        let answer = scrape(address, path).await?;
        let told = ["published", "settled", "open_jobs", "failed_jobs", "slo_seconds"];
        let of_ours = answer.lines().filter(|line| line.contains("task=\"metrics.send\""));
        for line in of_ours.filter(|line| told.iter().any(|name| line.starts_with(&format!("pgjobs_{name}"))))
        {
            println!("  {line}");
        }
    }
    Ok(())
}
