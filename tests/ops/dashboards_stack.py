"""andon and Prometheus as processes of their own, for the checks and the pictures.

Owns ports, folders, tokens and the end: whatever was started here is ended here, and nothing else.
"""

import base64
import contextlib
import http.server
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import dashboards_fleet as fleet

START_SECONDS = 30


def free_port():
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def until(what, seconds, check, every=0.1):
    """Waits until `check` gives something, at most so long."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"after {seconds} s still no {what}")
        time.sleep(every)


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


class Stack:
    """Processes, ended in the order opposite to that of their start."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def spawn(self, name, *command, env=None, cwd=None):
        with open(self.folder / f"{name}.log", "w", encoding="utf-8") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=cwd, env={**os.environ, **(env or {})})
        self.processes.append(process)
        return process

    def receiver(self):
        """Takes every message. Ends with this process."""
        class Takes(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Takes)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port

    def andon(self, program, env=None, lease="5s"):
        """An andon with the fleet's policy and people. Returns its routes, and how its policy is made looser."""
        program, port = str(pathlib.Path(program).resolve()), free_port()
        ports = {"port": port, "receiver": self.receiver(), "nobody": free_port()}
        secret = base64.b64encode(os.urandom(24)).decode()
        (self.folder / "on-call.secret").write_text(f"whsec_{secret}\n")
        config = self.folder / "andon.toml"
        tokens = {}
        for name, (roles, scopes) in fleet.PEOPLE.items():
            command = [program, "token", "new", "--file", str(self.folder / "tokens.toml"), "--name", name,
                       "--scopes", scopes, "--expires", "30d"] + (["--roles", roles] if roles else [])
            tokens[name] = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        config.write_text(fleet.policy(ports, lease))
        (self.folder / "prometheus.token").write_text(tokens["prometheus"])
        self.spawn("andon", program, "serve", "--config", str(config), env=env, cwd=self.folder)
        until("ready andon: see andon.log", START_SECONDS, lambda: answers(f"http://127.0.0.1:{port}/readyz"))
        api = fleet.Api(port, tokens)

        def reload():
            config.write_text(fleet.policy(ports, lease, looser=True))
            api.post("admin", "/v1/reload", good=(200, 202))

        return api, reload

    def prometheus(self, andon_port=None, data=None):
        """A Prometheus that scrapes andon each second, or that only shows a folder of blocks."""
        port = free_port()
        scrape = "" if andon_port is None else f"""
scrape_configs:
  - job_name: andon
    authorization: {{ credentials_file: {self.folder / 'prometheus.token'} }}
    static_configs: [{{ targets: ["127.0.0.1:{andon_port}"] }}]
"""
        config = self.folder / "prometheus.yml"
        config.write_text("global: { scrape_interval: 1s, evaluation_interval: 1s }\n" + scrape)
        program = shutil.which("prometheus") or "prometheus"
        self.spawn("prometheus", program, f"--config.file={config}", f"--storage.tsdb.path={data or self.folder / 'tsdb'}",
                   "--storage.tsdb.retention.time=10y", f"--web.listen-address=127.0.0.1:{port}",
                   "--enable-feature=exemplar-storage",
                   # Blocks that were made afterwards have no marks of series that ended.
                   *(["--query.lookback-delta=60s"] if data else []))
        url = f"http://127.0.0.1:{port}"
        until("ready Prometheus: see prometheus.log", START_SECONDS, lambda: answers(f"{url}/-/ready"))
        return url
