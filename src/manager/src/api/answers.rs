//! Answers that can be large: how many there are in memory at a time, from the first look at the
//! database until the client has taken them, and how they are handed over.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::turns::{Turn, Turns};

/// How many answers are in the making or on their way at a time, and how many of one address.
const AT_A_TIME: usize = 8;
const OF_AN_ADDRESS: usize = 4;
/// Up to here an answer is handed over at once, and the next one can be made; bytes.
const SMALL: usize = 64 * 1024;
/// How much of a larger one is handed over at a time; bytes.
const PIECE: usize = 16 * 1024;

/// The routes, of which no more are read at a time than fit into memory. Others wait.
pub(super) fn bounded(routes: Router) -> Router {
    let turns = Turns::new(AT_A_TIME, OF_AN_ADDRESS);
    routes.layer(from_fn_with_state(turns, in_turn))
}

async fn in_turn(State(turns): State<Arc<Turns>>, request: Request, next: Next) -> Response {
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let turn = match from {
        Some(ConnectInfo(from)) if request.method() == Method::GET => {
            // As for the crowd: a client has the whole of its /64.
            Some(turns.take(from.ip()).await)
        }
        _ => None,
    };
    let answer = next.run(request).await;
    match turn {
        Some(turn) if is_large(answer.body()) => answer.map(|body| {
            Body::new(Pieces {
                body,
                whole: Bytes::new(),
                _turn: turn,
            })
        }),
        _ => answer,
    }
}

fn is_large(body: &Body) -> bool {
    body.size_hint().lower() > SMALL as u64
}

/// A body that is handed over piece by piece, as the client takes it, and holds its turn as long.
struct Pieces {
    body: Body,
    /// What is left of what the body gave.
    whole: Bytes,
    _turn: Turn,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        while self.whole.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => self.whole = bytes,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                ended => return Poll::Ready(ended),
            }
        }
        let length = self.whole.len().min(PIECE);
        // Copied, so that what waits to be sent does not keep the whole.
        let piece = Bytes::copy_from_slice(&self.whole.split_to(length));
        if self.whole.is_empty() {
            self.whole = Bytes::new();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.whole.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let own = self.whole.len() as u64;
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(own + rest.lower());
        if let Some(upper) = rest.upper() {
            hint.set_upper(own + upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests;
