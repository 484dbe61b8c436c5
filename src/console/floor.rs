//! The floor: every workflow as a station with its light.
//!
//! Owns this page: pages of stations, search, and what an empty floor says.

use super::api::query;
use super::chart;
use super::door::Visitor;
use super::page::{Layout, Page, filled};
use super::words::{ago, digits, ladder, percent};
use crate::http::floor::Floor;
use crate::monitor::station::{Light, Station};
use askama::Template;
use axum::extract::Query;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Deserialize;

/// Stations of a page: with all that they say a page stays below 100 kB.
const PAGE: usize = 48;

/// Which stations, as the form of the page sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    search: String,
    light: String,
    mode: String,
    page: String,
    done: String,
}

#[derive(Template)]
#[template(path = "console/floor.html")]
struct FloorPage {
    layout: Layout,
    floor: Floor,
    which: Which,
    done: Option<&'static str>,
    /// How to reach this daemon.
    origin: String,
    has_tokens: bool,
}

/// The page.
pub(super) async fn get(visitor: Visitor, headers: HeaderMap, Query(which): Query<Which>) -> Response {
    let page = async {
        let limit = PAGE.to_string();
        let asked = [
            ("search", which.search.as_str()),
            ("light", &which.light),
            ("mode", &which.mode),
            ("page", &which.page),
            ("limit", &limit),
        ];
        let floor: Floor = visitor.get(&format!("/v1/floor{}", query(&asked))).await?;
        let done = super::page::done(&which.done);
        filled(&FloorPage {
            layout: visitor.layout("Floor", "/").live(),
            floor,
            done,
            origin: origin(&headers),
            has_tokens: !visitor.is_open,
            which,
        })
    };
    let page: Page = page.await;
    visitor.show(page)
}

/// The address by which the visitor reached the daemon.
fn origin(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST.as_str()).unwrap_or("127.0.0.1:9797");
    let is_plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]_".contains(&byte));
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    format!("{scheme}://{}", if is_plain { host } else { "127.0.0.1:9797" })
}

impl FloorPage {
    fn steps(&self, station: &Station) -> Vec<(&'static str, &'static str)> {
        ladder(station.mode, station.granted)
    }

    fn bar(&self, evidence: &f64) -> String {
        chart::evidence(*evidence)
    }

    fn evidence(&self, evidence: &f64) -> String {
        digits(*evidence)
    }

    fn since(&self, station: &Station) -> String {
        ago(self.floor.now, station.since)
    }

    fn last(&self, station: &Station) -> String {
        station.last_output_at.map_or_else(|| "never".to_owned(), |at| ago(self.floor.now, at))
    }

    #[expect(clippy::cast_precision_loss, reason = "a share of counts, for people")]
    fn rate(&self, station: &Station) -> String {
        if station.outputs_1h == 0 {
            return "–".to_owned();
        }
        percent(station.exceptions_1h as f64 / station.outputs_1h as f64)
    }

    fn count(&self, n: &u64) -> String {
        crate::report::words::count(*n)
    }

    /// Lights with their counts, for the filter.
    fn lights(&self) -> Vec<(&'static str, usize)> {
        Light::ALL
            .into_iter()
            .map(|light| (light.name(), self.floor.lights.get(&light).copied().unwrap_or(0)))
            .collect()
    }

    /// The address of another page of the same search.
    fn page(&self, page: usize) -> String {
        let page = page.to_string();
        let Which { search, light, mode, .. } = &self.which;
        format!("/{}", query(&[("search", search), ("light", light), ("mode", mode), ("page", &page)]))
    }

    /// The workflow of the examples.
    fn first(&self) -> &str {
        self.floor.stations.first().map_or("my-workflow", |station| station.workflow.as_str())
    }

    fn is_filtered(&self) -> bool {
        let Which { search, light, mode, .. } = &self.which;
        [search, light, mode].iter().any(|text| !text.is_empty())
    }

    /// Whether nobody has sent anything yet.
    fn is_new(&self) -> bool {
        !self.is_filtered() && self.floor.stations.iter().all(|station| station.last_output_at.is_none())
    }
}
