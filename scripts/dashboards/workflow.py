"""Workflow: one workflow, from its mode and the reason to the evidence."""

import look
import query
from board import Board, annotation, own_link, runbook
from panels import BAR, FILLED, OPEN, Column, heatmap, line, stat, table, target, timeline
from query import ONE, m

A_BREACH = 'cause="breach"'
FIVE_MINUTES, ONE_HOUR = 'window="5m"', 'window="1h"'
BOUNDS = [(f"bound in {word}", color, True) for _, word, color in look.MODES]
DEMOTIONS = 'cause=~"breach|lapse|version|operator|stop|policy"'
RAISES = 'cause=~"promotion|annulment|restoration"'


def annotations():
    since = "andon_mode_since_timestamp_seconds"
    return [
        annotation("Lowered", f'label_join({m(since, ONE, DEMOTIONS)}, "why", " ", "cause", "guard") * 1000',
                   "lowered to {{mode}}", "{{why}}", "cause,guard", look.BAD),
        annotation("Raised by people", f"{m(since, ONE, RAISES)} * 1000", "raised to {{mode}}", "{{cause}}", "cause",
                   look.SKY),
    ]


def now(board):
    board.row(
        4,
        stat("Mode now", "The mode that the workflow may use: what readers get. Darker is less trust.",
             m("andon_mode_level", ONE), unit="none", empty="no such workflow", w=4, filled=True,
             mappings=[look.modes()]),
        stat("Why, and since when", "What last changed the granted mode, the guard where one did it, and how long ago. The "
             "numbers: the link «Why» at the top.", f'label_join({m("andon_mode_since_timestamp_seconds", ONE)}, "why", " ", "cause", "guard") * 1000',
             unit="dateTimeFromNow", empty="no such workflow", w=6, name=True, legend="{{why}}",
             thresholds=look.plain(), text={"titleSize": 20, "valueSize": 26}),
        stat("Nearest to a breach", "The guard with the most evidence against the bound of the current mode: 0.4 is normal, 1 "
             "is a breach.", f"topk(1, {m('andon_guard_evidence_ratio', ONE)})", unit="none", decimals=2,
             empty="in assist no bound holds; or no output yet", w=5, name=True, legend="{{guard}}",
             thresholds=look.thresholds(*look.EVIDENCE), text={"titleSize": 20, "valueSize": 26}),
        stat("Incidents", "Unresolved incidents of this workflow. Acknowledge them (andon incidents), follow the runbook, and "
             "resolve them: the gate to a higher mode asks for it.", f"{m('andon_incidents_open', ONE)} > 0", unit="none",
             empty="none: good", w=3, thresholds=look.plain(look.BAD)),
        stat("Error budget left", "The smallest of the declared error budgets of 30 days. Below 0: stop changes and work on "
             "the cause.", f"min({m('andon_slo_error_budget_remaining_ratio', ONE)})", unit="percentunit", decimals=0,
             empty="no objective is declared", w=3, thresholds=look.below(0, 0.25)),
        stat("Held or capped", "What keeps the mode down: a hold of people, or a cap (a regressed base item, the store, the "
             "driver). A cap goes by itself, a hold when somebody releases it.",
             [f'label_replace({m("andon_mode_held", ONE)} == 1, "by", "a hold", "", "")', m("andon_mode_capped", ONE)],
             unit="none", empty="nothing: good", w=3, name=True, legend="{{by}}", thresholds=look.plain(look.SKY),
             mappings=[look.values((1, "yes", look.SKY))], text={"titleSize": 16, "valueSize": 20}),
    )
    board.row(
        5,
        timeline("Mode over time", "Effective is what readers get; granted is what people gave and guards took. They differ "
                 "while something caps the workflow. Marks on the graphs below: what lowered or raised it.",
                 [target(m("andon_mode_level", ONE), "effective"), target(m("andon_granted_level", ONE), "granted")],
                 unit="none", empty="no such workflow", w=24, mappings=[look.modes()]),
    )
    board.row(
        4,
        table("What is next", "What will happen to the mode by itself, and what has to be waited for. «lapses»: without a fresh "
              "output the mode goes to assist then. «gate closed until»: the cooldown after a demotion. «probation»: outputs "
              "with deeper reviews that are left after a promotion.",
              [f"max by (workflow) ({m('andon_evidence_valid_until_timestamp_seconds', ONE)}) * 1000",
               f"max by (workflow) ({m('andon_cooldown_until_timestamp_seconds', ONE)}) * 1000",
               f"max by (workflow) ({m('andon_probation_outputs_left', ONE)})",
               f"sum by (workflow) ({m('andon_requests_pending', ONE)})",
               f"max by (workflow) ({m('andon_mode_last_read_timestamp_seconds', ONE)}) * 1000",
               f"max by (workflow, owner, max_mode, track, runbook) ({m('andon_workflow_info', ONE)})"],
              [Column("Value #E", "mode last read", unit="dateTimeFromNow"),
               Column("Value #A", "lapses", unit="dateTimeFromNow"),
               Column("Value #B", "gate closed until", unit="dateTimeFromNow"),
               Column("Value #C", "outputs on probation", unit="locale"),
               Column("Value #D", "requests that wait"), Column("owner", "owner"), Column("track", "track"),
               Column("max_mode", "highest mode", mappings=[look.mode_words()]),
               Column("runbook", "runbook", links=[runbook()], mappings=[OPEN])],
              empty="no such workflow", w=24, drop=["workflow", "Value #F"]),
    )


def guards(board):
    queries = [
        f"max by (guard) ({m('andon_guard_evidence_ratio', ONE)})",
        query.encoded("andon_guard_state", "state", [(n, w) for n, w, *_ in look.GUARD_STATES], "guard", ONE),
        f"max by (guard) ({m('andon_guard_estimate', ONE)})",
        f"max by (guard) ({query.bound_in_force(ONE)})",
        f"max by (guard) ({m('andon_guard_observations', ONE)})",
        f"max by (guard) ({m('andon_guard_observations_needed', ONE)})",
        f"max by (guard) ({m('andon_guard_last_breach_timestamp_seconds', ONE)}) * 1000",
        f"max by (guard, signal) ({m('andon_guard_info', ONE)})",
        f"max by (guard) ({m('andon_guard_used_ratio', ONE)})",
    ]
    columns = [
        Column("guard", "guard", width=150),
        Column("Value #B", "state", mappings=[look.guard_states()], cell=FILLED, width=105),
        Column("Value #A", "evidence", decimals=2, low=0, high=1, thresholds=look.thresholds(*look.EVIDENCE), cell=BAR,
               width=120),
        Column("Value #C", "mean", decimals=4, width=80),
        Column("Value #D", "bound now", decimals=4, width=90),
        Column("Value #I", "limit used", unit="percentunit", decimals=0, width=85),
        Column("Value #E", "seen", unit="locale", width=75),
        Column("Value #F", "needed", unit="locale", width=75),
        Column("Value #G", "last breach", unit="dateTimeFromNow", width=120),
        Column("signal", "signal"),
    ]
    board.row(
        9,
        line("Evidence of each guard on its way to the threshold", "0.4 is normal, at 1 the guard breaks and the mode goes "
             "down. It falls again only where outputs are better than the bound. After a breach it starts anew.",
             [target(m("andon_guard_evidence_ratio", ONE), "{{guard}}")], unit="none", low=0, high=1, decimals=2,
             empty="in assist no bound holds; or no output yet", w=10, table=True,
             thresholds=look.thresholds(*look.EVIDENCE), dashed_thresholds=True),
        table("Guards now", "Where each guard stands. Mean: of all that it saw since it started. Bound now: what holds in the "
              "present mode; none in assist. Needed: observations until it can say anything. Fixed limits show what part of "
              "them is used.", queries, columns, empty="no guard is declared: nothing would lower this workflow", w=14,
              sort=("evidence", True), drop=["Value #H"]),
    )


def bounds_of(signal, *, of=None):
    """The bounds of a signal's guards in each mode, as lines."""
    matchers = [f'signal="{signal}"'] + ([f'of="{of}"'] if of is not None else [])
    info = m("andon_guard_info", ONE, *matchers)
    return target(f"min by (mode) ({m('andon_guard_bound', ONE)} and on ({query.GUARD}) {info})", "bound in {{mode}}")


def outputs(board):
    board.heading("Exceptions, latency, cost, service level")
    kinds = f"sum by (kind) ({query.increase('andon_exceptions_total', ONE)})"
    board.row(
        8,
        line("Exceptions against the bounds", "The share of outputs that failed, in 5 minutes and 1 hour, and the bound in each "
             "mode. Above a mode's line, that mode can't be kept.",
             [target(m("andon_exception_ratio", ONE, FIVE_MINUTES), "5 min"),
              target(m("andon_exception_ratio", ONE, ONE_HOUR), "1 h"),
              bounds_of("exception_rate", of="")],
             unit="percentunit", low=0, decimals=1, empty="no output in the last hour", w=8,
             lines=[("^5 min$", look.BAD), ("^1 h$", look.PINK), *BOUNDS]),
        line("Exceptions by kind", "How many outputs failed, by what went wrong. A kind that grows names the cause.",
             [target(query.positive(kinds), "{{kind}}", exemplar=True)], unit="locale", empty="no exception: good", w=8, bars=True, stack=True,
             low=0, interval="2m", max_points=60),
        line("Outputs", "Outputs a second, and how many of them were retried, answered by a fallback or handed to a human.",
             [target(query.per_second("andon_outputs_total", "outcome", ONE), "{{outcome}}"),
              target(f"sum({query.rate('andon_retries_total', ONE)})", "retries"),
              target(f"sum({query.rate('andon_fallbacks_total', ONE)})", "answered by a fallback"),
              target(f"sum({query.rate('andon_escalations_total', ONE)})", "handed to a human")],
             unit="ops", low=0, empty="no such workflow", w=8, interval="2m",
             lines=[("^ok$", look.GOOD), ("^exception$", look.BAD), ("^retries$", look.NEUTRAL),
                    ("^answered by", look.WARN), ("^handed to", look.SKY)]),
    )
    buckets = f"sum by (le) ({query.increase('andon_output_latency_seconds_bucket', ONE)})"
    board.row(
        8,
        heatmap("Latency, where outputs lie", "How many outputs fell into each range of latency. Two bands are two ways of "
                "working, such as a cache, a retry or a second model.", [target(buckets, "{{le}}", heatmap=True, exemplar=True)],
                unit="s", empty="no output reported a latency", w=8, max_points=80),
        line("Latency quantiles, 5 min", "Half, 19 of 20, and 99 of 100 outputs were faster than this.",
             [target(m("andon_latency_quantile_seconds", ONE, FIVE_MINUTES, f'q="{q}"'), name)
              for q, name in (("0.5", "half"), ("0.95", "19 of 20"), ("0.99", "99 of 100"))],
             unit="s", low=0, empty="no output reported a latency in 5 minutes", w=8,
             lines=[("^half$", look.SKY), ("^19 of 20$", look.WARN), ("^99 of 100$", look.BAD)]),
        line("Cost per unit against the bounds", "What a unit costs in 1 hour; with the reviewers' time where its rate is "
             "declared; and the bound in each mode. In the workflow's currency.",
             [target(m("andon_cost_per_unit", ONE, ONE_HOUR), "machine ({{currency}})"),
              target(m("andon_cost_to_serve_per_unit", ONE, ONE_HOUR), "with reviews ({{currency}})"),
              bounds_of("cost_per_unit")],
             unit="none", low=0, decimals=4, empty="no output reported a cost in 1 hour", w=8,
             lines=[("^machine", look.BAD), ("^with reviews", look.PINK), *BOUNDS],
             overrides=[{"matcher": {"id": "byRegexp", "options": "/^with reviews/"}, "properties": [
                 {"id": "custom.axisPlacement", "value": "right"}, {"id": "custom.axisLabel", "value": "with reviews"}]}]),
    )
    missed = f"sum({query.rate('andon_sla_missed_total', ONE)})"
    judged = f"sum({query.rate('andon_sla_judged_total', ONE)})"
    board.row(
        7,
        line("Service level missed", "The share of outputs that missed their service level, the bound in each mode, and what "
             "the objective leaves room for.",
             [target(f"{missed} / {query.positive(judged)}", "missed"), bounds_of("sla"),
              target(f'1 - max({m("andon_slo_objective_ratio", ONE, SLA)})', "objective")],
             unit="percentunit", low=0, decimals=1, empty="no output says whether it met its service level", w=8, interval="2m",
             lines=[("^missed$", look.BAD), ("^objective$", look.NEUTRAL, True), *BOUNDS]),
        line("Error budgets over time", "Of each declared objective, over 30 days. A steep fall is being spent now. Below 0 it is overspent, and what is "
             "below -100 % isn't drawn.",
             [target(f"min by (slo) ({m('andon_slo_error_budget_remaining_ratio', ONE)})", "{{slo}}")],
             unit="percentunit", decimals=0, low=-1, high=1, empty="no objective is declared", w=8,
             thresholds=look.below(0, 0.25), dashed_thresholds=True, lines=SLO_LINES),
        line("Burn rate", "How fast the budget is spent: at 1 it lasts 30 days; at 14.4 two per cent go in an hour.",
             [target(m("andon_slo_burn_rate", ONE, ONE_HOUR), "{{slo}}")], unit="none", low=0, decimals=1,
             empty="no objective is declared", w=8, thresholds=look.thresholds((None, look.GOOD), (1, look.WARN),
             (14.4, look.BAD)), dashed_thresholds=True, lines=SLO_LINES),
    )


SLA = 'slo="sla"'
SLO_LINES = [("^good$", look.BAD), ("^latency$", look.WARN), ("^sla$", look.SKY), ("^uptime$", look.PINK)]


def quality(board):
    board.heading("Drift, disparity, human reviews")
    board.row(
        8,
        line("Drift: distance ÷ tolerance", "How far the outputs of late are from each drift guard's baseline, as a part of what "
             "is tolerated. Above 1 it is too far, and the guard gathers evidence. Where it moves: the drift dashboard.",
             [target(f"max by (guard) ({query.drift_distance(ONE)} / on ({query.GUARD}) group_left () "
                     f"{query.tolerance(ONE)})", "{{guard}}")],
             unit="none", low=0, decimals=2, empty="no drift guard has a baseline and enough outputs", w=8,
             thresholds=look.thresholds((None, look.GOOD), (1, look.BAD)), dashed_thresholds=True),
        line("Disparity: worst group against the rest", "How many times as often as all others the worst group fails, and the "
             "ratio that is allowed. Which group it is says the drift dashboard. It is no four-fifths rule.",
             [target(f"max by (guard) ({m('andon_disparity_ratio', ONE)})", "{{guard}}"),
              target(f'min by (guard) ({m("andon_guard_bound", ONE)} and on ({query.GUARD}) '
                     f'{m("andon_guard_info", ONE, DISPARITY)})', "allowed: {{guard}}")],
             unit="none", decimals=2, log=True, empty="no disparity guard, or no exception yet", w=8,
             lines=[("^allowed", look.NEUTRAL, True)]),
        line("Verdicts of people", "What reviewers said, verdicts a second. Rejections that grow are errors that the workflow "
             "itself doesn't see.",
             [target(f"sum by (verdict) ({query.rate('andon_reviews_total', ONE)})", "{{verdict}}")],
             unit="ops", low=0, empty="no such workflow", w=8, stack=True, interval="2m",
             lines=[("^accepted$", look.GOOD), ("^edited$", look.WARN), ("^rejected$", look.BAD)]),
    )
    board.row(
        7,
        line("Review backlog", "Outputs that wait for a verdict, and those that have waited for longer than declared. Overdue "
             "ones are no evidence for a gate: give reviewers time, or lower the depth.",
             [target(m("andon_reviews_awaited", ONE), "awaited"), target(m("andon_reviews_overdue", ONE), "overdue")],
             unit="locale", low=0, empty="no such workflow", w=12,
             lines=[("^awaited$", look.SKY), ("^overdue$", look.BAD)]),
        line("Would be rejected, and how far reviewers agree", "The share of all outputs that people would reject, estimated "
             "from the selected ones, and the agreement of two reviewers of the same output (1 is full).",
             [target(m("andon_rejection_ratio", ONE), "would be rejected"),
              target(m("andon_reviewer_agreement", ONE), "{{measure}}")],
             unit="percentunit", decimals=1, empty="no verdict on a selected output yet", w=12,
             lines=[("^would be", look.BAD), ("^observed$", look.SKY), ("^krippendorff", look.PINK)]),
    )


DISPARITY = 'signal="disparity"'


def dashboard():
    board = Board(
        "andon-workflow", "andon / Workflow", "One workflow: its mode, why it has it, and the evidence.",
        with_workflow=True, annotations=annotations(),
        links=[own_link("Why", "The reason for the present mode, with the numbers",
                        "${base_url:raw}/workflows/${workflow}"),
               own_link("Gate", "What a higher mode asks for, and what is missing",
                        "${base_url:raw}/workflows/${workflow}/gate")])
    now(board)
    guards(board)
    outputs(board)
    quality(board)
    return board.done()
