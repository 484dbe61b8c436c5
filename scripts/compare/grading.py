"""Which alarm belongs to which known change, and why a change was missed.

Owns the rule of the score and the distances between segments. Knows no detector's inside, but for
how wide andon makes the margin of a baseline (Wilson's upper 95 % bound), which explains misses.
"""

import bisect
import math
from dataclasses import dataclass

Z_95 = 1.6448536269514722


@dataclass
class Outcome:
    change: object        # streams.Change
    alarm: int | None     # index of the alarm that found it
    delay: int | None     # outputs after the change that it took, the alarm's own included; ≤ 0: within the tolerance before it
    distance: float       # Kolmogorov–Smirnov, the segment before against the one after
    reason: str = ""      # of a miss
    why: str = ""


@dataclass
class Grade:
    outcomes: list
    false: list           # alarms that belong to no change: before the first, or on a control
    repeats: list         # alarms after a change that had been found already


def grade(stream, alarms):
    """Each alarm goes to the earliest change not yet found in whose window it lies, else to none.

    The window of a change opens `tolerance` before it and closes with the next change or the end.
    """
    edges = [change.at for change in stream.changes] + [len(stream.values)]
    found, false, repeats = {}, [], []
    for alarm in alarms:
        inside = [i for i, c in enumerate(stream.changes) if c.at - c.tolerance <= alarm < edges[i + 1]]
        free = [i for i in inside if i not in found]
        if free:
            found[free[0]] = alarm
        elif inside:
            repeats.append(alarm)
        else:
            false.append(alarm)
    outcomes = []
    for i, change in enumerate(stream.changes):
        alarm = found.get(i)
        delay = None if alarm is None else alarm - change.at + 1
        outcomes.append(Outcome(change, alarm, delay, ks(*segments(stream, i))))
    return Grade(outcomes, false, repeats)


def segments(stream, i):
    """The values from the change before to change `i`, and from there to the next."""
    edges = [0] + [change.at for change in stream.changes] + [len(stream.values)]
    return stream.values[edges[i]:edges[i + 1]], stream.values[edges[i + 1]:edges[i + 2]]


def ks(one, other):
    """The two-sample Kolmogorov–Smirnov distance."""
    one, other = sorted(one), sorted(other)
    return max(abs(_below(one, x) - _below(other, x)) for x in set(one) | set(other))


def _below(ordered, x):
    return bisect.bisect_right(ordered, x) / len(ordered)


def upper(share, n):
    """Wilson's upper 95 % bound, one-sided."""
    z2 = Z_95 * Z_95
    centre = share + z2 / (2 * n)
    return (centre + Z_95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)


def excess(baseline, after, tolerance):
    """By how much the worst share of `after` is above its bound, given the pinned sample."""
    baseline, after, worst = sorted(baseline), sorted(after), -1.0
    for x in set(baseline) | set(after):
        usual, now = _below(baseline, x), _below(after, x)
        for before, since in ((usual, now), (1 - usual, 1 - now)):
            worst = max(worst, since - upper(before, len(baseline)) - tolerance)
    return worst


def explain(stream, grade_, pieces, wanted, tolerance):
    """Says of each miss why; `pieces` are those in which andon was run, `wanted` the size of a baseline."""
    for i, outcome in enumerate(grade_.outcomes):
        if outcome.alarm is not None:
            continue
        at, (before, after) = outcome.change.at, segments(stream, i)
        piece = [p for p in pieces if p.start <= at][-1]
        known = at - piece.start
        baseline = stream.values[piece.start:piece.start + wanted]
        if outcome.distance <= tolerance:
            outcome.reason, outcome.why = "within tolerance", f"distance {outcome.distance:.3f}"
        elif known < wanted:
            # A segment that is long enough, but an alarm in it (of the change before, or false) came late.
            outcome.reason = "too short to learn" if len(before) < wanted else "was learning anew"
            outcome.why = f"{max(0, known)} of {wanted} outputs since the last start"
        elif (room := excess(baseline, after, tolerance)) <= 0:
            outcome.reason = "beyond tolerance"
            outcome.why = f"within the margin of a baseline of {wanted} outputs (its bound is {-room:.3f} further away)"
        else:
            outcome.reason = "beyond tolerance"
            outcome.why = f"{room:.3f} above the bound, too little for {len(after)} outputs"
