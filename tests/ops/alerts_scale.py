"""The one transformation that makes the shipped rules testable within minutes.

Every length of time in the rules becomes shorter: a minute a second, an hour twenty seconds, a day a hundred and fifty.

- `for`, `keep_firing_for`, `interval`, ranges `[15m]` and `offset 15m`: by the unit they are written in;
- numbers of seconds: the factors 60, 3600 and 86400, in which the rules write all of them;
- the interval of drills, which can't be declared below ten minutes, is divided by 60.

Nothing else changes: expressions, labels and texts are those that are shipped.
"""

import re

SECONDS = {"s": 1, "m": 1, "h": 20, "d": 150}
NUMBERS = {"60": "1", "3600": "20", "86400": "150"}


def duration(text):
    """`15m` -> `15s`, `1h` -> `20s`."""
    number, unit = re.fullmatch(r"(\d+)([smhd])", text).groups()
    return f"{int(number) * SECONDS[unit]}s"


def expression(text):
    text = re.sub(r"\[(\d+[smhd])\]", lambda found: f"[{duration(found[1])}]", text)
    text = re.sub(r"\boffset (\d+[smhd])\b", lambda found: f"offset {duration(found[1])}", text)
    text = re.sub(r"(?<![\w.])(60|3600|86400)(?![\w.])", lambda found: NUMBERS[found[1]], text)
    return text.replace("andon_drill_interval_seconds", "(andon_drill_interval_seconds / 60)")


def rules(document):
    """The parsed rules file, scaled down in place."""
    for group in document["groups"]:
        if "interval" in group:
            group["interval"] = duration(group["interval"])
        for rule in group["rules"]:
            rule["expr"] = expression(rule["expr"])
            for key in ("for", "keep_firing_for"):
                if key in rule:
                    rule[key] = duration(rule[key])
    return document
