"""Writes the dashboards of dashboards/*.json.

    python3 scripts/dashboards            write them
    python3 scripts/dashboards --check    exit 1 where a committed one differs from what would be written

Only Python's own library is needed. Each dashboard is a module: its panels in the order in which they are read.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True

import drift
import fleet
import governance
import itself
import workflow

FOLDER = pathlib.Path(__file__).resolve().parent.parent.parent / "dashboards"
ALL = [fleet, workflow, drift, governance, itself]


def main():
    check = "--check" in sys.argv[1:]
    differing = []
    for module in ALL:
        made = module.dashboard()
        file = FOLDER / f"{made['uid']}.json"
        text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        before = file.read_text() if file.exists() else None
        if before != text:
            differing.append(file.name)
        if not check:
            FOLDER.mkdir(exist_ok=True)
            file.write_text(text)
    verb = "differ from" if check else "were changed to match"
    print(f"{', '.join(differing) or 'no dashboard'} {verb} scripts/dashboards")
    return 1 if check and differing else 0


sys.exit(main())
