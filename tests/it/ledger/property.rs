//! Whatever is changed of whichever entry is found, and named.

use super::{ENTRIES, Log};
use andon::seal::{Auditor, Report};
use andon::store::Inspection;
use proptest::prelude::*;

/// A change of one entry.
#[derive(Debug, Clone)]
enum Change {
    /// One byte of the text.
    Byte(prop::sample::Index, u8),
    /// One bit of a hash.
    Bit(&'static str, usize),
    /// A number in a column.
    Number(&'static str, i64),
    /// The workflow's column.
    Workflow(Option<String>),
    /// The row.
    Delete,
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<prop::sample::Index>(), b' '..0x7f).prop_map(|(at, byte)| Change::Byte(at, byte)),
        2 => (prop::sample::select(vec!["leaf", "chain"]), 0_usize..256).prop_map(|(column, bit)| Change::Bit(column, bit)),
        3 => (prop::sample::select(vec!["ledger_seq", "journal_seq", "idx", "time", "body_version"]), 100_i64..9_000_000)
            .prop_map(|(column, number)| Change::Number(column, number)),
        1 => prop::option::of("[a-z]{1,8}").prop_map(Change::Workflow),
        1 => Just(Change::Delete),
    ]
}

fn audit(log: &Log) -> Report {
    let ledger = Inspection::open(&log.store()).unwrap();
    let mut auditor = Auditor::new(Vec::new());
    ledger.audit(&mut auditor).unwrap();
    auditor.finish(Some(&ledger.head().unwrap()))
}

/// Makes the change; whether something is another than before.
fn tamper(log: &Log, seq: u64, change: &Change) -> bool {
    let db = log.db();
    let row = i64::try_from(seq).unwrap();
    let blob = |column: &str| -> Vec<u8> {
        let sql = format!("SELECT CAST({column} AS BLOB) FROM entry WHERE ledger_seq = ?1");
        db.query_row(&sql, [row], |row| row.get::<_, Option<Vec<u8>>>(0)).unwrap().unwrap_or_default()
    };
    match change {
        Change::Byte(at, byte) => {
            let mut body = blob("body");
            let ascii: Vec<usize> = (0..body.len()).filter(|at| body[*at].is_ascii()).collect();
            let at = ascii[at.index(ascii.len())];
            let before = std::mem::replace(&mut body[at], *byte);
            let body = String::from_utf8(body).unwrap();
            db.execute("UPDATE entry SET body = ?2 WHERE ledger_seq = ?1", rusqlite::params![row, body]).unwrap();
            before != *byte
        }
        Change::Bit(column, bit) => {
            let mut hash = blob(column);
            hash[bit / 8] ^= 1 << (bit % 8);
            let sql = format!("UPDATE entry SET {column} = ?2 WHERE ledger_seq = ?1");
            db.execute(&sql, rusqlite::params![row, hash]).unwrap();
            true
        }
        Change::Number(column, number) => {
            db.execute(&format!("UPDATE entry SET {column} = ?2 WHERE ledger_seq = ?1"), [row, *number]).unwrap();
            true
        }
        Change::Workflow(workflow) => {
            let before = blob("workflow");
            let sql = "UPDATE entry SET workflow = ?2 WHERE ledger_seq = ?1";
            db.execute(sql, rusqlite::params![row, workflow]).unwrap();
            before != workflow.clone().unwrap_or_default().into_bytes()
        }
        Change::Delete => {
            db.execute("DELETE FROM entry WHERE ledger_seq = ?1", [row]).unwrap();
            true
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_change_of_any_entry_is_found_and_named(seq in 1..=ENTRIES, change in any_change()) {
        let log = Log::new();
        prop_assert!(audit(&log).sound);
        let changed = tamper(&log, seq, &change);
        let report = audit(&log);
        let named = report.findings.iter().any(|it| it.from.is_some_and(|from| from <= seq) && it.to.is_some_and(|to| seq <= to));
        prop_assert_eq!((report.sound, named), (!changed, changed), "{:?}", report.findings);
    }
}
