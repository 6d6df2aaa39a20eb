//! What the page does in a browser, as a program: it opens the page, starts an export and hears of it.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

/// Sends a request, and returns the lines of the answer as they come.
async fn send(
    to: SocketAddr,
    method: &str,
    path: &str,
    customer: &str,
) -> io::Result<Lines<BufReader<TcpStream>>> {
    let mut connection = TcpStream::connect(to).await?;
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\nCookie: customer={customer}\r\n");
    connection.write_all(format!("{head}Content-Length: 0\r\n\r\n").as_bytes()).await?;
    Ok(BufReader::new(connection).lines())
}

/// The kinds of events that the customer's page is told of, until one says that the job has ended.
pub(crate) async fn watch(server: SocketAddr, customer: &str) -> io::Result<Vec<String>> {
    let mut page = send(server, "GET", &format!("/?as={customer}"), customer).await?;
    let position = loop {
        let line = page.next_line().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if let Some((_, rest)) = line.split_once("data-position=\"") {
            break rest.split('"').next().unwrap_or_default().to_owned();
        }
    };
    let mut events = send(server, "GET", &format!("/exports/events/sse?after={position}"), customer).await?;
    let _started = send(server, "POST", "/exports", customer).await?;
    let mut told: Vec<String> = Vec::new();
    while told.last().is_none_or(|kind| kind != "completed") {
        let line = events.next_line().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if let Some(kind) =
            line.strip_prefix("event: ").filter(|kind| told.last().is_none_or(|last| last != kind))
        {
            told.push(kind.to_owned());
        }
    }
    Ok(told)
}
