"""Real processes for the tests of the alerts: andon, Prometheus, Alertmanager, and a receiver of webhooks.

Owns starting, waiting and stopping. Everything listens on loopback, every wait has an end, and `Stack.stop` ends what
`Stack` started and nothing else. What the daemons are driven into is `alerts_drive`'s.
"""

import http.client
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request


class Failed(Exception):
    """Something did not happen in time, or not as it should."""


def until(what, condition, seconds=15.0, pause=0.1):
    """Waits until `condition` gives something true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds:g} s")
        time.sleep(pause)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A program with its log in a file."""

    def __init__(self, name, command, folder, environment=None):
        self.name, self.log = name, pathlib.Path(folder) / f"{name}.log"
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder,
                env={**os.environ, **(environment or {})},
            )

    def tail(self, lines=15):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def is_alive(self):
        return self.child.poll() is None

    def stop(self, how=signal.SIGTERM):
        if self.is_alive():
            self.child.send_signal(how)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait(10)


def fetch(url, body=None, headers=None, method=None, timeout=20):
    """Status and text of an answer; 0 where nobody answers."""
    data = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""


class Andon:
    """A daemon with its own configuration and store."""

    def __init__(self, stack, name, config, store=None, environment=None, token=None):
        self.stack, self.name, self.environment, self.token = stack, name, environment, token
        self.folder = stack.folder / name
        self.folder.mkdir()
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        self.store = store or self.folder / "store"
        self.file = self.folder / "andon.toml"
        self.server_more, self.store_more, self.rest = config
        self.write()
        self.process = None
        self.count = 0
        self.lock = threading.Lock()

    def write(self, more=""):
        self.file.write_text(
            f'[server]\nlisten = "{self.address}"\n{self.server_more}\n'
            f'[store]\npath = "{self.store}"\nsegment_bytes = "1MiB"\n{self.store_more}\n{self.rest}\n{more}\n'
        )

    def start(self):
        self.process = Process(
            self.name, [self.stack.program, "serve", "--config", str(self.file)], self.folder,
            {"ANDON_LOG": "info", "NO_COLOR": "1", **(self.environment or {})},
        )

        def is_up():
            if not self.process.is_alive():
                raise Failed(f"{self.name} ended:\n{self.process.tail()}")
            return self.get("/livez")[0] == 200

        until(f"{self.name} is up", is_up, 20)
        return self

    def headers(self):
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    def get(self, path):
        return fetch(self.url + path, headers=self.headers())

    def json(self, path):
        status, text = self.get(path)
        if status != 200:
            raise Failed(f"{self.name}: GET {path} gave {status}: {text[:300]}")
        return json.loads(text)

    def post(self, path, body, kind="application/json"):
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return fetch(self.url + path, text, {"content-type": kind, **self.headers()}, "POST")

    def order(self, path, body):
        """A post that must be obeyed."""
        status, text = self.post(path, body)
        if not 200 <= status < 300:
            raise Failed(f"{self.name}: POST {path} gave {status}: {text[:300]}")
        return json.loads(text) if text else None

    def send(self, workflow, count=1, outcome="ok", **fields):
        """Reports outputs; fields that can be called get the number of the output."""
        lines = []
        with self.lock:
            first, self.count = self.count, self.count + count
        for n in range(first, first + count):
            event = {"id": f"o-{n}", "workflow": workflow, "outcome": outcome}
            if outcome == "exception" and "exception" not in fields:
                event["exception"] = "broken"
            event |= {name: value(n) if callable(value) else value for name, value in fields.items()}
            lines.append(json.dumps({k: v for k, v in event.items() if v is not None}))
        status, text = self.post("/v1/events", "\n".join(lines), "application/x-ndjson")
        if status != 200:
            raise Failed(f"{self.name}: events gave {status}: {text[:300]}")
        answer = json.loads(text)
        if answer["rejected"]:
            raise Failed(f"{self.name}: {answer['rejected'][0]}")
        return answer

    def mode(self, workflow):
        return self.json(f"/v1/workflows/{workflow}/mode")["mode"]

    def command(self, *arguments):
        """Runs `andon …` against this daemon, as the runbooks say it."""
        environment = {**os.environ, "ANDON_URL": self.url, "NO_COLOR": "1"}
        if self.token:
            environment["ANDON_TOKEN"] = self.token
        done = subprocess.run(
            [self.stack.program, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout + done.stderr


# Whatever comes here is refused for good.
REFUSED = "/refused"


class Receiver:
    """Takes webhooks and remembers every alert in them."""

    def __init__(self):
        self.alerts, self.lock = [], threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path == REFUSED:
                    self.send_response(400)
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                with outer.lock:
                    outer.alerts.extend({**alert, "path": self.path} for alert in body["alerts"])
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def all(self):
        with self.lock:
            return list(self.alerts)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Stack:
    """Everything that runs, and its end."""

    def __init__(self, folder, program):
        self.folder, self.program = pathlib.Path(folder), str(program)
        self.processes, self.undo = [], []
        self.receiver = Receiver()

    def run(self, name, command, port, path="/-/ready"):
        process = Process(name, command, self.folder)
        self.processes.append(process)

        def is_ready():
            if not process.is_alive():
                raise Failed(f"{name} ended:\n{process.tail()}")
            return fetch(f"http://127.0.0.1:{port}{path}")[0] == 200

        until(f"{name} is ready", is_ready, 20)
        return process

    def andon(self, name, config, **more):
        daemon = Andon(self, name, config, **more).start()
        self.undo.append(lambda: daemon.process.stop())
        return daemon

    def alertmanager(self, name, config):
        port = free_port()
        file = self.folder / f"{name}.yml"
        file.write_text(config)
        self.run(name, [
            "prometheus-alertmanager", f"--config.file={file}", f"--storage.path={self.folder / name}",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
        ], port)
        return f"http://127.0.0.1:{port}"

    def prometheus(self, name, config):
        port = free_port()
        file = self.folder / f"{name}.yml"
        file.write_text(config)
        self.run(name, [
            "prometheus", f"--config.file={file}", f"--storage.tsdb.path={self.folder / name}",
            f"--web.listen-address=127.0.0.1:{port}",
        ], port)
        return f"http://127.0.0.1:{port}"

    def stop(self):
        for undo in reversed(self.undo):
            try:
                undo()
            except (OSError, subprocess.SubprocessError, Failed) as error:
                print(f"teardown: {error}")
        for process in reversed(self.processes):
            process.stop()
        self.receiver.stop()


def query(prometheus, expression):
    status, text = fetch(f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
    if status != 200:
        raise Failed(f"query {expression!r}: {status} {text[:300]}")
    return json.loads(text)["data"]["result"]
