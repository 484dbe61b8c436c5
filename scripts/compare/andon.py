"""Runs a stream through `andon import`, and starts anew after each alarm as a person would.

Owns the temporary folder and the reading of the report. Knows nothing of known changes.
"""

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import policies


@dataclass
class Alarm:
    at: int              # index of the output that raised it
    guard: str
    changed_at: int | None   # index of the output at which andon puts the change
    estimate: float | None


@dataclass
class Piece:
    start: int           # index of its first output
    learned: int | None  # index of the first output that the drift guard judged; None: it never did


class Failed(RuntimeError):
    """andon could not be run on a stream."""


def alarms(binary, stream, settings):
    """All alarms of a stream and the pieces in which it was run."""
    found, pieces, start = [], [], 0
    wanted = policies.baseline_outputs(len(stream.values), settings)
    while start < len(stream.values):
        rest = stream.values[start:]
        alarm = _first_alarm(binary, stream.kind, rest, len(stream.values), settings)
        end = len(rest) if alarm is None else alarm.at + 1
        pieces.append(Piece(start, start + wanted if wanted < end else None))
        if alarm is None:
            break
        if alarm.changed_at is not None:
            alarm.changed_at += start
        alarm.at += start
        found.append(alarm)
        start = alarm.at + 1
    return found, pieces


def _first_alarm(binary, kind, values, volume, settings):
    with tempfile.TemporaryDirectory(prefix="andon-compare-") as folder:
        folder = Path(folder)
        table = "i,value\n" + "".join(f"{i},{value!r}\n" for i, value in enumerate(values))
        (folder / "stream.csv").write_text(table, encoding="utf-8")
        (folder / "policy.toml").write_text(policies.policy(kind, volume, settings), encoding="utf-8")
        (folder / "mapping.toml").write_text(policies.mapping(kind), encoding="utf-8")
        command = [
            str(binary), "import", "--json", "--config", "policy.toml", "--mapping", "mapping.toml",
            "--store", "store", "stream.csv",
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed((done.stderr or done.stdout).strip())
        report = json.loads(done.stdout)
    line = report["workflows"]["stream"]
    refused = len(values) - line["outputs"]
    if refused:
        raise Failed(f"{refused} of {len(values)} outputs were not taken: {report.get('refused')}")
    for change in line["changes"]:
        if change["guard"] is not None:
            place = change["changed_at_output"]
            changed_at = None if place is None else place - 1
            return Alarm(change["at_output"] - 1, change["guard"], changed_at, change["estimate"])
    return None
