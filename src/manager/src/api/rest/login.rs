//! Log-in and log-out. A wrong password, a user that there is not and a user who may not log in are
//! answered alike, after the same work; each wrong guess makes the next one wait longer.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Caller, From, Given, told};
use super::{Api, Failure, SESSION};
use crate::api::access::{Kept, Token};
use crate::api::refusal::Refusal;
use crate::store::StoreError;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    user: String,
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    user: String,
    /// The one up to now.
    password: String,
    /// The one from now on: at least 12 characters.
    new_password: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Opened {
    /// Goes with every request: `Authorization: Bearer TOKEN`.
    token: String,
    /// `admin` or `reader`.
    role: &'static str,
    /// For so many seconds.
    expires_in: u64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Who {
    user: String,
    /// `admin` or `reader`.
    role: &'static str,
}

/// Log in.
#[utoipa::path(post, path = "/api/v1/login", tag = "log-in", security(()), request_body = Credentials,
    responses((status = 200, body = Opened), (status = 401, body = Failure),
        (status = 403, body = Failure, description = "the password must be changed: POST /api/v1/password"),
        (status = 429, body = Failure, description = "too many wrong guesses; see Retry-After")))]
pub(super) async fn log_in(
    State(api): State<Arc<Api>>,
    From(from): From,
    Given(given): Given<Credentials>,
) -> Result<Json<Opened>, Refusal> {
    let (kept, role) = believed(&api, from, &given.user, given.password).await?;
    if kept.once {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "the password must be changed first: POST /api/v1/password",
        ));
    }
    let role = crate::api::access::Role::of(&role)
        .ok_or_else(|| Refusal::new(StatusCode::FORBIDDEN, "this role is not known here"))?;
    let token = Token::random().ok_or_else(|| {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the system has no random numbers",
        )
    })?;
    let store = &api.store;
    store
        .begin_session(&given.user, &kept.written(), &token.hash(), SESSION)
        .await
        .map_err(|error| match error {
            // Removed, or of another password, since it was looked at.
            StoreError::Refused(_) => wrong(),
            error => told(error),
        })?;
    tracing::info!(user = given.user, %from, "logged in");
    Ok(Json(Opened {
        token: token.reveal().to_owned(),
        role: role.name(),
        expires_in: SESSION.as_secs(),
    }))
}

/// Log out: the token is worth nothing any more.
#[utoipa::path(post, path = "/api/v1/logout", tag = "log-in",
    responses((status = 204), (status = 401, body = Failure)))]
pub(super) async fn log_out(
    State(api): State<Arc<Api>>,
    caller: Caller,
) -> Result<StatusCode, Refusal> {
    let hash = caller.token.hash();
    let ended = api.store.end_session(&caller.name, &hash).await;
    ended.map_err(told)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Choose another password. All sessions of the user end.
#[utoipa::path(post, path = "/api/v1/password", tag = "log-in", security(()), request_body = Change,
    responses((status = 204), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 429, body = Failure)))]
pub(super) async fn change_password(
    State(api): State<Arc<Api>>,
    From(from): From,
    Given(given): Given<Change>,
) -> Result<StatusCode, Refusal> {
    let unchanged = given.password == given.new_password;
    let (believed, _) = believed(&api, from, &given.user, given.password).await?;
    if unchanged {
        return Err(Refusal::bad("this is the password up to now"));
    }
    let kept = api.passwords.hash(given.new_password, false).await?;
    let (user, believed) = (&given.user, believed.written());
    let changed = api
        .store
        .change_password(user, &believed, &kept.written())
        .await;
    if changed.map_err(told)? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(wrong())
    }
}

/// Who is logged in.
#[utoipa::path(get, path = "/api/v1/me", tag = "log-in",
    responses((status = 200, body = Who), (status = 401, body = Failure)))]
pub(super) async fn who(caller: Caller) -> Json<Who> {
    Json(Who {
        user: caller.name,
        role: caller.role.name(),
    })
}

/// One answer for a wrong password, for a user that there is not, and for a password that has just
/// been changed.
fn wrong() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "user or password is wrong")
}

/// The user's stored password and role, if the one given is right.
async fn believed(
    api: &Arc<Api>,
    from: IpAddr,
    user: &str,
    password: String,
) -> Result<(Kept, String), Refusal> {
    let now = (api.now)();
    let taken = {
        let mut throttle = api.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = throttle.lane(from, now);
        if let Some(wait) = throttle.wait(user, from, now) {
            Err(wait)
        } else {
            throttle.guessed(user, from, now);
            Ok(lane)
        }
    };
    let lane = match taken {
        Ok(lane) => lane,
        Err(wait) => {
            refused(api, from, user, "it had to wait").await;
            return Err(Refusal::too_often("too many wrong passwords: wait", wait));
        }
    };
    let found = api.store.user(user).await.map_err(told)?;
    let kept = found.as_ref().map(|user| Kept::read(&user.password_hash));
    let right = api
        .passwords
        .is_right(password, kept.as_ref(), lane)
        .await?;
    let (true, Some(kept), Some(found)) = (right, kept, found) else {
        tracing::warn!(user, %from, "a log-in was refused");
        refused(api, from, user, "user or password is wrong").await;
        return Err(wrong());
    };
    let mut throttle = api.throttle.lock().unwrap_or_else(PoisonError::into_inner);
    throttle.was_right(user, from, now);
    Ok((kept, found.role))
}

async fn refused(api: &Arc<Api>, from: IpAddr, user: &str, why: &str) {
    let actor = format!("somebody at {from}");
    api.refused(&actor, "log_in_failed", user, why).await;
}
