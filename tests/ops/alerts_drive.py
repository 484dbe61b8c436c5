"""How real daemons get into every condition that an alert is about: by events, orders, configuration, and real faults.

One class a daemon. Each knows its configuration, what is done to it (`drive`, in a thread of its own), and which alerts
must follow (`expected`: the alert, and labels that it must carry). What is asserted of them is `alerts.py`'s.
"""

import base64
import datetime
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

from alerts_stack import REFUSED, Failed, fetch, free_port, until


def workflow(name, mode="automate", guards="", more="", owner="crew"):
    return (
        f'[[workflow]]\nid = "{name}"\nowner = "{owner}"\nunit = "email"\nstart_mode = "{mode}"\n'
        f'runbook = "https://wiki.example.com/{name}"\n{more}\n{guards}\n'
    )


def guard(signal_name, more):
    return f'  [[workflow.guard]]\n  signal = "{signal_name}"\n  {more}\n'


# A guard that sixty exceptions in a row break for sure.
STRICT = guard("exception_rate", 'name = "exceptions"\n  bound = 0.3\n  block = 1')


class Drive:
    """A daemon that is driven somewhere."""

    server, store, rest = "", "", ""
    expected = ()

    def __init__(self, stack, stop):
        self.stack, self.stop_event = stack, stop
        self.andon = None
        self.problem = None
        self.threads = []

    def make(self, **more):
        self.andon = self.stack.andon(type(self).__name__.lower(), (self.server, self.store, self.rest), **more)

    def target(self):
        return self.andon.address

    def drive(self):
        raise NotImplementedError

    def start(self):
        def guarded():
            try:
                self.drive()
            except Exception as error:  # noqa: BLE001: whatever it is, the test reports it
                self.problem = f"{type(self).__name__}: {type(error).__name__}: {error}"

        self.background(guarded)

    def background(self, work):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self.threads.append(thread)

    def sleep(self, seconds):
        """Waits, or ends the thread where the test is over."""
        if self.stop_event.wait(seconds):
            raise SystemExit

    def go_on(self, seconds):
        """True again and again for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stop_event.is_set():
            yield

    def lower(self, name):
        """Exceptions until a guard lowers it."""

        def one_more():
            self.andon.send(name, 10, "exception")
            return self.andon.mode(name) != "automate"

        until(f"{name} is lowered", one_more, 20, 0)


class Healthy(Drive):
    """Works, is asked, is drilled, is restarted, and must fire nothing."""

    rest = (
        workflow(
            "calm",
            guards=STRICT
            + guard("latency", "limit_ms = 3000\n  bound = 0.05")
            + guard("limit", 'name = "budget"\n  spend = { amount = 1000000, per = "24h" }')
            + guard("cost_per_unit", "bound = 0.02\n  cap = 0.5"),
        )
        + "  [workflow.slo]\n  good = 0.99\n  latency = { limit_ms = 3000, objective = 0.95 }\n  uptime = 0.99\n"
        + workflow("resting", guards=STRICT)
        + '[[base]]\nid = "guide"\nowner = "brand"\nversion = "1"\n'
    )

    def drive(self):
        code, text = self.andon.command("drill")
        if code != 0:
            raise Failed(f"the drill of the healthy daemon: {text}")
        restart_at = time.monotonic() + 40
        while not self.stop_event.is_set():
            self.andon.mode("calm")
            self.andon.mode("resting")
            # One in a hundred and fifty fails: less than the guard and the objective allow.
            self.andon.send("calm", 10, latency_ms=800, cost=0.01, mode="automate")
            if self.andon.count % 150 == 0:
                self.andon.send("calm", 1, "exception", latency_ms=800, cost=0.01, mode="automate")
            if restart_at and time.monotonic() > restart_at:
                restart_at = None
                self.andon.process.stop()
                self.andon.start()
            self.sleep(0.5)


class Modes(Drive):
    """Modes, guards, objectives and governance: everything that outputs and people bring about."""

    server = "refusals_max = 100"
    store = 'snapshot_every = "1s"'
    rest = (
        '[modes]\nlease = "1s"\n[drill]\nevery = "10m"\n'
        # One event: no storm here.
        "[storm]\nworkflows_min = 1000\n"
        + workflow("lowered", guards=STRICT)
        + workflow("eased", guards=guard("limit", 'name = "leaks"\n  exceptions = { count = 3, per = "1h" }\n  to = "delegate"'))
        + workflow("lapsing", more='evidence_valid = "1m"')
        + workflow("above", mode="assist")
        + workflow("deaf")
        + workflow("costly", guards=guard("cost_per_unit", 'name = "cost"\n  bound = 0.02\n  cap = 0.5'))
        + workflow("spender", guards=guard("limit", 'name = "spend"\n  spend = { amount = 10, per = "1h" }'))
        + workflow("half", guards=STRICT)
        + workflow("nearly", guards=STRICT)
        + workflow(
            "drifting",
            guards=guard("drift", 'name = "tone"\n  of = "scores.tone"\n  baseline = { outputs = 500 }\n  tolerance = 0.1'),
        )
        + workflow("unequal", guards=guard("disparity", 'name = "fair"\n  attribute = "locale"\n  ratio = 1.25'))
        + workflow("silent", guards=guard("silence", 'name = "silence"\n  after = "5s"'))
        + workflow("blind", guards=guard("latency", 'name = "speed"\n  limit_ms = 100\n  bound = 0.1'))
        + workflow("burning")
        + "  [workflow.slo]\n  good = 0.99\n"
        + workflow("rare")
        + "  [workflow.slo]\n  good = 0.9\n"
        + workflow("backlog", mode="assist")
        + '  [workflow.review]\n  within = "1m"\n'
        + workflow("contested", guards=STRICT)
        + '[[base]]\nid = "guide"\nowner = "brand"\nversion = "1"\n[[base]]\nid = "schema"\nowner = "data"\nversion = "7"\n'
    )
    expected = (
        ("AndonDemotion", {"workflow": "lowered", "severity": "critical", "mode": "assist", "guard": "exceptions", "owner": "crew"}),
        ("AndonDemotion", {"workflow": "eased", "severity": "warning", "mode": "delegate", "guard": "leaks", "owner": "crew"}),
        ("AndonModeLapsed", {"workflow": "lapsing", "cause": "lapse", "owner": "crew"}),
        ("AndonEvidenceStale", {"workflow": "lapsing", "owner": "crew"}),
        ("AndonOutputsAboveMode", {"workflow": "above", "severity": "critical", "owner": "crew"}),
        ("AndonWorkflowStoppedAsking", {"workflow": "deaf", "owner": "crew"}),
        ("AndonCostPerUnitOverBudget", {"workflow": "costly", "unit": "email", "currency": "USD", "owner": "crew"}),
        ("AndonLimitNear", {"workflow": "spender", "guard": "spend", "severity": "warning", "owner": "crew"}),
        ("AndonLimitReached", {"workflow": "spender", "guard": "spend", "severity": "critical", "owner": "crew"}),
        ("AndonGuardNearThreshold", {"workflow": "half", "guard": "exceptions", "severity": "info", "owner": "crew"}),
        ("AndonGuardNearThreshold", {"workflow": "nearly", "guard": "exceptions", "severity": "warning", "owner": "crew"}),
        ("AndonDriftBeyondTolerance", {"workflow": "drifting", "guard": "tone", "of": "scores.tone", "owner": "crew"}),
        ("AndonDisparity", {"workflow": "unequal", "guard": "fair", "group": "de", "owner": "crew"}),
        ("AndonSilence", {"workflow": "silent", "owner": "crew"}),
        ("AndonGuardBlind", {"workflow": "blind", "guard": "speed", "state": "no_data", "owner": "crew"}),
        ("AndonErrorBudgetBurn", {"workflow": "burning", "slo": "good", "window": "1h", "severity": "critical", "owner": "crew"}),
        ("AndonErrorBudgetBurn", {"workflow": "burning", "slo": "good", "window": "6h", "severity": "critical", "owner": "crew"}),
        ("AndonErrorBudgetBurn", {"workflow": "burning", "slo": "good", "window": "1d", "severity": "warning", "owner": "crew"}),
        ("AndonErrorBudgetBurn", {"workflow": "burning", "slo": "good", "window": "3d", "severity": "warning", "owner": "crew"}),
        ("AndonErrorBudgetBurnLowVolume", {"workflow": "rare", "slo": "good", "owner": "crew"}),
        ("AndonErrorBudgetExhausted", {"workflow": "burning", "slo": "good", "owner": "crew"}),
        ("AndonReviewsOverdue", {"workflow": "backlog", "owner": "crew"}),
        ("AndonIncidentUnacknowledged", {"workflow": "lapsing", "owner": "crew"}),
        ("AndonIncidentUnacknowledged", {"workflow": None}),
        ("AndonRequestWaiting", {"workflow": "contested", "severity": "info", "owner": "crew"}),
        ("AndonBaseAuditOverdue", {"item": "guide"}),
        ("AndonBaseRegressed", {"item": "schema"}),
        ("AndonDrillMissed", {}),
        ("AndonRefusalsRising", {"reason": "unknown_workflow"}),
        ("AndonEventConflicts", {"severity": "info"}),
    )

    def drive(self):
        andon = self.andon
        # First what takes long to become old.
        self.lower("contested")
        andon.order("/v1/workflows/contested/annulments", {"reason": "a load test was counted"})
        andon.send("lapsing")
        andon.send("backlog", 20)
        andon.send("silent")
        code, text = andon.command("drill")
        if code != 0:
            raise Failed(f"the drill: {text}")
        andon.order("/v1/base/guide/audits", {"passed": False, "note": "two chapters contradict each other"})
        andon.order("/v1/base/schema/regressions", {"summary": "two fields are gone"})
        for work in (self.burn, self.talk_without_asking, self.refused_and_conflicting):
            self.background(work)
        self.lower("lowered")
        andon.send("eased", 5, "exception")
        andon.send("spender", 1, cost=8.5)
        # Healthy at first, then elsewhere.
        andon.send("drifting", 700, scores=lambda n: {"tone": 0.5 + (n % 100) / 1000})
        andon.send("drifting", 3000, scores=lambda n: {"tone": 0.55 + (n % 100) / 1000})
        andon.send("unequal", 2000, attributes=lambda n: {"locale": "fr" if n % 4 else "de"})
        andon.send("unequal", 3, "exception", attributes={"locale": "fr"})
        self.evidence("unequal", 0.78, 0.97, "fair", attributes={"locale": "de"})
        andon.send("blind", 60)
        # A mode above the granted one, after the lease has ended.
        self.sleep(3)
        andon.mode("above")
        andon.send("above", 3, mode="automate")
        self.sleep(8)
        andon.send("spender", 1, cost=4)
        # Evidence must have risen against what it was an hour (twenty seconds) ago.
        self.sleep(12)
        self.evidence("half", 0.52, 0.72)
        self.evidence("nearly", 0.78, 0.97)

    def evidence(self, name, low, high, guard="exceptions", **fields):
        """Exceptions, one by one, until the evidence lies in this range; a good output where it went too far."""

        def there():
            guards = self.andon.json(f"/v1/workflows/{name}")["guards"]
            now = next(found for found in guards if found["name"] == guard)["evidence"] or 0.0
            if low <= now < high:
                return True
            self.andon.send(name, 1, "exception" if now < low else "ok", **fields)
            return False

        until(f"the evidence of {name} is in [{low}, {high})", there, 20, 0)

    def burn(self):
        """A quarter of the outputs fails; of a rare workflow most do."""
        for n in range(6):
            self.andon.send("rare", 1, "exception" if n else "ok")
        for _ in self.go_on(75):
            self.andon.send("burning", 15)
            self.andon.send("burning", 5, "exception")
            # Dearer than its guard allows, in the same rhythm.
            self.andon.send("costly", 2, cost=0.05)
            self.sleep(0.5)

    def talk_without_asking(self):
        for _ in self.go_on(45):
            self.andon.send("deaf", 1)
            self.sleep(1)

    def refused_and_conflicting(self):
        event = '{"id": "%s", "workflow": "%s", "outcome": "%s"}'
        for n in range(40):
            self.andon.post("/v1/events", event % (f"r-{n}", "nobody-knows-me", "ok"))
            self.andon.post("/v1/events", event % ("twice", "deaf", "ok" if n == 0 else "exception"))
            # The same id with other content, a different one each time.
            self.andon.post("/v1/events", '{"id": "twice", "workflow": "deaf", "outcome": "ok", "latency_ms": %d}' % (n + 1))
            self.sleep(0.4)


class Storm(Drive):
    """Several workflows fall at the same time; and nobody has ever drilled here."""

    rest = "".join(workflow(f"one-of-{n}", guards=STRICT, owner="support") for n in range(4))
    expected = (
        ("AndonDemotionStorm", {"severity": "critical"}),
        ("AndonDrillNeverPassed", {}),
    )

    def drive(self):
        for n in range(4):
            self.lower(f"one-of-{n}")


class Locked(Drive):
    """Access tokens: one ends soon, somebody comes with a wrong one; and the stop is pressed."""

    rest = workflow("stoppable", guards=STRICT) + workflow("stoppable-too", guards=STRICT)
    expected = (
        ("AndonTokenExpiring", {}),
        ("AndonRequestsDenied", {"reason": "unknown"}),
        ("AndonStopped", {}),
    )

    def make(self, **_):
        tokens = self.stack.folder / "locked-tokens.toml"
        tokens.touch()

        def new(name, *more):
            done = subprocess.run(
                [self.stack.program, "token", "new", "--file", str(tokens), "--name", name, *more],
                capture_output=True, text=True, timeout=20, check=False,
            )
            if done.returncode != 0:
                raise Failed(f"andon token new: {done.stderr}")
            return done.stdout.strip().splitlines()[-1]

        token = new("ann", "--scopes", "admin", "--expires", "never")
        lost = new("lost", "--scopes", "read", "--expires", "never")
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=15)
        new("bob", "--scopes", "read", "--expires", soon.strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.token_file = self.stack.folder / "locked.token"
        self.token_file.write_text(token)
        self.lost = lost
        self.server = f'tokens = "{tokens}"'
        super().make(token=token)
        # Revoked: well-formed, and no longer known.
        subprocess.run(
            [self.stack.program, "token", "revoke", "--file", str(tokens), "lost"],
            capture_output=True, timeout=20, check=True,
        )
        self.andon.order("/v1/reload", "")

    def drive(self):
        for n in self.go_on(20):
            fetch(self.andon.url + "/v1/workflows", headers={"authorization": f"Bearer {self.lost}"})
            self.sleep(0.2)
        code, text = self.andon.command("mode", "--stop-all", "--reason", "provider incident")
        if code != 0:
            raise Failed(f"the stop: {text}")


SLOW = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
/* Flushes take 0.6 s as long as a file is there: a disk that has become slow. */
static void wait_where_asked(void) { const char *f = getenv("SLOW_WHEN"); if (f && access(f, F_OK) == 0) usleep(600000); }
int fdatasync(int fd) { wait_where_asked(); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
int fsync(int fd) { wait_where_asked(); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
"""


class Slow(Drive):
    """A disk whose flushes take long, and more senders than the queue has places."""

    server = "queue_requests_max = 1"
    rest = '[drill]\nevery = "never"\n' + workflow("queueing", mode="assist")
    expected = (("AndonFsyncSlow", {}), ("AndonOverloaded", {}))

    def make(self, **_):
        source, library = self.stack.folder / "slow.c", self.stack.folder / "slow.so"
        source.write_text(SLOW)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True, timeout=60)
        self.flag = self.stack.folder / "slow-now"
        super().make(environment={"LD_PRELOAD": str(library), "SLOW_WHEN": str(self.flag)})

    def drive(self):
        self.flag.touch()

        def sender(number):
            n = 0
            for _ in self.go_on(50):
                n += 1
                body = '{"id": "s-%d-%d", "workflow": "queueing", "outcome": "ok"}' % (number, n)
                status, _text = self.andon.post("/v1/events", body)
                if status == 503:
                    time.sleep(0.1)

        for number in range(6):
            self.background(lambda number=number: sender(number))


class Broken(Drive):
    """Snapshots and checkpoints that don't get onto the disk, a drill that sees it, a configuration with a mistake."""

    store = 'snapshot_every = "1s"'
    expected = (
        ("AndonSnapshotStale", {}),
        ("AndonLedgerCheckpointFailing", {"severity": "critical"}),
        ("AndonDrillFailed", {"severity": "critical"}),
        ("AndonConfigReloadFailed", {}),
    )

    def make(self, **_):
        self.elsewhere = self.stack.folder / "elsewhere"
        self.elsewhere.mkdir()
        self.rest = (
            f'[ledger]\ncheckpoint_every = "1s"\ncheckpoint_path = "{self.elsewhere}"\n'
            '[drill]\nstep_timeout = "2s"\n' + workflow("unlucky")
        )
        super().make()

    def drive(self):
        andon = self.andon
        andon.send("unlucky", 5)
        # The folder for checkpoints gives way to a file, as when a mount is lost.
        shutil.rmtree(self.elsewhere)
        self.elsewhere.touch()
        andon.order("/v1/workflows/unlucky/mode", {"hold": True, "reason": "something for the ledger"})
        # Somebody else holds the snapshot's database, as a backup that hangs.
        holder = sqlite3.connect(f"file:{andon.store}/snapshot.db?mode=rw", uri=True, timeout=10, check_same_thread=False)
        holder.isolation_level = None
        holder.execute("BEGIN EXCLUSIVE")
        andon.file.write_text(andon.file.read_text() + '\n[[workflow]]\nid = "no id like this"\n')
        os.kill(andon.process.child.pid, signal.SIGHUP)
        andon.post("/v1/drills", "{}")
        for _ in self.go_on(90):
            andon.send("unlucky", 1)
            self.sleep(1)
        holder.close()


class Full(Drive):
    """A disk of its own that fills up until a write fails."""

    rest = '[drill]\nevery = "never"\n' + workflow("writing", mode="assist")
    expected = (
        ("AndonDiskFilling", {"severity": "warning"}),
        ("AndonDiskAlmostFull", {"severity": "critical"}),
        ("AndonStorePoisoned", {"severity": "critical"}),
        ("AndonNotReady", {"severity": "critical"}),
    )
    SIZE = 64 << 20

    def make(self, **_):
        self.mount = self.stack.folder / "full-disk"
        self.mount.mkdir()
        if os.geteuid() != 0:
            raise Failed("a disk can be filled by root only: it is a tmpfs that this test mounts")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.SIZE}", "tmpfs", str(self.mount)], check=True, timeout=10)
        self.stack.undo.append(lambda: subprocess.run(["umount", "-l", str(self.mount)], check=True, timeout=10))
        super().make(store=self.mount / "store")

    def free(self):
        found = os.statvfs(self.mount)
        return found.f_bavail * found.f_frsize / self.SIZE

    def fill(self, size):
        """Somebody else's file grows; False where the disk is full."""
        try:
            with open(self.mount / "somebody-elses", "ab", buffering=0) as file:
                file.write(b"\0" * size)
        except OSError:
            return False
        return True

    def drive(self):
        while self.free() > 0.37:
            self.fill(256 << 10)
        for _ in self.go_on(50):
            self.fill(200 << 10)
            self.sleep(1)
        while self.free() > 0.03:
            self.fill(64 << 10)
        self.sleep(12)
        while self.fill(4 << 10):
            pass
        n = 0
        for _ in self.go_on(20):
            n += 1
            body = "\n".join(
                '{"id": "w-%d-%d", "workflow": "writing", "outcome": "ok", "trace_id": "%s"}' % (n, i, os.urandom(64).hex())
                for i in range(2000)
            )
            status, _text = self.andon.post("/v1/events", body, "application/x-ndjson")
            if status == 503:
                return
        raise Failed("a full disk made no write fail")


class Gone(Drive):
    """Killed, and nobody starts it again."""

    rest = workflow("orphan", mode="assist")
    expected = (("AndonDown", {"severity": "critical"}),)

    def drive(self):
        self.andon.process.stop(signal.SIGKILL)


class Untold(Drive):
    """Notifications that nobody takes, and alerts from outside that no guard waits for."""

    expected = (
        ("AndonNotificationsFailing", {"target": "deaf-ears"}),
        ("AndonNotificationsLost", {"target": "shut-door"}),
        ("AndonExternalAlertIgnored", {"result": "unknown_workflow"}),
        ("AndonOutboxDamaged", {}),
    )

    def make(self, **_):
        secret = self.stack.folder / "notify.secret"
        secret.write_text("whsec_" + base64.b64encode(os.urandom(32)).decode() + "\n")

        def target(name, url):
            return (
                f'[[notify]]\nname = "{name}"\nkind = "webhook"\nurl = "{url}"\nsecret_file = "{secret}"\n'
                "allow_private = true\nallow_http = true\n"
            )

        self.rest = (
            # Nobody listens on the first one; the second one takes nothing.
            target("deaf-ears", f"http://127.0.0.1:{free_port()}/hook")
            + target("shut-door", self.stack.receiver.url + REFUSED)
            + workflow("newsworthy", guards=STRICT)
        )
        super().make()
        self.andon.process.stop()
        self.outbox().write_bytes(b"this is no database" * 500)
        self.andon.start()

    def outbox(self):
        for beside in self.andon.store.glob("outbox.db-*"):
            beside.unlink()
        return self.andon.store / "outbox.db"

    def drive(self):
        self.lower("newsworthy")
        self.andon.order("/v1/alertmanager", {
            "version": "4", "groupKey": "{}", "status": "firing", "receiver": "andon",
            "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "", "truncatedAlerts": 0,
            "alerts": [{
                "status": "firing", "labels": {"alertname": "CrmErrorsHigh", "andon_workflow": "no-such-workflow"},
                "annotations": {}, "startsAt": "2026-11-22T12:21:44.377Z", "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "", "fingerprint": "4603277885e7b81a",
            }],
        })


class Mute(Drive):
    """A daemon whose outbox can't be used."""

    rest = workflow("unheard", guards=STRICT)
    expected = (("AndonOutboxFailing", {}),)

    def make(self, **_):
        super().make()
        self.andon.process.stop()
        for file in self.andon.store.glob("outbox.db*"):
            file.unlink()
        (self.andon.store / "outbox.db").mkdir()
        self.andon.start()

    def drive(self):
        self.lower("unheard")


TROUBLED = (Modes, Storm, Locked, Slow, Broken, Full, Gone, Untold, Mute)
