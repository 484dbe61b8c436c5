//! What only a checkpoint can tell: a cut end, a rewritten end, a rewritten whole; and checkpoints
//! that are no proof.

use super::{ENTRIES, Log, ORIGIN, SEED, honest};
use andon::domain::Time;
use andon::driver::NotaryError;
use andon::seal::Signer;
use andon::store::StoreError;

const OUTSIDE: [&str; 2] = ["--checkpoint", "outside"];

/// An attacker replaces entries from `from` on, and everything in the store that would tell.
fn rewrite(log: &Log, from: u64, signer: &Signer) {
    log.edit(from);
    log.reseal(from, true);
    log.resign_inside(signer);
}

fn key() -> String {
    honest().verifier().to_string()
}

#[test]
fn a_rewritten_end_of_the_same_length() {
    let log = Log::with_checkpoints(&[4, 8]);
    let before = log.verify(&OUTSIDE).sound();
    assert_eq!((&before["report"]["anchored"], &before["unanchored"]["from"]), (&8.into(), &9.into()));
    rewrite(&log, 6, &honest());
    // Inside everything fits: the same key signed it.
    let inside = log.verify(&[]).sound();
    assert_eq!((&inside["rewrite_excluded"], &inside["report"]["anchored_inside"]), (&false.into(), &ENTRIES.into()));
    let said = log.verify(&OUTSIDE);
    assert_eq!(said.findings(), ["rewritten 5-8"], "{}", said.text);
    let json = said.json();
    assert_eq!(json["report"]["anchored"], 4, "up to the last checkpoint that fits");
    assert!(json["findings"][0]["checkpoint"].as_str().unwrap().starts_with("outside"), "{json}");
}

#[test]
fn a_whole_rewrite_signed_with_another_key() {
    let log = Log::with_checkpoints(&[4, 8]);
    let other = Signer::new(ORIGIN, [8; 32]).unwrap();
    rewrite(&log, 1, &other);
    std::fs::write(log.store().join("ledger.key"), other.secret()).unwrap();
    let said = log.verify(&OUTSIDE);
    assert_eq!(said.findings(), ["foreign"; 3], "the outside ones are signed by a key that the store no longer knows");
    let said = log.verify(&[&OUTSIDE[..], &["--key", &key()]].concat());
    assert_eq!(said.findings(), ["rewritten 1-4", "foreign"], "{}", said.text);
    let said = log.verify(&["--key", &key()]);
    assert_eq!(said.findings(), ["foreign"], "the key alone tells too");
}

#[test]
fn a_whole_rewrite_signed_with_the_same_key() {
    let log = Log::with_checkpoints(&[ENTRIES]);
    rewrite(&log, 1, &honest());
    let all = log.verify(&["--key", &key()]).sound();
    assert_eq!(all["rewrite_excluded"], false, "nothing inside can tell");
    let said = log.verify(&[&OUTSIDE[..], &["--key", &key()]].concat());
    assert_eq!(said.findings(), ["rewritten 1-10"]);
    assert_eq!(said.json()["rewrite_excluded"], false);
}

#[test]
fn a_cut_end_with_everything_in_the_store_made_to_fit() {
    let log = Log::with_checkpoints(&[4, ENTRIES]);
    log.sql("DELETE FROM entry WHERE ledger_seq > 8; UPDATE applied SET journal_seq = 24");
    log.reseal(8, true);
    let said = log.verify(&[]);
    assert_eq!(said.findings(), ["truncated 9-10"], "the checkpoint in the store was forgotten");
    log.sql("DELETE FROM checkpoint WHERE size = 10");
    log.verify(&[]).sound();
    let said = log.verify(&OUTSIDE);
    assert_eq!(said.findings(), ["truncated 9-10"]);
    assert!(said.json()["findings"][0]["what"].as_str().unwrap().contains("outside"), "{}", said.text);
}

/// A forger who knows everything adds an entry after the last checkpoint: only the next one can tell,
/// and until then the verdict says so.
#[test]
fn a_forged_end_with_everything_in_the_store_made_to_fit() {
    let log = Log::with_checkpoints(&[ENTRIES]);
    log.verify(&[&OUTSIDE[..], &["--strict"]].concat()).sound();
    log.write(11..=11);
    let json = log.verify(&OUTSIDE).sound();
    assert_eq!((&json["unanchored"]["from"], &json["unanchored"]["to"]), (&11.into(), &11.into()));
    let strict = log.verify(&[&OUTSIDE[..], &["--strict"]].concat());
    assert_eq!((strict.code, strict.json()["holds"].as_bool()), (Some(1), Some(false)));
    let told = log.run(&["ledger", "verify", "--store", "store", "--checkpoint", "outside", "--strict"]).text;
    assert!(told.contains("UNANCHORED entry 11") && told.contains("NOT ENOUGH: sound up to entry 10"), "{told}");
}

#[test]
fn a_checkpoint_of_another_log() {
    let log = Log::with_checkpoints(&[ENTRIES]);
    // Another log of the same house, with a key and a name of its own, or with one of them.
    for (origin, seed) in [("andon.example/other", [9; 32]), (ORIGIN, [9; 32]), ("andon.example/other", SEED)] {
        let other = Signer::new(origin, seed).unwrap();
        std::fs::write(log.path().join("swapped"), log.sign(&other).1).unwrap();
        let said = log.verify(&["--checkpoint", "swapped"]);
        assert_eq!(said.findings(), ["foreign"], "{origin}");
        assert!(said.json()["findings"][0]["what"].as_str().unwrap().contains(origin), "{}", said.text);
    }
    // The right key under a text of another origin.
    let (_, note) = log.sign(&Signer::new("andon.example/other", SEED).unwrap());
    let text = note.split("\n\n").next().unwrap().to_owned() + "\n";
    std::fs::write(log.path().join("swapped"), honest().sign(&text)).unwrap();
    assert_eq!(log.verify(&["--checkpoint", "swapped"]).findings(), ["foreign"]);
}

#[test]
fn checkpoints_that_prove_nothing_are_errors_of_their_own() {
    let log = Log::with_checkpoints(&[4, ENTRIES]);
    let latest = log.outside().join("latest");
    let good = std::fs::read_to_string(&latest).unwrap();
    let forged = good.replacen("\n10\n", "\n11\n", 1);
    assert_ne!(forged, good);
    for (note, expected) in [(forged.as_str(), "signature"), ("nonsense", "malformed"), (good.trim_end(), "malformed")]
    {
        std::fs::write(log.path().join("one"), note).unwrap();
        assert_eq!(log.verify(&["--checkpoint", "one"]).findings(), [expected]);
    }
    assert_eq!(log.verify(&["--checkpoint", "none"]).findings(), ["no_checkpoint"]);
    std::fs::create_dir(log.path().join("empty")).unwrap();
    assert_eq!(log.verify(&["--checkpoint", "empty"]).findings(), ["no_checkpoint"]);
    log.sql("UPDATE checkpoint SET note = replace(note, 'a', 'b') WHERE size = 4");
    assert_eq!(log.verify(&OUTSIDE).findings().len(), 1);
}

#[test]
fn keys_are_given_as_text_or_file() {
    let log = Log::with_checkpoints(&[ENTRIES]);
    std::fs::write(log.path().join("verifier"), key() + "\n").unwrap();
    for given in [key().as_str(), "verifier"] {
        let json = log.verify(&["--key", given]).sound();
        assert_eq!(json["keys_are_given"], true);
    }
    for wrong in ["nonsense", "store/ledger.db", &key().replace("test+", "prod+")] {
        let said = log.verify(&["--key", wrong]);
        assert_eq!((said.code, said.text.as_str()), (Some(64), ""), "{}", said.error);
    }
    let said = log.run(&["ledger", "key", "--store", "store"]);
    assert_eq!((said.code, said.text.trim()), (Some(0), key().as_str()));
    log.sql("DELETE FROM checkpoint");
    assert_eq!(log.run(&["ledger", "key", "--store", "store"]).text.trim(), key(), "from the key itself");
    std::fs::remove_file(log.store().join("ledger.key")).unwrap();
    assert_eq!(log.run(&["ledger", "key", "--store", "store"]).code, Some(1));
}

/// What was signed once is never contradicted: a notary that finds another ledger signs nothing.
#[test]
fn the_notary_signs_no_changed_ledger() {
    for tamper in ["UPDATE entry SET body = body || ' ' WHERE ledger_seq = 3", "DELETE FROM entry WHERE ledger_seq = 3"]
    {
        let log = Log::with_checkpoints(&[8]);
        log.sql(tamper);
        let error = andon::driver::Notary::open(log.book(), &log.settings()).map(|_| ()).unwrap_err();
        assert!(matches!(&error, NotaryError::Damaged(what) if what.contains("entry 3")), "{error}");
    }
    let log = Log::with_checkpoints(&[8]);
    log.edit(3);
    log.reseal(1, true);
    log.resign_inside(&honest());
    let error = andon::driver::Notary::open(log.book(), &log.settings()).map(|_| ()).unwrap_err();
    assert!(matches!(&error, NotaryError::Damaged(what) if what.contains("first 8 entries")), "{error}");
    let log = Log::with_checkpoints(&[ENTRIES]);
    log.sql("DELETE FROM entry WHERE ledger_seq > 8; UPDATE applied SET journal_seq = 24; DELETE FROM checkpoint");
    log.reseal(8, true);
    let error = andon::driver::Notary::open(log.book(), &log.settings()).map(|_| ()).unwrap_err();
    assert!(matches!(&error, NotaryError::Damaged(what) if what.contains("8 entries, and 10")), "{error}");
    // One that changes while it looks.
    let log = Log::with_checkpoints(&[8]);
    let mut notary = log.notary();
    log.write(11..=12);
    log.sql("UPDATE entry SET body = body || ' ' WHERE ledger_seq = 12");
    assert!(matches!(notary.checkpoint(Time(1)), Err(NotaryError::Damaged(_))));
    assert!(!log.outside().join("00000000000000000012.checkpoint").exists());
}

#[test]
fn a_folder_of_another_log_is_left_alone() {
    let log = Log::with_checkpoints(&[8]);
    let other = Signer::new(ORIGIN, [9; 32]).unwrap();
    std::fs::write(log.outside().join("latest"), log.sign(&other).1).unwrap();
    let error = andon::driver::Notary::open(log.book(), &log.settings()).map(|_| ()).unwrap_err();
    assert!(matches!(error, NotaryError::Foreign { .. }), "{error}");
    // A checkpoint of the same size that says something else is proof, and is never overwritten.
    let log = Log::with_checkpoints(&[8]);
    let place = log.outside().join("00000000000000000010.checkpoint");
    std::fs::write(&place, "proof").unwrap();
    let mut notary = log.notary();
    for _ in 0..2 {
        let error = notary.checkpoint(Time(1)).unwrap_err();
        assert!(matches!(error, NotaryError::Store(StoreError::CheckpointTaken { .. })), "{error}");
    }
    assert_eq!(std::fs::read_to_string(&place).unwrap(), "proof");
    std::fs::remove_file(&place).unwrap();
    assert_eq!(notary.checkpoint(Time(2)).unwrap(), Some(10), "it was kept in the store and is written late");
    assert_eq!(notary.checkpoint(Time(3)).unwrap(), None, "nothing is new");
    log.verify(&["--checkpoint", "outside", "--strict"]).sound();
}

#[test]
fn old_checkpoints_go_and_the_latest_stays() {
    let log = Log::new();
    let mut settings = log.settings();
    settings.checkpoints_max = 3;
    let mut notary = andon::driver::Notary::open(log.book(), &settings).unwrap();
    for number in 11..=16 {
        log.write(number..=number);
        assert_eq!(notary.checkpoint(Time(1)).unwrap(), Some(number));
    }
    let mut names: Vec<String> =
        std::fs::read_dir(log.outside()).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let numbered = |size: u64| format!("{size:020}.checkpoint");
    assert_eq!(names, [numbered(14), numbered(15), numbered(16), "latest".into()]);
    assert_eq!(
        log.verify(&["--checkpoint", "outside", "--strict"]).sound()["report"]["checkpoints"].as_array().unwrap().len(),
        7
    );
}

/// Another name is another name for the same key: what was signed under the old one still holds.
#[test]
fn a_log_may_get_another_origin() {
    let log = Log::with_checkpoints(&[8]);
    let settings = andon::config::LedgerSettings { origin: "andon.example/new".into(), ..log.settings() };
    let mut notary = andon::driver::Notary::open(log.book(), &settings).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(notary.checkpoint(Time(1)).unwrap(), Some(10));
    let json = log.verify(&["--checkpoint", "outside", "--strict"]).sound();
    assert_eq!(json["keys"].as_array().unwrap().len(), 2);
    assert!(log.run(&["ledger", "key", "--store", "store"]).text.starts_with("andon.example/new+"));
}
