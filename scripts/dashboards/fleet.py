"""Fleet: which workflow is in trouble, why, and since when; then the evidence, worst first."""

import look
import query
from board import Board, runbook, to_workflow, why
from panels import BAR, COLORED, FILLED, OPEN, Column, line, stat, table, target, timeline
from query import m

# A day, and a level of evidence, as they are spoken of in the titles.
DAY = 86_400


A_BREACH, NO_ADOPTION = 'cause="breach"', 'cause!="adoption"'
A_WORKFLOW = 'workflow!=""'
FIVE_MINUTES, ONE_HOUR = 'window="5m"', 'window="1h"'
P95 = 'q="0.95"'
EXCEPTIONS, ALL_KINDS = 'signal="exception_rate"', 'of=""'


def moved_today(*matchers):
    return f"{m('andon_mode_since_timestamp_seconds', *matchers)} > time() - {DAY}"


def now(board):
    board.row(
        4,
        stat("Need somebody", "Workflows with an incident that is unresolved. Begin with the table below: the worst stand "
             "on top, with the reason.", f"count({m('andon_incidents_open', A_WORKFLOW)} > 0)",
             unit="none", empty="none: good", w=4, thresholds=look.thresholds((None, look.WARN), (3, look.BAD))),
        stat("Lowered in 24 h", "Workflows that a guard lowered within the last 24 hours. Each is named with its guard "
             "under «Who moved».", f"count(count by ({query.WORKFLOW}) ({moved_today(A_BREACH)}))",
             unit="none", empty="none: good", w=4, thresholds=look.thresholds((None, look.WARN), (3, look.BAD))),
        stat("Close to a breach", "Guards with evidence of 0.8 or more, where 1 is a breach and 0.4 is normal. Look at them "
             "before they break: «Guards» below.", f"count({m('andon_guard_evidence_ratio')} >= {look.CLOSE})", unit="none", empty="none: good",
             w=4, thresholds=look.plain(look.WARN)),
        stat("Storm", "Many workflows were lowered by guards within a short time: look for what they share (a provider, a "
             "model, a base item) before you look at each. Two people may restore all: andon annul house:N.",
             f"max({m('andon_storm_active')})", unit="none", empty="andon can't be read", w=4,
             mappings=[look.values((0, "calm", look.GOOD), (1, "STORM", look.BAD))]),
        stat("Wait for approval", "Requests that people have not decided: promotions, annulments, looser policies. The "
             "governance dashboard lists them.", f"sum({m('andon_requests_pending')}) > 0", unit="none",
             empty="none", w=4, thresholds=look.plain(look.SKY)),
        stat("andon", "Whether every andon that is selected can take outputs and its modes hold. If not, workflows fall back "
             "to assist when their lease ends: open «andon itself».", f"min({m('andon_ready')})", unit="none",
             empty="andon can't be read", w=4,
             mappings=[look.values((0, "NOT READY", look.BAD), (1, "ready", look.GOOD))]),
    )
    board.row(13, trouble_table())


def trouble_table():
    since = f"max by (workflow, instance, cause, guard) ({m('andon_mode_since_timestamp_seconds')}) * 1000"
    nearest = f"topk by (workflow, instance) (1, {m('andon_guard_evidence_ratio')})"
    queries = [
        query.trouble(),
        f"max by (workflow, instance) ({m('andon_mode_level')})",
        since,
        f'max by (workflow, instance, nearest) (label_replace({nearest}, "nearest", "$1", "guard", "(.*)"))',
        f"sum by (workflow, instance) ({m('andon_incidents_open', A_WORKFLOW)})",
        f'max by (workflow, instance) ({m("andon_exception_ratio", FIVE_MINUTES)})',
        f"min by (workflow, instance) ({m('andon_slo_error_budget_remaining_ratio')})",
        f"max by (workflow, instance, owner, runbook) ({m('andon_workflow_info')})",
    ]
    columns = [
        Column("workflow", "workflow", links=[to_workflow(), why()], width=170),
        Column("Value #A", "state", mappings=[look.trouble()], cell=FILLED, width=170),
        Column("Value #B", "mode now", mappings=[look.modes()], cell=FILLED, width=110),
        Column("Value #C", "since", unit="dateTimeFromNow", width=120),
        Column("cause", "cause", width=90),
        Column("guard", "by", width=135),
        Column("nearest", "nearest guard", width=130),
        Column("Value #D", "its evidence", unit="none", decimals=2, low=0, high=1,
               thresholds=look.thresholds(*look.EVIDENCE), cell=BAR, width=130),
        Column("Value #E", "incidents", unit="none", width=80, cell=COLORED,
               thresholds=look.thresholds((None, look.NEUTRAL), (1, look.BAD))),
        Column("Value #F", "exceptions", unit="percentunit", decimals=1, width=90),
        Column("Value #G", "budget left", unit="percentunit", decimals=0, width=90, cell=COLORED,
               thresholds=look.below(0, 0.25)),
        Column("owner", "owner", width=110),
        Column("runbook", "runbook", links=[runbook()], mappings=[OPEN], width=75),
        Column("instance", "andon"),
    ]
    return table(
        "What is the matter, worst first",
        "Each workflow with the worst that is known of it, its mode and what brought it there. A click on the name opens the "
        "workflow. «incident, nobody on it»: acknowledge it (andon incidents) and follow the runbook. Evidence: 0.4 is normal, 1 "
        "is a breach. Exceptions: their share in 5 minutes. Budget left: the smallest of the declared error budgets.",
        queries, columns, empty="no workflow is known: is andon scraped?", w=24, sort=("state", True),
        drop=["Value #H"],
    )


def over_time(board):
    board.row(
        9,
        timeline("Modes over time", f"The mode that each workflow may use, of the {query.MANY} worst. Darker is less trust. A step to "
                 "the darker is a demotion; up is always a decision of people.",
                 [target(query.of_the_worst(f"max by (workflow, instance) ({m('andon_mode_level')})"), "{{workflow}}")],
                 unit="none", empty="no workflow is known: is andon scraped?", w=14, mappings=[look.modes()],
                 links=[to_workflow("label")]),
        table("Who moved in 24 h, and why", "The last change of each workflow's granted mode within 24 hours, newest first. "
              "«breach» was a guard; operator, stop, promotion, annulment and restoration were people; lapse is a lack of "
              "outputs; version and policy are changes. Open «Why» on the name for the numbers.",
              [f'max by (workflow, mode, cause, guard) ({moved_today(NO_ADOPTION)}) * 1000'],
              [Column("Value", "when", unit="dateTimeFromNow", width=115),
               Column("workflow", "workflow", links=[to_workflow(), why()]),
               Column("mode", "to", mappings=[look.mode_words()], cell=FILLED, width=105),
               Column("cause", "cause", width=95), Column("guard", "guard")],
              empty="nobody moved: good", w=10, sort=("when", True)),
    )


def evidence(board):
    guards = [query.nearest(each) for each in (
        f"max by (workflow, guard) ({m('andon_guard_evidence_ratio')})",
        query.encoded("andon_guard_state", "state", [(n, w) for n, w, *_ in look.GUARD_STATES], "workflow, guard"),
        f"max by (workflow, guard) ({m('andon_guard_estimate')})",
        f"max by (workflow, guard) ({query.bound_in_force()})",
        f"max by (workflow, guard) ({m('andon_guard_last_breach_timestamp_seconds')}) * 1000",
    )]
    columns = [
        Column("workflow", "workflow", links=[to_workflow(), why()], width=170),
        Column("guard", "guard", width=180),
        Column("Value #B", "state", mappings=[look.guard_states()], cell=FILLED, width=105),
        Column("Value #A", "evidence", decimals=2, low=0, high=1, thresholds=look.thresholds(*look.EVIDENCE), cell=BAR),
        Column("Value #C", "mean", decimals=4, width=85),
        Column("Value #D", "bound now", decimals=4, width=95),
        Column("Value #E", "last breach", unit="dateTimeFromNow", width=120),
    ]
    board.row(
        10,
        table("Guards, nearest to a breach first", f"The {query.MANY} guards with most evidence against the bound of the current mode (0.4 "
              "is normal, 1 is a breach), the mean of what they saw since they started, and the bound that holds in this mode. "
              "A limit that is fixed has no evidence; in assist no bound holds.", guards, columns,
              empty="no guard is declared: nothing would lower a mode", w=14, sort=("evidence", True)),
        table("Error budgets, least first", "What is left of each declared objective's error budget of 30 days, and how fast it "
              "is being spent: at a burn rate of 1 it lasts exactly 30 days. Below 0 it is overspent: stop changes to this "
              "workflow and work on the cause.",
              [f"min by (workflow, slo) ({m('andon_slo_error_budget_remaining_ratio')})",
               f"max by (workflow, slo) ({m('andon_slo_burn_rate', ONE_HOUR)})",
               f"max by (workflow, slo) ({m('andon_slo_objective_ratio')})"],
              [Column("workflow", "workflow", links=[to_workflow()], width=130), Column("slo", "objective", width=85),
               Column("Value #C", "promised", unit="percentunit", decimals=1, width=85),
               Column("Value #A", "budget left", unit="percentunit", decimals=0, low=0, high=1, cell=BAR,
                      thresholds=look.below(0, 0.25)),
               Column("Value #B", "burn, 1 h", decimals=1, width=85, cell=COLORED,
                      thresholds=look.thresholds((None, look.GOOD), (1, look.WARN), (14.4, look.BAD)))],
              empty="no objective is declared ([workflow.slo])", w=10, sort=("budget left", False)),
    )
    board.row(
        8,
        timeline("Evidence of the guard nearest to a breach", "For each workflow the highest evidence of its guards: which one "
                 "is on its way down, and since when. A band that turns yellow is half way to a breach.",
                 [target(query.of_the_worst(f"max by (workflow, instance) ({m('andon_guard_evidence_ratio')})"),
                         "{{workflow}}")],
                 unit="none", decimals=2, empty="no guard has seen enough yet", w=14, text="never",
                 thresholds=look.thresholds(*look.EVIDENCE), links=[to_workflow("label")]),
        line("SLO burn rate, 1 hour", "How fast each error budget is being spent: at 1 it lasts exactly 30 days, at 14.4 two "
             "per cent of it went in one hour.", [target(query.of_the_worst(f"max by (workflow, slo) "
             f'({m("andon_slo_burn_rate", ONE_HOUR)})'), "{{workflow}} · {{slo}}")],
             unit="none", decimals=1, empty="no objective is declared", w=10, low=0, table=True,
             thresholds=look.thresholds((None, look.GOOD), (1, look.WARN), (14.4, look.BAD)), dashed_thresholds=True),
    )


def background(board):
    board.heading(f"KPIs of the factory, of the {query.MANY} workflows that are in most trouble")
    bound = (f'max by (workflow) ({query.bound_in_force()} and on ({query.GUARD}) '
             f'{m("andon_guard_info", EXCEPTIONS, ALL_KINDS)})')
    board.row(
        8,
        line("Exceptions, share of outputs in 5 min", "How many of the outputs failed. The guards judge this against a bound in "
             "each mode; the table above has the numbers. No line: no output in 5 minutes.",
             [target(query.of_the_worst(m("andon_exception_ratio", FIVE_MINUTES)), "{{workflow}}")], unit="percentunit", low=0,
             empty="no output in 5 minutes: do workflows report?", w=12, table=True, decimals=1),
        line("Exceptions ÷ bound of the mode", "The share of exceptions in 1 hour, divided by the bound that holds in the "
             "workflow's present mode. Above 1 it is over the bound, and its guard gathers evidence. In assist no bound holds.",
             [target(query.of_the_worst(f'max by (workflow) ({m("andon_exception_ratio", ONE_HOUR)}) / {bound}'),
                     "{{workflow}}")],
             unit="none", low=0, decimals=2, empty="no bound holds: every workflow is in assist", w=12, table=True,
             thresholds=look.thresholds((None, look.GOOD), (1, look.BAD)), dashed_thresholds=True),
    )
    board.row(
        8,
        line("Outputs a second", "Throughput of each workflow. A line that ends is a workflow that went silent.",
             [target(query.of_the_worst(query.per_second("andon_outputs_total", "workflow")), "{{workflow}}")], unit="ops", low=0,
             empty="no workflow is known: is andon scraped?", w=8, interval="2m"),
        line("Latency, 95th percentile in 5 min", "19 of 20 outputs were faster. Its guard judges the share that is slower than "
             "a limit.", [target(query.of_the_worst(m("andon_latency_quantile_seconds", FIVE_MINUTES, P95)), "{{workflow}}")],
             unit="s", low=0, empty="no output reported a latency in 5 minutes", w=8),
        line("Cost per unit in 1 h", "What one unit costs, in the workflow's own currency: compare each with its own past, not "
             "with the others.", [target(query.of_the_worst(m("andon_cost_per_unit", ONE_HOUR)),
                                                    "{{workflow}} ({{currency}})")],
             unit="none", low=0, decimals=4, empty="no output reported a cost in 1 hour", w=8),
    )


def dashboard():
    board = Board("andon-fleet", "andon / Fleet", "Which workflow is in trouble, why, and since when.")
    now(board)
    over_time(board)
    evidence(board)
    background(board)
    return board.done()
