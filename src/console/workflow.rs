//! One workflow: where it stands and why, its guards and numbers, and what happened to it.
//!
//! Owns this page.

use super::api::{escaped, query};
use super::chart;
use super::door::Visitor;
use super::page::{Layout, Page, done, filled};
use super::told::{Line, told};
use super::words::{ago, digits, duration, ladder, minute, percent};
use crate::domain::{Gate, Mode, Money, Scope, Standing, Time};
use crate::http::floor::Series;
use crate::http::problem::Problem;
use crate::http::records::{Ledger, Numbered};
use crate::monitor::guard_view::{GuardState, GuardView};
use crate::monitor::reviews_view::ReviewsView;
use crate::monitor::slo::SloView;
use crate::monitor::view::KpiView;
use crate::monitor::{Incident, WorkflowView};
use crate::stats::ring::WINDOWS;
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;

/// Entries of the timeline.
const TIMELINE: usize = 20;
/// Unresolved incidents that are shown; the newest ones.
const INCIDENTS: usize = 10;
/// Points that make a course.
const DRAWN: usize = 4;

/// Which course, and what was done before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    window: String,
    done: String,
}

#[derive(Template)]
#[template(path = "console/workflow.html")]
struct WorkflowPage {
    layout: Layout,
    done: Option<&'static str>,
    now: Time,
    view: WorkflowView,
    series: Series,
    sparks: Vec<Spark>,
    reviews: ReviewsView,
    gate: Option<Gate>,
    incidents: Vec<Incident>,
    timeline: Vec<(Numbered, Line)>,
    may_operate: bool,
    may_approve: bool,
}

/// The course of one number.
struct Spark {
    name: &'static str,
    last: String,
    svg: String,
}

/// The page.
pub(super) async fn get(visitor: Visitor, Path(id): Path<String>, Query(which): Query<Which>) -> Response {
    let page = make(&visitor, &id, which).await;
    visitor.show(page)
}

async fn make(visitor: &Visitor, id: &str, which: Which) -> Page {
    let own = format!("/v1/workflows/{}", escaped(id));
    let view: WorkflowView = visitor.get(&own).await?;
    let series = course(visitor, &own, &which.window).await?;
    let reviews: ReviewsView = visitor.get(&format!("{own}/reviews")).await?;
    let gate: Option<Gate> = visitor.find(&format!("{own}/gate")).await?;
    let mut incidents = super::incidents::unresolved(visitor, id).await?;
    incidents.truncate(INCIDENTS);
    let limit = TIMELINE.to_string();
    let asked = query(&[("workflow", id), ("newest_first", "true"), ("limit", &limit)]);
    let ledger: Ledger = visitor.get(&format!("/v1/ledger{asked}")).await?;
    let timeline = ledger.entries.into_iter().map(|of| {
        let line = told(&of.entry);
        (of, line)
    });
    filled(&WorkflowPage {
        layout: visitor.layout(id, "/").live(),
        done: done(&which.done),
        now: series.to,
        sparks: sparks(&series),
        series,
        reviews,
        gate,
        incidents,
        timeline: timeline.collect(),
        may_operate: visitor.may(Scope::Operate),
        may_approve: visitor.may(Scope::Approve),
        view,
    })
}

/// The course over a window; where nobody chose one, over the longest that has something to draw up to a day.
async fn course(visitor: &Visitor, own: &str, window: &str) -> Result<Series, Problem> {
    let of = |window: &str| format!("{own}/series{}", query(&[("window", window)]));
    if !window.is_empty() {
        return visitor.get(&of(window)).await;
    }
    for shorter in ["1d", "1h"] {
        let series: Series = visitor.get(&of(shorter)).await?;
        if series.points.len() >= DRAWN {
            return Ok(series);
        }
    }
    visitor.get(&of("5m")).await
}

#[expect(clippy::cast_precision_loss, reason = "a count, to be drawn")]
fn sparks(series: &Series) -> Vec<Spark> {
    let course =
        |name: &'static str, value: &dyn Fn(&crate::monitor::series::Point) -> Option<f64>, text: fn(f64) -> String| {
            let points: Vec<(Time, f64)> =
                series.points.iter().filter_map(|point| Some((point.start, value(point)?))).collect();
            let last = points.last().map_or_else(|| "–".to_owned(), |(_, value)| text(*value));
            Spark { name, last, svg: chart::spark(name, &points, (series.from, series.to), text) }
        };
    vec![
        course("Exception rate", &|point| Some(point.exception_rate), percent),
        course("Latency, 95 %", &|point| point.latency_p95_ms, duration),
        course("Cost per unit", &|point| point.cost_per_unit.map(Money::to_f64), digits),
        course("Outputs", &|point| Some(point.outputs as f64), digits),
    ]
}

impl WorkflowPage {
    fn id(&self) -> String {
        escaped(self.view.id.as_str())
    }

    fn steps(&self) -> Vec<(&'static str, &'static str)> {
        ladder(self.view.mode.mode, self.view.mode.granted)
    }

    fn ago(&self, time: &Time) -> String {
        ago(self.now, *time)
    }

    fn minute(&self, time: &Time) -> String {
        minute(*time)
    }

    fn last_output(&self) -> String {
        self.view.last_output_at.map_or_else(|| "never".to_owned(), |at| ago(self.now, at))
    }

    fn windows(&self) -> Vec<(&'static str, bool)> {
        WINDOWS.iter().map(|window| (window.name, window.name == self.series.window)).collect()
    }

    /// The numbers of the windows: name, and one for each window.
    fn kpis(&self) -> Vec<(&'static str, Vec<String>)> {
        type Show = fn(&KpiView) -> Option<String>;
        let rows: [(&'static str, Show); 11] = [
            ("Outputs", |kpi| Some(crate::report::words::count(kpi.outputs))),
            ("Exceptions", |kpi| {
                let interval = kpi.exception_rate_interval_one_look;
                let interval = interval.map(|[low, high]| format!(" ({} to {})", percent(low), percent(high)));
                Some(format!("{}{}", percent(kpi.exception_rate), interval.unwrap_or_default()))
            }),
            ("Latency, median", |kpi| Some(duration(kpi.latency.as_ref()?.p50_ms))),
            ("Latency, 95 %", |kpi| Some(duration(kpi.latency.as_ref()?.p95_ms))),
            ("Service level met", |kpi| kpi.sla_adherence.map(percent)),
            ("Uptime", |kpi| kpi.uptime.map(percent)),
            ("Cycle time, mean", |kpi| kpi.cycle_ms_mean.map(duration)),
            ("Cost per unit", |kpi| kpi.cost_per_unit.map(|cost| digits(cost.to_f64()))),
            ("Cost to serve per unit", |kpi| kpi.cost_to_serve_per_unit.map(digits)),
            ("Value", |kpi| Some(digits(kpi.value.to_f64()))),
            ("Throughput", |kpi| Some(format!("{} / h", digits(kpi.throughput_per_hour)))),
        ];
        let dash = || "–".to_owned();
        let of = |show: Show| {
            let kpi = |window: &crate::stats::ring::Window| self.view.windows.get(window.name).and_then(Option::as_ref);
            WINDOWS.iter().map(|window| kpi(window).and_then(show).unwrap_or_else(dash)).collect()
        };
        rows.into_iter().map(|(name, show)| (name, of(show))).collect()
    }

    /// Exceptions of the last day by kind, most first.
    fn kinds(&self) -> Vec<(String, u64)> {
        let day = self.view.windows.get("1d").and_then(Option::as_ref);
        let mut kinds: Vec<(String, u64)> =
            day.map(|day| day.exceptions_by_kind.clone().into_iter().collect()).unwrap_or_default();
        kinds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        kinds
    }

    fn bar(&self, guard: &GuardView) -> String {
        guard.evidence.map(chart::evidence).unwrap_or_default()
    }

    fn tone(&self, guard: &GuardView) -> &'static str {
        match guard.state {
            GuardState::Breached => "bad",
            GuardState::Ok => "good",
            GuardState::Inconclusive | GuardState::NoData | GuardState::Stale => "open",
        }
    }

    fn state(&self, guard: &GuardView) -> String {
        guard.state.name().replace('_', " ")
    }

    fn number(&self, number: &Option<f64>) -> String {
        number.map_or_else(|| "–".to_owned(), digits)
    }

    fn count(&self, n: &u64) -> String {
        crate::report::words::count(*n)
    }

    fn percent(&self, share: &f64) -> String {
        percent(*share)
    }

    /// The bounds of all modes.
    fn bounds(&self, guard: &GuardView) -> String {
        let bounds = guard.bounds.iter().map(|(mode, bound)| format!("{mode} {}", digits(*bound)));
        bounds.collect::<Vec<_>>().join(", ")
    }

    fn objective(&self, slo: &SloView) -> String {
        slo.error_budget_remaining.map_or_else(|| "no data".to_owned(), percent)
    }

    /// How many requirements of the gate stand how.
    fn requirements(&self, gate: &Gate, standing: &str) -> usize {
        gate.requirements.iter().filter(|one| one.standing.name() == standing).count()
    }

    fn missing<'g>(&self, gate: &'g Gate) -> Vec<&'g str> {
        let missing = gate.requirements.iter().filter(|one| one.standing == Standing::Missing);
        missing.map(|one| one.detail.as_str()).take(3).collect()
    }

    fn escaped(&self, text: &str) -> String {
        escaped(text)
    }

    fn is_lowest(&self) -> bool {
        self.view.mode.granted == Mode::Assist
    }
}
