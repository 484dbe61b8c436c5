#!/usr/bin/env python3
"""A real Prometheus and a real Alertmanager lower a mode: alerts as input, end to end.

Owns the way from a metric through a rule, a route and the webhook into andon, and what must not happen on it:
repeats that do something, an alert without the label, a resolved alert that raises, one that is lost while andon
is down. Starts everything itself on free ports of this machine, waits for conditions with a bound, and ends what
it started. Needs `prometheus`, `prometheus-alertmanager` and `amtool`; nothing but the standard library.

    tests/ops/alertmanager_input.py --andon target/debug/andon
"""

import argparse
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

# A scrape, an evaluation and a group each second: an alert is here some seconds after its metric moved. After a failure
# Alertmanager waits longer and longer before it tries again, three quarters of a minute were seen.
WAIT_SECONDS = 90

CONFIG = """
[server]
listen = "127.0.0.1:{andon}"
tokens = "tokens.toml"
[store]
path = "data"
[drill]
every = "never"

[[workflow]]
id = "drafts"
start_mode = "automate"
  [[workflow.guard]]
  signal = "exception_rate"
  bound = 0.05
  [[workflow.guard]]
  signal = "external"
  name = "crm"
  of = "CrmErrorsHigh"

[[workflow]]
id = "untouched"
start_mode = "automate"
  [[workflow.guard]]
  signal = "external"
"""

PROMETHEUS = """
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [rules.yml]
alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ["127.0.0.1:{alertmanager}"] }}] }}] }}
scrape_configs:
  - job_name: crm
    static_configs: [{{ targets: ["127.0.0.1:{crm}"] }}]
"""

# The second one is about the same workflow, and says so with the label that andon's own alerts have.
RULES = """
groups:
  - name: crm
    rules:
      - alert: CrmErrorsHigh
        expr: crm_error_ratio > 0.05
        labels: { severity: page, andon_workflow: drafts }
        annotations: { summary: "The CRM refuses {{ $value | humanizePercentage }} of the writes" }
      - alert: AndonDemotion
        expr: vector(1)
        labels: { severity: page, workflow: untouched }
"""

# As docs/alertmanager.md shows it, but in a hurry; and everything else comes here, too, which it shouldn't.
ALERTMANAGER = """
route:
  receiver: andon
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 2s
  routes:
    - receiver: andon
      matchers: ['andon_workflow != ""']
      group_by: ['...']
      group_wait: 1s
      group_interval: 1s
      repeat_interval: 2s
receivers:
  - name: andon
    webhook_configs:
      - url: http://127.0.0.1:{andon}/v1/alertmanager
        send_resolved: true
        http_config: {{ authorization: {{ credentials_file: alert.token }} }}
"""


class Crm(http.server.BaseHTTPRequestHandler):
    """Something of the customer's, with a metric."""

    ratio = 0.01

    def do_GET(self):
        body = f"# TYPE crm_error_ratio gauge\ncrm_error_ratio {Crm.ratio}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Stack:
    def __init__(self, andon, folder):
        self.andon, self.folder, self.running = andon, folder, {}
        self.ports = {name: free_port() for name in ("andon", "prometheus", "alertmanager")}
        crm = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Crm)
        threading.Thread(target=crm.serve_forever, daemon=True).start()
        self.ports["crm"] = crm.server_address[1]
        (folder / "andon.toml").write_text(CONFIG.format(**self.ports))
        (folder / "prometheus.yml").write_text(PROMETHEUS.format(**self.ports))
        (folder / "alertmanager.yml").write_text(ALERTMANAGER.format(**self.ports))
        (folder / "rules.yml").write_text(RULES)
        self.token = self.new_token("reader", "read")
        (folder / "alert.token").write_text(self.new_token("alertmanager", "alert"))
        os.chmod(folder / "alert.token", 0o600)

    def new_token(self, name, scopes):
        made = subprocess.run(
            [self.andon, "token", "new", "--name", name, "--scopes", scopes, "--expires", "1d", "--file", "tokens.toml"],
            cwd=self.folder, capture_output=True, text=True, check=True)
        return made.stdout.strip()

    def start(self, name, *command):
        log = open(self.folder / f"{name}.log", "ab")
        self.running[name] = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)

    def start_andon(self):
        self.start("andon", self.andon, "serve", "--config", "andon.toml")
        until("andon is ready", lambda: get(self.ports["andon"], "/readyz") is not None)

    def start_rest(self):
        at = "127.0.0.1:{}".format
        self.start("alertmanager", "prometheus-alertmanager", "--config.file=alertmanager.yml",
                   "--storage.path=alertmanager", "--cluster.listen-address=",
                   f"--web.listen-address={at(self.ports['alertmanager'])}")
        until("Alertmanager is ready", lambda: get(self.ports["alertmanager"], "/-/ready") is not None)
        self.start("prometheus", "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=prometheus",
                   f"--web.listen-address={at(self.ports['prometheus'])}")
        until("Prometheus is ready", lambda: get(self.ports["prometheus"], "/-/ready") is not None)

    def kill(self, name, how=signal.SIGKILL):
        process = self.running.pop(name)
        process.send_signal(how)
        process.wait(timeout=20)

    def end(self):
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()

    def ask(self, path):
        text = get(self.ports["andon"], path, self.token)
        return None if text is None else json.loads(text)

    def mode(self, workflow):
        return (self.ask(f"/v1/workflows/{workflow}/mode") or {}).get("mode")

    def ledger(self, kind):
        found = self.ask("/v1/ledger?limit=1000")
        return [entry for entry in (found or {}).get("entries", []) if entry["kind"] == kind]

    def counted(self, result):
        text = get(self.ports["andon"], "/metrics", self.token) or ""
        line = f'andon_alerts_received_total{{result="{result}"}} '
        return sum(float(found.removeprefix(line)) for found in text.splitlines() if found.startswith(line))

    def requirement(self):
        gate = self.ask("/v1/workflows/drafts/gate") or {"requirements": []}
        return next((r for r in gate["requirements"] if r["name"] == "guard:crm"), {})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, path, token=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def until(what, holds):
    began = time.monotonic()
    while time.monotonic() - began < WAIT_SECONDS:
        if holds():
            print(f"  {time.monotonic() - began:5.1f} s  {what}", flush=True)
            return
        time.sleep(0.1)
    raise AssertionError(f"in vain for {WAIT_SECONDS} s: {what}")


def check(what, found, expected):
    if found != expected:
        raise AssertionError(f"{what}: {expected!r} expected, {found!r} found")
    print(f"           {what}: {found}", flush=True)


def story(stack):
    stack.start_andon()
    check("before anything came through the gate says", stack.requirement().get("standing"), "inconclusive")
    stack.start_rest()
    # A test from the shell, as docs/alertmanager.md shows it.
    subprocess.run(["amtool", f"--alertmanager.url=http://127.0.0.1:{stack.ports['alertmanager']}", "alert", "add",
                    "alertname=CrmErrorsHigh", "andon_workflow=drafts", "andon_test=true"],
                   check=True, capture_output=True, timeout=20)
    until("a test came through", lambda: stack.counted("test") >= 1)
    check("the mode after a test", stack.mode("drafts"), "automate")
    check("the gate after a test", stack.requirement().get("standing"), "met")

    Crm.ratio = 0.08
    until("the alert lowered the mode", lambda: stack.mode("drafts") == "assist")
    # A lower mode is published before the ledger is written, so that it never waits.
    reason = "crm: the alert CrmErrorsHigh (page), firing since"
    until("the reason names the alert", lambda: reason in (stack.ask("/v1/workflows/drafts/why") or {}).get("because", ""))
    check("who sent it", stack.ledger("alert")[-1]["by"], "alertmanager")
    check("the gate while it fires", stack.requirement().get("standing"), "missing")
    entries = len(stack.ask("/v1/ledger?limit=1000")["entries"])
    until("Alertmanager repeated it", lambda: stack.counted("repeat") >= 2)
    check("entries after repeats", len(stack.ask("/v1/ledger?limit=1000")["entries"]), entries)

    Crm.ratio = 0.01
    until("it is resolved", lambda: stack.counted("resolved") >= 1)
    until("the ledger says so", lambda: stack.ledger("alert")[-1]["alert"]["status"] == "resolved")
    check("the mode after that", stack.mode("drafts"), "assist")

    until("andon's own alert came here, too", lambda: stack.counted("unlabelled") >= 1)
    # andon is down while the next one begins to fire: Alertmanager tries again.
    stack.kill("andon")
    Crm.ratio = 0.20
    am = stack.ports["alertmanager"]
    until("it fires while andon is down", lambda: '"CrmErrorsHigh"' in (get(am, "/api/v2/alerts?active=true&filter=severity%3D%22page%22&filter=andon_test%3D%22%22") or ""))
    stack.start_andon()
    starts = lambda: {e["alert"]["starts_at"] for e in stack.ledger("alert") if e["alert"]["status"] == "firing"}
    until("it came through after the start", lambda: len(starts()) == 2)
    check("the mode then", stack.mode("drafts"), "assist")
    check("the workflow that it is about", stack.mode("untouched"), "automate")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--andon", default="target/debug/andon", help="the program to test")
    andon = pathlib.Path(parser.parse_args().andon).resolve()
    for program in (str(andon), "prometheus", "prometheus-alertmanager", "amtool"):
        if shutil.which(program) is None:
            sys.exit(f"alertmanager_input: {program} is missing")
    with tempfile.TemporaryDirectory(prefix="andon-alerts-") as folder:
        stack = Stack(str(andon), pathlib.Path(folder))
        try:
            story(stack)
        except AssertionError as wrong:
            for name in ("andon", "alertmanager", "prometheus"):
                log = pathlib.Path(folder) / f"{name}.log"
                if log.exists():
                    print(f"--- end of {name}.log\n" + "\n".join(log.read_text().splitlines()[-15:]), file=sys.stderr)
            sys.exit(f"alertmanager_input: {wrong}")
        finally:
            stack.end()
    print("a real alert lowered a mode, once, and nothing raised it")


if __name__ == "__main__":
    main()
