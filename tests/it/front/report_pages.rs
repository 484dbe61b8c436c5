//! What page and Markdown tell at length, in one line, or not at all; the data hold everything.

#![cfg(test)]

use super::harness::{House, TestApp, output, with};
use andon::domain::Time;
use serde_json::{Value, json};

/// So many workflows, of which all outputs are reviewed within a day.
fn fleet(count: usize, more: &str) -> String {
    let one = |n| format!("[[workflow]]\nid = \"wf-{n}\"\nreview = {{ within = \"1d\" }}\n{more}");
    (0..count).map(one).fold("[report]\nkeep_weeks = 0\n".to_owned(), |policy, one| policy + &one)
}

/// `count` outputs of a workflow, of which each `nth` fails.
fn send(app: &TestApp, workflow: &str, week: &str, count: usize, nth: usize) {
    let made = (0..count).map(|n| {
        let event = with(output(format!("{workflow}-{week}-{n}")), &json!({"workflow": workflow}));
        if n.is_multiple_of(nth) { with(event, &json!({"outcome": "exception", "exception": "format"})) } else { event }
    });
    app.take(&made.collect::<Vec<_>>());
}

/// What people say of these outputs: each `nth` is rejected.
fn judge(app: &TestApp, workflow: &str, week: &str, count: usize, nth: usize) {
    let verdict = |n: usize| {
        let word = if n.is_multiple_of(nth) { "rejected" } else { "accepted" };
        json!({"id": format!("{workflow}-{week}-r{n}"), "workflow": workflow,
               "output_id": format!("{workflow}-{week}-{n}"), "verdict": word, "reviewer": "ada"})
    };
    app.post("/v1/reviews", &(0..count).map(verdict).collect()).ok();
}

/// The report of a week as page and as Markdown, and its data.
fn report(app: &TestApp, week: &str) -> ([String; 2], Value) {
    let of = |kind: &str| app.get(&format!("/v1/reports/{week}.{kind}"));
    ([of("html").text(), of("md").text()], of("json").json())
}

fn section<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    let from = text.find(begin).unwrap_or_else(|| panic!("no {begin} in {text}"));
    let rest = &text[from + begin.len()..];
    &rest[..rest.find(end).unwrap_or(rest.len())]
}

#[test]
fn of_five_workflows_the_one_that_got_worse_is_told_at_length_and_overdue_reviews_are_a_question() {
    let app = House::memory().start(&fleet(5, ""));
    for n in 0..5 {
        send(&app, &format!("wf-{n}"), "a", 200, 50);
    }
    app.advance(7 * Time::DAY);
    for n in 0..5 {
        send(&app, &format!("wf-{n}"), "b", 200, if n == 3 { 2 } else { 50 });
    }
    judge(&app, "wf-1", "b", 4, 4);
    let ([page, text], data) = report(&app, "now");
    let reviews = |one: &Value| one["id"].as_str().is_some_and(|id| id.starts_with("assign:reviews:"));
    assert!(data["decisions"].as_array().unwrap().iter().any(reviews), "reviews are overdue: {data}");
    for (told, whole) in [("<h2 id=\"w-wf-", &page), ("\n## wf-", &text)] {
        assert_eq!(whole.matches(told).count(), 1, "{whole}");
        assert!(whole.contains(&format!("{told}3")), "{whole}");
        assert!(whole.contains("1 of 5 workflows needs attention: a mode that moved"), "{whole}");
    }
    let others = section(&text, "## All other workflows", "## The house");
    assert!(others.contains("| wf-1 | assist | builder | 200 | 2.0 % | 25 % of 4 | – |"), "{others}");
    assert!(!others.contains("| wf-3 |") && others.matches("| wf-").count() == 4, "{others}");
    assert!(section(&page, "id=\"rest\"", "</section>").contains("<td class=\"n\">25 % of 4</td>"), "{page}");
    assert_eq!(data["workflows"].as_array().unwrap().len(), 5, "the data hold all");
}

#[test]
fn three_workflows_are_all_told_at_length_and_uptime_where_it_is_promised() {
    let promised = fleet(3, "").replacen("id = \"wf-1\"", "id = \"wf-1\"\nslo = { uptime = 0.99 }", 1);
    let app = House::memory().start(&promised);
    (0..3).for_each(|n| send(&app, &format!("wf-{n}"), "a", 50, 25));
    let ([page, text], data) = report(&app, "now");
    assert_eq!((page.matches("<h2 id=\"w-wf-").count(), text.matches("\n## wf-").count()), (3, 3), "{text}");
    assert_eq!((page.matches(">Uptime<").count(), text.matches("| Uptime |").count()), (1, 1), "{text}");
    let has_uptime = |week: &&Value| week["measures"].to_string().contains("uptime_ratio");
    let with: Vec<&Value> = data["workflows"].as_array().unwrap().iter().filter(has_uptime).collect();
    assert_eq!(with.iter().map(|week| &week["workflow"]).collect::<Vec<_>>(), ["wf-1"], "{data}");
}

#[test]
fn of_a_week_without_outputs_one_sentence_is_said_and_what_people_rejected() {
    let app = House::memory().start(&fleet(1, ""));
    send(&app, "wf-0", "a", 200, 50);
    app.advance(7 * Time::DAY);
    judge(&app, "wf-0", "a", 10, 2);
    let ([page, text], data) = report(&app, "now");
    let told = section(&text, "## wf-0 (assist)", "Gate");
    assert!(told.contains("\nNo output came this week; the week before: 200, 2.0 % exceptions.\n"), "{told}");
    assert!(told.contains("| Verdicts that rejected | 50 % |") && !told.contains("Exceptions") && !told.contains('–'));
    assert!(!told.contains("format"), "its exceptions are those of the week before: {told}");
    let told = section(&page, "<h2 id=\"w-wf-0\">", "</section>");
    assert!(told.contains("<p>No output came this week; the week before: 200, 2.0 % exceptions.</p>"), "{told}");
    assert!(!told.contains(">Exceptions<") && told.contains(">Verdicts that rejected<"), "{told}");
    assert!(data["workflows"][0]["measures"].to_string().contains("exception_ratio"), "the data hold it");
    // Nor in the next one, of which nothing is known at all.
    app.advance(14 * Time::DAY);
    let ([page, text], _) = report(&app, "now");
    for whole in [&page, &text] {
        assert!(whole.contains("No output came in these two weeks.") && !whole.contains("Verdicts that"), "{whole}");
    }
}

#[test]
fn a_signal_of_many_values_is_a_line_and_one_of_few_is_drawn_with_its_date() {
    let app = House::memory().start(&fleet(1, ""));
    let week = |week: &str, from: usize| {
        let event = |n: usize| {
            let (repository, stage) =
                (from + n % 25, if from > 0 && n.is_multiple_of(2) { "failed" } else { "completed" });
            let attributes = json!({"repository": format!("acme/r{repository}"), "stage": stage});
            with(output(format!("{week}-{n}")), &json!({"workflow": "wf-0", "attributes": attributes}))
        };
        app.take(&(0..400).map(event).collect::<Vec<_>>());
    };
    week("a", 0);
    app.advance(7 * Time::DAY);
    week("b", 13);
    let ([page, text], data) = report(&app, "now");
    let shifts = data["workflows"][0]["shifts"].as_array().unwrap();
    let many = shifts.iter().find(|shift| shift["signal"] == "attributes.repository").unwrap();
    assert_eq!((&many["is_clear"], &many["values"]), (&json!(true), &json!(38)), "{many}");
    let line = section(&text, "**attributes.repository**", "**attributes.stage**");
    assert!(line.starts_with(" (38 values) moved: distance 0.52, without drift at most"), "{line}");
    assert!(!line.contains("about") && !line.contains("acme/r"), "{line}");
    let drawn = section(&text, "**attributes.stage**", "Reviews");
    assert!(drawn.contains("| completed | 100 % | 50 % |"), "{drawn}");
    let differs = section(&page, "What differs from the week before", "<p>Reviews");
    assert!(differs.contains("<strong>attributes.repository</strong> (38 values) differs by 0.52"), "{differs}");
    assert_eq!(differs.matches("<svg").count(), 1, "{differs}");
}

#[test]
fn what_is_not_known_of_a_past_week_is_a_dash_and_the_budget_is_said_in_plain_words() {
    let app = House::memory().start(&fleet(1, ""));
    for week in ["a", "b", "c"] {
        send(&app, "wf-0", week, 100, 50);
        app.advance(7 * Time::DAY);
    }
    let ([page, text], data) = report(&app, "2026-W47");
    assert_eq!(data["matrix"][0]["base"], json!({"standing": "inconclusive", "because": []}));
    let row = section(&text, "| wf-0 |", "\n");
    assert_eq!(row, " factory | assist | – | – | – | – | 100 | – | – |");
    assert!(!section(&page, "id=\"matrix\"", "</section>").contains("not known"), "{page}");
    let budget = "0 demotions by guards in all, 0 of this week. Declared: at most one false demotion in 1,000 outputs that keep to their bounds; 300 came so far, so at most 0.3 were to be expected.";
    assert!(page.contains(budget) && text.contains(budget), "{text}");
}

#[test]
fn workflows_that_change_in_one_half_hour_are_told_together() {
    // Starts on a Friday: three jump at one time, one a day later, and one never.
    let told = |jumps: [Option<usize>; 5]| {
        let app = House::memory().start(&fleet(5, ""));
        for hour in 0..240 {
            let made = jumps.iter().enumerate().map(|(at, jump)| {
                let is_slow = jump.is_some_and(|jump| hour >= jump);
                let ms = (if is_slow { 900 } else { 100 }) + (hour * 7 + at) % 20;
                with(output(format!("{at}-{hour}")), &json!({"workflow": format!("wf-{at}"), "latency_ms": ms}))
            });
            app.take(&made.collect::<Vec<_>>());
            app.advance(Time::HOUR);
        }
        report(&app, "last").1["headline"][1].as_str().unwrap().to_owned()
    };
    let together = told([Some(110), Some(110), Some(110), Some(134), None]);
    // Friday 10:00 and 110 hours.
    assert!(
        together
            .contains("At about 2026-11-25 00:00 UTC 3 workflows changed at once, as by one cause: wf-0, wf-1, wf-2."),
        "{together}"
    );
    let apart = told([Some(110), Some(110), Some(120), Some(134), None]);
    assert!(!apart.contains("at once"), "{apart}");
}

#[test]
fn a_large_house_is_told_in_part_on_the_console_and_whole_in_the_file() {
    let guard = "  [[workflow.guard]]\n  signal = \"exception_rate\"\n  block = 1\n  to = \"assist\"\n  bound = 0.1\n";
    let policy = fleet(30, &format!("start_mode = \"automate\"\n{guard}"));
    let app = House::memory().start(&format!("[storm]\nworkflows_min = 100\n{policy}"));
    (0..30).for_each(|n| send(&app, &format!("wf-{n}"), "a", 20, 1));
    let whole = app.get("/v1/reports/now.html").text();
    let part = app.get("/reports/now").text();
    let rows = |page: &str, id: &str| section(page, &format!("id=\"{id}\""), "</table>").matches("<tr>").count() - 1;
    assert_eq!((rows(&whole, "moves"), rows(&part, "moves")), (30, 25));
    assert!(part.contains("The last 25 of 30 are shown here.") && !whole.contains("are shown here"));
    let told = |page: &str| page.matches("<section class=\"workflow\"").count();
    assert_eq!((told(&whole), told(&part)), (20, 4));
    assert!(part.contains("The first 4 of 20 workflows that need attention are told of at length here"));
    // Each link leads somewhere: to a section that is there, or to the workflow's own report.
    let links = section(&part, "id=\"matrix\"", "</table>");
    for id in (0..30).map(|n| format!("wf-{n}")).filter(|id| links.contains(&format!(">{id}</a>"))) {
        let there = part.contains(&format!("id=\"w-{id}\""));
        let link = if there { format!("href=\"#w-{id}\"") } else { format!("?workflow={id}\"") };
        assert!(links.contains(&link), "{id}");
    }
}
