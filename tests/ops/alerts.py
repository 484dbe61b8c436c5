"""Drives real andon daemons into every alert of alerts/andon.rules.yaml, and reads what Alertmanager tells a webhook.

    tests/ops/alerts                       # makes what it needs and runs this
    python3 tests/ops/alerts.py --andon target/release/andon

Real: andon, Prometheus, two Alertmanagers, the shipped rules with their times made shorter (`alerts_scale`), the
shipped routes and inhibitions. One daemon is healthy throughout and must fire nothing.

An alert on a metric that docs/metrics.md doesn't list yet can't be driven: it is named as skipped. As soon as the
metric is listed and nobody drives the alert, this fails.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import yaml

import alerts_drive
import alerts_runbooks
import alerts_scale
from alerts_stack import Failed, Stack, fetch, query, until

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Everything must have been heard of by then, seconds.
PATIENCE = 240
# What must stand in no text.
RUBBISH = re.compile(r"<no value>|NaN|%!|\+Inf|\{\{|\}\}|<error")
NAME = re.compile(r"\bandon_[a-z0-9_]+")


def metrics_of(expression):
    """The metrics that a rule reads: no labels, no recorded names."""
    text = re.sub(r"\b[a-z_]+:[a-z0-9_:]+", " ", expression)
    text = re.sub(r'"[^"]*"', '""', text)
    names = set(NAME.findall(text)) - {"andon_workflow"}
    return {re.sub(r"_(bucket|count|sum)$", "", name) if "seconds_" in name else name for name in names}


def catalogue():
    return set(re.findall(r"^\| `(andon_[a-z0-9_]+)`", (ROOT / "docs/metrics.md").read_text(), re.M))


def recorded(document):
    return {rule["record"]: rule["expr"] for group in document["groups"] for rule in group["rules"] if "record" in rule}


def needs(rule, records):
    """The metrics of a rule, with those of the recording rules that it uses."""
    found = metrics_of(rule["expr"])
    for name in re.findall(r"\b[a-z_]+:[a-z0-9_:]+", rule["expr"]):
        found |= needs({"expr": records[name]}, records)
    return found


def prometheus_config(stack, rules, managers, drives):
    def job(name, targets, token_file=None):
        found = {
            "job_name": name,
            "static_configs": [{"targets": targets}],
            "relabel_configs": [{"target_label": "job", "replacement": "andon"}],
        }
        if token_file:
            found["authorization"] = {"credentials_file": str(token_file)}
        return found

    jobs = [
        job(type(drive).__name__.lower(), [drive.target()], getattr(drive, "token_file", None)) for drive in drives
    ]
    return yaml.safe_dump({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [url.removeprefix("http://") for url in managers]}]}]},
        "scrape_configs": jobs,
    })


def plain_manager(url):
    """Passes everything on at once, so that nothing is hidden from the assertions."""
    return yaml.safe_dump({
        "route": {"receiver": "all", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"},
        "receivers": [{"name": "all", "webhook_configs": [{"url": f"{url}/plain", "send_resolved": True}]}],
    })


def shipped_manager(url):
    """The example as it is, but that receivers are ours and secrets nowhere."""
    document = yaml.safe_load((ROOT / "alerts/alertmanager.example.yaml").read_text())
    for receiver in document["receivers"]:
        receiver["webhook_configs"] = [{"url": f"{url}/{receiver['name']}"}]
    return yaml.safe_dump(document)


def matches(alert, name, labels):
    if alert["labels"].get("alertname") != name:
        return False
    return all(alert["labels"].get(key) == value for key, value in labels.items())


class Run:
    def __init__(self, stack):
        self.stack = stack
        self.document = yaml.safe_load((ROOT / "alerts/andon.rules.yaml").read_text())
        self.records = recorded(self.document)
        self.listed = catalogue()
        self.alerts = [rule for group in self.document["groups"] for rule in group["rules"] if "alert" in rule]
        self.skipped = {}
        self.failures = []
        self.end = threading.Event()

    def missing(self, name):
        found = set()
        for rule in self.alerts:
            if rule["alert"] == name:
                found |= needs(rule, self.records) - self.listed
        return sorted(found)

    def wanted(self, drives):
        """What must be heard of: (drive, alert, labels); what can't be yet is noted as skipped."""
        wanted, driven = [], {"AndonAbsent"}
        for drive in drives:
            for name, labels in drive.expected:
                driven.add(name)
                if self.missing(name):
                    self.skipped[name] = self.missing(name)
                else:
                    wanted.append((drive, name, labels))
        for name in {rule["alert"] for rule in self.alerts} - driven:
            if not self.missing(name):
                self.failures.append(f"{name}: its metrics are there now, so it must be driven: see alerts_drive.py")
            else:
                self.skipped[name] = self.missing(name)
        return wanted

    def go(self):
        stack = self.stack
        scaled = stack.folder / "andon.rules.yaml"
        scaled.write_text(yaml.safe_dump(alerts_scale.rules(yaml.safe_load((ROOT / "alerts/andon.rules.yaml").read_text())), width=10_000))
        managers = [
            stack.alertmanager("plain", plain_manager(stack.receiver.url)),
            stack.alertmanager("shipped", shipped_manager(stack.receiver.url)),
        ]
        drives = [kind(stack, self.end) for kind in (alerts_drive.Healthy, *alerts_drive.TROUBLED)]
        for drive in drives:
            drive.make()
        healthy = drives[0]
        wanted = self.wanted(drives)
        self.storm, self.manager, self.held_back = drives[2], managers[1], False
        prometheus = stack.prometheus("prometheus", prometheus_config(stack, scaled, managers, drives))
        # One that scrapes no andon at all.
        stack.prometheus("nobody", prometheus_config(stack, scaled, managers, []))
        # An increase needs the counter as it was before.
        until("everything was scraped twice", lambda: len(query(prometheus, "count_over_time(up[1m]) > 1")) == len(drives), 30)
        for drive in drives:
            drive.start()
        wanted.append((None, "AndonAbsent", {"job": "andon"}))
        try:
            self.wait(wanted, drives)
            self.mended(drives)
            if not self.held_back:
                self.failures.append("with the shipped configuration a storm must hold single demotions back")
            self.quiet(prometheus, healthy)
            self.exposition(healthy)
            self.runbooks(prometheus, drives)
        finally:
            self.end.set()
            for drive in drives:
                for thread in drive.threads:
                    thread.join(15)
        self.texts()

    def wait(self, wanted, drives):
        begun = time.monotonic()
        open_ones = list(wanted)
        while open_ones and time.monotonic() - begun < PATIENCE:
            heard = [alert for alert in self.stack.receiver.all() if alert["status"] == "firing" and alert["path"] == "/plain"]
            left = []
            for item in open_ones:
                drive, name, labels = item
                labels = labels | ({"instance": drive.target()} if drive else {})
                if any(matches(alert, name, labels) for alert in heard):
                    print(f"  {time.monotonic() - begun:5.0f} s  {name} {labels}", flush=True)
                else:
                    left.append(item)
            open_ones = left
            if not self.held_back:
                self.look_at_storm()
            if any(drive.problem for drive in drives):
                break
            time.sleep(0.5)
        for drive in drives:
            if drive.problem:
                self.failures.append(drive.problem)
        for drive, name, labels in open_ones:
            self.failures.append(f"{name} {labels}: not heard of within {time.monotonic() - begun:.0f} s")

    def mended(self, drives):
        """Acknowledged and mended: the alerts end, so that none stays for ever."""
        modes = next(drive for drive in drives if isinstance(drive, alerts_drive.Modes))
        broken = next(drive for drive in drives if isinstance(drive, alerts_drive.Broken))
        ends = []
        if not self.missing("AndonDemotion"):
            for incident in modes.andon.json("/v1/incidents?workflow=lowered")["incidents"]:
                modes.andon.order(f"/v1/incidents/{incident['id']}/acknowledge", {"note": "looking"})
            ends.append(("AndonDemotion", {"workflow": "lowered"}))
        broken.andon.write()
        broken.andon.order("/v1/reload", "")
        ends.append(("AndonConfigReloadFailed", {}))
        for name, labels in ends:
            def resolved(name=name, labels=labels):
                last = [alert for alert in self.stack.receiver.all() if alert["path"] == "/plain" and matches(alert, name, labels)]
                return last and last[-1]["status"] == "resolved"

            try:
                until(f"{name} {labels} ends once it is mended", resolved, 40)
                print(f"  ended: {name} {labels}", flush=True)
            except Failed as failure:
                self.failures.append(str(failure))

    def look_at_storm(self):
        """With the shipped configuration a storm holds the single demotions back, and gets through itself."""
        status, text = fetch(f"{self.manager}/api/v2/alerts")
        mine = [alert for alert in json.loads(text or "[]") if alert["labels"].get("instance") == self.storm.target()]
        held = {alert["labels"]["alertname"] for alert in mine if alert["status"]["inhibitedBy"]}
        self.held_back |= status == 200 and "AndonDemotion" in held and "AndonDemotionStorm" not in held

    def quiet(self, prometheus, healthy):
        """The healthy daemon fired nothing, at no time; and its series were there."""
        address = healthy.target()
        if not query(prometheus, f'andon_build_info{{instance="{address}"}}'):
            self.failures.append("the healthy daemon is not scraped: its silence means nothing")
        fired = query(prometheus, f'count by (alertname, workflow, guard) (max_over_time(ALERTS{{alertstate="firing", instance="{address}"}}[10m]))')
        for series in fired:
            self.failures.append(f"the healthy daemon fired {series['metric']}")
        heard = {alert["labels"]["alertname"] for alert in self.stack.receiver.all() if alert["labels"].get("instance") == address}
        if heard:
            self.failures.append(f"a webhook told of the healthy daemon: {heard}")
        status, text = fetch(f"{prometheus}/api/v1/rules")
        broken = re.findall(r'"lastError":"((?:[^"\\]|\\.)+)"', text)
        if status != 200 or broken:
            self.failures.append(f"rules that can't be evaluated: {set(broken)}")

    def exposition(self, healthy):
        """/metrics as Prometheus' own linter and OpenMetrics' own parser read it."""
        from prometheus_client.openmetrics import parser

        status, text = fetch(f"{healthy.andon.url}/metrics")
        linted = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False)
        if status != 200 or linted.returncode != 0:
            self.failures.append(f"promtool check metrics: {linted.stdout}{linted.stderr}")
        status, text = fetch(f"{healthy.andon.url}/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
        if not text.rstrip().endswith("# EOF"):
            if "andon_mode_since_timestamp_seconds" in self.listed:
                self.failures.append("/metrics speaks no OpenMetrics")
            return
        try:
            families = list(parser.text_string_to_metric_families(text))
            print(f"  OpenMetrics: {len(families)} families read", flush=True)
        except ValueError as error:
            self.failures.append(f"OpenMetrics: {error}")

    def runbooks(self, prometheus, drives):
        """Every command that the runbooks tell people to type."""
        modes = next(drive for drive in drives if isinstance(drive, alerts_drive.Modes))
        text = (ROOT / "docs/runbooks.md").read_text()
        # The texts of the alerts name commands, too.
        mine = [alert for alert in self.stack.receiver.all() if alert["labels"].get("instance") == modes.target()]
        text += "\n".join({alert["annotations"].get("description", "") for alert in mine})
        wrong, tried = alerts_runbooks.check(text, modes.andon, prometheus, "lowered", "exceptions", "guide")
        print(f"  runbooks: {tried} commands tried", flush=True)
        self.failures.extend(f"docs/runbooks.md: {sentence}" for sentence in wrong)
        if tried < 100:
            self.failures.append("docs/runbooks.md: where are the commands?")

    def texts(self):
        """Every alert that was heard of reads well, and leads to a section that is there."""
        headings = {line[3:].strip().lower() for line in (ROOT / "docs/runbooks.md").read_text().splitlines() if line.startswith("## ")}
        for alert in self.stack.receiver.all():
            labels, annotations = alert["labels"], alert["annotations"]
            name = labels["alertname"]
            for key in ("summary", "description", "runbook_url", "dashboard_url"):
                text = annotations.get(key, "")
                if not text or RUBBISH.search(text):
                    self.failures.append(f"{name}: {key} reads {text!r}")
            if labels.get("severity") not in ("critical", "warning", "info"):
                self.failures.append(f"{name}: severity {labels.get('severity')!r}")
            if "workflow" in labels and not labels.get("owner"):
                self.failures.append(f"{name}: a workflow and no owner: {labels}")
            if annotations.get("runbook_url", "").partition("#")[2] not in headings:
                self.failures.append(f"{name}: docs/runbooks.md has no section for {annotations.get('runbook_url')}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--andon", type=pathlib.Path, default=ROOT / "target/release/andon")
    arguments.add_argument("--keep", action="store_true", help="keep the folder with all logs")
    given = arguments.parse_args()
    begun = time.monotonic()
    folder = tempfile.mkdtemp(prefix="andon-alerts-")
    stack = Stack(folder, given.andon.resolve())
    run = Run(stack)
    try:
        run.go()
    except Failed as failure:
        run.failures.append(str(failure))
    finally:
        stack.stop()
    for name, metrics in sorted(run.skipped.items()):
        print(f"  skipped: {name}: docs/metrics.md doesn't list {', '.join(metrics)} yet")
    for failure in dict.fromkeys(run.failures):
        print(f"FAILED: {failure}")
    print(f"{time.monotonic() - begun:.0f} s; logs in {folder}" if given.keep or run.failures else f"all alerts were heard of in {time.monotonic() - begun:.0f} s")
    if not run.failures and not given.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
