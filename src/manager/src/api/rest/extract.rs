//! What handlers take out of a request: who asks, the path, the question, the body. Everything is
//! bounded, and what is wrong with it is said as every other refusal.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::Api;
use crate::api::access::{Role, Token};
use crate::api::refusal::Refusal;

/// The largest body, in bytes.
pub(super) const LARGEST_BODY: usize = 256 * 1024;
/// The longest question, in bytes.
pub(super) const LONGEST_QUERY: usize = 4096;

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub(in crate::api) struct Caller {
    pub(in crate::api) name: String,
    pub(in crate::api) role: Role,
    pub(in crate::api) token: Token,
}

/// A caller who may change things.
#[derive(Clone, Debug)]
pub(super) struct Admin(pub(super) String);

/// Where the request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct From(pub(super) IpAddr);

/// The names in the path.
pub(super) struct Named<T>(pub(super) T);

/// What follows `?`.
pub(super) struct Asked<T>(pub(super) T);

/// A body of JSON.
pub(super) struct Given<T>(pub(super) T);

impl Caller {
    /// Whoever presents the token of a session.
    pub(in crate::api) async fn of(parts: &Parts, api: &Api) -> Result<Self, Refusal> {
        let not_in = || Refusal::new(StatusCode::UNAUTHORIZED, "log in first: POST /api/v1/login");
        let token = bearer(parts)
            .and_then(Token::presented)
            .ok_or_else(not_in)?;
        let session = api.store.session(&token.hash()).await.map_err(told)?;
        let session = session.ok_or_else(not_in)?;
        let role = Role::of(&session.role)
            .ok_or_else(|| Refusal::new(StatusCode::FORBIDDEN, "this role is not known here"))?;
        Ok(Self {
            name: session.user,
            role,
            token,
        })
    }
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Refusal> {
        Self::of(parts, api).await
    }
}

impl FromRequestParts<Arc<Api>> for Admin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Refusal> {
        let caller = Caller::of(parts, api).await?;
        if caller.role < Role::Admin {
            let what = format!("{} {}", parts.method, parts.uri.path());
            let why = "a reader changes nothing";
            api.refused(&caller.name, "refused", &what, why).await;
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "a reader changes nothing: an admin may",
            ));
        }
        Ok(Self(caller.name))
    }
}

impl FromRequestParts<Arc<Api>> for From {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Refusal> {
        Ok(Self(address(parts)))
    }
}

/// What stands behind `Authorization: Bearer`.
pub(in crate::api) fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// The address at the other end of the connection.
pub(in crate::api) fn address(parts: &Parts) -> IpAddr {
    parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| {
            peer.ip().to_canonical()
        })
}

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Api>> for Named<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Refusal> {
        let Path(names) = Path::from_request_parts(parts, api)
            .await
            .map_err(|error| Refusal::bad(format!("the path: {error}")))?;
        Ok(Self(names))
    }
}

impl<T: DeserializeOwned> FromRequestParts<Arc<Api>> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Refusal> {
        let Query(asked) = Query::try_from_uri(&parts.uri)
            .map_err(|error| Refusal::bad(format!("the question: {error}")))?;
        Ok(Self(asked))
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Given<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Arc<Api>) -> Result<Self, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "`content-type` must be `application/json`",
            ));
        }
        let bytes = to_bytes(request.into_body(), LARGEST_BODY)
            .await
            .map_err(|_| {
                Refusal::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!(
                        "the body did not come in whole, or is larger than {LARGEST_BODY} bytes"
                    ),
                )
            })?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Refusal::bad(format!("the body: {error}")))
    }
}

/// What the store says, for clients.
#[allow(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(super) fn told(error: crate::store::StoreError) -> Refusal {
    Refusal::from(&error)
}
