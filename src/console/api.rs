//! Requests to the API in the same process, in the visitor's name.
//!
//! Owns how they are made and read. The guard of each route decides as it does for everybody: whoever the visitor is
//! goes with the request, and nothing else.

use super::door::Visitor;
use crate::http::auth::Inside;
use crate::http::checkpoint::CheckpointView;
use crate::http::problem::Problem;
pub(super) use crate::report::words::escaped;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::task::spawn_blocking;
use tower_service::Service as _;

/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

impl Visitor {
    /// Reads.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Problem> {
        read(&self.call(Method::GET, path, Body::empty()).await?)
    }

    /// Reads what may be megabytes: not on a thread that others wait for.
    pub(super) async fn get_large<T: DeserializeOwned + Send + 'static>(&self, path: &str) -> Result<T, Problem> {
        let answer = self.call(Method::GET, path, Body::empty()).await?;
        spawn_blocking(move || read(&answer)).await.map_err(internal)?
    }

    /// Reads what may not be there: `None` where it isn't.
    pub(super) async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Problem> {
        match self.get(path).await {
            Ok(found) => Ok(Some(found)),
            Err(problem) if problem.status == StatusCode::NOT_FOUND.as_u16() => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// The newest signed checkpoint of the ledger; `None` before the first.
    pub(super) async fn checkpoint(&self) -> Result<Option<CheckpointView>, Problem> {
        // The route gives the note itself unless data is asked for; the console always asks for data.
        self.find("/v1/ledger/checkpoint").await
    }

    /// Acts.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Problem> {
        let answer = self.call(Method::POST, path, Body::from(body.to_string())).await?;
        Ok(serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    async fn call(&self, method: Method, path: &str, body: Body) -> Result<Bytes, Problem> {
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        let request = request.header(header::ACCEPT, "application/json");
        let request = request.extension(Inside::of(self.caller.clone())).body(body).map_err(internal)?;
        let response = self.console.api.clone().call(request).await.unwrap_or_else(|never| match never {});
        let status = response.status();
        let answer = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await.map_err(internal)?;
        if status.is_success() {
            return Ok(answer);
        }
        let unknown =
            |_| Problem::new(status, "internal", "the API answered with an error that the console can't read");
        Err(serde_json::from_slice(&answer).unwrap_or_else(unknown))
    }
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(answer).map_err(internal)
}

/// A fault of andon's own.
pub(super) fn internal(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "a page of the console could not be made");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "this page could not be made: the log says why")
}

/// A query of the values that are there; empty without any.
pub(super) fn query(values: &[(&str, &str)]) -> String {
    let given = values.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> = given.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_addresses() {
        assert_eq!(escaped("a-b/c d?&é"), "a-b%2Fc%20d%3F%26%C3%A9");
        assert_eq!(query(&[("a", "1 2"), ("b", ""), ("c", "x")]), "?a=1%202&c=x");
        assert_eq!(query(&[("a", "")]), "");
    }
}
