//! The life of one connection: its first byte, its handshake, its requests, its end.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::crowd::Place;
use super::stream::{Answered, Asked, Watched};
use super::tls::Tls;
use super::watch::{Patience, Phase, Watch};
use crate::api::refusal::Refusal;

/// The largest head of a request, in bytes, and the most lines in it.
const LARGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
/// How long the last words to a client that was too slow may take.
const LAST_WORDS: Duration = Duration::from_secs(1);
const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n\
    content-length: 47\r\nconnection: close\r\n\r\n{\"error\":\"the request did not come in in time\"}";

/// What all connections share.
pub(super) struct Shared {
    pub(super) app: Router,
    pub(super) tls: Option<Tls>,
    pub(super) patience: Patience,
    /// Becomes true when the server stops.
    pub(super) stopping: watch::Receiver<bool>,
}

/// Why a connection is closed by us.
enum Closed {
    TooSlow,
    ForAnother,
    Stopping,
}

/// Serves a connection to its end.
pub(super) async fn serve(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr, place: Place) {
    // Before the first byte a connection costs its socket and this task: no buffers, no TLS.
    let readable = async { stream.readable().await.is_ok() };
    if bounded(&shared, &place, readable).await != Some(true) {
        return;
    }
    let Some(tls) = &shared.tls else {
        return requests(&shared, stream, peer, &place).await;
    };
    place.watch.set(Phase::Handshake);
    let handshake = tls.acceptor().accept(stream);
    match bounded(&shared, &place, handshake).await {
        Some(Ok(stream)) => {
            place.watch.set(Phase::Silent);
            requests(&shared, stream, peer, &place).await;
        }
        Some(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
        None => {}
    }
}

/// Returns when the server stops.
pub(super) async fn stops(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// What comes of the work within the time for the present phase; `None` when the connection has to
/// end before.
async fn bounded<T>(shared: &Shared, place: &Place, work: impl Future<Output = T>) -> Option<T> {
    let mut stopping = shared.stopping.clone();
    tokio::select! {
        done = work => Some(done),
        () = sleep_until(place.watch.deadline(shared.patience)) => None,
        () = place.watch.evicted.notified() => None,
        () = stops(&mut stopping) => None,
    }
}

async fn requests<S>(shared: &Arc<Shared>, stream: S, peer: SocketAddr, place: &Place)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let watch = &place.watch;
    let io = TokioIo::new(Watched {
        stream,
        watch: Arc::clone(watch),
    });
    let app = TowerToHyperService::new(shared.app.clone());
    let service = service_fn(|request: Request<Incoming>| {
        let limit = shared.patience.request;
        let watch = Arc::clone(watch);
        watch.set(if request.body().is_end_stream() {
            Phase::Answer
        } else {
            Phase::Body
        });
        let body_watch = Arc::clone(&watch);
        let mut request = request.map(|body| {
            Body::new(Asked {
                body,
                watch: body_watch,
            })
        });
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = app.call(request);
        async move {
            let answer: Response<Body> = match timeout(limit, answer).await {
                Ok(answer) => answer?,
                Err(_) => took_too_long(watch.state().0),
            };
            watch.set(Phase::Answer);
            Ok::<_, std::convert::Infallible>(answer.map(|body| Answered { body, watch }))
        }
    });
    let mut connection = http1::Builder::new()
        .max_headers(MOST_HEADERS)
        .max_header_size(LARGEST_HEAD)
        .max_buf_size(2 * LARGEST_HEAD)
        .serve_connection(io, service);
    let closed = tokio::select! {
        ended = &mut connection => {
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "a connection ended");
            }
            return;
        }
        closed = close(shared, place) => closed,
    };
    match closed {
        Closed::TooSlow if watch.state().0 == Phase::Head => {
            let mut stream = connection.into_parts().io.into_inner().stream;
            let farewell = async {
                stream.write_all(TOO_SLOW).await?;
                stream.shutdown().await
            };
            let _ = timeout(LAST_WORDS, farewell).await;
        }
        Closed::TooSlow | Closed::ForAnother => {}
        Closed::Stopping => {
            let mut connection = pin!(connection);
            connection.as_mut().graceful_shutdown();
            // The server waits for this no longer than it says.
            let _ = connection.await;
        }
    }
}

/// Returns when the connection has to be closed.
async fn close(shared: &Shared, place: &Place) -> Closed {
    let Watch { evicted, .. } = &*place.watch;
    let mut stopping = shared.stopping.clone();
    let mut stop = pin!(stops(&mut stopping));
    // Set again when it rings, not with every request.
    let mut alarm = pin!(sleep_until(place.watch.deadline(shared.patience)));
    loop {
        tokio::select! {
            () = alarm.as_mut() => {
                let deadline = place.watch.deadline(shared.patience);
                if deadline <= Instant::now() {
                    return Closed::TooSlow;
                }
                alarm.as_mut().reset(deadline);
            }
            () = evicted.notified() => {
                if place.watch.state().0.worth().is_some() {
                    return Closed::ForAnother;
                }
                place.stay();
            }
            () = stop.as_mut() => return Closed::Stopping,
        }
    }
}

/// The answer to a request that took too long: whose fault it was depends on the phase.
fn took_too_long(phase: Phase) -> Response<Body> {
    let refusal = if phase == Phase::Body {
        Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "the request did not come in in time",
        )
    } else {
        Refusal::later("this takes too long", Duration::from_secs(10))
    };
    let mut response = refusal.into_response();
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}
