//! What may follow `?`: what the document lists for a path and its method, and nothing else. A word
//! that is passed over, `?rooter=r-1-VM`, would bring what nobody asked for.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::ParameterIn;

use super::extract::LONGEST_QUERY;
use crate::api::refusal::Refusal;

/// The words of each path and method.
pub(super) struct Known(HashMap<(String, Method), Vec<String>>);

impl Known {
    pub(super) fn of(document: &OpenApi) -> Self {
        let mut known = HashMap::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in [
                (Method::GET, &item.get),
                (Method::PUT, &item.put),
                (Method::POST, &item.post),
                (Method::DELETE, &item.delete),
            ] {
                let parameters = operation
                    .iter()
                    .flat_map(|it| it.parameters.iter().flatten());
                let words = parameters
                    .filter(|it| it.parameter_in == ParameterIn::Query)
                    .map(|it| it.name.clone());
                known.insert((path.clone(), method), words.collect());
            }
        }
        Self(known)
    }
}

/// Refuses a request that asks what nobody answers.
pub(super) async fn only_known(
    State(known): State<Arc<Known>>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let Some(query) = request.uri().query().filter(|query| !query.is_empty()) else {
        return Ok(next.run(request).await);
    };
    if query.len() > LONGEST_QUERY {
        return Err(Refusal::new(
            StatusCode::URI_TOO_LONG,
            "the question is too long",
        ));
    }
    let Query(asked) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
        .map_err(|error| Refusal::bad(format!("the question: {error}")))?;
    let path = path.map_or_else(String::new, |path| path.as_str().to_owned());
    let words = known.0.get(&(path, request.method().clone()));
    let words = words.map_or(&[][..], Vec::as_slice);
    if let Some((strange, _)) = asked.iter().find(|(word, _)| !words.contains(word)) {
        let there_are = if words.is_empty() {
            "nothing can be asked here".to_owned()
        } else {
            format!("there are {}", words.join(", "))
        };
        return Err(Refusal::bad(format!(
            "there is no {strange:?} to ask for; {there_are}"
        )));
    }
    Ok(next.run(request).await)
}
