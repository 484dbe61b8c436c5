"""The weekly report: its data are as their schema says, and its page is HTML without a parse error.

A fleet with trouble, hostile texts, a lab and an empty workflow, so that every part of the page is there; and a house
in which nothing ever happened.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import html5lib
from jsonschema import Draft202012Validator

from alerts_stack import Failed, Process, fetch, free_port, until

EVIL = "<script>alert('&\"')</script>"
FLEET = 30


def configuration(port, workflows):
    text = f'[server]\nlisten = "127.0.0.1:{port}"\n[store]\npath = "data"\n[drill]\nevery = "never"\n'
    for name in workflows:
        text += f"""
[[workflow]]
id = "{name}"
owner = "team & sons"
currency = "EUR"
start_mode = "automate"
review = {{ delegate = 0.0, automate = 0.0, cost_per_hour = 60 }}
  [workflow.reference]
  source = "a <study>"
  exception_ratio = 0.05
  cost_to_serve = 3.5
  [[workflow.guard]]
  signal = "exception_rate"
  name = "exceptions"
  bound = {{ collaborate = 0.20, delegate = 0.10, automate = 0.06 }}
"""
    return text + """
[[workflow]]
id = "tone"
track = "lab"
  [[workflow.hypothesis]]
  id = "h-1"
  question = "do ten samples keep the tone?"
  owner = "ann"
  goals = ["which samples matter"]
  exit = ["200 judged"]
"""


def outputs(workflows):
    """Sixty outputs of each; every second one of the first four fails."""
    for at, name in enumerate(workflows):
        for n in range(60):
            fails = at < 4 and n % 2 == 0
            yield {
                "id": f"{name}-{n}{EVIL if n == 0 else ''}", "workflow": name, "outcome": "exception" if fails else "ok",
                **({"exception": EVIL} if fails else {}), "latency_ms": 100 + 7 * n, "cycle_ms": 60_000 + 500 * n,
                "cost": f"0.{10 + n}", "value": "0.5", "attributes": {"locale": EVIL if n % 3 else "en"},
                "scores": {"fit": n / 60}, "trace_id": '"><b>',
            }


def check(what, holds):
    if not holds:
        raise Failed(what)
    print(f"ok: {what}")


def validate(url, names):
    schema = json.loads(fetch(f"{url}/v1/reports/schema.json")[1])
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for name in names:
        week, _, query = name.partition("?")
        query = f"?{query}" if query else ""
        status, text = fetch(f"{url}/v1/reports/{week}.json{query}")
        wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(json.loads(text))]
        check(f"{name}: the data are as their schema says", status == 200 and not wrong or print(wrong[:5]))
        status, page = fetch(f"{url}/v1/reports/{week}.html{query}")
        html5lib.HTMLParser(strict=True).parse(page)
        check(f"{name}: the page has no parse error, {len(page.encode()) // 1024} KiB", status == 200)
    less = json.loads(text)
    del less["headline"]
    less["week"] = 47
    check("data that are wrong are found", len(list(validator.iter_errors(less))) == 2)
    return schema


def drive(program, folder, workflows):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    folder.mkdir()
    (folder / "andon.toml").write_text(configuration(port, workflows))
    andon = Process("andon", [str(program), "serve", "--config", "andon.toml"], folder)
    try:
        until("the daemon answers", lambda: fetch(f"{url}/readyz")[0] == 200)
        if workflows:
            kind = {"content-type": "application/json"}
            status, text = fetch(f"{url}/v1/events", json.dumps(list(outputs(workflows))), kind)
            check("the outputs were taken", status == 200 and json.loads(text)["accepted"] == 60 * len(workflows))
            fetch(f"{url}/v1/events", json.dumps([{"id": "x"}]), kind)
        names = ["now", "last", "now?workflow=tone"] + [f"now?workflow={name}" for name in workflows[:2]]
        schema = validate(url, names)
        shown = subprocess.run([program, "report", "--schema"], check=True, capture_output=True, text=True).stdout
        check("the program shows the same schema", json.loads(shown) == schema)
    except Exception:
        print(andon.tail(), file=sys.stderr)
        raise
    finally:
        andon.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--andon", required=True)
    program = pathlib.Path(parser.parse_args().andon).resolve()
    with tempfile.TemporaryDirectory() as folder:
        drive(program, pathlib.Path(folder) / "fleet", [f"wf-{n}" for n in range(FLEET)])
        drive(program, pathlib.Path(folder) / "empty", [])


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"failed: {failed}")
