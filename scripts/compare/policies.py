"""The fixed policies: one for each kind of signal, chosen before any stream was run.

Owns the text of the policy and of the mapping that `andon import` reads, and the rule for the size
of a baseline. Nothing here looks at a value of a stream. The reasons stand in README.md.
"""

from dataclasses import dataclass, replace

# Outputs per false demotion. Small workflows: a thousand outputs are much, so one in a hundred of
# them is lowered by mistake over its life.
BUDGET = 100_000
TOLERANCE = 0.10
# A baseline takes a tenth of the outputs that are expected, within these.
BASELINE_LEAST, BASELINE_MOST = 30, 5_000
# "More often wrong than right" needs no learning: it covers the time in which the baseline is learned.
OUTAGE_BOUND = 0.5

# kind: field of an output, signal source of the drift guard, block, declared bound (or None)
KINDS = {
    "failure": ("scores.value", 1, OUTAGE_BOUND),
    "share": ("scores.value", 1, None),
    "number": ("scores.value", 1, None),
    "window mean": ("scores.value", 1, None),
    "cost": ("cost_per_unit", 1, None),
    # Calls next to each other share a machine and its queue.
    "latency": ("latency_ms", 10, None),
}


@dataclass(frozen=True)
class Settings:
    """What the variants change; the defaults are the policy."""

    budget: int = BUDGET
    tolerance: float = TOLERANCE
    block: int | None = None
    baseline: int | None = None
    # A second drift guard beside the first, with a larger baseline: slower to begin, with half the margin.
    second: int | None = None

    def varied(self, **changes):
        return replace(self, **changes)


def baseline_outputs(outputs, settings):
    """How many outputs the baseline of a stream takes, by its volume alone."""
    if settings.baseline is not None:
        return settings.baseline
    return min(BASELINE_MOST, max(BASELINE_LEAST, outputs // 10))


def policy(kind, outputs, settings):
    """The configuration for a stream of `kind` that is expected to have so many outputs."""
    of, block, outage = KINDS[kind]
    block = settings.block or block
    text = f"""[budget]
outputs_per_false_demotion = {settings.budget}

[[workflow]]
id = "stream"
start_mode = "automate"
evidence_valid = "never"
"""
    first = baseline_outputs(outputs, settings)
    baselines = [first] if settings.second is None else [first, max(settings.second, min(BASELINE_MOST, outputs // 10))]
    for number, baseline in enumerate(baselines, 1):
        text += f"""
  [[workflow.guard]]
  signal = "drift"
  name = "drift-{number}"
  of = "{of}"
  baseline = {{ outputs = {baseline} }}
  tolerance = {settings.tolerance}
  block = {block}
"""
    if outage is not None:
        text += f"""
  [[workflow.guard]]
  signal = "exception_rate"
  name = "outage"
  bound = {outage}
  block = 1
"""
    return text


def mapping(kind):
    """The mapping of a table with the columns `i` and `value`."""
    outcome = 'column = "value"\nok = [0]\nexception = [1]' if kind == "failure" else 'constant = "ok"'
    where = {"latency": "[fields]\nlatency_ms", "cost": "[fields]\ncost"}.get(kind, "[scores]\nvalue")
    return f"""id = "{{i}}"

[workflow]
constant = "stream"

[outcome]
{outcome}

[time]
spacing = "1s"
start = "2026-01-01T00:00:00Z"

{where} = "value"
"""
