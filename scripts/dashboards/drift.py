"""Drift: which signals move, in which workflow, how far, and against which baseline."""

import look
import query
from board import Board, to_workflow, why
from panels import BAR, FILLED, Column, line, stat, table, target, timeline
from query import m

KS_OR_TV = "the Kolmogorov-Smirnov distance of a number, the total variation of a category"
DRIFT, DISPARITY = query.DRIFTING, 'signal="disparity"'
# Where a distance counts as moving: this part of what is tolerated.
MOVING = 0.5
# As one speaks of it in credit scoring, where PSI comes from: above 0.1 look, above 0.25 act.
PSI_LOOK, PSI_ACT = 0.1, 0.25


def ratio():
    return f"({query.drift_distance()} / on ({query.GUARD}) group_left () {query.tolerance()})"


def furthest(expr):
    """Only those guards that are furthest away at the end of the time that is shown."""
    far = f"topk({query.MANY}, max by (workflow, guard) ({query.at_end(ratio())}))"
    return f"({expr}) and on (workflow, guard) {far}"


def drift_only(expr):
    return f"({expr} and on ({query.GUARD}) {m('andon_guard_info', DRIFT)})"


def now(board):
    board.row(
        4,
        stat("Beyond the tolerance", "Drift guards whose outputs of late are further from the baseline than is tolerated. The "
             "table below names them.", f"count({ratio()} > 1)", unit="none", empty="none: good", w=6,
             thresholds=look.plain(look.BAD)),
        stat("On the move", f"Drift guards at {MOVING:.0%} of their tolerance or more, and not yet beyond it.",
             f"count({ratio()} > {MOVING} <= 1)", unit="none", empty="none: good", w=6,
             thresholds=look.plain(look.WARN)),
        stat("Groups that fail too often", "Disparity guards whose worst group fails more often than the allowed ratio times "
             "the rest.", f"count({m('andon_disparity_ratio')} > on ({query.GUARD}) group_left () {allowed()})", unit="none",
             empty="none: good", w=6, thresholds=look.plain(look.BAD)),
        stat("Baselines that are not there yet", "Guards that still learn what is normal, and judge nothing until they have. It "
             "takes outputs only; or name a file or a time in the past.",
             f"count({m('andon_baseline_version')} == 0)", unit="none", empty="none: good", w=6,
             thresholds=look.plain(look.SKY)),
    )
    queries = [
        f"max by (workflow, guard, of) ({ratio()})",
        f"max by (workflow, guard, of) ({query.drift_distance()})",
        f"max by (workflow, guard) ({query.tolerance()})",
        f"max by (workflow, guard) ({drift_only(m('andon_guard_evidence_ratio'))})",
        f"max by (workflow, guard) ({drift_only(states())})",
        f"max by (workflow, guard) ({drift_only(m('andon_baseline_outputs'))})",
        f"max by (workflow, guard) ({drift_only(m('andon_baseline_version'))})",
    ]
    columns = [
        Column("workflow", "workflow", links=[to_workflow(), why()], width=180),
        Column("of", "signal", width=180),
        Column("Value #A", "distance ÷ tolerance", decimals=2, low=0, high=1.5, cell=BAR,
               thresholds=look.thresholds((None, look.GOOD), (MOVING, look.WATCH), (1, look.BAD))),
        Column("Value #B", "distance", decimals=3, width=90),
        Column("Value #C", "tolerance", decimals=2, width=90),
        Column("Value #E", "state", mappings=[look.guard_states()], cell=FILLED, width=105),
        Column("Value #D", "evidence", decimals=2, low=0, high=1, thresholds=look.thresholds(*look.EVIDENCE), cell=BAR),
        Column("Value #F", "outputs in the baseline", unit="locale", width=170),
        Column("Value #G", "baseline no.", width=100),
        Column("guard", "guard", width=190),
    ]
    board.row(
        8,
        table("Which signals move, furthest first", f"Each drift guard: how far the last 2,500 to 5,000 outputs are from its "
              f"pinned baseline ({KS_OR_TV}), as a part of what is tolerated. Evidence decides: 1 is a breach. After one, "
              "andon why WORKFLOW says which part moved, and which attribute values carry it.", queries, columns,
              empty="no drift guard is declared", w=24, sort=("distance ÷ tolerance", True)),
    )


def states():
    return query.encoded("andon_guard_state", "state", [(n, w) for n, w, *_ in look.GUARD_STATES], query.GUARD)


def allowed():
    return f"min by ({query.GUARD}) ({m('andon_guard_bound')} and on ({query.GUARD}) {m('andon_guard_info', DISPARITY)})"


def over_time(board):
    board.row(
        9,
        line("Distance ÷ tolerance over time", f"The {query.MANY} that are furthest away. Above 1 the outputs are further away than is tolerated. A slow slope is a world "
             "that changes, a step is a change somebody made: compare it with the marks of versions and modes.",
             [target(furthest(f"max by (workflow, guard) ({ratio()})"), "{{workflow}} · {{guard}}")], unit="none", low=0, decimals=2,
             empty="no drift guard has a baseline and enough outputs", w=12, table=True,
             thresholds=look.thresholds((None, look.GOOD), (1, look.BAD)), dashed_thresholds=True),
        line("Evidence of drift guards", "From 0 to 1, a breach; 0.4 is normal. It grows only where the distance is beyond the "
             "tolerance, however many outputs come.",
             [target(furthest(f"max by (workflow, guard) ({drift_only(m('andon_guard_evidence_ratio'))})"),
                     "{{workflow}} · {{guard}}")],
             unit="none", low=0, high=1, decimals=2, empty="no drift guard has seen enough yet", w=12, table=True,
             thresholds=look.thresholds(*look.EVIDENCE), dashed_thresholds=True),
    )
    board.row(
        8,
        timeline("State of each drift guard", "What each drift guard could say, over time. «inconclusive» and «no data» are no "
                 "all-clear: nothing is known then.",
                 [target(furthest(f"max by (workflow, guard) ({drift_only(states())})"), "{{workflow}} · {{guard}}")],
                 unit="none", empty="no drift guard is declared", w=12, mappings=[look.guard_states()]),
        line("Population stability index", "Another measure of the same distance. By custom, above 0.1 one looks and above 0.25 "
             "one acts; no guard judges by it.",
             [target(furthest(m("andon_drift_distance", 'measure="psi"')), "{{workflow}} · {{of}}")], unit="none", low=0, decimals=3,
             empty="no drift guard has a baseline and enough outputs", w=12, table=True,
             thresholds=look.thresholds((None, look.GOOD), (PSI_LOOK, look.WARN), (PSI_ACT, look.BAD)),
             dashed_thresholds=True),
    )


def groups(board):
    board.heading("Groups, and shares that were learned")
    board.row(
        8,
        line("Disparity: worst group against the rest", "How many times as often as all others the group fails that fails most, "
             "and what is allowed. Ask first whether that group's inputs differ.",
             [target(f"max by (workflow, guard) ({m('andon_disparity_ratio')})", "{{workflow}} · {{guard}}"),
              target(f"max by (workflow, guard) ({allowed()})", "allowed: {{workflow}} · {{guard}}")],
             unit="none", decimals=2, log=True, empty="no disparity guard, or no exception yet", w=8,
             lines=[("^allowed", look.NEUTRAL, True)]),
        table("Groups that fail most", "For each disparity guard the group with most evidence of failing more often than the rest: "
              "how many times as often, what is allowed, and the evidence.",
              [f"max by (workflow, guard, group) ({m('andon_disparity_ratio')})",
               f"max by (workflow, guard) ({allowed()})",
               f"max by (workflow, guard) ({m('andon_guard_evidence_ratio')} and on ({query.GUARD}) "
               f"{m('andon_guard_info', DISPARITY)})"],
              [Column("workflow", "workflow", links=[to_workflow(), why()], width=160),
               Column("group", "group", width=60), Column("Value #A", "times", decimals=2, width=65),
               Column("Value #B", "allowed", decimals=2, width=70),
               Column("Value #C", "evidence", decimals=2, low=0, high=1, cell=BAR,
                      thresholds=look.thresholds(*look.EVIDENCE))],
              empty="no disparity guard is declared", w=8, sort=("evidence", True), drop=["guard"]),
        table("Baselines", "What each guard that learns takes for normal. It changes only when a person orders it (andon baseline "
              "WORKFLOW GUARD --learn). Number 0: still learning.",
              [f"max by (workflow, guard) ({m('andon_baseline_version')})",
               f"max by (workflow, guard) ({m('andon_baseline_outputs')})"],
              [Column("workflow", "workflow", links=[to_workflow(), why()], width=170), Column("guard", "guard"),
               Column("Value #A", "no.", width=105, cell=FILLED,
                      mappings=[look.values((0, "still learning", look.SKY))], thresholds=look.plain("transparent")),
               Column("Value #B", "outputs", unit="locale", width=75)],
              empty="no guard learns a baseline", w=8, sort=("no.", False)),
    )


def dashboard():
    board = Board("andon-drift", "andon / Drift", "Which signals move, where, and how far from what was normal.")
    now(board)
    over_time(board)
    groups(board)
    return board.done()
