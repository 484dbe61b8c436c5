//! One tampering each, found by the hashes alone: no checkpoint is needed, and each is named.

use super::{ENTRIES, Log, Said};
use andon::seal::chain_start;

#[track_caller]
fn tampered(tamper: impl Fn(&Log)) -> (Log, Said) {
    let log = Log::new();
    log.verify(&[]).sound();
    tamper(&log);
    let said = log.verify(&[]);
    assert_eq!(said.code, Some(1), "{}", said.text);
    (log, said)
}

#[track_caller]
fn found(tamper: impl Fn(&Log), expected: &[&str]) {
    assert_eq!(tampered(tamper).1.findings(), expected);
}

#[test]
fn an_edited_text() {
    found(|log| log.edit(5), &["edited 5-5"]);
    found(|log| log.edit(1), &["edited 1-1"]);
    found(|log| log.edit(ENTRIES), &["edited 10-10"]);
    let json = tampered(|log| log.edit(5)).1.json();
    assert_eq!(json["findings"][0]["what"], "entry 5 was changed: its text doesn't give its hash");
}

#[test]
fn a_text_that_says_the_same_in_other_bytes() {
    found(|log| log.sql("UPDATE entry SET body = body || ' ' WHERE ledger_seq = 5"), &["edited 5-5"]);
    found(|log| log.sql("UPDATE entry SET body_version = 2 WHERE ledger_seq = 5"), &["edited 5-5"]);
}

#[test]
fn a_column_that_says_something_else_than_the_text() {
    for (column, value) in
        [("time", "0"), ("workflow", "'other'"), ("workflow", "NULL"), ("journal_seq", "16"), ("idx", "3")]
    {
        let (_, said) = tampered(|log| log.sql(&format!("UPDATE entry SET {column} = {value} WHERE ledger_seq = 4")));
        assert_eq!(said.findings(), ["column 4-4"], "{column}");
        assert!(said.json()["findings"][0]["what"].as_str().unwrap().contains(&format!("`{column}`")), "{}", said.text);
    }
}

#[test]
fn an_entry_that_was_removed() {
    found(|log| log.sql("DELETE FROM entry WHERE ledger_seq = 5"), &["missing 5-5"]);
    found(|log| log.sql("DELETE FROM entry WHERE ledger_seq IN (1, 2, 7)"), &["missing 1-2", "missing 7-7"]);
}

/// The rows behind it move up, with their hashes.
#[test]
fn an_entry_that_was_removed_and_the_gap_closed() {
    let shift =
        "DELETE FROM entry WHERE ledger_seq = 5; UPDATE entry SET ledger_seq = ledger_seq - 1 WHERE ledger_seq > 5;";
    found(|log| log.sql(shift), &["moved 5-9", "truncated 10-10"]);
    let json = tampered(|log| log.sql(shift)).1.json();
    let what = json["findings"][0]["what"].as_str().unwrap();
    assert!(what.starts_with("entries 5 to 9 hold what was written as entries 6 to 10"), "{what}");
}

/// The rows behind it move down, and the forged one has good hashes of its own.
#[test]
fn an_entry_that_was_inserted() {
    let insert = |log: &Log| {
        for seq in (5..=ENTRIES).rev() {
            log.sql(&format!("UPDATE entry SET ledger_seq = {} WHERE ledger_seq = {seq}", seq + 1));
        }
        log.sql(
            "INSERT INTO entry SELECT 5, 13, 0, time, workflow, body_version,
             replace(replace(body, '\"journal_seq\":12', '\"journal_seq\":13'), 'reason', 'excuse'), leaf, chain
             FROM entry WHERE ledger_seq = 4",
        );
    };
    found(insert, &["edited 5-5", "moved 6-11", "appended 11-11"]);
}

#[test]
fn the_last_two_removed() {
    found(|log| log.sql("DELETE FROM entry WHERE ledger_seq > 8"), &["truncated 9-10"]);
    let cut = |log: &Log| {
        log.sql("DELETE FROM entry WHERE ledger_seq > 8");
        // The daemon goes on behind the gap: it isn't healed.
        log.write(11..=12);
    };
    found(cut, &["missing 9-10"]);
}

#[test]
fn two_entries_in_each_others_place() {
    // The whole rows change their numbers.
    let rows =
        "UPDATE entry SET ledger_seq = 99 WHERE ledger_seq = 4; UPDATE entry SET ledger_seq = 4 WHERE ledger_seq = 7;
                UPDATE entry SET ledger_seq = 7 WHERE ledger_seq = 99;";
    found(|log| log.sql(rows), &["moved 4-4", "moved 7-7"]);
    // All but the hashes change places, and far from each other.
    let texts = |log: &Log| {
        log.sql(
            "CREATE TEMP TABLE two AS SELECT * FROM entry WHERE ledger_seq IN (1, 10);
             UPDATE entry SET journal_seq = journal_seq + 1000 WHERE ledger_seq IN (1, 10);
             UPDATE entry SET (journal_seq, time, workflow, body) =
                 (SELECT journal_seq, time, workflow, body FROM two WHERE two.ledger_seq = 11 - entry.ledger_seq)
             WHERE ledger_seq IN (1, 10);",
        );
    };
    found(texts, &["moved 1-1", "moved 10-10"]);
    let json = tampered(texts).1.json();
    let what = json["findings"][1]["what"].as_str().unwrap();
    assert!(what.starts_with("entry 10 holds what was written as entry 1: entries were reordered"), "{what}");
}

/// With hashes made anew only the order of the journal's records tells.
#[test]
fn two_entries_in_each_others_place_with_new_hashes() {
    let swap = |log: &Log| {
        log.sql(
            "UPDATE entry SET ledger_seq = 99 WHERE ledger_seq = 4; UPDATE entry SET ledger_seq = 4 WHERE ledger_seq = 5;
             UPDATE entry SET ledger_seq = 5 WHERE ledger_seq = 99;",
        );
        log.reseal(4, true);
    };
    found(swap, &["order 5-5"]);
}

#[test]
fn hashes_that_were_changed() {
    found(|log| log.sql("UPDATE entry SET leaf = zeroblob(32) WHERE ledger_seq = 5"), &["edited 5-5"]);
    found(|log| log.sql("UPDATE entry SET chain = zeroblob(32) WHERE ledger_seq = 5"), &["chain 5-6"]);
    found(
        |log| log.sql("UPDATE entry SET chain = zeroblob(32) WHERE ledger_seq = 10"),
        &["chain 10-10", "chain 10-10"],
    );
    found(|log| log.sql("UPDATE applied SET chain = zeroblob(32)"), &["chain 10-10"]);
}

/// An edit with its own hash made good breaks the chain there; with the chain hash too, right after it.
#[test]
fn an_edit_that_stops_halfway() {
    let leaf_only = |log: &Log| {
        let chains = "CREATE TABLE kept AS SELECT ledger_seq, chain FROM entry";
        log.sql(chains);
        log.edit(5);
        log.reseal(5, false);
        log.sql("UPDATE entry SET chain = (SELECT chain FROM kept WHERE kept.ledger_seq = entry.ledger_seq); DROP TABLE kept;");
    };
    found(leaf_only, &["chain 5-5"]);
    let without_the_rest = |log: &Log| {
        log.sql("CREATE TABLE kept AS SELECT ledger_seq, leaf, chain FROM entry");
        log.edit(5);
        log.reseal(5, false);
        log.sql(
            "UPDATE entry SET (leaf, chain) = (SELECT leaf, chain FROM kept WHERE kept.ledger_seq = entry.ledger_seq)
             WHERE ledger_seq > 5; DROP TABLE kept;",
        );
    };
    found(without_the_rest, &["chain 6-6"]);
}

/// A suffix or all of it with good hashes: the kept head is another.
#[test]
fn a_rewrite_that_forgets_the_head() {
    let rewrite = |log: &Log| {
        log.edit(5);
        log.reseal(1, false);
    };
    found(rewrite, &["chain 10-10"]);
}

#[test]
fn a_forged_entry_at_the_end() {
    let forge = |log: &Log| {
        log.sql(
            "INSERT INTO entry SELECT 11, 29, 0, time, workflow, body_version,
             replace(body, '\"journal_seq\":30', '\"journal_seq\":29'), leaf, chain FROM entry WHERE ledger_seq = 10;
             UPDATE entry SET body = replace(body, '\"journal_seq\":29', '\"journal_seq\":31'), journal_seq = 31 WHERE ledger_seq = 11;",
        );
        log.reseal(11, false);
    };
    found(forge, &["appended 11-11", "appended 11-11"]);
}

#[test]
fn numbers_and_types_that_a_database_of_andon_cannot_hold() {
    let loose = |more: &str| {
        format!(
            "CREATE TABLE loose AS SELECT * FROM entry; DROP TABLE entry; ALTER TABLE loose RENAME TO entry; {more}"
        )
    };
    found(|log| log.sql(&loose("INSERT INTO entry SELECT * FROM entry WHERE ledger_seq = 5")), &["duplicate 5-5"]);
    found(|log| log.sql(&loose("UPDATE entry SET body = NULL WHERE ledger_seq = 5")), &["unreadable 5-5"]);
    found(|log| log.sql(&loose("UPDATE entry SET leaf = x'00' WHERE ledger_seq = 5")), &["unreadable 5-5"]);
    found(
        |log| log.sql(&loose("UPDATE entry SET ledger_seq = -5 WHERE ledger_seq = 5")),
        &["missing 5-5", "unreadable"],
    );
    let no_entry = |log: &Log| {
        log.sql("UPDATE entry SET body = 'so what' WHERE ledger_seq = 5");
        log.reseal(1, true);
    };
    found(no_entry, &["unreadable 5-5"]);
}

#[test]
fn a_missing_or_emptied_log() {
    found(|log| std::fs::remove_file(log.store().join("ledger.db")).unwrap(), &["no_log"]);
    found(|log| std::fs::remove_dir_all(log.store()).unwrap(), &["no_log"]);
    found(|log| std::fs::write(log.store().join("ledger.db"), "").unwrap(), &["no_log"]);
    found(|log| std::fs::write(log.store().join("ledger.db"), "not a database".repeat(999)).unwrap(), &["database"]);
    found(|log| log.sql("DROP TABLE entry"), &["truncated 1-10", "empty", "database"]);
    found(|log| log.sql("DELETE FROM entry"), &["truncated 1-10", "empty"]);
    let nothing_left = |log: &Log| {
        log.sql("DELETE FROM entry; UPDATE applied SET entries = 0, journal_seq = 0");
        log.db().execute("UPDATE applied SET chain = ?1", [chain_start().0]).unwrap();
    };
    found(nothing_left, &["empty"]);
    let (log, said) = tampered(|log| std::fs::remove_file(log.store().join("ledger.db")).unwrap());
    assert!(said.json()["findings"][0]["what"].as_str().unwrap().contains("`ledger.db`"), "{}", said.text);
    assert!(log.run(&["ledger", "verify", "--store", "store"]).text.contains("NOT SOUND"));
}
