//! Sends the spans of the program to a collector of OpenTelemetry, if the environment names one.
//!
//! The exporter is OpenTelemetry's own, and reads its usual variables. Only what carries its requests is
//! here: it works on the exporter's thread, which is neither of the runtime nor of the tasks, and may block.

use std::env;
use std::future::{Future, ready};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::{Layer, Registry};

use crate::cli::args::global::program;

/// How long a request may wait for the collector, at each step.
const LIMIT: Duration = Duration::from_secs(5);
/// The most that is read of an answer.
const LONGEST: u64 = 64 << 10;

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// The layer that sends spans from `info` on. It takes no events: their text may hold secrets, which the log
/// masks. `Err` with the reason when the environment names a collector that cannot be used.
pub(crate) fn layer() -> Result<Option<impl Layer<Registry> + Send + Sync>, String> {
    if !is_wanted() {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_http().with_http_client(Client).build();
    let exporter = exporter.map_err(|error| error.to_string())?;
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("pgjobs"));
    let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
    let _set_once = PROVIDER.set(provider);
    let is_ours = filter_fn(|metadata| metadata.is_span() && !metadata.target().starts_with("sqlx"));
    Ok(Some(layer.with_filter(is_ours).with_filter(LevelFilter::INFO)))
}

/// Whether spans are sent.
pub(crate) fn are_sent() -> bool {
    PROVIDER.get().is_some()
}

/// Sends what has not been sent yet: the last thing before the process ends.
pub(crate) fn flush() {
    if let Some(provider) = PROVIDER.get() {
        let _ = provider.shutdown_with_timeout(LIMIT); // the client has said why it failed
    }
}

fn is_wanted() -> bool {
    let says = |name, what: &str| env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case(what));
    let names = |name| env::var(name).is_ok_and(|value| !value.is_empty());
    !says("OTEL_SDK_DISABLED", "true")
        && !says("OTEL_TRACES_EXPORTER", "none")
        && (names("OTEL_EXPORTER_OTLP_ENDPOINT") || names("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
}

/// As whose spans they are shown: the program's, unless the environment has another name.
fn resource() -> Resource {
    let has_name = env::var("OTEL_SERVICE_NAME").is_ok()
        || env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|attributes| attributes.contains("service.name="));
    match has_name {
        true => Resource::builder().build(),
        false => Resource::builder().with_service_name(program()).build(),
    }
}

/// Posts over plain HTTP: a collector runs beside the program, or a proxy of it does.
#[derive(Debug)]
struct Client;

impl HttpClient for Client {
    fn send_bytes<'c, 'f>(
        &'c self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'c: 'f,
        Self: 'f,
    {
        let answer = post(&request);
        tell(&request, &answer);
        Box::pin(ready(answer.map_err(HttpError::from)))
    }
}

/// Logs the first failure after what was sent well.
fn tell(request: &Request<Bytes>, answer: &io::Result<Response<Bytes>>) {
    static FAILS: AtomicBool = AtomicBool::new(false);
    let reason = match answer {
        Ok(answer) if answer.status().is_success() => None,
        Ok(answer) => Some(format!("it answers {}", answer.status())),
        Err(error) => Some(error.to_string()),
    };
    let failed = FAILS.swap(reason.is_some(), Ordering::Relaxed);
    if let Some(reason) = reason.filter(|_| !failed) {
        tracing::warn!("spans are not sent to {}: {reason}", place(request));
    }
}

/// The collector's host and port, without a password.
fn place(request: &Request<Bytes>) -> String {
    let uri = request.uri();
    format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80))
}

fn post(request: &Request<Bytes>) -> io::Result<Response<Bytes>> {
    if request.uri().scheme_str() != Some("http") {
        let reason = "only http:// is spoken; send to a collector or a proxy on this machine";
        return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
    }
    let mut stream = connect(request)?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let (place, length) = (place(request), request.body().len());
    let mut head =
        format!("POST {path} HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\ncontent-length: {length}\r\n");
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    stream.write_all(request.body())?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer)?;
    read(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn connect(request: &Request<Bytes>) -> io::Result<TcpStream> {
    let host = request.uri().host().unwrap_or_default().trim_matches(['[', ']']);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (host, request.uri().port_u16().unwrap_or(80)).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, LIMIT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(LIMIT))?;
                stream.set_write_timeout(Some(LIMIT))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The status of an answer. Its body says how many spans were refused, which nobody reads.
fn read(answer: &[u8]) -> Option<Response<Bytes>> {
    let line = answer.strip_prefix(b"HTTP/1.")?;
    let status = std::str::from_utf8(line.get(2..5)?).ok()?.parse::<u16>().ok()?;
    Response::builder().status(status).body(Bytes::new()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_an_answer_is_read_and_anything_else_refused() {
        let status = |answer: &[u8]| read(answer).map(|answer| answer.status().as_u16());
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 503 Busy\r\n\r\n"), Some(503));
        for odd in
            [&b""[..], b"HTTP/1.1", b"HTTP/1.1 2x0 OK", b"HTTP/2 200", b"SSH-2.0-x", b"HTTP/1.1 \xff\xff\xff"]
        {
            assert_eq!(status(odd), None, "{odd:?}");
        }
    }
}
