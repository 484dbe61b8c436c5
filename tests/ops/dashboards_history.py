"""The same fleet with hours of history in minutes, for a person to look at the dashboards.

    python3 tests/ops/dashboards_history.py ANDON_PROGRAM FOLDER [--minutes 90] [--speed 30]

andon runs on a clock that is sped up (the package `libfaketime`), /metrics is read as often as a scrape would on that
clock, and promtool makes blocks of it. What is left in FOLDER is `tsdb` for a Prometheus, and `range.json` with the
time that it covers. Every number was measured by andon; only its clock was fast. Timers of the daemon that follow the
monotonic clock ran at their own speed (snapshots, drills), so their ages look longer than they are.
"""

import argparse
import glob
import json
import pathlib
import re
import subprocess
import sys
import time
from datetime import datetime

sys.dont_write_bytecode = True

import dashboards_fleet as fleet
import dashboards_stack as stack

SCRAPE_SECONDS = 15  # on the fast clock
LABELS = 'job="andon",instance="andon.example.com:9797"'


def labelled(text, at):
    """The lines of an exposition with the labels that a scrape adds, and a time."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, brace, rest = line.partition("{")
            if brace:
                yield f"{name}{{{LABELS},{rest} {at:.3f}"
            else:
                name, value = line.rsplit(" ", 1)
                yield f"{name}{{{LABELS}}} {value} {at:.3f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--speed", type=float, default=30)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True)
    preload = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")[0]
    real_seconds = arguments.minutes * 60 / arguments.speed
    # The fast clock begins in the past, and has caught up when the story ends.
    begin = time.time() + real_seconds - arguments.minutes * 60
    env = {
        "LD_PRELOAD": preload, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC", "FAKETIME_NO_CACHE": "1",
        "FAKETIME": time.strftime("@%Y-%m-%d %H:%M:%S", time.gmtime(begin)) + f" x{arguments.speed:g}",
    }
    samples = arguments.folder / "samples.txt"
    with stack.Stack(arguments.folder) as started, open(samples, "w", encoding="utf-8") as out:
        api, reload = started.andon(arguments.program, env, lease="60s")

        def clock():
            """What andon's clock shows: its mode answers carry the end of its lease."""
            answer = api.get("/v1/workflows/ticket-router/mode")
            text = re.sub(r"Z$", "+00:00", answer["valid_until"])
            return datetime.fromisoformat(text).timestamp() - answer["valid_for_seconds"]

        story, first, scraped = fleet.Fleet(api, reload), clock(), 0.0
        while True:
            now = clock()
            f = min(1.0, (now - first) / (arguments.minutes * 60))
            story.tick(f)
            at = clock()
            if at - scraped >= SCRAPE_SECONDS or f >= 1:
                out.writelines(line + "\n" for line in labelled(api.call("prometheus", "GET", "/metrics"), at))
                scraped = at
            if f >= 1:
                break
            time.sleep(0.05)
        out.write("# EOF\n")
        print(f"modes: {story.modes}; done: {sorted(story.done)}")
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", samples, arguments.folder / "tsdb"],
                   check=True, stdout=subprocess.DEVNULL)
    (arguments.folder / "range.json").write_text(json.dumps({"from": first, "to": scraped}))
    print(f"{arguments.folder}: {scraped - first:.0f} s of history")


main()
