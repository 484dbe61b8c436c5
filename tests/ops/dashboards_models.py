"""Every dashboard through the typed models of grafana-foundation-sdk, and back: no key may be lost or changed.

    python3 tests/ops/dashboards_models.py dashboards/*.json

Needs the package `grafana-foundation-sdk`. A key that its models don't know is a key that Grafana's schema doesn't
know either, mostly a typing error that would be ignored in silence. Keys that the models add are their defaults.
"""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

# What Grafana's Prometheus annotations read (packages/grafana-prometheus/src/annotations.ts) and the model of an
# annotation leaves out: it knows the built-in kind only.
BEYOND_THE_MODELS = {"titleFormat", "textFormat", "tagKeys", "useValueForTime", "step"}


def lost(before, after, place=""):
    """Where a key or value of `before` is missing or different in `after`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            here = f"{place}.{key}"
            if key not in after:
                if not (place.startswith(".annotations.list") and key in BEYOND_THE_MODELS):
                    yield f"{here}: lost"
            else:
                yield from lost(value, after[key], here)
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield f"{place}: {len(before)} entries became {len(after)}"
        for index, (one, other) in enumerate(zip(before, after)):
            yield from lost(one, other, f"{place}[{index}]")
    elif before != after:
        yield f"{place}: {before!r} became {after!r}"


def through_the_models(text):
    return json.loads(JSONEncoder().encode(Dashboard.from_json(json.loads(text))))


def main(files):
    register_default_plugins()
    failures = 0
    for file in files:
        with open(file, encoding="utf-8") as stream:
            text = stream.read()
        found = list(lost(json.loads(text), through_the_models(text)))
        # The control: a key that no model knows must be missed, on the dashboard, in a panel, in its options.
        for place in (lambda board: board, lambda board: board["panels"][0],
                      lambda board: board["panels"][0]["fieldConfig"]["defaults"],
                      lambda board: board["panels"][0]["options"],
                      lambda board: board["panels"][0]["targets"][0]):
            broken = json.loads(text)
            place(broken)["notAKey"] = 1
            if not any("notAKey: lost" in each for each in lost(broken, through_the_models(json.dumps(broken)))):
                found.append("the control failed: a key that no model knows was kept")
        print(f"{file}: {'every key came back' if not found else ''}")
        for each in found:
            print(f"BAD {file}{each}")
        failures += len(found)
    return 1 if failures or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
