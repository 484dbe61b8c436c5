"""Selectors and the expressions that several dashboards share.

Owns that every selector carries the job and the instance, and that no expression needs a recording rule.
"""

import look

HERE = 'job=~"$job", instance=~"$instance"'
ONE = 'workflow=~"$workflow"'
RANGE = "[$__rate_interval]"
A_WORKFLOW = 'workflow!=""'
DRIFTING = 'signal="drift"'
# What identifies a guard, and what identifies a workflow, where several andons are watched at once.
GUARD = "job, instance, workflow, guard"
WORKFLOW = "job, instance, workflow"


def m(name, *matchers):
    """A selector of a metric."""
    return f"{name}{{{', '.join([HERE, *matchers])}}}"


def rate(name, *matchers):
    return f"rate({m(name, *matchers)}{RANGE})"


def increase(name, *matchers):
    return f"increase({m(name, *matchers)}{RANGE})"


def risen(name, *matchers):
    """By how much a gauge is higher than an interval before."""
    return f"delta({m(name, *matchers)}{RANGE})"


def per_second(name, by, *matchers):
    return f"sum by ({by}) ({rate(name, *matchers)})"


def counted(name, by, *matchers):
    """How many, for bars: nothing where there were none."""
    return positive(f"sum by ({by}) ({increase(name, *matchers)})")


def positive(expr):
    """Without series that are 0, so that a division never gives NaN."""
    return f"({expr} > 0)"


def of_signal(name, signal, *matchers):
    """Series of guards on a signal, with what the guard is about as the label `of`."""
    info = m("andon_guard_info", f'signal=~"{signal}"', *[each for each in matchers if each == ONE])
    return f"{m(name, *matchers)} * on ({GUARD}) group_left (of) {info}"


def bound_in_force(*matchers):
    """The bound of each guard in the mode that its workflow is in; none in assist."""
    one = [each for each in matchers if each == ONE]
    return (
        f"({m('andon_guard_bound', *matchers)} and on (job, instance, workflow, mode) "
        f"({m('andon_mode', *one)} == 1))"
    )


def encoded(name, label, states, by, *matchers):
    """0/1 series of states as one number a series, by the numbers of look.py."""
    matcher = label + '="%s"'
    parts = [f"{number} * {m(name, matcher % word, *matchers)}" for number, word, *_ in states]
    return f"sum by ({by}) ({' or '.join(parts)})"


def drift_distance(*matchers):
    """The distance that a drift guard judges by: of numbers the KS distance, of categories total variation."""
    ks = m("andon_drift_distance", 'measure="kolmogorov_smirnov"', *matchers)
    tv = m("andon_drift_distance", 'measure="total_variation"', *matchers)
    return f"({ks} or ignoring (measure) {tv})"


def tolerance(*matchers):
    """The tolerance of each drift guard: the tightest where modes differ."""
    one = [each for each in matchers if each == ONE]
    info = m("andon_guard_info", DRIFTING, *one)
    return f"min by ({GUARD}) ({m('andon_guard_bound', *matchers)} and on ({GUARD}) {info})"


def changed_modes(by):
    """How many modes changed since the step before. Counters of changes begin with the first one, which increase() can't see."""
    since = m("andon_mode_since_timestamp_seconds")
    moved = f"max by ({WORKFLOW}) ({since}) - max by ({WORKFLOW}) ({since} offset $__interval) > 0"
    return f"count by ({by}) ({since} and on ({WORKFLOW}) ({moved}))"


# So many workflows or guards are drawn where a thousand would be unreadable and slow.
MANY = 30


def at_end(expr):
    """The same at the end of the time that is shown, at every moment: so that a choice of the worst doesn't flicker."""
    return expr.replace("}", "} @ end()")


def trouble():
    """One number a workflow, by look.TROUBLE: the worst of what is the matter with it."""
    worst = f"max by ({WORKFLOW}) ({m('andon_guard_evidence_ratio')})"
    kept_down = f"max by ({WORKFLOW}) ({m('andon_mode_held')} or {m('andon_mode_capped')})"
    parts = [
        (6, f"({m('andon_incidents_unacknowledged', A_WORKFLOW)} > bool 0)"),
        (5, f"({m('andon_incidents_open', A_WORKFLOW)} > bool 0)"),
        (4, f"(min by ({WORKFLOW}) ({m('andon_slo_error_budget_remaining_ratio')}) <= bool 0)"),
        (3, f"({worst} >= bool {look.CLOSE})"),
        (2, f"({kept_down} > bool 0)"),
        (1, f"({worst} >= bool {look.BUILDING})"),
        (0, f"({m('andon_mode_level')} >= bool 0)"),
    ]
    each = [f'label_replace({number} * {expr}, "rank", "{number}", "", "")' for number, expr in parts]
    return f"max by (workflow, instance) ({' or '.join(each)})"


def of_the_worst(expr):
    """Only those workflows that are in most trouble at the end of the time that is shown."""
    return f"({expr}) and on (workflow) topk({MANY}, {at_end(trouble())})"


def nearest(expr):
    """Only those guards that are nearest to a breach."""
    return f"({expr}) and on (workflow, guard) topk({MANY}, max by (workflow, guard) ({m('andon_guard_evidence_ratio')}))"
