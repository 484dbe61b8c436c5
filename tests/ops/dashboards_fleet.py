"""A fleet in which every state is seen: what the dashboards are checked against, and drawn on.

Owns the policy, the traffic and what people do, as a function of how far the story has come (0 to 1), so that the
same story takes a minute on the wall clock or hours on a fast one. It talks to a running andon over its public
routes only. Seeded: the same ticks give the same outputs.
"""

import http.client
import json
import math
import random
import secrets

WORKFLOWS = {
    # id: outputs in the whole story, who answers for it
    "ticket-router": 9_000,
    "email-drafts": 6_000,
    "ad-variants": 5_000,
    "invoice-reader": 6_000,
    "product-descriptions": 9_000,
    "chat-replies": 7_000,
    "contract-summaries": 1_500,
    "lead-scoring": 3_000,
    "legacy-bot": 3_000,
    "subject-lines": 1_500,
    "survey-tags": 0,
}
PEOPLE = {
    "ann": ("board,owner", "read,operate,approve,review"),
    "bob": ("board", "read,operate,approve,review"),
    "cara": ("board", "read,approve,review"),
    "factory": ("", "ingest,read"),
    "prometheus": ("", "read"),
    "admin": ("", "admin"),
}

POLICY = """
[server]
listen = "127.0.0.1:{port}"
tokens = "tokens.toml"

[store]
path = "store"
snapshot_every = "10s"

[ledger]
checkpoint_every = "1m"

[budget]
outputs_per_false_demotion = 1_000_000

[modes]
lease = "{lease}"

[notifications]
attempts_max = 2
first_backoff = "1s"
max_backoff = "1s"
settle = "1s"

# One that takes what it is told, and one where nobody is: what fails twice is dead.
[[notify]]
name = "on-call"
kind = "webhook"
url = "http://127.0.0.1:{receiver}/"
secret_file = "on-call.secret"
allow_private = true
allow_http = true

[[notify]]
name = "nobody"
kind = "webhook"
url = "http://127.0.0.1:{nobody}/"
secret_file = "on-call.secret"
allow_private = true
allow_http = true

[cooldown]
first = "3d"

[storm]
workflows_min = 8

[[base]]
id = "brand-guide"
owner = "brand"
version = "2026.4"

[[base]]
id = "legal-guide"
owner = "legal"
version = "17"

[[base]]
id = "crm-schema"
owner = "data"
version = "8"
audit_every = "30d"

[[workflow]]
id = "ticket-router"
owner = "support"
unit = "ticket"
start_mode = "automate"
runbook = "https://wiki.example.com/ticket-router"
base = ["crm-schema"]
{slo_router}
  [[workflow.guard]]
  signal = "exception_rate"
  bound = {{ collaborate = 0.10, delegate = 0.05, automate = 0.03 }}

  [[workflow.guard]]
  signal = "latency"
  limit_ms = 3000
  bound = 0.05

  [[workflow.guard]]
  signal = "sla"
  bound = {{ delegate = 0.08, automate = 0.06 }}

  [[workflow.guard]]
  signal = "silence"
  after = "30m"

[[workflow]]
id = "email-drafts"
owner = "lifecycle"
unit = "email"
start_mode = "automate"
runbook = "https://wiki.example.com/email-drafts"
base = ["brand-guide", "crm-schema"]
{slo_drafts}
  [workflow.review]
  automate = 0.10
  delegate = 0.20
  within = "15m"
  twice = 0.30
  cost_per_hour = 60

  [[workflow.guard]]
  signal = "exception_rate"
  bound = {{ collaborate = 0.10, delegate = 0.05, automate = 0.02 }}

  [[workflow.guard]]
  signal = "score"
  of = "scores.brand_fit"
  below = 0.7
  bound = 0.10

  [[workflow.guard]]
  signal = "cost_per_unit"
  bound = {{ collaborate = 0.05, delegate = 0.03, automate = 0.02 }}
  cap = 0.50

  [[workflow.guard]]
  signal = "rejection_rate"
  bound = 0.20

  [[workflow.guard]]
  signal = "drift"
  of = "latency_ms"
  baseline = {{ outputs = 1000 }}
  tolerance = 0.15

  [[workflow.guard]]
  signal = "disparity"
  attribute = "locale"
  ratio = 1.5

[[workflow]]
id = "ad-variants"
owner = "performance"
unit = "variant"
start_mode = "delegate"
runbook = "https://wiki.example.com/ad-variants"
{slo_variants}
  [[workflow.guard]]
  signal = "cost_per_unit"
  bound = {{ collaborate = 0.10, delegate = 0.02 }}
  cap = 0.50

  [[workflow.guard]]
  signal = "score"
  of = "scores.toxicity"
  above = 0.5
  bound = 0.05

[[workflow]]
id = "invoice-reader"
owner = "finance"
unit = "invoice"
start_mode = "automate"
runbook = "https://wiki.example.com/invoice-reader"
base = ["crm-schema"]
{slo_reader}
  [[workflow.guard]]
  signal = "exception_rate"
  bound = {{ collaborate = 0.10, delegate = 0.05, automate = 0.02 }}

[[workflow]]
id = "product-descriptions"
owner = "catalogue"
unit = "text"
start_mode = "delegate"
runbook = "https://wiki.example.com/product-descriptions"
base = ["brand-guide"]

  [workflow.review]
  delegate = 0.20
  twice = 0.5
  cost_per_hour = 60

  [[workflow.guard]]
  signal = "exception_rate"
  bound = 0.08

  [[workflow.guard]]
  signal = "drift"
  of = "scores.brand_fit"
  baseline = {{ outputs = 1500 }}
  tolerance = 0.10
  to = "collaborate"

  [[workflow.guard]]
  signal = "drift"
  of = "attributes.locale"
  baseline = {{ outputs = 1500 }}
  tolerance = 0.10

  [[workflow.guard]]
  signal = "drift"
  of = "latency_ms"
  baseline = {{ outputs = 1500 }}
  tolerance = 0.15

  [[workflow.guard]]
  signal = "latency"
  name = "latency:usual"
  limit_ms = 1500
  baseline = {{ outputs = 100_000 }}
  tolerance = 0.05

  [[workflow.guard]]
  signal = "disparity"
  attribute = "locale"
  ratio = 1.25

[[workflow]]
id = "chat-replies"
owner = "support"
unit = "reply"
start_mode = "automate"
runbook = "https://wiki.example.com/chat-replies"
{slo_replies}
  [[workflow.guard]]
  signal = "exception_rate"
  bound = {{ collaborate = 0.10, delegate = 0.06, automate = 0.03 }}

  [[workflow.guard]]
  signal = "drift"
  of = "attributes.channel"
  baseline = {{ outputs = 1000 }}
  tolerance = 0.15

[[workflow]]
id = "contract-summaries"
owner = "legal"
unit = "contract"
start_mode = "collaborate"
base = ["legal-guide"]

  [[workflow.guard]]
  signal = "exception_rate"
  bound = 0.10

[[workflow]]
id = "lead-scoring"
owner = "sales"
unit = "lead"
currency = "EUR"
start_mode = "delegate"

  [[workflow.guard]]
  signal = "limit"
  spend = {{ amount = 50, per = "24h" }}

  [[workflow.guard]]
  signal = "exception_rate"
  bound = 0.10

[[workflow]]
id = "legacy-bot"
owner = "operations"
start_mode = "delegate"

  [[workflow.guard]]
  signal = "latency"
  limit_ms = 3000
  bound = 0.10

[[workflow]]
id = "subject-lines"
track = "lab"
owner = "lifecycle"
unit = "line"

  [[workflow.guard]]
  signal = "exception_rate"
  bound = 0.20

  [[workflow.hypothesis]]
  id = "tone-samples"
  question = "Do ten samples keep subject lines in tone?"
  owner = "ann"
  goals = ["which samples matter"]
  exit = ["200 lines judged by two people"]

  [[workflow.hypothesis]]
  id = "shorter-prompts"
  question = "Do shorter prompts cost less at the same quality?"
  owner = "bob"
  goals = ["how short"]
  exit = ["cost measured over 500 lines"]

[[workflow]]
id = "survey-tags"
owner = "research"

  [[workflow.guard]]
  signal = "exception_rate"
  bound = 0.05
"""

SLO = {
    "slo_router": 'slo = { good = 0.97, latency = { limit_ms = 3000, objective = 0.95 }, sla = 0.95, uptime = 0.999 }',
    "slo_drafts": "slo = { good = 0.99, latency = { limit_ms = 3000, objective = 0.95 } }",
    "slo_variants": "slo = { good = 0.98 }",
    "slo_reader": "slo = { good = 0.90, uptime = 0.99 }",
    "slo_replies": "slo = { good = 0.97 }",
}


def policy(ports, lease, looser=False):
    """The configuration. `looser` raises a bound, which waits for an approver."""
    text = POLICY.format(lease=lease, **ports, **SLO)
    return text.replace("ratio = 1.25", "ratio = 1.5") if looser else text


class Api:
    """andon's routes, with one person's token each time."""

    def __init__(self, port, tokens):
        self.port, self.tokens = port, tokens
        self.connection = None

    def call(self, who, method, path, body=None, content="application/json", good=(200,)):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        headers = {"content-type": content} if body is not None else {}
        if who:
            headers["authorization"] = f"Bearer {self.tokens[who]}"
        for attempt in (1, 2):
            try:
                self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                self.connection.request(method, path, body, headers)
                answer = self.connection.getresponse()
                data = answer.read()
                break
            except (http.client.HTTPException, OSError):
                self.connection = None
                if attempt == 2:
                    raise
        if good and answer.status not in good:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:500].decode(errors='replace')}")
        return json.loads(data) if data[:1] in (b"{", b"[") else data.decode()

    def get(self, path):
        return self.call("factory", "GET", path)

    def post(self, who, path, body=None, **more):
        return self.call(who, "POST", path, body if body is not None else {}, **more)


HEALTHY_LOCALES = ("en", "en", "de", "fr", "ja")


class Shape:
    """How one output comes out."""

    def __init__(self, **changes):
        self.exception, self.kind, self.latency_ms, self.cost, self.fit = 0.008, "format", 850.0, 0.012, 0.88
        self.version, self.locales = "2026.11.1", HEALTHY_LOCALES
        self.unfair = 1.0
        vars(self).update(changes)


class Fleet:
    """The story at work."""

    def __init__(self, api, reload, seed=7):
        self.api, self.reload = api, reload
        self.random = random.Random(seed)
        self.made = dict.fromkeys(WORKFLOWS, 0)
        self.modes = dict.fromkeys(WORKFLOWS, None)
        self.done, self.waiting = set(), []
        self.pressure = {"chat-replies": 0.0, "product-descriptions": 0.0}
        self.prefix = f"run{seed}"

    # ---- what outputs look like

    def shape(self, workflow, f):
        if workflow == "email-drafts" and f > 0.55:
            return Shape(exception=0.4, kind="policy_violation", fit=0.74, latency_ms=1_700, version="2026.11.2")
        if workflow == "ad-variants":
            return Shape(cost=0.012 * (1 + 5 * max(0.0, f - 0.25)))
        if workflow == "invoice-reader" and 0.25 < f < 0.31:
            return Shape(exception=1.0, kind="provider_unreachable")
        if workflow == "chat-replies" and f > 0.5:
            kind = self.random.choice(["tone", "hallucination", "refused"])
            return Shape(exception=0.03 * (0.3 + self.pressure[workflow]), kind=kind)
        if workflow == "product-descriptions":
            locales = ("en",) * 9 + ("de",) * 7 + ("fr",) * 5 + ("ja",) * 4 if f > 0.6 else HEALTHY_LOCALES
            fit = 0.88 - 0.06 * self.pressure[workflow] * (f > 0.5)
            return Shape(fit=fit, locales=locales, unfair=1.8 if f > 0.5 else 1.0, exception=0.045)
        if workflow == "lead-scoring":
            return Shape(cost=0.0125)
        if workflow == "legacy-bot" and f > 0.75:
            return Shape(latency_ms=3_600)
        if workflow == "subject-lines":
            return Shape(exception=0.12, kind="tone")
        return Shape()

    def output(self, workflow, f):
        self.made[workflow] += 1
        shape, draw = self.shape(workflow, f), self.random
        locale = draw.choice(shape.locales)
        failed = draw.random() < shape.exception * (shape.unfair if locale == "de" else 1)
        latency = shape.latency_ms * math.exp(0.45 * draw.gauss(0, 1)) * (4 if draw.random() < 0.01 else 1)
        event = {
            "id": f"{self.prefix}-{workflow}-{self.made[workflow]}",
            "workflow": workflow,
            "outcome": "exception" if failed else "ok",
            "latency_ms": round(latency, 1),
            "cost": f"{shape.cost * math.exp(0.5 * draw.gauss(0, 1) - 0.125):.6f}",
            "scores": {"brand_fit": round(min(1, max(0, draw.gauss(shape.fit, 0.06))), 4),
                       "toxicity": round(min(1, 0.01 * math.exp(0.8 * draw.gauss(0, 1))), 4)},
            "attributes": {"locale": locale, "channel": draw.choice(["mail", "mail", "web", "app"])},
            "version": shape.version,
            "model": "draft-large-2",
            "sla_met": latency < 2_500,
            "retries": 1 if draw.random() < 0.03 else 0,
            "fallback": draw.random() < 0.01,
            "escalated": draw.random() < 0.015,
            "trace_id": f"{draw.getrandbits(128):032x}",
        }
        if failed:
            event["exception"] = shape.kind
        if workflow == "legacy-bot":
            event["mode"] = "delegate"  # whatever it is told
        elif self.modes[workflow]:
            event["mode"] = self.modes[workflow]
        return event

    # ---- one tick

    def tick(self, f):
        """Brings the story to `f`: outputs that are due, reads, verdicts, and what people do."""
        self.steer()
        lines = []
        for workflow, total in WORKFLOWS.items():
            if workflow != "survey-tags":
                self.modes[workflow] = self.api.get(f"/v1/workflows/{workflow}/mode")["mode"]
            made = [self.output(workflow, f) for _ in range(max(0, int(total * f) - self.made[workflow]))]
            lines += made
            if workflow in ("email-drafts", "product-descriptions"):
                self.waiting += [(workflow, event["id"], event["outcome"]) for event in made]
        self.send(lines)
        self.review()
        self.people(f)

    def send(self, events):
        if self.random.random() < 0.2 and events:
            events = events + events[:3] + [{**events[-1], "cost": "99"}]  # repeats, and one with other content
        if self.random.random() < 0.1:
            events = events + [{"id": "x", "workflow": "nobody", "outcome": "ok"},
                               {"id": "y", "workflow": "ticket-router", "outcome": "ok", "latency_ms": -1}]
        if self.random.random() < 0.1:
            self.api.call(None, "GET", "/v1/workflows", good=(401,))  # somebody without a token
        for start in range(0, len(events), 500):
            body = "\n".join(json.dumps(event) for event in events[start:start + 500])
            self.api.post("factory", "/v1/events", body, content="application/x-ndjson")

    def steer(self):
        """Holds two workflows close to a breach: worse while the evidence is low, better where it is high."""
        for workflow, wanted in (("chat-replies", 0.72), ("product-descriptions", 0.66)):
            guards = self.api.get(f"/v1/workflows/{workflow}")["guards"]
            signal = "exception_rate" if workflow == "chat-replies" else "drift:brand_fit"
            evidence = max((guard.get("evidence") or 0 for guard in guards if guard["name"] == signal), default=0)
            low, high = (0.0, 1.6) if workflow == "chat-replies" else (0.15, 0.36)
            self.pressure[workflow] = high if evidence < wanted else low

    def review(self):
        asked, self.waiting = self.waiting[:800], self.waiting[800:]
        verdicts = {"ann": [], "cara": []}  # each in their own name
        for workflow in ("email-drafts", "product-descriptions"):
            ids = {each[1]: each[2] for each in asked if each[0] == workflow}
            if not ids:
                continue
            answer = self.api.post("ann", f"/v1/workflows/{workflow}/review", {"output_ids": list(ids)})
            for each in answer["outputs"]:
                if not each.get("review") or self.random.random() < 0.15:
                    continue  # not chosen, or nobody got to it
                for reviewer in ("ann", "cara")[: max(1, each.get("reviewers", 1))]:
                    verdicts[reviewer].append({
                        "id": secrets.token_hex(8), "workflow": workflow, "output_id": each["output_id"],
                        "verdict": self.verdict(ids[each["output_id"]]), "reviewer": reviewer, "minutes": 1.5})
        for reviewer, given in verdicts.items():
            if given:
                self.api.post(reviewer, "/v1/reviews", given)

    def verdict(self, outcome):
        if self.random.random() < (0.8 if outcome == "exception" else 0.03):
            return "rejected"
        return "edited" if self.random.random() < 0.1 else "accepted"

    # ---- what people do, each once

    def people(self, f):
        for at, act in ((0.02, self.begin), (0.10, self.lab), (0.34, self.annul), (0.45, self.regress),
                        (0.50, self.hold), (0.70, self.acknowledge), (0.85, self.ask), (0.90, self.loosen)):
            if f >= at and act.__name__ not in self.done:
                if act() is not False:
                    self.done.add(act.__name__)

    def begin(self):
        self.api.post("ann", "/v1/drills", good=(200, 201, 202, 409))
        self.api.post("ann", "/v1/base/brand-guide/audits", {"passed": True, "note": "read through"})

    def lab(self):
        self.api.post("bob", "/v1/hypotheses/tone-samples/start")
        for kind, text in (("pattern", "questions work"), ("risk", "may promise a refund"), ("pattern", "short is fine")):
            self.api.post("cara", "/v1/hypotheses/tone-samples/findings", {"kind": kind, "text": text})
        self.api.post("cara", "/v1/hypotheses/tone-samples/findings",
                      {"kind": "defect", "text": "too formal", "defect_type": "tone.too-formal"})

    def incidents(self, workflow):
        found = self.api.get("/v1/incidents")["incidents"]
        return [each["id"] for each in found if each.get("workflow") == workflow and each["status"] != "resolved"]

    def annul(self):
        if self.modes["invoice-reader"] != "assist":
            return False
        self.api.post("ann", "/v1/workflows/invoice-reader/annulments", {"reason": "the provider's outage"},
                      good=(200, 201, 202))
        pending = [each for each in self.api.get("/v1/requests")["requests"] if each["status"] == "pending"]
        for each in pending:
            self.api.post("bob", f"/v1/requests/{each['id']}/approvals", {"decision": "approve", "note": "agreed"})
        for each in self.incidents("invoice-reader"):
            self.api.post("ann", f"/v1/incidents/{each}/acknowledge", {"note": "provider"})
            self.api.post("ann", f"/v1/incidents/{each}/resolve", {"note": "the provider is back"})

    def regress(self):
        self.api.post("ann", "/v1/base/legal-guide/regressions", {"summary": "clause 4 is out of date"})

    def hold(self):
        self.api.post("ann", "/v1/workflows/lead-scoring/mode", {"hold": True, "reason": "the new model is not approved"})

    def acknowledge(self):
        found = self.incidents("ad-variants")
        for each in found:
            self.api.post("bob", f"/v1/incidents/{each}/acknowledge", {"note": "shortening the prompts"})
        return bool(found)

    def ask(self):
        if self.modes["email-drafts"] == "automate":
            return False
        self.api.post("cara", "/v1/workflows/email-drafts/annulments", {"reason": "the checker was wrong"},
                      good=(200, 201, 202, 409))

    def loosen(self):
        self.reload()
