"""Governance: what waits for people, who answers for what is overdue, and what was learned."""

import look
import query
from board import Board, to_workflow, why
from panels import COLORED, FILLED, Column, line, stat, table, target
from query import m

# Work is red when it has waited this long, seconds: a day, a week.
DAY, WEEK = 86_400, 604_800
FALSE = 'judgement="false"'


def oldest(name, *matchers):
    """Seconds since the oldest of something, absent where there is none."""
    return f"time() - min({m(name, *matchers)})"


def house(expr):
    """What has no workflow is of the house: said in words, because an empty label can't be."""
    return f'label_replace({expr}, "workflow", "(the house)", "workflow", "")'


def now(board):
    waits = look.thresholds((None, look.GOOD), (DAY, look.WARN), (WEEK, look.BAD))
    board.row(
        4,
        stat("Nobody on it", "Incidents that nobody has acknowledged. andon incidents lists them; whoever takes one "
             "acknowledges it.", f"sum({m('andon_incidents_unacknowledged')}) > 0", unit="none", empty="none: good", w=3,
             thresholds=look.plain(look.BAD)),
        stat("Oldest incident", "How long the oldest incident has been unresolved. The gate to a higher mode stays closed "
             "until it is resolved.", oldest("andon_incident_oldest_timestamp_seconds"), unit="s", decimals=0,
             empty="none: good", w=3, thresholds=waits),
        stat("Wait for approval", "Requests that are not decided. andon requests lists them; they end by themselves when their "
             "time is over.", f"sum({m('andon_requests_pending')}) > 0", unit="none", empty="none", w=3,
             thresholds=look.plain(look.SKY)),
        stat("Oldest request", "How long the oldest request has waited for its approvals.",
             oldest("andon_request_oldest_timestamp_seconds"), unit="s", decimals=0, empty="none", w=3, thresholds=waits),
        stat("Audits overdue", "Base items whose audit is due. What stands on them can't be promoted until somebody has audited "
             "them (andon base).", f"count({m('andon_base_audit_due_timestamp_seconds')} < time())", unit="none",
             empty="none: good", w=3, thresholds=look.plain(look.BAD)),
        stat("Reviews overdue", "Outputs that have waited for a verdict for longer than declared.",
             f"sum({m('andon_reviews_overdue')}) > 0", unit="locale", empty="none: good", w=3,
             thresholds=look.plain(look.WARN)),
        stat("Last good drill", "When the cord was last pulled on purpose and every wire was connected. None, or longer "
             "ago than two intervals: run andon drill.", f"max({m('andon_drill_last_success_timestamp_seconds')}) * 1000",
             unit="dateTimeFromNow", empty="none has passed yet", w=3),
        stat("Open lab risks", "Risks found in the lab that nobody has disposed of. Out of the lab leads no way while "
             "there is one.", f"sum({m('andon_lab_risks_open')}) > 0", unit="none", empty="none: good", w=3,
             thresholds=look.plain(look.WARN)),
    )


def waiting(board):
    requests = table(
        "Requests that wait for approval", "What people asked for and others must decide: andon requests approve ID, or reject. "
        "What concerns all of them, such as a looser policy, is the house's.",
        [house(f"sum by (workflow, kind) ({m('andon_requests_pending')}) > 0"),
         house(f"min by (workflow) ({m('andon_request_oldest_timestamp_seconds')}) * 1000")],
        [Column("workflow", "workflow", links=[to_workflow()]), Column("kind", "kind", width=110),
         Column("Value #A", "waiting", width=80), Column("Value #B", "oldest", unit="dateTimeFromNow", width=130)],
        empty="nothing waits for approval", w=8, sort=("oldest", False))
    incidents = table(
        "Incidents, oldest first", "Unresolved incidents of each workflow; those of the house concern all (a storm, a drill, a base item). "
        "Acknowledge, follow the runbook, resolve.",
        [house(f"sum by (workflow) ({m('andon_incidents_open')}) > 0"),
         house(f"sum by (workflow) ({m('andon_incidents_unacknowledged')}) and on (workflow) "
               f"({m('andon_incidents_open')} > 0)"),
         house(f"min by (workflow) ({m('andon_incident_oldest_timestamp_seconds')}) * 1000")],
        [Column("workflow", "workflow", links=[to_workflow(), why()]), Column("Value #A", "open", width=70),
         Column("Value #B", "nobody on it", width=110, cell=COLORED,
                thresholds=look.thresholds((None, look.NEUTRAL), (1, look.BAD))),
         Column("Value #C", "oldest", unit="dateTimeFromNow", width=130)],
        empty="no incident is open: good", w=8, sort=("oldest", False))
    held = table(
        "What keeps modes down", "Holds of people, caps, and cooldowns after a demotion. A cap goes when its cause is gone, a "
        "cooldown when its time is over, a hold when somebody releases it (andon mode ID --release).",
        [f'max by (workflow, by) (label_replace({m("andon_mode_held")} == 1, "by", "a hold", "", "") or '
         f'{m("andon_mode_capped")} or label_replace({m("andon_cooldown_until_timestamp_seconds")} * 0 + 1, '
         '"by", "cooldown", "", ""))',
         f"max by (workflow) ({m('andon_cooldown_until_timestamp_seconds')}) * 1000"],
        [Column("workflow", "workflow", links=[to_workflow(), why()]), Column("by", "by", width=150),
         Column("Value #B", "gate closed until", unit="dateTimeFromNow", width=140)],
        empty="nothing keeps a mode down", w=8, sort=("workflow", False), drop=["Value #A"])
    board.row(8, incidents, requests, held)


def audits(board):
    audit = table(
        "Audits of what workflows stand on", "When each base item's next audit is due, the next first, and whether it has a "
        "regression, which caps everything that stands on it. andon base ITEM audit --passed.",
        [f"min by (item) ({m('andon_base_audit_due_timestamp_seconds')}) * 1000",
         f"max by (item) ({m('andon_base_regressed')})",
         f"max by (item) ({m('andon_base_audit_due_timestamp_seconds')} < bool time())"],
        [Column("item", "base item"), Column("Value #A", "next audit", unit="dateTimeFromNow", width=130),
         Column("Value #C", "audit", width=100, cell=FILLED, mappings=[look.yes_no("overdue", "in time")]),
         Column("Value #B", "regression", width=110, cell=FILLED, mappings=[look.yes_no("REGRESSED", "none")])],
        empty="no base item is declared", w=8, sort=("next audit", False))
    moves = line(
        "Changes of modes, by cause", "How often modes changed, and why: breach, lapse and version are andon's; promotion, "
        "annulment and restoration are people raising; operator, stop and policy people lowering.",
        [target(query.changed_modes("cause"), "{{cause}}")],
        unit="none", decimals=0, low=0, empty="no mode changed in this time", w=8, bars=True, stack=True, max_points=60,
        lines=[("^breach$", look.BAD), ("^lapse$", look.PINK), ("^version$", look.WARN), ("^operator$", look.NEUTRAL),
               ("^stop$", look.WATCH), ("^policy$", look.FAINT), ("^promotion$", look.GOOD),
               ("^annulment$", look.SKY), ("^restoration$", look.BLUE)])
    demotions = line(
        "Demotions, by guard, and those judged false", "Which guards lower modes, and when people judged such a demotion false, "
        "with or without taking it back: these are counted against the declared budget. Many of one guard: its bound or its "
        "block is wrong.",
        [target(query.positive(f"sum by (workflow, guard) ({query.increase('andon_demotions_total')})"),
                "{{workflow}} · {{guard}}"),
         target(query.positive(f"sum by (workflow) ({query.risen('andon_demotions_judged', FALSE)})"),
                "judged false: {{workflow}}")],
        unit="none", decimals=0, low=0, empty="no guard lowered a mode in this time", w=8, bars=True, stack=True,
        max_points=60, lines=[("^judged false", look.SKY)])
    board.row(8, audit, moves, demotions)


def reviews(board):
    backlog = m("andon_reviews_awaited")
    board.heading("Reviews, drills, the record")
    board.row(
        8,
        line("Review backlog", "Outputs that wait for a verdict, by workflow. A slope that only rises: too few reviewers, or too "
             "deep a review.", [target(f"{backlog} and on (workflow) topk({query.MANY}, {query.at_end(backlog)}) > 0",
                                               "{{workflow}}")], unit="locale", low=0,
             empty="nothing waits for a verdict", w=6),
        line("Rejected, share of all outputs", "What people would reject, estimated from the selected outputs since the mode was "
             "granted.", [target(m("andon_rejection_ratio"), "{{workflow}}")], unit="percentunit", low=0, decimals=1,
             empty="no verdict on a selected output yet", w=6),
        line("How far reviewers agree", "Krippendorff's α of outputs that two people reviewed: 1 is full agreement, 0 is chance. "
             "Below 0.67 their verdicts are weak evidence.",
             [target(m("andon_reviewer_agreement", 'measure="krippendorff_alpha"'), "{{workflow}}")], unit="none", decimals=2,
             high=1, empty="no output was reviewed by two people", w=6,
             thresholds=look.below(0.67, 0.8), dashed_thresholds=True),
        stat("Drills, and the record", "From the first exception of the last drill until a reader was told the lower mode; how "
             "long ago the last checkpoint of the ledger was signed; and how many entries it covers.",
             [f"max({m('andon_drill_lowered_after_seconds')})",
              f"time() - min({m('andon_ledger_checkpoint_timestamp_seconds')})"],
             unit="s", decimals=1, empty="no drill, no checkpoint since the start", w=6, name=True,
             overrides=[named("A", "a drill lowered after"), named("B", "last checkpoint, ago")]),
    )


def named(letter, name):
    return {"matcher": {"id": "byFrameRefID", "options": letter},
            "properties": [{"id": "displayName", "value": name}]}


def lab(board):
    board.heading("The lab: what was learned")
    board.row(
        8,
        table("Hypotheses", "What is tested where. Overdue: the time-box is over; sign it off or break it off. Time to "
              "learning: median time from the start of a hypothesis to the first thing that was found.",
              [f"max by (workflow) ({m('andon_lab_hypotheses', 'status=' + QUOTED['planned'])})",
               f"max by (workflow) ({m('andon_lab_hypotheses', 'status=' + QUOTED['active'])})",
               f"max by (workflow) ({m('andon_lab_hypotheses', 'status=' + QUOTED['signed_off'])})",
               f"max by (workflow) ({m('andon_lab_hypotheses_overdue')})",
               f"max by (workflow) ({m('andon_lab_risks_open')})",
               f"max by (workflow) ({m('andon_lab_defect_types')})",
               f"max by (workflow) ({m('andon_lab_time_to_learning_seconds')})"],
              [Column("workflow", "workflow", links=[to_workflow()], width=170), Column("Value #A", "planned", width=85),
               Column("Value #B", "running", width=85), Column("Value #C", "signed off", width=95),
               Column("Value #D", "overdue", cell=COLORED, width=85,
                      thresholds=look.thresholds((None, look.NEUTRAL), (1, look.BAD))),
               Column("Value #E", "risks open", cell=COLORED, width=95,
                      thresholds=look.thresholds((None, look.NEUTRAL), (1, look.WARN))),
               Column("Value #F", "types of defects", width=130), Column("Value #G", "time to learning", unit="s", decimals=0)],
              empty="no workflow is in the lab", w=14, sort=("workflow", False)),
        line("What was found", "Findings in the lab by kind. A hypothesis without any, late in its time-box, is not being "
             "worked on.",
             [target(f"sum by (kind) ({query.increase('andon_lab_findings_total')})", "{{kind}}")], unit="none", decimals=0,
             low=0, empty="no workflow is in the lab", w=10, bars=True, stack=True, max_points=60,
             lines=[("^pattern$", look.GOOD), ("^risk$", look.WARN), ("^defect$", look.BAD)]),
    )


QUOTED = {word: f'"{word}"' for word in ("planned", "active", "signed_off")}


def dashboard():
    board = Board("andon-governance", "andon / Governance",
                  "What waits for people: incidents, approvals, audits, reviews, drills; and what the lab learned.",
                  since="now-7d")
    now(board)
    waiting(board)
    audits(board)
    reviews(board)
    lab(board)
    return board.done()
