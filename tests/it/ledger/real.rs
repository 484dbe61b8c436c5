//! A ledger that a daemon wrote, tampered with in every way that we know, one copy for each.

#![cfg(test)]

use super::*;

/// The number of ways.
const WAYS: usize = 12;

impl Log {
    /// A copy of a store that nothing has open, with its last checkpoint kept outside.
    fn of(data: &Path) -> Self {
        let log = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(log.store()).unwrap();
        for name in ["ledger.db", "ledger.key"] {
            std::fs::copy(data.join(name), log.store().join(name)).unwrap();
        }
        let last = "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1";
        let note: String = log.db().query_row(last, [], |row| row.get(0)).unwrap();
        std::fs::write(log.path().join("kept.txt"), note).unwrap();
        log
    }

    fn last(&self) -> u64 {
        let count: i64 = self.db().query_row("SELECT max(ledger_seq) FROM entry", [], |row| row.get(0)).unwrap();
        u64::try_from(count).unwrap()
    }
}

/// Tampers with copies of a store that a daemon left behind. With the checkpoint that was kept elsewhere
/// each way must be found, and nothing where nothing was done. Returns the number of ways.
pub(crate) fn every_tampering_is_found(data: &Path) -> usize {
    let kept = ["--checkpoint", "kept.txt"];
    let log = Log::of(data);
    let (last, middle) = (log.last(), log.last() / 2);
    assert!(last > 20, "{last} entries");
    log.verify(&kept).sound();
    let swap = format!(
        "UPDATE entry SET ledger_seq = -1 WHERE ledger_seq = {middle};
         UPDATE entry SET ledger_seq = {middle} WHERE ledger_seq = {middle} + 1;
         UPDATE entry SET ledger_seq = {middle} + 1 WHERE ledger_seq = -1;"
    );
    let close = format!(
        "DELETE FROM entry WHERE ledger_seq = {middle};
         UPDATE entry SET ledger_seq = ledger_seq - 1 WHERE ledger_seq > {middle};"
    );
    let append = format!(
        "INSERT INTO entry SELECT {last} + 1, journal_seq + 1, 0, time, workflow, body_version, body, leaf, chain
         FROM entry WHERE ledger_seq = {last};"
    );
    let excuse = |log: &Log, seq: u64| {
        log.sql(&format!("UPDATE entry SET body = replace(body, '\"kind\"', '\"Kind\"') WHERE ledger_seq = {seq}"))
    };
    let other = Signer::new(ORIGIN, [8; 32]).unwrap();
    type Way<'w> = (&'w str, Box<dyn Fn(&Log) + 'w>);
    let sql = |text: String| Box::new(move |log: &Log| log.sql(&text)) as Box<dyn Fn(&Log)>;
    let ways: [Way<'_>; WAYS] = [
        ("an entry is edited", Box::new(|log| excuse(log, middle))),
        ("a column says something else", sql(format!("UPDATE entry SET time = 0 WHERE ledger_seq = {middle}"))),
        ("an entry is removed", sql(format!("DELETE FROM entry WHERE ledger_seq = {middle}"))),
        ("an entry is removed and the gap closed", sql(close)),
        ("the end is cut off", sql(format!("DELETE FROM entry WHERE ledger_seq > {last} - 2"))),
        ("two entries change places", sql(swap)),
        ("a forged entry is appended", sql(append)),
        ("a hash is changed", sql(format!("UPDATE entry SET leaf = zeroblob(32) WHERE ledger_seq = {middle}"))),
        (
            "the end is rewritten with good hashes",
            Box::new(|log| {
                excuse(log, middle);
                log.reseal(middle, true);
            }),
        ),
        (
            "all of it is rewritten and signed anew",
            Box::new(|log| {
                excuse(log, 1);
                log.reseal(1, true);
                log.resign_inside(&other);
            }),
        ),
        ("the table is emptied", sql("DELETE FROM entry; DELETE FROM checkpoint;".to_owned())),
        ("the file is gone", Box::new(|log| std::fs::remove_file(log.store().join("ledger.db")).unwrap())),
    ];
    for (way, tamper) in &ways {
        let log = Log::of(data);
        tamper(&log);
        let said = log.verify(&kept);
        assert!(said.code.is_some_and(|code| code != 0), "{way}: {}{}", said.text, said.error);
    }
    ways.len()
}
