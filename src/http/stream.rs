//! What happens, as it happens: changes of modes, incidents and requests as server-sent events.
//!
//! Owns this route, what is sent of the ledger, and how a listener that lost its connection gets what it missed: each
//! event has the number of its entry, and the ledger has them all. One task reads the ledger for all listeners. Must
//! not hold up anybody: whoever reads too slowly reads on from the ledger.

use super::Shared;
use super::auth::Caller;
use super::hide::Hidden;
use super::problem::Problem;
use super::workflows::blocking;
use crate::domain::{Entry, What, WorkflowId};
use crate::monitor::Monitor;
use crate::monitor::view::Cap;
use crate::store::{LedgerQuery, LedgerReader, StoreError};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, oneshot, watch};
use tokio::time::{Sleep, sleep};
use utoipa::{IntoParams, ToSchema};

/// Entries that wait for a listener; one that is further behind reads them from the ledger.
const WAITING_MAX: usize = 256;
/// Entries that a listener may have missed; of one that missed more, nobody knows what it shows.
const MISSED_MAX: u64 = 5_000;
/// Entries that are read at a time.
const PAGE: usize = 500;
/// A sign of life, so that proxies keep the connection.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// After this long a listener has to ask again, with a token that still holds. It misses nothing.
const LASTS: Duration = Duration::from_secs(600);
/// A listener that lost its connection asks again after this long.
const RETRY: Duration = Duration::from_secs(1);
/// The last event that a listener has seen, as the standard names it.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// An entry of the ledger that listeners are told.
#[derive(Debug)]
struct Told {
    seq: u64,
    entry: Entry,
}

/// Where listeners get their entries.
pub struct Feed {
    sender: broadcast::Sender<Arc<Told>>,
    places: Arc<Semaphore>,
}

impl Feed {
    /// For at most so many listeners.
    pub fn new(listeners_max: usize) -> Self {
        Self { sender: broadcast::Sender::new(WAITING_MAX), places: Arc::new(Semaphore::new(listeners_max)) }
    }
}

/// What an event is about: its name on the wire. `None` for entries that are not sent.
const fn name(what: &What) -> Option<&'static str> {
    match what {
        What::ModeChanged { .. }
        | What::Adopted { .. }
        | What::Removed {}
        | What::Restored { .. }
        | What::Renamed { .. }
        | What::Capped { .. }
        | What::Held { .. }
        | What::Released { .. }
        | What::Stopped { .. } => Some("mode"),
        What::IncidentOpened { .. }
        | What::IncidentJoined { .. }
        | What::IncidentAcknowledged { .. }
        | What::IncidentResolved { .. } => Some("incident"),
        What::Requested { .. } | What::Voted { .. } | What::Decided { .. } => Some("request"),
        What::PolicyLoaded { .. } => Some("policy"),
        _ => None,
    }
}

/// Reads the ledger for all listeners, until the daemon stops.
pub async fn keep_feed(shared: Shared) {
    let mut grew = shared.driver.board().written();
    let mut stopping = shared.stopping.clone();
    let mut last = match head(&shared).await {
        Ok(head) => head,
        Err(error) => return tracing::error!(%error, "nobody is told of changes, because the ledger can't be read"),
    };
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            changed = grew.changed() => if changed.is_err() { return },
            // What could not be read is tried again.
            () = sleep(SIGN_OF_LIFE) => {}
        }
        match pass_on(&shared, last).await {
            Ok(now) => last = now,
            Err(error) => {
                tracing::warn!(%error, "new entries of the ledger could not be read for the stream of events")
            }
        }
    }
}

/// Passes on what is new; gives the number of the last entry that was looked at.
async fn pass_on(shared: &Shared, last: u64) -> Result<u64, StoreError> {
    let head = head(shared).await?;
    // Looked at after the head was read: whoever comes later begins at that head or after it.
    if shared.feed.sender.receiver_count() == 0 {
        return Ok(head);
    }
    let mut last = last;
    while last < head {
        let page = page(&shared.ledger, last).await?;
        let Some((newest, _)) = page.last() else { break };
        last = *newest;
        for (seq, entry) in page {
            if name(&entry.what).is_some() {
                // Nobody listens any more: nothing is lost.
                let _ = shared.feed.sender.send(Arc::new(Told { seq, entry }));
            }
        }
    }
    Ok(last)
}

async fn head(shared: &Shared) -> Result<u64, StoreError> {
    let ledger = Arc::clone(&shared.ledger);
    let head = blocking(move || ledger.head()).await;
    head.unwrap_or_else(|_| Err(StoreError::Poisoned { cause: "a thread broke off".to_owned() }))
        .map(|head| head.entries)
}

async fn page(ledger: &Arc<dyn LedgerReader>, after: u64) -> Result<Vec<(u64, Entry)>, StoreError> {
    let ledger = Arc::clone(ledger);
    let query = LedgerQuery { after, limit: PAGE, ..LedgerQuery::default() };
    let page = blocking(move || ledger.entries(&query)).await;
    page.unwrap_or_else(|_| Err(StoreError::Poisoned { cause: "a thread broke off".to_owned() }))
}

/// What a listener wants to hear of.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only of this workflow, and of the whole house.
    workflow: Option<String>,
    /// Only what comes after this entry of the ledger; `Last-Event-ID` says the same and goes before it.
    after: Option<u64>,
}

/// What keeps every mode down: nothing that the ledger could tell.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HouseEvent {
    /// What caps all modes now; `null` where nothing does.
    pub cap: Option<Cap>,
}

/// Server-sent events. `hello` when the stream begins; `mode`, `incident`, `request` and `policy` carry an entry of
/// the ledger as JSON with its `ledger_seq`, which is the event's id; `house` says what caps all modes; after `reset`
/// a listener has missed too much and has to read everything anew. With `Last-Event-ID` nothing is missed.
#[utoipa::path(get, path = "/v1/stream", tag = "workflows",
    params(Wanted, ("Last-Event-ID" = Option<u64>, Header, description = "the last event that was seen")),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, description = "too many listen already", content_type = "application/problem+json")))]
pub async fn get(
    State(shared): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(wanted) = wanted.map_err(|wrong| Problem::invalid("query", wrong.body_text()))?;
    wanted.workflow.as_deref().map_or(Ok(()), |id| caller.workflow(id))?;
    let seen = match headers.get(LAST_EVENT_ID) {
        None => wanted.after,
        Some(text) => {
            let number = text.to_str().ok().and_then(|text| text.trim().parse().ok());
            let wrong =
                || Problem::invalid("Last-Event-ID", "`Last-Event-ID` must be the number of an event of this stream");
            Some(number.ok_or_else(wrong)?)
        }
    };
    let place = Arc::clone(&shared.feed.places).try_acquire_owned().map_err(|_| full())?;
    // From here on nothing is missed; what is told twice is known by its number.
    let news = shared.feed.sender.subscribe();
    let head = head(&shared).await?;
    let is_too_far = |seen: u64| seen > head || head - seen > MISSED_MAX;
    let first = match seen {
        Some(seen) if !is_too_far(seen) => beginning("hello", seen),
        Some(_) => beginning("reset", head),
        None => beginning("hello", head),
    };
    let hidden = if caller.workflows.is_all() {
        Hidden::from(&caller, &Monitor::default())
    } else {
        let asks = caller.clone();
        shared.driver.read(move |monitor, _| Hidden::from(&asks, monitor)).await?
    };
    let board = shared.driver.board();
    shared.metrics.streams.inc();
    let listener = Listener {
        last: seen.filter(|seen| !is_too_far(*seen)).unwrap_or(head),
        behind: seen.is_some_and(|seen| !is_too_far(seen) && seen < head),
        workflow: wanted.workflow,
        caller,
        hidden,
        news,
        changes: board.changes(),
        cap: None,
        stopping: shared.stopping.clone(),
        ready: VecDeque::from([first]),
        end: Box::pin(sleep(LASTS)),
        _gone: hold(Place(place, shared.metrics.streams.clone())),
        is_over: false,
        shared,
    };
    let events = unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would keep events back until there are enough of them.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// Holds a place until the listener is gone, and no longer than a stream lasts: one that reads nothing is never looked at.
fn hold(place: Place) -> oneshot::Sender<()> {
    let (listens, gone) = oneshot::channel();
    tokio::spawn(async move {
        tokio::select! {
            () = sleep(LASTS) => {}
            _ = gone => {}
        }
        drop(place);
    });
    listens
}

/// Returns when the daemon begins to stop.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stopping| *stopping).await);
}

fn full() -> Problem {
    let detail =
        "too many listen to this stream already (`[server] streams_max`): close some, or ask again in a moment";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", detail)
}

fn beginning(name: &str, seq: u64) -> Event {
    Event::default().event(name).id(seq.to_string()).retry(RETRY).data(format!("{{\"ledger_seq\":{seq}}}"))
}

/// A place among the listeners, which is given back.
struct Place(
    #[expect(dead_code, reason = "dropping it gives the place back")] OwnedSemaphorePermit,
    prometheus::IntGauge,
);

impl Drop for Place {
    fn drop(&mut self) {
        self.1.dec();
    }
}

/// Somebody who listens.
struct Listener {
    shared: Shared,
    caller: Caller,
    hidden: Hidden,
    workflow: Option<String>,
    /// The last entry that was looked at.
    last: u64,
    /// Whether the ledger has entries that the feed won't bring.
    behind: bool,
    news: broadcast::Receiver<Arc<Told>>,
    changes: watch::Receiver<u64>,
    cap: Option<Cap>,
    stopping: watch::Receiver<bool>,
    ready: VecDeque<Event>,
    end: Pin<Box<Sleep>>,
    /// Dropped with the listener: its place is given back.
    _gone: oneshot::Sender<()>,
    /// Whether it has to ask again, because of what its token doesn't hold for there is something new.
    is_over: bool,
}

impl Listener {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            if let Some(event) = self.cap() {
                return Some(event);
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            tokio::select! {
                () = &mut self.end => return None,
                () = stopped(&mut self.stopping) => return None,
                changed = self.changes.changed() => changed.ok()?,
                // A driver that hangs changes nothing: caps are looked at now and then.
                () = sleep(SIGN_OF_LIFE) => {}
                told = self.news.recv() => match told {
                    Ok(told) => self.take(told.seq, &told.entry),
                    Err(broadcast::error::RecvError::Lagged(_)) => self.behind = true,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            }
        }
    }

    /// Reads on in the ledger, a page at a time. `None` where it can't be read: the listener asks again.
    async fn catch_up(&mut self) -> Option<()> {
        let page = page(&self.shared.ledger, self.last).await.ok()?;
        self.behind = page.len() == PAGE;
        for (seq, entry) in &page {
            self.take(*seq, entry);
        }
        Some(())
    }

    /// Makes an event of an entry, if it is new and the listener's.
    fn take(&mut self, seq: u64, entry: &Entry) {
        if seq <= self.last {
            return;
        }
        self.last = seq;
        self.is_over |=
            !self.caller.workflows.is_all() && matches!(entry.what, What::Adopted { .. } | What::Renamed { .. });
        let Some(name) = name(&entry.what) else { return };
        let of = entry.workflow.as_ref();
        let is_wanted = |id: &WorkflowId| self.workflow.as_deref().is_none_or(|wanted| id.as_str() == wanted);
        if !of.is_none_or(|id| is_wanted(id) && self.caller.may_see(id.as_str()) && !id.is_drill_lane()) {
            return;
        }
        let mut entry = entry.clone();
        self.hidden.entry(&mut entry);
        let event = Event::default().event(name).id(seq.to_string());
        if let Ok(event) = event.json_data(StreamEntry { ledger_seq: seq, entry }) {
            self.ready.push_back(event);
        }
    }

    /// What caps all modes, where that is not what the listener knows.
    fn cap(&mut self) -> Option<Event> {
        let cap = self.shared.driver.board().caps();
        if cap.as_ref().map(|cap| &cap.by) == self.cap.as_ref().map(|cap| &cap.by) {
            return None;
        }
        self.cap.clone_from(&cap);
        Event::default().event("house").json_data(HouseEvent { cap }).ok()
    }
}

/// An entry with its number.
#[derive(Serialize)]
struct StreamEntry {
    ledger_seq: u64,
    #[serde(flatten)]
    entry: Entry,
}
