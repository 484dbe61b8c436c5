//! The report as Markdown: for a mail, a ticket, a repository.
//!
//! Owns the form. What people or workflows wrote is escaped, so that it stays text. It draws nothing: distributions are
//! tables.

use super::attention::{Parts, Rest, parts};
use super::chart::is_drawn;
use super::document::{Decision, Layer, Place, Report, Scope};
use super::document_week::WorkflowWeek;
use super::measure::Measure;
use super::phrases::{
    came_at_once, carried, demotions, exceptions_went, none_came, of_verdicts, rejected_such_as, told, waiting, went,
};
use super::shift::{Shift, short};
use super::words::{between, by, capped, count, lab, minute, money, percent, rejected_of, removed, week_and_before};
use std::fmt::Write;

/// The report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mut text = String::new();
    let of = match &report.scope {
        Scope::Fleet => "all workflows".to_owned(),
        Scope::Team { owner } => format!("the workflows of {}", plain(owner)),
        Scope::Workflow { workflow } => plain(workflow),
    };
    let _ = writeln!(text, "# andon {}: {of}\n", report.week);
    if report.is_provisional {
        text.push_str("*Provisional: the week isn't over, or not all of it is there.*\n\n");
    }
    for sentence in &report.headline {
        let _ = writeln!(text, "{}\n", plain(sentence));
    }
    text.push_str("## Decisions asked\n\n");
    let open: Vec<&Decision> = report.decisions.iter().filter(|one| one.answer.is_none()).collect();
    if open.is_empty() {
        text.push_str("None.\n\n");
    }
    for (number, one) in (1..).zip(open) {
        decision(&mut text, number, one);
    }
    council(&mut text, report);
    let parts = parts(report);
    stands(&mut text, report, &parts);
    moves(&mut text, report);
    parts.detailed.iter().for_each(|week| workflow(&mut text, week));
    others(&mut text, &parts.rest);
    house(&mut text, report);
    text
}

/// Stands where a reader sees nothing, so that what is about it is no address and no name.
const UNSEEN: char = '\u{200b}';

/// One line that no sign of Markdown or HTML acts in. Addresses and names are linked and told also where they are
/// escaped, as that is looked for in the text that was made of it: they are taken apart.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for (at, c) in text.char_indices() {
        match c {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' => plain.extend(['\\', c]),
            c => plain.push(if c.is_control() { ' ' } else { c }),
        }
        let (before, after) = text.split_at(at + c.len_utf8());
        let is_www =
            || before.len().checked_sub(3).is_some_and(|at| before.as_bytes()[at..].eq_ignore_ascii_case(b"www"));
        if c == '@' || (c == ':' && after.starts_with("//")) || (after.starts_with('.') && is_www()) {
            plain.push(UNSEEN);
        }
    }
    plain
}

/// Code; what would end it is left out.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace(['\n', '\r'], " "))
}

fn decision(text: &mut String, number: usize, one: &Decision) {
    let _ = writeln!(text, "{number}. **{}**\n   {}", plain(&one.question), plain(&one.recommendation));
    for line in &one.evidence {
        let _ = writeln!(text, "   - {}", plain(line));
    }
    if let Some(command) = &one.command {
        let _ = writeln!(text, "   - {}", code(command));
    }
    text.push('\n');
}

/// What the council decided, and who does what until when.
fn council(text: &mut String, report: &Report) {
    let answered: Vec<_> = report.decisions.iter().filter_map(|one| Some((one, one.answer.as_ref()?))).collect();
    if !answered.is_empty() {
        text.push_str("## Decided\n\n");
    }
    for (one, answer) in &answered {
        let note = if answer.note.is_empty() { String::new() } else { format!(": {}", plain(&answer.note)) };
        let did = answer.told_apart().map(|did| format!(" ({})", plain(did))).unwrap_or_default();
        let (question, says, by, at) =
            (plain(&one.question), plain(&answer.says), plain(&answer.by), minute(answer.at));
        let _ = writeln!(text, "- **{question}** {says}{did}, by {by} {at} UTC{note}");
    }
    if !report.actions.is_empty() {
        text.push_str(if answered.is_empty() { "## Actions\n\n" } else { "\n## Actions\n\n" });
    }
    for action in &report.actions {
        let state = match (action.ended_at, action.is_overdue) {
            (Some(at), _) => format!("{} {} UTC", action.status, minute(at)),
            (None, true) => "**overdue**".to_owned(),
            (None, false) => action.status.clone(),
        };
        let note = if action.note.is_empty() { String::new() } else { format!(": {}", plain(&action.note)) };
        let (id, task, owner, due) = (&action.action, plain(&action.task), plain(&action.owner), minute(action.due));
        let _ = writeln!(text, "- {id} {task} ({owner}, until {due} UTC): {state}{note}");
    }
    if !(answered.is_empty() && report.actions.is_empty()) {
        text.push('\n');
    }
}

fn stands(text: &mut String, report: &Report, parts: &Parts<'_>) {
    text.push_str("## Where each workflow stands\n\n");
    if report.matrix.is_empty() {
        return text.push_str("There is no workflow yet.\n\n");
    }
    if !parts.rest.is_empty() {
        let _ = writeln!(text, "{}\n", parts.chosen());
    }
    if parts.places.is_empty() {
        return;
    }
    text.push_str(
        "| workflow | track | mode | base | builder | beneficiary | weakest | outputs | cost | value |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for place in &parts.places {
        let standing = |layer: &Layer| if layer.is_known() { layer.standing.name() } else { "–" };
        let layers = [&place.base, &place.builder, &place.beneficiary].map(standing).join(" | ");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {layers} | {} | {} | {} | {} |",
            plain(&place.workflow),
            place.track,
            mode(place),
            place.weakest.as_deref().unwrap_or("–"),
            count(place.outputs),
            amount(place.cost, place),
            amount(place.value, place)
        );
    }
    text.push('\n');
}

fn mode(place: &Place) -> String {
    let mode = match place.mode_before {
        Some(before) if before != place.mode => format!("{} (was {before})", place.mode),
        _ => place.mode.to_string(),
    };
    let held = place.held_by.as_ref().map(|held| format!(", kept at {} by {}", held.mode, plain(&held.by)));
    format!("{mode}{}{}", held.unwrap_or_default(), removed(place.removed_at))
}

fn amount(of: Option<f64>, place: &Place) -> String {
    of.map_or_else(|| "–".to_owned(), |of| money(of, &place.currency))
}

/// One row for each workflow that needs no attention.
fn others(text: &mut String, rest: &[Rest<'_>]) {
    if rest.is_empty() {
        return;
    }
    text.push_str("## All other workflows\n\n| workflow | mode | weakest | outputs | exceptions | rejected, of verdicts | cost |\n|---|---|---|---|---|---|---|\n");
    for one in rest {
        let exceptions = one.exceptions.map_or_else(|| "–".to_owned(), percent);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {exceptions} | {} | {} |",
            plain(&one.place.workflow),
            mode(one.place),
            one.place.weakest.as_deref().unwrap_or("–"),
            count(one.place.outputs),
            of_verdicts(&one.rejected),
            amount(one.place.cost, one.place)
        );
    }
    text.push('\n');
}

fn moves(text: &mut String, report: &Report) {
    text.push_str("## What moved a mode\n\n");
    if report.moves.is_empty() {
        text.push_str("Nothing.\n");
    }
    for one in &report.moves {
        let judged = one.judged.as_ref().map(|judged| format!(" Judged {judged}.")).unwrap_or_default();
        let (time, workflow, reason) = (minute(one.time), plain(&one.workflow), plain(&one.reason));
        let _ = writeln!(
            text,
            "- {time} UTC **{workflow}** {} → {}, by {}: {reason}{judged}",
            one.from,
            one.to,
            plain(&one.by)
        );
    }
    for one in &report.caps {
        let (time, said, reason) = (minute(one.time), plain(&capped(one)), plain(&one.reason));
        let _ = writeln!(text, "- {time} UTC {said}: {reason}");
    }
    text.push('\n');
}

fn workflow(text: &mut String, week: &WorkflowWeek) {
    let _ = writeln!(text, "## {} ({}{})\n", plain(&week.workflow), week.mode, removed(week.removed_at));
    let (none, told) = (none_came(week), told(week));
    if let Some(none) = &none {
        let _ = writeln!(text, "{none}\n");
    }
    if !told.is_empty() {
        text.push_str("| measure | this week | 95 % | change |\n|---|---|---|---|\n");
        told.iter().for_each(|measure| row(text, measure));
        text.push('\n');
    }
    if !week.stretches.is_empty() {
        let _ = writeln!(text, "Exceptions changed: {}.\n", exceptions_went(week));
    }
    for kind in week.exceptions.iter().filter(|_| none.is_none()) {
        let outputs: Vec<String> = kind.witnesses.iter().map(|output| code(&output.output)).collect();
        let such = if outputs.is_empty() { String::new() } else { format!("; such as {}", outputs.join(", ")) };
        let (now, was) = (count(kind.week), kind.ratio_before.map_or_else(|| "–".to_owned(), |_| count(kind.before)));
        let ratio = kind.ratio.map_or_else(|| "–".to_owned(), percent);
        let _ = writeln!(text, "- {}: {now} ({ratio}), {was} the week before{such}", plain(&kind.kind));
    }
    week.shifts.iter().filter(|shift| shift.is_clear).for_each(|one| shift(text, one));
    for group in week.disparities.iter().filter(|group| group.is_clear) {
        let (own, others) = (percent(group.ratio), percent(group.ratio_of_others));
        let _ = writeln!(text, "- {} fails clearly more often: {own}, all others {others}", plain(&group.group));
    }
    rejections(text, week);
    if let Some(gate) = &week.gate {
        let _ = writeln!(text, "\nGate to {}: {} of {} requirements are met.\n", gate.to, gate.met, gate.of);
        for line in gate.lines() {
            let _ = writeln!(text, "- {}", plain(&line));
        }
    }
    text.push('\n');
}

/// What differs from the week before: by how much, since when, where, and both distributions.
fn shift(text: &mut String, of: &Shift) {
    let (is, limit) = (of.distance.value, of.distance.no_drift.limit);
    let moved = format!("distance {is:.2}, without drift at most {limit:.2}");
    let mut said = vec![moved, plain(&went(of)), plain(&carried(of))];
    said.retain(|part| !part.is_empty());
    let (signal, said) = (plain(&of.signal), said.join(", "));
    if !is_drawn(of) {
        let _ = writeln!(text, "\n**{signal}** ({} values) moved: {said}\n", count(of.values.unwrap_or_default()));
        return;
    }
    let _ = writeln!(text, "\n**{signal}** moved: {said}\n");
    if let Some(tenths) = &of.tenths {
        text.push_str("| | 10 % below | half below | 90 % below |\n|---|---|---|---|\n");
        for (name, [low, middle, high]) in [("week before", tenths.before), ("this week", tenths.week)] {
            let _ = writeln!(text, "| {name} | {} | {} | {} |", short(low), short(middle), short(high));
        }
        return;
    }
    text.push_str("| | week before | this week |\n|---|---|---|\n");
    for bin in &of.bins {
        let _ = writeln!(text, "| {} | {} | {} |", plain(&bin.label), percent(bin.before), percent(bin.week));
    }
}

/// What people said of the outputs.
fn rejections(text: &mut String, week: &WorkflowWeek) {
    let [accepted, edited, rejected] = week.reviews.verdicts;
    if accepted + edited + rejected + week.reviews.awaited.unwrap_or_default() > 0 {
        let [accepted, edited, rejected] = [accepted, edited, rejected].map(count);
        let waiting = waiting(&week.reviews);
        let _ = writeln!(text, "\nReviews: {accepted} accepted, {edited} edited, {rejected} rejected{waiting}.");
    }
    let found = week.rejections.found.iter().map(|(kind, n)| format!("reviewers found {} {}", count(*n), plain(kind)));
    let groups = week.rejections.groups.iter().filter(|group| group.is_clear);
    let groups =
        groups.map(|group| format!("people reject {} clearly more often: {}", plain(&group.group), rejected_of(group)));
    let outputs: Vec<String> = week.rejections.witnesses.iter().map(|output| code(&output.output)).collect();
    let such = plain(&rejected_such_as(&week.rejections));
    let such = (!outputs.is_empty()).then(|| format!("{such} {}", outputs.join(", ")));
    let burst = week.rejections.burst.as_ref().map(|burst| plain(&came_at_once(burst)));
    for (at, line) in found.chain(burst).chain(groups).chain(such).enumerate() {
        let _ = writeln!(text, "{}- {line}", if at == 0 { "\n" } else { "" });
    }
}

fn row(text: &mut String, measure: &Measure) {
    let interval = measure.week.and_then(|week| week.interval);
    let interval = interval.map(|[low, high]| between(low, high, &measure.unit));
    let change = measure.change.and_then(|change| {
        let by = by(&change, &measure.unit)?;
        Some(match change.is_clear {
            Some(true) => format!("{by}, clear"),
            Some(false) if by != "the same" => format!("{by}, as chance might"),
            _ => by,
        })
    });
    let (interval, change) = (interval.unwrap_or_default(), change.unwrap_or_default());
    let now = week_and_before(measure).unwrap_or_default();
    let _ = writeln!(text, "| {} | {} | {interval} | {change} |", measure.title, plain(&now));
}

fn house(text: &mut String, report: &Report) {
    text.push_str("## The house\n\n");
    for one in &report.incidents {
        let state = match (one.resolved_at, one.acknowledged_at) {
            (Some(at), _) => format!("resolved {} UTC", minute(at)),
            (None, Some(_)) => "somebody looks at it".to_owned(),
            (None, None) => "**nobody looks at it**".to_owned(),
        };
        let _ = writeln!(text, "- incident {}: {} ({state})", plain(&one.incident), plain(&one.summary));
    }
    for drill in &report.drills {
        let told = if drill.summary.is_empty() { String::new() } else { format!(": {}", plain(&drill.summary)) };
        let _ = writeln!(text, "- drill {} {}{told}", drill.drill, drill.result);
    }
    for line in report.lab_kpis.as_ref().map(lab).unwrap_or_default() {
        let _ = writeln!(text, "- lab: {line}");
    }
    let _ = writeln!(text, "- {}", demotions(&report.budget));
    text.push_str("\nWhat this report does not know:\n\n");
    for gap in &report.gaps {
        let _ = writeln!(text, "- {}", plain(gap));
    }
    let _ = writeln!(
        text,
        "\nJournal up to {}, ledger up to {}, policy {}.",
        report.as_of.journal_seq,
        report.as_of.ledger_seq,
        code(&report.as_of.policy)
    );
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn addresses_and_names_stay_text() {
        for (said, text) in [
            ("see http://a.example and HTTPS://b.example/x_y", "see http:~//a.example and HTTPS:~//b.example/x\\_y"),
            ("www.a.example, wWw.b.example, ww.c.example, w", "www~.a.example, wWw~.b.example, ww.c.example, w"),
            ("@all: ann@example.com", "@~all: ann@~example.com"),
            ("äwww.a: 1/2, a:b, é", "äwww~.a: 1/2, a:b, é"),
        ] {
            assert_eq!(plain(said), text.replace('~', "\u{200b}"));
        }
    }
}
