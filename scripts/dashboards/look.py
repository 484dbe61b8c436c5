"""How things look: colours, value mappings, thresholds.

Owns every colour of the dashboards, so that a mode or a state looks the same everywhere. The alarm colours are
those of Okabe and Ito (jfly.uni-koeln.de/color), which people with the usual kinds of colour blindness can tell
apart; modes are four steps of one blue that differ in lightness. No colour stands alone: each has a word beside it.
"""

GOOD = "#009E73"
WATCH = "#F0E442"
WARN = "#E69F00"
BAD = "#D55E00"
NEUTRAL = "#8E8E8E"
FAINT = "#5A5A5A"
BLUE = "#0072B2"
SKY = "#56B4E9"
PINK = "#CC79A7"

# Darker is less trust. Level, word, colour.
MODES = [
    (0, "assist", "#1F4E79"),
    (1, "collaborate", "#3F7FB5"),
    (2, "delegate", "#7DB3DE"),
    (3, "automate", "#CFE6F7"),
]

# Where a guard stands; the number is how a panel encodes it, higher is worse. Word in metrics, words shown, colour.
GUARD_STATES = [
    (0, "ok", "ok", GOOD),
    (1, "inconclusive", "inconclusive", SKY),
    (2, "no_data", "no data", NEUTRAL),
    (3, "stale", "stale", PINK),
    (4, "breached", "breached", BAD),
]

# How much a workflow needs somebody. Higher is worse; the words say what to do.
TROUBLE = [
    (0, "healthy", GOOD),
    (1, "evidence is building", WATCH),
    (2, "held or capped", PINK),
    (3, "close to a breach", WARN),
    (4, "error budget spent", WARN),
    (5, "incident, in work", WARN),
    (6, "incident, nobody on it", BAD),
]

# Evidence of a guard: 0.4 is normal, 1 is a breach (docs/statistics.md).
BUILDING, CLOSE = 0.5, 0.8
EVIDENCE = [(None, GOOD), (BUILDING, WATCH), (CLOSE, WARN), (1, BAD)]


def values(*entries):
    """A mapping of single values: (value, text, colour) each; the colour may be None."""
    options = {}
    for index, (value, text, color) in enumerate(entries):
        result = {"index": index, "text": text}
        if color:
            result["color"] = color
        options[str(value)] = result
    return {"type": "value", "options": options}


def modes():
    return values(*MODES)


def mode_words():
    """The same colours where a column holds the word, not the level."""
    return values(*[(word, word, color) for _, word, color in MODES])


def guard_states():
    return values(*[(number, words, color) for number, _, words, color in GUARD_STATES])


def trouble():
    return values(*TROUBLE)


def yes_no(yes, no="no", yes_color=BAD, no_color=GOOD):
    return values((0, no, no_color), (1, yes, yes_color))


def thresholds(*steps):
    """Steps of (value, colour); the first has the value None."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}


def above(bad, warn=None):
    """Green, and worse above."""
    steps = [(None, GOOD)] + ([(warn, WARN)] if warn is not None else []) + [(bad, BAD)]
    return thresholds(*steps)


def below(bad, warn):
    """Green, and worse below."""
    return thresholds((None, BAD), (bad, WARN), (warn, GOOD))


def plain(color=NEUTRAL):
    return thresholds((None, color))
