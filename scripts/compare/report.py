"""What is printed: the table of all changes, the totals, the misses and the variants.

Owns the words and the sums. Streams that were made here from others (replays) are shown, but not
counted in the totals.
"""

import json
import statistics
from dataclasses import asdict, dataclass, field

import policies

ANDON = "andon"


@dataclass
class Run:
    grade: object    # grading.Grade
    alarms: list     # andon.Alarm
    pieces: list     # andon.Piece
    learned: int     # outputs of its baseline


@dataclass
class Judged:
    stream: object   # streams.Stream
    run: Run
    tighter: Run
    others: dict     # name of a detector: grading.Grade


@dataclass
class Result:
    settings: policies.Settings
    river: str
    unread: list
    streams: list = field(default_factory=list)
    variants: dict = field(default_factory=dict)


def as_markdown(result):
    parts = ["## Policy", _policy(result), "## Streams", _table(result), "## Totals", _totals(result)]
    parts += ["## What andon missed", _misses(result), "## Half the tolerance", _tighter(result)]
    if result.variants:
        parts += ["## Other policies (in hindsight)", _variants(result)]
    return "\n\n".join(parts)


def _policy(result):
    s = result.settings
    lines = [f"B = {s.budget:,}, tolerance {s.tolerance}, baseline a tenth of the outputs within "
             f"{policies.BASELINE_LEAST:,} to {policies.BASELINE_MOST:,}; River: {result.river}.", ""]
    for kind, (of, block, outage) in policies.KINDS.items():
        more = "" if outage is None else f", and exception_rate with the declared bound {outage} (share of failures)"
        lines.append(f"- {kind}: drift of `{of}` in both directions, block = {block}{more}")
    lines += [f"- not read: {name}: {problem}" for name, problem in result.unread]
    return "\n".join(lines)


def _names(result):
    return [ANDON, *(result.streams[0].others if result.streams else {})]


def _graded(judged, name):
    return judged.run.grade if name == ANDON else judged.others[name]


def _table(result):
    names = _names(result)
    rows = [["stream", "kind", "n", "baseline", "change at", "distance", *names]]
    for judged in result.streams:
        stream = judged.stream
        head = [stream.id, stream.kind, f"{len(stream.values):,}", f"{judged.run.learned:,}"]
        graded = [_graded(judged, name) for name in names]
        for i, change in enumerate(stream.changes):
            outcomes = [grade.outcomes[i] for grade in graded]
            cells = [_cell(outcome) for outcome in outcomes]
            rows.append([*head, f"{change.at:,}", f"{outcomes[0].distance:.3f}", *cells])
            head = ["", "", "", ""]
        if not stream.changes:
            label = "none (control)" if stream.control else "none"
            rows.append([*head, label, "", *(_false(grade) for grade in graded)])
        elif any(grade.false or grade.repeats for grade in graded):
            rows.append(["", "", "", "", "other alarms", "", *(_other(grade) for grade in graded)])
    table = ["| " + " | ".join(row) + " |" for row in rows]
    table.insert(1, "| --- | --- | ---: | ---: | ---: | ---: |" + " --- |" * len(names))
    return "\n".join(table)


def _cell(outcome):
    return f"found, {outcome.delay:,}" if outcome.alarm is not None else f"missed{_colon(outcome.reason)}"


def _colon(reason):
    return f": {reason}" if reason else ""


def _false(grade):
    return f"**{len(grade.false)} false**" if grade.false else "no alarm"


def _other(grade):
    false = f"**{len(grade.false)} false**" if grade.false else ""
    repeats = f"{len(grade.repeats)} repeated" if grade.repeats else ""
    return ", ".join(part for part in (false, repeats) if part) or "-"


def _counts(graded, tolerance):
    """Sums over pairs of (stream, grade), replays left out."""
    counts = {"found": 0, "missed within tolerance": 0, "missed, too short to learn": 0,
              "missed, was learning anew": 0, "missed beyond tolerance": 0,
              "false on controls": 0, "false before the first change": 0, "repeated": 0}
    delays = []
    for stream, grade in graded:
        if stream.derived:
            continue
        for outcome in (o for o in grade.outcomes if o.change.scored):
            if outcome.alarm is not None:
                counts["found"] += 1
                delays.append(outcome.delay)
            elif outcome.distance <= tolerance:
                counts["missed within tolerance"] += 1
            elif outcome.reason in ("too short to learn", "was learning anew"):
                counts[f"missed, {outcome.reason}"] += 1
            else:
                counts["missed beyond tolerance"] += 1
        counts["false on controls" if stream.control else "false before the first change"] += len(grade.false)
        counts["repeated"] += len(grade.repeats)
    counts["median delay"] = statistics.median(delays) if delays else None
    return counts


def _totals(result):
    all_counts = {name: _counts([(j.stream, _graded(j, name)) for j in result.streams], result.settings.tolerance)
                  for name in _names(result)}
    own = [j.stream for j in result.streams if not j.stream.derived]
    changes = sum(change.scored for stream in own for change in stream.changes)
    controls = sum(stream.control for stream in own)
    head = f"{len(own)} streams, {changes} changes to be found, {controls} controls; replays are not counted."
    return head + "\n\n" + _count_table(all_counts)


def _count_table(all_counts):
    columns = list(next(iter(all_counts.values())))
    lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for name, counts in all_counts.items():
        cells = ("-" if counts[c] is None else f"{counts[c]:,}" for c in columns)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _misses(result):
    lines = ["| stream | change at | distance | why | at half the tolerance |", "| --- | ---: | ---: | --- | --- |"]
    for judged in result.streams:
        for outcome, tight in zip(judged.run.grade.outcomes, judged.tighter.grade.outcomes):
            if outcome.alarm is None and outcome.change.scored:
                place = f"{judged.stream.id} | {outcome.change.at:,} | {outcome.distance:.3f}"
                lines.append(f"| {place} | {outcome.reason}: {outcome.why} | {_cell(tight)} |")
    return "\n".join(lines) if len(lines) > 2 else "Nothing."


def _tighter(result):
    pairs = [(judged.stream, judged.tighter.grade) for judged in result.streams]
    counts = {"the policy": _counts([(j.stream, j.run.grade) for j in result.streams], result.settings.tolerance),
              "half the tolerance": _counts(pairs, result.settings.tolerance / 2)}
    lost = [f"{stream.id}: false at {', '.join(f'{at:,}' for at in grade.false)}" for stream, grade in pairs if grade.false]
    return _count_table(counts) + "".join(f"\n\n{line}" for line in lost)


def _variants(result):
    tolerance = result.settings.tolerance
    return _count_table({name: _counts(graded, tolerance) for name, graded in result.variants.items()})


def as_json(result):
    names = _names(result)
    tolerance = result.settings.tolerance
    document = {
        "policy": asdict(result.settings),
        "kinds": {kind: dict(zip(("of", "block", "declared_bound"), row)) for kind, row in policies.KINDS.items()},
        "river": result.river,
        "unread": [{"id": name, "problem": problem} for name, problem in result.unread],
        "totals": {name: _counts([(j.stream, _graded(j, name)) for j in result.streams], tolerance) for name in names},
        "half_tolerance": _counts([(j.stream, j.tighter.grade) for j in result.streams], tolerance / 2),
        "variants": {name: _counts(graded, tolerance) for name, graded in result.variants.items()},
        "streams": [_stream(judged, names) for judged in result.streams],
    }
    return json.dumps(document, indent=1, ensure_ascii=False)


def _stream(judged, names):
    stream = judged.stream
    detectors = {name: asdict(_graded(judged, name)) for name in names}
    return {
        "id": stream.id, "kind": stream.kind, "outputs": len(stream.values), "control": stream.control,
        "replayed": stream.derived, "baseline_outputs": judged.run.learned,
        "alarms": [asdict(alarm) for alarm in judged.run.alarms],
        "pieces": [asdict(piece) for piece in judged.run.pieces],
        "detectors": detectors,
    }
