//! Questions as words, and what may be chosen.

use super::Question;
use crate::domain::{Ending, Judgement};

#[test]
fn a_question_is_one_word_and_back() {
    for (word, kind, workflow) in [
        ("judge_demotion:drafts:4", "judge_demotion", Some("drafts")),
        ("accept_baseline:drafts:fit:of tone", "accept_baseline", Some("drafts")),
        ("open_gate:drafts:delegate", "open_gate", Some("drafts")),
        ("open_gate:drafts:factory", "open_gate", Some("drafts")),
        ("keep_down:drafts", "keep_down", Some("drafts")),
        ("assign:reviews:drafts", "assign", Some("drafts")),
        ("assign:rejections:drafts", "assign", Some("drafts")),
        ("assign:incident:house:3", "assign", None),
        ("assign:base:guide", "assign", None),
        ("assign:drill:7", "assign", None),
        ("look:drafts:attributes.locale", "look", Some("drafts")),
    ] {
        let question: Question = word.parse().unwrap_or_else(|why| panic!("{word}: {why}"));
        assert_eq!(question.to_string(), word);
        assert_eq!((question.kind(), question.workflow().map(|id| id.as_str())), (kind, workflow), "{word}");
        let json = serde_json::to_string(&question).unwrap();
        assert_eq!(
            (json.as_str(), serde_json::from_str(&json).ok()),
            (&*format!("\"{word}\""), Some(question.clone()))
        );
        assert!(question.choices().last().is_some_and(|last| last.name() == "nothing"), "{word}");
        assert!(question.sentence().ends_with('?') && !question.task().is_empty(), "{word}");
    }
}

#[test]
fn what_is_no_question() {
    let long = format!("look:drafts:{}", "x".repeat(600));
    for wrong in [
        "",
        "judge_demotion",
        "judge_demotion:drafts",
        "judge_demotion:drafts:04",
        "judge_demotion:a b:4",
        "accept_baseline:drafts:",
        "open_gate:drafts:assist",
        "keep_down:drafts:more",
        "keep_down:",
        "assign:somebody:drafts",
        "assign:drill:x",
        "look:drafts",
        "look:drafts:a\nb",
        &long,
    ] {
        assert!(wrong.parse::<Question>().is_err(), "{wrong}");
    }
}

#[test]
fn words_of_judgements_and_ends() {
    assert_eq!(("right".parse(), "false".parse()), (Ok(Judgement::Right), Ok(Judgement::False)));
    assert_eq!(("done".parse(), "dropped".parse()), (Ok(Ending::Done), Ok(Ending::Dropped)));
    assert!("wrong".parse::<Judgement>().is_err() && "open".parse::<Ending>().is_err());
}
