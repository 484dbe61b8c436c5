"""andon itself: whether the cord is connected, and what would cut it."""

import look
import query
from board import Board, to_workflow
from panels import BAR, Column, line, stat, table, target
from query import m

GIB = 2**30


def now(board):
    board.row(
        4,
        stat("andon", "Whether every andon can take outputs and its modes hold (GET /readyz). If not: docs/operating.md.",
             f"min({m('andon_ready')})", unit="none", empty="andon can't be read", w=3,
             mappings=[look.values((0, "NOT READY", look.BAD), (1, "ready", look.GOOD))], filled=True),
        stat("Store", "A store that refused a write takes nothing more and puts every mode to assist: free space or repair the "
             "disk, then restart.", f"max({m('andon_store_poisoned')})", unit="none", empty="andon can't be read", w=3,
             mappings=[look.values((0, "writes", look.GOOD), (1, "REFUSES", look.BAD))], filled=True),
        stat("Configuration", "Whether the last reload succeeded. If not, the old one holds: andon check FILE says what is "
             "wrong.", f"min({m('andon_config_last_reload_successful')})", unit="none", empty="andon can't be read", w=3,
             mappings=[look.values((0, "reload FAILED", look.BAD), (1, "in force", look.GOOD))], filled=True),
        stat("Turned away", "Requests that got a 503, because the queue was full or the store refused. Senders try "
             "again; where it lasts, raise the queue's limits or find the slow disk.",
             f"sum({query.increase('andon_requests_overloaded_total')}) > 0", unit="none", decimals=0,
             empty="none: good", w=3, thresholds=look.plain(look.BAD)),
        stat("Up for", "Time since the start of the process. Short, and nobody planned it: the log says why it ended.",
             f"time() - max({m('process_start_time_seconds')})", unit="s",
             decimals=0, empty="andon can't be read", w=3),
        stat("Disk left", "Free space where the store lies. At 0 the store refuses and every mode is assist.",
             f"min({m('andon_store_free_bytes')})", unit="bytes", decimals=1, empty="andon can't be read", w=3,
             thresholds=look.below(GIB, 5 * GIB)),
        stat("Last good drill", "The proof that the cord is connected. Longer ago than two intervals: andon drill.",
             f"max({m('andon_drill_last_success_timestamp_seconds')}) * 1000", unit="dateTimeFromNow",
             empty="none has passed yet", w=3),
        stat("Dead notifications", "Messages that could not be delivered and were given up: andon notifications. People were "
             "not told.", f"sum({m('andon_notifications_dead')}) > 0", unit="none", empty="none: good", w=3,
             thresholds=look.plain(look.BAD)),
    )


def intake(board):
    board.heading("Intake")
    board.row(
        8,
        line("Outputs and verdicts a second", "What was taken, seen before, and refused. Refused ones are named with a reason: "
             "GET /v1/refusals. Conflicts are known ids with other content: a fault of the sender.",
             [target(f"sum({query.rate('andon_events_accepted_total')})", "taken"),
              target(f"sum({query.rate('andon_events_duplicate_total')})", "seen before"),
              target(f"sum({query.rate('andon_events_rejected_total')})", "refused"),
              target(f"sum({query.rate('andon_events_conflict_total')})", "conflicts")],
             unit="ops", low=0, empty="andon can't be read", w=8,
             lines=[("^taken$", look.GOOD), ("^seen before$", look.SKY), ("^refused$", look.BAD),
                    ("^conflicts$", look.PINK)]),
        line("Refused, by reason", "Why outputs and verdicts were refused. One reason that grows after a deployment is that "
             "deployment.", [target(query.counted("andon_events_rejected_total", "reason"), "{{reason}}")],
             unit="locale", low=0, bars=True, stack=True, max_points=60, empty="nothing was refused: good", w=8),
        line("Turned away at the door", "Requests without a token that holds and allows it, and requests that found the queue "
             "full (503).", [target(query.counted("andon_requests_denied_total", "reason"), "{{reason}}"),
                             target(query.positive(f"sum({query.increase('andon_requests_overloaded_total')})"),
                                    "overloaded (503)")],
             unit="locale", low=0, bars=True, stack=True, max_points=60, empty="nobody was turned away: good", w=8, lines=[("^overloaded", look.BAD)]),
    )


def journal(board):
    seconds = f"sum by (le) ({query.rate('andon_journal_fsync_seconds_bucket')})"
    groups = f"sum by (le) ({query.rate('andon_group_commit_events_bucket')})"
    busy = f"sum({query.rate('andon_journal_fsync_seconds_count')}) > 0"
    board.row(
        8,
        line("Commit to disk", "How long it takes until a group of outputs is on disk; no sender is answered before. Where it "
             "grows, the disk is slow or shared.",
             [target(f"histogram_quantile({q}, {seconds}) and on () {busy}", name)
              for q, name in ((0.5, "half"), (0.99, "99 of 100"))],
             unit="s", low=0, empty="nothing was written in this time", w=8,
             lines=[("^half$", look.SKY), ("^99 of 100$", look.BAD)]),
        line("Outputs in one commit", "How many outputs share one write: it grows with the load, and keeps the disk from being "
             "the limit.", [target(f"histogram_quantile({q}, {groups}) and on () {busy}", name)
                            for q, name in ((0.5, "half"), (0.99, "99 of 100"))],
             unit="none", low=0, empty="nothing was written in this time", w=8,
             lines=[("^half$", look.SKY), ("^99 of 100$", look.BAD)]),
        line("Limits in use", "What part of each limit of the daemon is used. At 1 the next one waits, or is refused.",
             [target(used(name, limit), words) for name, limit, words in (
                 ("andon_queue_bytes", "queue_bytes", "queue, bytes"),
                 ("andon_queue_depth", "queue_requests", "queue, requests"),
                 ("andon_dedup_ids", "dedup_ids", "remembered ids"),
                 ("andon_long_polls", "long_polls", "waiting readers"))],
             unit="percentunit", low=0, decimals=1, soft_max=0.1, empty="andon can't be read", w=8,
             thresholds=look.thresholds((None, look.GOOD), (0.8, look.BAD)), dashed_thresholds=True,
             lines=[("^queue, bytes", look.BAD), ("^queue, req", look.WARN), ("^remembered", look.SKY),
                    ("^waiting", look.PINK)]),
    )


def used(name, limit):
    matcher = f'limit="{limit}"'
    return f"max({m(name)} / on (job, instance) {m('andon_limit', matcher)})"


def reads(board):
    board.heading("Readers and people")
    board.row(
        8,
        line("Mode reads a second", "How often workflows ask what they may do. At 0 they don't ask, and none of them obeys.",
             [target(f"sum({query.rate('andon_mode_reads_total')})", "reads")], unit="reqps", low=0,
             empty="andon can't be read", w=5, lines=[("^reads$", look.SKY)]),
        table("Modes last read", "How long ago each workflow's mode was last asked for, and that as a multiple of the lease. Above "
              "1 the workflow has to fall back to assist by itself; where it goes on in its old mode nobody can stop it.",
              [f"max by (workflow) ((time() - {m('andon_mode_last_read_timestamp_seconds')}) / on (job, instance) "
               f"group_left () {m('andon_mode_lease_seconds')})",
               f"max by (workflow) ({m('andon_mode_last_read_timestamp_seconds')}) * 1000"],
              [Column("workflow", "workflow", links=[to_workflow()], width=170),
               Column("Value #A", "leases", decimals=1, low=0, high=2, cell=BAR,
                      thresholds=look.thresholds((None, look.GOOD), (1, look.BAD))),
               Column("Value #B", "last read", unit="dateTimeFromNow", width=140)],
              empty="no mode was read since the start", w=9, sort=("leases", True)),
        line("Outputs above their mode", "Outputs that report a higher mode than allowed, after the lease: a workflow that "
             "doesn't obey. Stop it, then ask why.",
             [target(query.counted("andon_outputs_above_mode_total", "workflow"), "{{workflow}}")],
             unit="locale", low=0, bars=True, stack=True, max_points=60, empty="none: every workflow obeys", w=5),
        line("Notifications", "How many messages to people were delivered, failed (an attempt; it is tried again) or dead (given "
             "up), by target, recipients that a mail server refused, and what became of alerts that came in from Alertmanager.",
             [target(query.counted("andon_notifications_total", "target, result"), "{{target}}: {{result}}"),
              target(query.counted("andon_notification_recipients_refused_total", "target"), "{{target}}: recipients refused"),
              target(query.counted("andon_alerts_received_total", "result"), "alerts: {{result}}")],
             unit="locale", low=0, bars=True, stack=True, max_points=60, empty="nothing was sent", w=5,
             lines=[(": delivered$", look.GOOD), (": failed$", look.WARN), (": (dead|recipients refused)$", look.BAD)]),
    )


def process(board):
    board.heading("Process, disk, record")
    board.row(
        8,
        line("Memory", "Resident memory of the process. It grows with workflows and remembered ids, and levels off; a slope "
             "without end is a fault to report.", [target(m("process_resident_memory_bytes"), "{{instance}}")],
             unit="bytes", low=0, empty="andon can't be read", w=8),
        line("Processor", "Cores that andon uses, and how long one scrape took to put together.",
             [target(query.rate("process_cpu_seconds_total"), "{{instance}}: cores"),
              target(m("andon_scrape_duration_seconds"), "{{instance}}: seconds of a scrape")],
             unit="none", low=0, decimals=3, empty="andon can't be read", w=8),
        line("Disk", "Free space where the store lies, and what the journal takes. The journal is kept by age and size "
             "(retention_days, journal_bytes_max).",
             [target(m("andon_store_free_bytes"), "{{instance}}: free"),
              target(m("andon_journal_bytes"), "{{instance}}: journal")],
             unit="bytes", low=0, empty="andon can't be read", w=8, log=True,
             lines=[(": free$", look.GOOD), (": journal$", look.SKY)]),
    )
    board.row(
        4,
        table("Version, snapshots, record, tokens", "The version that runs; when the last snapshot was saved (a start reads "
              "it) and the last checkpoint of the ledger signed; how far back repeats are recognised; when the next access "
              "token expires.",
              [f"max by (instance, version) ({m('andon_build_info')})",
               f"max by (instance) ({m('andon_snapshot_last_success_timestamp_seconds')}) * 1000",
               f"max by (instance) ({m('andon_ledger_checkpoint_timestamp_seconds')}) * 1000",
               f"max by (instance) ({m('andon_dedup_window_seconds')})",
               f"min by (instance) ({m('andon_token_next_expiry_timestamp_seconds')}) * 1000"],
              [Column("instance", "andon"), Column("version", "version"),
               Column("Value #B", "snapshot", unit="dateTimeFromNow"),
               Column("Value #C", "checkpoint", unit="dateTimeFromNow"),
               Column("Value #D", "repeats known for", unit="s", decimals=0),
               Column("Value #E", "token expires", unit="dateTimeFromNow")],
              empty="andon can't be read", w=24, drop=["Value #A"]),
    )


def dashboard():
    board = Board("andon-self", "andon / andon itself",
                  "Whether the cord is connected: intake, disk, readers, notifications, memory.")
    now(board)
    intake(board)
    journal(board)
    reads(board)
    process(board)
    return board.done()
