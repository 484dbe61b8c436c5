#!/usr/bin/env python3
"""What can be checked of the stack without a container engine: its files, with the programs that will read them.

Owns the checks of deploy/compose and of what `andon alerts export` writes: the key script is run, andon answers with
each of the tokens as its scope says, promtool and amtool read configurations and rules. Standard library only.

    tests/ops/stack_check.py --andon target/debug/andon
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
WAIT_SECONDS = 60


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **more)
    if done.returncode != 0:
        sys.exit(f"stack_check: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    print(f"  {pathlib.Path(command[0]).name} {' '.join(str(part) for part in command[1:3])}: as it should be", flush=True)
    return done.stdout


def status(port, path, token, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body)
    request.add_header("Authorization", f"Bearer {token}")
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, ConnectionError):
        return None


def keys(andon, folder):
    """The script that andon's container starts with, twice, and what the tokens allow that it made."""
    for part in ("andon", "prometheus", "alertmanager"):
        (folder / "keys" / part).mkdir(parents=True)
    programs = folder / "bin"
    programs.mkdir()
    (programs / "andon").symlink_to(andon)
    path = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    config = (ROOT / "deploy/compose/andon.toml").read_text()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for ours, theirs in [("0.0.0.0:9797", f"127.0.0.1:{port}"), ("/keys", str(folder / "keys")),
                         ("/var/lib/andon", str(folder))]:
        assert ours in config, ours
        config = config.replace(ours, theirs)
    (folder / "andon.toml").write_text(config)
    start = ["bash", ROOT / "deploy/compose/start.sh", folder / "keys", folder / "andon.toml"]
    for made in (3, 0):
        log = folder / f"andon-{made}.log"
        with open(log, "wb") as file:
            server = subprocess.Popen([str(part) for part in start], stderr=file, stdout=file, env=path)
        try:
            answers(port, folder, server, log)
        finally:
            server.terminate()
            server.wait(timeout=30)
        assert log.read_text().count("made the token of") == made, log.read_text()


def answers(port, folder, server, log):
    began = time.monotonic()
    while status(port, "/readyz", "") != 200:
        if time.monotonic() - began > WAIT_SECONDS or server.poll() is not None:
            sys.exit(f"stack_check: andon isn't ready\n{log.read_text()}")
        time.sleep(0.1)
    files = {"read": "prometheus/andon.token", "alert": "alertmanager/andon.token", "admin": "andon/admin.token"}
    token = {scope: (folder / "keys" / file).read_text().strip() for scope, file in files.items()}
    modes = {scope: oct((folder / "keys" / file).stat().st_mode & 0o777) for scope, file in files.items()}
    assert modes == {"read": "0o644", "alert": "0o644", "admin": "0o600"}, modes
    for who, code in [("read", 200), ("alert", 403), ("admin", 200)]:
        assert status(port, "/metrics", token[who]) == code, who
    for who, code in [("read", 403), ("alert", 200), ("admin", 200)]:
        assert status(port, "/v1/alertmanager", token[who], b'{"version": "4", "alerts": []}') == code, who
    print("  each token allows what it is for, and no more", flush=True)


def compose():
    """compose.yaml as Compose reads it, which needs no engine."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            run(*command, "-f", ROOT / "compose.yaml", "config", "--quiet")
            return
    print("  SKIPPED: no Docker Compose reads compose.yaml here", flush=True)


def configurations(folder):
    """The files that containers mount, at the paths of this machine."""
    prometheus = (ROOT / "deploy/compose/prometheus.yml").read_text()
    rules = ROOT / "alerts/andon.rules.yaml"
    if not rules.exists():
        print("  SKIPPED: there are no rules yet", flush=True)
        return
    for theirs, ours in [("/etc/prometheus/rules/andon.rules.yaml", rules), ("/keys/andon.token", folder / "keys/prometheus/andon.token")]:
        assert theirs in prometheus, theirs
        prometheus = prometheus.replace(theirs, str(ours))
    (folder / "prometheus.yml").write_text(prometheus)
    run("promtool", "check", "config", folder / "prometheus.yml")
    run("amtool", "check-config", ROOT / "deploy/compose/alertmanager.yml")


def exports(andon, folder):
    """What `andon alerts export` writes, as Prometheus and Alertmanager read it."""
    out = folder / "alerts"
    run(andon, "alerts", "export", "--out", out, "--job", "cord", "--base-url", "http://andon.test:9797", "--grafana-url", "http://grafana.test")
    run("promtool", "check", "rules", out / "andon.rules.yaml")
    run("amtool", "check-config", out / "alertmanager.example.yaml")
    left = [f"{file.name}: {line}" for file in out.iterdir() for line in file.read_text().splitlines()
            if re.search(r'example\.com/(runbooks|d/)|job="andon"', line)]
    assert not left, left[:5]
    run(andon, "dashboards", "export", "--out", folder / "dashboards", "--datasource-name", "Mimir", "--job", "cord")
    for board in (folder / "dashboards").iterdir():
        variables = {v["name"]: v for v in json.loads(board.read_text())["templating"]["list"]}
        assert variables["datasource"]["current"]["value"] == "Mimir" and variables["job"]["current"]["value"] == ["cord"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--andon", default="target/debug/andon", help="the program to test")
    andon = pathlib.Path(parser.parse_args().andon).resolve()
    for program in (str(andon), "promtool", "amtool"):
        if shutil.which(program) is None:
            sys.exit(f"stack_check: {program} is missing")
    with tempfile.TemporaryDirectory(prefix="andon-stack-") as folder:
        folder = pathlib.Path(folder)
        compose()
        keys(andon, folder)
        configurations(folder)
        exports(andon, folder)
    print("the stack's files are what their programs take")


if __name__ == "__main__":
    main()
