//! A request's body, read and inflated within bounds. What is too large is refused at the first
//! byte above the bound, whatever its head said.

use std::future::poll_fn;
use std::io::Read as _;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{HeaderMap, StatusCode, header};
use flate2::bufread::GzDecoder;

use crate::api::refusal::Refusal;
use crate::api::turns::{Turn, Turns};

/// The largest body as it comes in compressed, and when it is inflated or not compressed; bytes.
pub(super) const MOST_COMPRESSED: usize = 1024 * 1024;
pub(super) const MOST_INFLATED: usize = 4 * 1024 * 1024;
/// Up to here a body needs no turn: all connections together may hold so much; bytes.
const SMALL: usize = 16 * 1024;
/// How many larger bodies there are in memory at a time, and how many of one address.
const LARGE_AT_A_TIME: usize = 16;
const LARGE_OF_AN_ADDRESS: usize = 4;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
}

/// Who may read how much.
#[derive(Debug)]
pub(super) struct Reader {
    large: Arc<Turns>,
}

impl Packing {
    /// As the headers say.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut all = headers.get_all(header::CONTENT_ENCODING).iter();
        let name = all.next().map_or(&b"identity"[..], |name| name.as_bytes());
        match name {
            _ if all.next().is_some() => Err(Self::unknown()),
            name if name.eq_ignore_ascii_case(b"identity") => Ok(Self::Plain),
            name if name.eq_ignore_ascii_case(b"gzip") => Ok(Self::Gzip),
            _ => Err(Self::unknown()),
        }
    }

    fn unknown() -> Refusal {
        Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "`content-encoding` may be `gzip` or `identity`",
        )
    }

    const fn most(self) -> usize {
        match self {
            Self::Plain => MOST_INFLATED,
            Self::Gzip => MOST_COMPRESSED,
        }
    }
}

impl Reader {
    pub(super) fn new() -> Self {
        Self {
            large: Turns::new(LARGE_AT_A_TIME, LARGE_OF_AN_ADDRESS),
        }
    }

    /// Appends the body, unpacked, to `to`, which holds what is signed before it. The turn is
    /// to be kept as long as the body.
    pub(super) async fn read(
        &self,
        mut body: Body,
        from: IpAddr,
        packing: Packing,
        mut to: Vec<u8>,
    ) -> Result<(Vec<u8>, Option<Turn>), Refusal> {
        let most = packing.most();
        let hint = body.size_hint();
        let announced = usize::try_from(hint.lower()).unwrap_or(usize::MAX);
        if announced > most {
            return Err(too_large(most));
        }
        let before = to.len();
        let mut packed = Vec::new();
        let gathered = match packing {
            Packing::Plain => &mut to,
            Packing::Gzip => &mut packed,
        };
        let start = gathered.len();
        gathered.reserve(announced.min(SMALL));
        let mut turn = None;
        while let Some(bytes) = next(&mut body).await? {
            let length = gathered.len() - start + bytes.len();
            if length > most {
                return Err(too_large(most));
            }
            if length > SMALL && turn.is_none() {
                // While this waits, the client waits too.
                turn = Some(self.large.take(from).await);
            }
            gathered.extend_from_slice(&bytes);
        }
        if packing == Packing::Gzip {
            inflate(&packed, &mut to, before + MOST_INFLATED)?;
        }
        Ok((to, turn))
    }
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            Some(Ok(frame)) => {
                // Trailers are passed over.
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
            Some(Err(_)) => return Err(Refusal::bad("the body did not come in whole")),
            None => return Ok(None),
        }
    }
}

/// Inflates up to `most` bytes of `to` in all, and not a byte more.
fn inflate(packed: &[u8], to: &mut Vec<u8>, most: usize) -> Result<(), Refusal> {
    let room = most.saturating_sub(to.len()) as u64;
    let mut decoder = GzDecoder::new(packed);
    (&mut decoder)
        .take(room + 1)
        .read_to_end(to)
        .map_err(|_| Refusal::bad("the body is no whole gzip"))?;
    if to.len() > most {
        return Err(too_large(MOST_INFLATED));
    }
    if !decoder.into_inner().is_empty() {
        return Err(Refusal::bad("something follows the gzip in the body"));
    }
    Ok(())
}

fn too_large(most: usize) -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the body is larger than {most} bytes: send fewer events at a time"),
    )
}
