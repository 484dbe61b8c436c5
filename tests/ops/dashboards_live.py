"""The dashboards on live data: a real andon, a real Prometheus, a fleet that shows every state.

    python3 tests/ops/dashboards_live.py ANDON_PROGRAM [dashboards/*.json]

Exit code 1 where a query of a panel, a variable or an annotation fails, finds nothing or NaN, and where a
dashboard that is broken on purpose isn't noticed. Takes about a minute and a half; leaves nothing behind.
"""

import json
import pathlib
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import dashboards_check as checks
import dashboards_fleet as fleet
import dashboards_stack as stack

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# How long the story takes, and how often it goes on, seconds.
STORY_SECONDS, TICK_SECONDS = 45, 0.25
# The workflows that the dashboard of one workflow is looked at with: together they show everything.
LOOKED_AT = ("email-drafts", "product-descriptions", "ad-variants", "ticket-router", "lead-scoring",
             "contract-summaries", "invoice-reader", "legacy-bot")


def tell(api, reload, seconds):
    story, begun = fleet.Fleet(api, reload), time.monotonic()
    while True:
        f = min(1.0, (time.monotonic() - begun) / seconds)
        story.tick(f)
        if f >= 1:
            return story
        time.sleep(TICK_SECONDS)


def main(arguments):
    program, *files = arguments
    files = files or sorted((ROOT / "dashboards").glob("*.json"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="andon-dashboards-"))
    failures = 0
    try:
        with stack.Stack(folder) as started:
            api, reload = started.andon(program)
            prometheus = checks.Prometheus(started.prometheus(api.port))
            start = checks.now()
            story = tell(api, reload, STORY_SECONDS)
            print(f"the story is told: {story.modes}; done: {sorted(story.done)}")
            stack.until("drill that passed", 30, lambda: "andon_drill_last_success_timestamp_seconds " in
                        api.call("prometheus", "GET", "/metrics"))
            last = len(story.made)
            stack.until("the last scrape", 20, lambda: len(
                prometheus.instant("andon_mode_level", checks.now())["data"]["result"]) >= last)
            time.sleep(2 * checks.SCRAPE)  # one more scrape, after everything
            end = checks.now()
            for file in files:
                board = json.loads(pathlib.Path(file).read_text(encoding="utf-8"))
                workflows = LOOKED_AT if board["uid"] == "andon-workflow" else (None,)
                problems, good = checks.check(prometheus, board, start, end, workflows)
                print(f"{board['uid']}: {good} queries and columns with data, {len(problems)} problems")
                for problem in problems:
                    print(f"  BAD {problem}")
                failures += len(problems)
                if board["uid"] == "andon-fleet":
                    missed = checks.controls(prometheus, board, start, end, workflows)
                    print(f"{board['uid']}: {len(checks.breaks(board)) - len(missed)} of "
                          f"{len(checks.breaks(board))} deliberate breaks were noticed")
                    for each in missed:
                        print(f"  BAD not noticed: {each}")
                    failures += len(missed)
    except Exception:
        for log in ("andon", "prometheus"):
            file = folder / f"{log}.log"
            if file.exists():
                print(f"== the end of {log}.log\n{file.read_text()[-1500:]}", file=sys.stderr)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
