//! `andon drill` against a running daemon: what it prints, and its exit code.

#![cfg(test)]

use super::failing::{FailingBook, Silent};
use super::harness::{House, TestApp};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Exit code, standard output and standard error.
fn andon(app: &TestApp, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
    command.arg("drill").args(arguments).args(["--url", &app.address.to_string()]);
    command.env_remove("ANDON_URL").env_remove("ANDON_TOKEN").stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn it_tells_each_wire_with_its_time_and_ends_with_0_or_1() {
    let house = House::memory();
    let book = FailingBook::over(house.book().clone());
    let silent = Arc::clone(&book.silent);
    let app = house.start_with_book("", Some(Arc::new(book)));
    assert_eq!(
        andon(&app, &["--list"]).1,
        "no drill has run yet\nnone is due by itself: `[drill] every` is \"never\"\n"
    );
    let (code, told, complaint) = andon(&app, &[]);
    assert_eq!((code, complaint.as_str()), (0, ""), "{told}");
    insta::assert_snapshot!("passed", told);
    *silent.lock().unwrap() = Silent::Entries;
    let (code, told, _) = andon(&app, &[]);
    assert_eq!(code, 1, "{told}");
    insta::assert_snapshot!("failed", told);
    let (code, told, _) = andon(&app, &["--json"]);
    let drilled: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &drilled["drill"]["number"], &drilled["passed"]), (1, &Value::from(3), &Value::from(false)));
    let (code, told, _) = andon(&app, &["--list"]);
    assert!(code == 0 && told.lines().count() == 5 && told.contains("FAILED") && told.contains("ledger"), "{told}");
    let (code, told, _) = andon(&app, &["--list", "--json"]);
    assert_eq!((code, serde_json::from_str::<Value>(&told).unwrap()), (0, app.drills()));
}

#[test]
fn a_store_that_refuses_is_said() {
    let app = House::memory().start("");
    app.house.book().set_fault(Some("no space left"));
    let (code, told, _) = andon(&app, &[]);
    assert!(
        code == 1
            && told.contains("✗  queue")
            && told.contains("✗ the result could not be recorded: the store refused a write"),
        "{told}"
    );
    assert!(andon(&app, &["--list"]).1.contains("✗ the last drill could not be recorded"));
}
