//! Style, script and icon, which are parts of the program.
//!
//! Owns their addresses: each carries the beginning of its hash, so that browsers keep it until it changes.

use crate::http::problem::Problem;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 4] = [
    Asset {
        name: "console.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("../../templates/console/console.css"),
    },
    Asset {
        name: "console.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../../templates/console/console.js"),
    },
    Asset { name: "report.css", kind: "text/css; charset=utf-8", text: include_str!("../../templates/report.css") },
    Asset { name: "icon.svg", kind: "image/svg+xml", text: include_str!("../../templates/console/icon.svg") },
];

/// The beginnings of the hashes, in order.
static HASHES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let hash = |asset: &Asset| {
        Sha256::digest(asset.text).iter().take(6).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    ASSETS.iter().map(hash).collect()
});

/// Where a file is: `/assets/<hash>-<name>`.
pub(super) fn address(name: &str) -> String {
    let at = ASSETS.iter().position(|asset| asset.name == name);
    let hash = at.and_then(|at| HASHES.get(at)).map_or("", String::as_str);
    format!("/assets/{hash}-{name}")
}

/// One of the files.
pub(super) async fn get(Path(file): Path<String>) -> Response {
    let found = ASSETS.iter().find(|asset| address(asset.name).strip_prefix("/assets/") == Some(&file));
    let Some(asset) = found else {
        return Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such file: load the page anew")
            .into_response();
    };
    sent(asset)
}

/// The icon under the name that browsers ask for by themselves.
pub(super) async fn favicon() -> Response {
    let mut answer = ASSETS.last().map_or_else(|| StatusCode::NOT_FOUND.into_response(), sent);
    // Its address stays when it changes.
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=86400"));
    answer
}

fn sent(asset: &Asset) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, asset.text).into_response()
}
