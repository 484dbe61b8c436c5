//! A workflow's life, told through the front door: out of the lab, up three gates, capped, lowered, kept down.
//!
//! Real daemon, real store, tokens of six people. At every step it is tried without data, by the wrong
//! people and at the wrong time first; afterwards the ledger is verified and the journal tried under
//! another policy, as an auditor would.

#![cfg(test)]

use super::harness::{TestApp, until};
use super::keys::{As, Keys};
use andon::access::Secret;
use andon::domain::Scope::{Admin, Approve, Ingest, Operate, Read, Review};
use andon::domain::Time;
use serde_json::{Value, json};

/// The policy; `track` is what changes.
fn policy(track: &str, bound: &str) -> String {
    format!(
        r#"
[[base]]
id = "guide"
owner = "brand"
version = "1"
[[workflow]]
id = "tone"
{track}
base = ["guide"]
rollback = "go back to prompt 7"
gate = {{ outputs = 120, days = 3, time_in_mode = "3d", quiet = "1d", spread = 0.2, probation_outputs = 100, approvals = ["board", "board"] }}
cooldown = {{ first = "3d", within = "7d" }}
readiness = {{ base = [], builder = ["runbook"], beneficiary = ["kpi-mapping"], lab = ["stop-rule"] }}
  [[workflow.guard]]
  signal = "exception_rate"
  name = "exceptions"
  bound = {bound}
  block = 1
  [[workflow.hypothesis]]
  id = "guide-samples"
  question = "do ten samples of the guide keep the tone?"
  owner = "lee"
  goals = ["which samples matter"]
  exit = ["200 judged by two people", "no false claim"]
"#
    )
}

const LAB: &str = "track = \"lab\"";
const FACTORY: &str = "track = \"factory\"\nmax_mode = \"automate\"";
const BOUND: &str = "{ collaborate = 0.30, delegate = 0.20, automate = 0.20 }";

struct Story {
    app: TestApp,
    service: Secret,
    ann: Secret,
    bob: Secret,
    cay: Secret,
    eve: Secret,
    late: Secret,
    boss: Secret,
    sent: std::cell::Cell<u32>,
}

impl Story {
    fn begin() -> Self {
        let mut keys = Keys::new();
        let service = keys.give("tone-service", &[Ingest, Read]);
        let ann = keys.give("ann", &[Read, Operate, Approve]);
        let bob = keys.give("bob", &[Read, Approve]);
        let cay = keys.give("cay", &[Read, Operate, Approve]);
        let eve = keys.give("eve", &[Read, Review]);
        let late = keys.give_for("dan", &[Approve], &["*"], Some("2026-11-21T00:00:00Z".parse().unwrap()));
        let boss = keys.give("boss", &[Admin]);
        let app = keys.house().start(&policy(LAB, BOUND));
        Self { app, service, ann, bob, cay, eve, late, boss, sent: 0.into() }
    }

    /// Outputs that say in which mode they ran; fails where `exception`.
    fn outputs(&self, n: u32, exception: bool) {
        let mode = self.mode()["mode"].clone();
        let events: Vec<Value> = (0..n)
            .map(|_| {
                self.sent.set(self.sent.get() + 1);
                let outcome = if exception { "exception" } else { "ok" };
                json!({"id": format!("o-{}", self.sent.get()), "workflow": "tone", "outcome": outcome, "mode": mode, "model": "m-1"})
            })
            .collect();
        let answer = As(&self.app, &self.service).post("/v1/events", &Value::from(events)).ok();
        assert_eq!(answer["accepted"], n, "{answer}");
    }

    /// Some days with good outputs.
    fn days(&self, days: u32) {
        for _ in 0..days {
            self.outputs(60, false);
            self.app.advance(Time::DAY);
        }
    }

    fn mode(&self) -> Value {
        As(&self.app, &self.service).get("/v1/workflows/tone/mode").ok()
    }

    fn promote(&self, by: &Secret, to: &str) -> super::http::Answer {
        As(&self.app, by).post("/v1/promotions", &json!({"workflow": "tone", "to": to, "reason": "it does well"}))
    }

    fn say(&self, by: &Secret, request: &str, decision: &str) -> super::http::Answer {
        As(&self.app, by).post(&format!("/v1/requests/{request}/approvals"), &json!({"decision": decision}))
    }

    /// Up to a target, by two approvals.
    fn climb(&self, to: &str) {
        let asked = self.promote(&self.ann, to).ok();
        let request = asked["id"].as_str().unwrap();
        assert_eq!(self.say(&self.bob, request, "approve").ok()["status"], "pending");
        assert_eq!(self.say(&self.cay, request, "approve").ok()["status"], "granted");
    }

    /// Days without an output open nothing, whatever was seen before the mode.
    fn nothing_passes_on_silence(&self, to: &str) {
        self.app.advance(4 * Time::DAY);
        assert_eq!(self.promote(&self.ann, to).problem(409), "gate_closed");
        for name in ["outputs", "days", "guard:exceptions", "repeatable:exceptions", "ran_in_mode"] {
            assert_eq!(self.requirement(name), "inconclusive", "{name} on the way to {to}");
        }
    }

    fn requirement(&self, name: &str) -> String {
        let gate = As(&self.app, &self.bob).get("/v1/workflows/tone/gate").ok();
        let found = gate["requirements"].as_array().unwrap().iter().find(|r| r["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {gate:#}"))["standing"].as_str().unwrap().to_owned()
    }

    fn breach(&self) {
        let epoch = self.mode()["epoch"].clone();
        until("a demotion", || {
            self.outputs(5, true);
            self.mode()["epoch"] != epoch
        });
        for incident in As(&self.app, &self.cay).get("/v1/incidents?status=open").ok()["incidents"].as_array().unwrap()
        {
            assert_eq!(incident["rollback"], "go back to prompt 7");
            let path = format!("/v1/incidents/{}/resolve", incident["id"].as_str().unwrap());
            As(&self.app, &self.cay).post(&path, &json!({"note": "rolled back"})).ok();
        }
    }
}

#[test]
fn out_of_the_lab_up_three_gates_capped_lowered_and_kept_down() {
    let story = Story::begin();
    // Silence opens nothing.
    assert_eq!(story.promote(&story.ann, "collaborate").problem(409), "gate_closed");
    story.days(4);
    assert_eq!(
        story.promote(&story.ann, "collaborate").problem(409),
        "gate_closed",
        "nobody has answered the checklist"
    );
    story.answer("stop-rule");
    // The wrong people, and the right ones.
    assert_eq!(story.promote(&story.service, "collaborate").problem(403), "forbidden");
    let asked = story.promote(&story.ann, "collaborate").ok();
    let request = asked["id"].as_str().unwrap();
    assert_eq!((asked["gate"]["verdict"].as_str(), asked["status"].as_str()), (Some("met"), Some("pending")));
    assert_eq!(story.say(&story.ann, request, "approve").problem(403), "own_request");
    story.say(&story.bob, request, "approve").ok();
    assert_eq!(story.say(&story.bob, request, "approve").problem(409), "approved_already");
    assert_eq!(story.say(&story.late, request, "approve").problem(401), "token_expired");
    assert_eq!(story.mode()["mode"], "assist");
    story.say(&story.cay, request, "approve").ok();
    let mode = story.mode();
    assert_eq!(
        (&mode["mode"], &mode["cause"], &mode["review"]["probation"]),
        (&json!("collaborate"), &json!("promotion"), &json!(true))
    );
    story.graduates();
    story.climbs_and_is_stopped();
    story.is_capped_lowered_and_kept_down();
    story.audit();
}

impl Story {
    /// Out of the lab: the policy waits for an approver, and the factory for a promotion.
    fn graduates(&self) {
        let story = self;
        story.days(4);
        std::fs::write(
            story.app.house.file(),
            std::fs::read_to_string(story.app.house.file()).unwrap().replace(LAB, FACTORY),
        )
        .unwrap();
        let reloaded = As(&story.app, &story.boss).post("/v1/reload", &json!({})).ok();
        assert_eq!(reloaded["loosens"], json!(["tone: max_mode collaborate → automate"]), "{reloaded}");
        let waiting = reloaded["waiting"].as_str().expect("it waits").to_owned();
        assert_eq!(story.promote(&story.ann, "factory").problem(409), "gate_closed");
        story.say(&story.bob, &waiting, "approve").ok();
        assert_eq!(story.promote(&story.ann, "delegate").problem(409), "gate_closed", "it is still in the lab");
        story.tests_a_hypothesis();
        story.climb("factory");
        let lab = As(&story.app, &story.bob).get("/v1/lab?workflow=tone").ok();
        let kpis = &lab["workflows"][0]["kpis"];
        assert_eq!(
            (&kpis["tested"], &kpis["risks_early"], &kpis["defect_types"]["too-formal"]),
            (&json!(1), &json!(1), &json!(1))
        );
        assert_eq!(story.hypothesis(&story.ann, "start", &json!({})).problem(409), "not_in_lab");
    }

    fn hypothesis(&self, by: &Secret, route: &str, body: &Value) -> super::http::Answer {
        As(&self.app, by).post(&format!("/v1/hypotheses/guide-samples/{route}"), body)
    }

    /// Asking to leave the lab is refused, and this is among the reasons.
    fn cannot_leave(&self, name: &str) {
        let refused = self.promote(&self.ann, "factory");
        assert_eq!(refused.problem(409), "gate_closed");
        assert!(refused.json()["detail"].as_str().unwrap().contains(name), "{name}: {}", refused.text());
    }

    /// What the lab is for, and that each part of it is asked for on the way out.
    fn tests_a_hypothesis(&self) {
        let story = self;
        ["hypotheses", "exit_criteria", "risks", "readiness:runbook"].iter().for_each(|name| story.cannot_leave(name));
        ["runbook", "kpi-mapping"].iter().for_each(|item| story.answer(item));
        let end = json!({"conclusion": "confirmed", "learned": "ten short samples are enough"});
        assert_eq!(story.hypothesis(&story.bob, "signoff", &end).problem(409), "not_active");
        assert_eq!(story.hypothesis(&story.eve, "start", &json!({})).problem(403), "forbidden");
        story.hypothesis(&story.ann, "start", &json!({})).ok();
        story.cannot_leave("hypotheses");
        story.app.advance(3 * Time::HOUR);
        for finding in [
            json!({"kind": "pattern", "text": "short samples work better"}),
            json!({"kind": "risk", "text": "it quotes customers by name"}),
            json!({"kind": "defect", "text": "letters to students", "defect_type": "too-formal"}),
        ] {
            story.hypothesis(&story.eve, "findings", &finding).ok();
        }
        assert_eq!(story.hypothesis(&story.bob, "signoff", &end).problem(409), "criteria_unanswered");
        for criterion in ["200 judged by two people", "no false claim"] {
            let shown = json!({"criterion": criterion, "met": true, "note": "https://wiki.example.com/tone/judged"});
            story.hypothesis(&story.cay, "criteria", &shown).ok();
        }
        assert_eq!(story.hypothesis(&story.ann, "signoff", &end).problem(403), "own_hypothesis");
        let ended = story.hypothesis(&story.bob, "signoff", &end).ok();
        assert_eq!((&ended["status"], &ended["time_to_learning_ms"]), (&json!("signed_off"), &json!(3 * Time::HOUR)));
        story.cannot_leave("missing: risks");
        let disposal = json!({"finding": 2, "disposal": "mitigated", "note": "names are masked since prompt 9"});
        story.hypothesis(&story.cay, "risks", &disposal).ok();
    }

    fn answer(&self, item: &str) {
        let answer = json!({"item": item, "ready": true, "note": "https://wiki.example.com/tone"});
        As(&self.app, &self.cay).post("/v1/workflows/tone/readiness", &answer).ok();
    }

    /// Three gates, and a breach while a request waits ends it.
    fn climbs_and_is_stopped(&self) {
        let story = self;
        story.days(4);
        let asked = story.promote(&story.ann, "delegate").ok();
        let request = asked["id"].as_str().unwrap();
        story.say(&story.bob, request, "approve").ok();
        story.breach();
        assert_eq!(story.say(&story.cay, request, "approve").problem(409), "not_pending");
        assert_eq!(story.mode()["mode"], "assist");
        assert_eq!(story.requirement("cooldown"), "missing");
        story.days(4);
        assert_eq!(story.requirement("cooldown"), "met");
        for to in ["collaborate", "delegate", "automate"] {
            if to != "collaborate" {
                story.nothing_passes_on_silence(to);
            }
            story.days(4);
            story.climb(to);
        }
        assert_eq!(story.mode()["mode"], "automate");
    }

    /// A silent regression of what it stands on caps it until the incident is resolved; a breach lowers it.
    fn is_capped_lowered_and_kept_down(&self) {
        let story = self;
        let regression = json!({"summary": "the guide allows claims that legal forbids"});
        As(&story.app, &story.cay).post("/v1/base/guide/regressions", &regression).ok();
        let capped = story.mode();
        assert_eq!((&capped["mode"], &capped["granted"]), (&json!("assist"), &json!("automate")));
        assert_eq!(capped["caps"][0]["by"], "base guide");
        As(&story.app, &story.cay).post("/v1/incidents/house:1/resolve", &json!({"note": "back to version 1"})).ok();
        assert_eq!(story.mode()["mode"], "automate");
        // A breach lowers it, and a second one within a week keeps it down longer.
        story.breach();
        let low = story.mode()["mode"].clone();
        assert_ne!(low, "automate");
        story.days(4);
        assert_eq!(story.requirement("cooldown"), "met");
        let next = if low == "assist" {
            "collaborate"
        } else if low == "collaborate" {
            "delegate"
        } else {
            "automate"
        };
        story.climb(next);
        story.breach();
        story.days(4);
        assert_eq!(story.requirement("cooldown"), "missing", "3 days were enough after the first one");
        story.days(3);
        assert_eq!(story.requirement("cooldown"), "met");
    }

    /// What an auditor does afterwards, with the store alone.
    fn audit(self) {
        let drill = As(&self.app, &self.boss).post("/v1/drills", &json!({})).ok();
        assert_eq!(drill["passed"], true, "{drill:#}");
        let entries = As(&self.app, &self.bob).ledger();
        let raised = entries.iter().filter(|e| e["kind"] == "mode_changed" && !e["raised"].is_null());
        for entry in raised {
            let approvers = entry["raised"]["approvers"].as_array().unwrap();
            assert_eq!((approvers.len(), entry["raised"]["evidence"].as_str().unwrap().len()), (2, 64), "{entry}");
            assert!(approvers[0] != approvers[1] && !approvers.contains(&entry["raised"]["by"]), "{entry}");
            assert_eq!(entry["versions"], json!(["model = m-1"]));
        }
        let denied: Vec<&str> =
            entries.iter().filter(|e| e["kind"] == "denied").map(|e| e["code"].as_str().unwrap()).collect();
        for code in
            ["gate_closed", "own_request", "approved_already", "not_pending", "own_hypothesis", "criteria_unanswered"]
        {
            assert!(denied.contains(&code), "{denied:?}");
        }
        // The drill's lane has one, too: a backtest leaves it out.
        let lowered = entries.iter().filter(|e| e["kind"] == "mode_changed" && e["cause"] == "breach");
        let (of_tone, of_lane): (Vec<_>, Vec<_>) = lowered.partition(|e| e["workflow"] == "tone");
        assert!(!of_lane.is_empty());
        let demotions = of_tone.len();
        let house = self.app.stop();
        let folder = house.folder.path();
        let store = folder.join("data").display().to_string();
        let verified = crate::cli::andon(folder, &["ledger", "verify", "--store", &store]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
        assert_eq!(crate::ledger::real::every_tampering_is_found(&folder.join("data")), 12);
        // The same past under a looser policy: nothing would have been lowered.
        let looser = policy(FACTORY, "{ collaborate = 0.90, delegate = 0.90, automate = 0.90 }");
        std::fs::write(folder.join("looser.toml"), looser).unwrap();
        let report = crate::cli::json(folder, &["backtest", "--config", "looser.toml", "--store", &store, "--json"]);
        assert_eq!(
            (report["lowered_differently"].as_u64(), report["compared"].as_u64()),
            (Some(1), Some(1)),
            "{report:#}"
        );
        let happened = &report["workflows"][0]["happened"]["lowered_to"];
        let lowered: u64 = happened.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(lowered, demotions as u64, "{report:#}");
    }
}
