//! Who may log in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contract::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Admin, Given, Named, told};
use super::{Api, Failure, removed};
use crate::api::access::{Kept, Role, made_up};
use crate::api::refusal::Refusal;

#[derive(Serialize, ToSchema)]
pub(super) struct Shown {
    name: String,
    /// `admin` or `reader`.
    role: String,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// Whether the password must be changed before the first log-in.
    must_change: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    name: String,
    /// `admin` or `reader`.
    role: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Made {
    name: String,
    /// For the first log-in, shown this once: `POST /api/v1/password` exchanges it.
    password: String,
}

/// All users.
#[utoipa::path(get, path = "/api/v1/users", tag = "users",
    responses((status = 200, body = Vec<Shown>), (status = 403, body = Failure)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    _: Admin,
) -> Result<Json<Vec<Shown>>, Refusal> {
    let users = api.store.users().await.map_err(told)?;
    let shown = users.into_iter().map(|user| Shown {
        must_change: Kept::read(&user.password_hash).once,
        name: user.name,
        role: user.role,
        created: user.created,
    });
    Ok(Json(shown.collect()))
}

/// Add a user, who has to choose a password before the first log-in.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = New,
    responses((status = 201, body = Made), (status = 400, body = Failure),
        (status = 403, body = Failure)))]
pub(super) async fn add(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Given(new): Given<New>,
) -> Result<(StatusCode, Json<Made>), Refusal> {
    let role = Role::of(&new.role).ok_or_else(|| Refusal::bad("`role` is `admin` or `reader`"))?;
    let password = made_up()?;
    let kept = api.passwords.hash(password.clone(), true).await?;
    api.store
        .add_user(&actor, &new.name, &kept.written(), role.name())
        .await
        .map_err(told)?;
    let name = new.name;
    Ok((StatusCode::CREATED, Json(Made { name, password })))
}

/// Remove a user; all sessions of the user end.
#[utoipa::path(delete, path = "/api/v1/users/{name}", tag = "users",
    params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Failure),
        (status = 409, body = Failure, description = "nobody removes themselves")))]
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(name): Named<String>,
) -> Result<StatusCode, Refusal> {
    if actor == name {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "nobody removes themselves: an admin would be left out",
        ));
    }
    removed(api.store.remove_user(&actor, &name).await, "user", name)
}
