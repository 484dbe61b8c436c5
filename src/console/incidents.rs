//! Incidents: what is wrong, what to do, and what people did.
//!
//! Owns these two pages, and the drills, which show whether the cord is connected.

use super::api::{escaped, query};
use super::door::Visitor;
use super::page::{Layout, Page, done, filled};
use super::words::{digits, minute, percent};
use crate::domain::{Breach, Scope, Severity, Time};
use crate::http::drills::Drills;
use crate::http::problem::Problem;
use crate::http::records::Incidents;
use crate::monitor::{Incident, IncidentStatus};
use askama::Template;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

/// Incidents that are shown.
const LISTED: usize = 100;
/// Of all incidents, so many are looked through for one.
const LOOKED_AT: usize = 1_000;

/// Which incidents, and what was done before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    status: String,
    done: String,
}

#[derive(Template)]
#[template(path = "console/incidents.html")]
struct IncidentsPage {
    layout: Layout,
    done: Option<&'static str>,
    status: String,
    incidents: Vec<Incident>,
    has_more: bool,
    drills: Drills,
    may_operate: bool,
}

#[derive(Template)]
#[template(path = "console/incident.html")]
struct IncidentPage {
    layout: Layout,
    done: Option<&'static str>,
    one: Incident,
    /// Those that are a part of it.
    parts: Vec<Incident>,
    may_operate: bool,
    may_approve: bool,
}

/// All that are unresolved, of one workflow or of all, newest first.
pub(super) async fn unresolved(visitor: &Visitor, workflow: &str) -> Result<Vec<Incident>, Problem> {
    let mut found = Vec::new();
    for status in [IncidentStatus::Open, IncidentStatus::Acknowledged] {
        let limit = LOOKED_AT.to_string();
        let asked = query(&[("workflow", workflow), ("status", status.name()), ("limit", &limit)]);
        found.extend(visitor.get::<Incidents>(&format!("/v1/incidents{asked}")).await?.incidents);
    }
    found.sort_by(|a, b| b.opened_at.cmp(&a.opened_at).then_with(|| b.id.cmp(&a.id)));
    Ok(found)
}

/// All that are unresolved, or those that were asked for.
pub(super) async fn get(visitor: Visitor, Query(which): Query<Which>) -> Response {
    let page = async {
        let mut incidents = if which.status.is_empty() {
            unresolved(&visitor, "").await?
        } else {
            let limit = (LISTED + 1).to_string();
            let status = if which.status == "all" { "" } else { &which.status };
            let asked = query(&[("status", status), ("limit", &limit)]);
            visitor.get::<Incidents>(&format!("/v1/incidents{asked}")).await?.incidents
        };
        let has_more = incidents.len() > LISTED;
        incidents.truncate(LISTED);
        filled(&IncidentsPage {
            layout: visitor.layout("Incidents", "/incidents").live(),
            done: done(&which.done),
            status: which.status,
            incidents,
            has_more,
            drills: visitor.get("/v1/drills").await?,
            may_operate: visitor.may(Scope::Operate),
        })
    };
    let page: Page = page.await;
    visitor.show(page)
}

/// One of them.
pub(super) async fn one(visitor: Visitor, Path(id): Path<String>, Query(which): Query<Which>) -> Response {
    let page = async {
        let Incidents { incidents } = visitor.get(&format!("/v1/incidents?limit={LOOKED_AT}")).await?;
        let parts: Vec<Incident> =
            incidents.iter().filter(|incident| incident.part_of.as_ref() == Some(&id)).cloned().collect();
        let unknown = || {
            let detail = "there is no such incident among the last 1,000: the ledger has them all";
            Problem::new(StatusCode::NOT_FOUND, "unknown_incident", detail)
        };
        let one = incidents.into_iter().find(|incident| incident.id == id).ok_or_else(unknown)?;
        filled(&IncidentPage {
            layout: visitor.layout(&id, "/incidents").live(),
            done: done(&which.done),
            one,
            parts,
            may_operate: visitor.may(Scope::Operate),
            may_approve: visitor.may(Scope::Approve),
        })
    };
    let page: Page = page.await;
    visitor.show(page)
}

impl IncidentsPage {
    fn minute(&self, time: &Time) -> String {
        minute(*time)
    }

    fn minute_of(&self, time: &Option<Time>) -> String {
        time.map_or_else(|| "–".to_owned(), minute)
    }

    fn tone(&self, incident: &Incident) -> &'static str {
        tone(incident)
    }

    fn escaped(&self, id: &str) -> String {
        escaped(id)
    }
}

impl IncidentPage {
    fn minute(&self, time: &Time) -> String {
        minute(*time)
    }

    fn tone(&self) -> &'static str {
        tone(&self.one)
    }

    fn id(&self) -> String {
        escaped(&self.one.id)
    }

    fn is_open(&self) -> bool {
        self.one.status != IncidentStatus::Resolved
    }

    fn is_unseen(&self) -> bool {
        self.one.status == IncidentStatus::Open
    }

    fn breaches(&self) -> Vec<&Breach> {
        self.one.breach.iter().chain(&self.one.also).collect()
    }

    fn number(&self, number: &f64) -> String {
        digits(*number)
    }

    fn interval(&self, breach: &Breach) -> String {
        breach.interval.map_or_else(String::new, |[low, high]| format!(" ({} to {})", digits(low), digits(high)))
    }

    fn changed(&self, breach: &Breach) -> String {
        let between =
            breach.changed_between.map(|[from, to]| format!(" (between {} and {})", minute(from), minute(to)));
        breach.changed_at.map_or_else(|| "–".to_owned(), |at| format!("{}{}", minute(at), between.unwrap_or_default()))
    }

    fn percent(&self, share: &f64) -> String {
        percent(*share)
    }

    fn is_link(&self, text: &str) -> bool {
        ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme))
    }
}

fn tone(incident: &Incident) -> &'static str {
    match (incident.status, incident.severity) {
        (IncidentStatus::Resolved, _) => "good",
        (_, Severity::Critical | Severity::Major) => "bad",
        _ => "open",
    }
}
