"""Reads the streams that known_changes.json describes.

Owns what its words mean (`filter`, `order`, `value`) and the check that the stream read here is
the one described: its length and the mean of each of its segments. Knows no detector.
"""

import csv
import gzip
import json
import math
import random
import re
from dataclasses import dataclass, field
from pathlib import Path

# Draws per window where a stream of window means is replayed as single outputs.
REPLAY_DRAWS = 100
# Columns that say that a call failed: a comparison with one of them is a failure, 1 = failed.
FAILURE_COLUMNS = {"status", "exception", "error", "error_code", "outcome"}
COMPARISON = re.compile(r'^(?P<column>\w+)\s*(?P<sign>==|!=)\s*(?P<text>"[^"]*"|\S.*)$')


@dataclass
class Change:
    at: int
    tolerance: int
    scored: bool


@dataclass
class Stream:
    id: str
    kind: str
    values: list
    changes: list
    control: bool
    note: str = ""
    checked: bool = True
    derived: bool = False
    problem: str = field(default="")


def described(path):
    """The entries of a known_changes.json."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read(entry, data):
    """The stream of one entry; `problem` says why where it can't be read or isn't the one described."""
    changes = [Change(c["stream_index"], c["tolerance"], c.get("score_it", True)) for c in entry["changes"]]
    stream = Stream(entry["id"], "?", [], changes, entry.get("control", False), entry.get("note", ""))
    path = Path(data) / entry["file"]
    if not path.exists():
        stream.problem = f"{entry['file']} is not there"
        return stream
    try:
        rows = _ordered(_filtered(_rows(path), entry["filter"]), entry["order"])
        value, kind = _value(entry["value"])
        read_values = [value(row) for row in rows]
    except (KeyError, ValueError) as error:
        stream.problem = f"can't be read: {error!r}"
        return stream
    stream.values = [v for v in read_values if v is not None]
    stream.kind = kind or _kind(entry["value"], stream.values)
    stream.problem = _check(entry, stream.values)
    return stream


def _rows(path):
    opened = gzip.open(path, "rt", encoding="utf-8", newline="") if path.suffix == ".gz" else open(path, encoding="utf-8", newline="")
    with opened as file:
        return list(csv.DictReader(file))


def _filtered(rows, text):
    if text == "all rows":
        return rows
    for condition in text.split(" and "):
        keep = _comparison(condition)
        rows = [row for row in rows if keep(row)]
    return rows


def _ordered(rows, text):
    if text == "file order":
        return rows
    columns = [column.strip() for column in text.split(",")]
    number = {c: all(re.fullmatch(r"-?\d+(\.\d+)?", row[c]) for row in rows) for c in columns}
    return sorted(rows, key=lambda row: [float(row[c]) if number[c] else row[c] for c in columns])


def _comparison(text):
    parts = COMPARISON.match(text.strip())
    if not parts:
        raise ValueError(f"no comparison: {text!r}")
    column, equal, wanted = parts["column"], parts["sign"] == "==", parts["text"].strip('"')

    def holds(row):
        # `accuracy y_pred==repaid` compares two columns; `salary_range==60K+` leaves the currency out.
        cell, other = row[column], row.get(wanted, wanted)
        same = cell == other or _number(cell) == _number(other) is not None or cell.split(" ")[0] == other
        return same == equal

    return holds


def _value(text):
    """How a row gives the value, and the kind where the words alone say it."""
    text = re.sub(r"\s*\(segment on log\)$", "", text)
    if text == "accepted":
        text = "verdict==accepted"
    window = re.fullmatch(r"(\w+) per .* window", text)
    if window:
        return (lambda row: _number(row[window[1]])), "window mean"
    words = text.split(" ", 1)
    comparison = words[1] if len(words) == 2 and COMPARISON.match(words[1]) and not COMPARISON.match(words[0]) else text
    if COMPARISON.match(comparison):
        holds = _comparison(comparison)
        column = COMPARISON.match(comparison)["column"]
        return (lambda row: int(holds(row))), "failure" if column in FAILURE_COLUMNS else "share"
    return (lambda row: _number(row[text])), None


def _kind(text, values):
    if set(values) <= {0, 1}:
        return "share"
    if "latency" in text or text.split(" ")[0].endswith("_ms"):
        return "latency"
    return "cost" if "cost" in text else "number"


def _number(cell):
    if cell in ("True", "False"):
        return int(cell == "True")
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(value) else int(value) if value == int(value) else value


def _check(entry, values):
    if len(values) != entry["n"]:
        return f"{len(values)} values, {entry['n']} described"
    for segment in entry["segments"]:
        part = values[segment["from"]:segment["to"]]
        mean = sum(part) / len(part)
        if abs(mean - segment["mean"]) > 1e-3 * max(1e-2, abs(segment["mean"])) + 1e-5:
            return f"the mean of {segment['from']}..{segment['to']} is {mean:.5g}, {segment['mean']} described"
    return ""


def replay(entry, stream, data):
    """The window means of `entry` as single outputs, drawn from the histograms of each window.

    `None` where there are no histograms for them. The seed is fixed by the id.
    """
    client = entry["filter"].split("==")[-1]
    direction = {"in_mean": "input", "out_mean": "output"}.get(entry["value"].split(" ")[0])
    path = Path(data) / "traces/servegen_hist.csv.gz"
    if stream.kind != "window mean" or direction is None or not path.exists():
        return None
    windows = {}
    for row in _rows(path):
        if row["client"] == client and row["field"] == direction:
            tokens, weights = windows.setdefault(int(row["t_s"]), ([], []))
            tokens.append(int(row["tokens"]))
            weights.append(float(row["prob"]))
    if len(windows) != len(stream.values):
        return None
    rng = random.Random(entry["id"])
    values = [v for t in sorted(windows) for v in rng.choices(*windows[t], k=REPLAY_DRAWS)]
    changes = [Change(c.at * REPLAY_DRAWS, c.tolerance * REPLAY_DRAWS, c.scored) for c in stream.changes]
    note = f"{REPLAY_DRAWS} outputs drawn from the histogram of each window"
    return Stream(f"{entry['id']} (replayed)", "number", values, changes, stream.control, note, derived=True)
