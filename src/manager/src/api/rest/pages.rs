//! Pages by key: `?before=ID&limit=N`, and in the answer where the next one begins.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::told;
use crate::api::refusal::Refusal;
use crate::store::{LARGEST_PAGE, Page, Paged, StoreError};

/// Which page.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only what is older than this id; absent: from the newest.
    before: Option<i64>,
    /// How many at most: 1 to 1000.
    limit: Option<u32>,
}

impl Which {
    pub(super) fn page(self) -> Page {
        Page {
            before: self.before,
            limit: self
                .limit
                .unwrap_or(Page::default().limit)
                .clamp(1, LARGEST_PAGE),
        }
    }
}

/// A page, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Shown<T: ToSchema> {
    rows: Vec<T>,
    /// `before` of the next page; absent: this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

impl<T: ToSchema> Shown<T> {
    /// The answer with what was found, or why there is none.
    pub(super) fn of<U: Into<T>>(
        found: Result<Paged<U>, StoreError>,
    ) -> Result<Json<Self>, Refusal> {
        let found = found.map_err(told)?;
        Ok(Json(Self {
            rows: found.rows.into_iter().map(Into::into).collect(),
            next: found.next,
        }))
    }
}
