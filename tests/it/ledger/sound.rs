//! What a ledger in order looks like: in words, read-only, of any origin.

use super::{ENTRIES, Log, ORIGIN, honest};
use std::os::unix::fs::PermissionsExt as _;

/// The words of the verdict, as people read them.
#[test]
fn the_verdict_in_words() {
    let log = Log::with_checkpoints(&[4, 8]);
    let verify = ["ledger", "verify", "--store", "store"];
    let key = honest().verifier().to_string();
    let said = |more: &[&str]| log.run(&[&verify, more].concat()).text;
    let mut text = format!("# no checkpoint from outside\n{}", said(&[]));
    text += &format!("\n# some entries are anchored\n{}", said(&["--checkpoint", "outside", "--key", &key]));
    log.notary().checkpoint(andon::domain::Time(1)).unwrap();
    text += &format!("\n# all are\n{}", said(&["--checkpoint", "outside", "--key", &key]));
    log.sql("DELETE FROM entry WHERE ledger_seq IN (2, 3); UPDATE entry SET time = 0 WHERE ledger_seq = 7");
    text += &format!("\n# damaged\n{}", said(&["--checkpoint", "outside", "--key", &key]));
    std::fs::remove_file(log.store().join("ledger.db")).unwrap();
    text += &format!("\n# gone\n{}", said(&["--checkpoint", "outside", "--key", &key]));
    insta::assert_snapshot!("verdicts", text);
}

#[test]
fn a_copy_on_a_read_only_medium_is_verified_and_left_as_it_is() {
    let log = Log::with_checkpoints(&[ENTRIES]);
    let names = || {
        let all = std::fs::read_dir(log.store()).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
        let mut all: Vec<String> = all.collect();
        all.sort();
        all
    };
    let before = (names(), std::fs::read(log.store().join("ledger.db")).unwrap());
    let mode = |mode| std::fs::set_permissions(log.store(), std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o500);
    log.verify(&["--checkpoint", "outside", "--strict"]).sound();
    mode(0o700);
    assert_eq!(std::fs::read(log.store().join("ledger.db")).unwrap(), before.1);
    log.verify(&[]).sound();
    assert_eq!(std::fs::read(log.store().join("ledger.db")).unwrap(), before.1);
    assert!(names().iter().filter(|name| !name.starts_with("ledger.db-")).eq(before.0.iter()), "{:?}", names());
}

#[test]
fn the_configuration_names_store_and_folder() {
    let log = Log::with_checkpoints(&[ENTRIES]);
    let text = "[store]\npath = \"store\"\n[ledger]\ncheckpoint_path = \"outside\"\n";
    std::fs::write(log.path().join("andon.toml"), text).unwrap();
    let said = log.run(&["ledger", "verify", "--json", "--strict", "--config", "andon.toml"]);
    assert_eq!(said.sound()["report"]["anchored"], ENTRIES);
    std::fs::remove_dir_all(log.outside()).unwrap();
    let said = log.run(&["ledger", "verify", "--json", "--config", "andon.toml"]);
    assert_eq!(said.findings(), ["no_checkpoint"], "what is declared must be there");
    std::fs::write(log.path().join("andon.toml"), text.replace("outside", "store/inside")).unwrap();
    let said = log.run(&["ledger", "verify", "--config", "andon.toml"]);
    assert_eq!(said.code, Some(64));
    assert!(said.error.contains("lies inside of"), "{}", said.error);
}

#[test]
fn a_ledger_from_before_the_hashes_is_told_apart() {
    let log = Log::new();
    let old = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store/v1/ledger.db");
    std::fs::remove_file(log.store().join("ledger.db")).unwrap();
    std::fs::copy(old, log.store().join("ledger.db")).unwrap();
    let said = log.verify(&[]);
    assert_eq!(said.findings(), ["no_log"]);
    assert!(said.text.contains("without hashes"), "{}", said.text);
    drop(log.book());
    assert_eq!(log.verify(&[]).sound()["report"]["entries"], 1);
}

#[test]
fn names_of_logs_are_those_that_checkpoints_can_hold() {
    for bad in ["a b", "a+b", "", "a\\nb"] {
        let text = format!("[ledger]\norigin = \"{bad}\"\n");
        assert!(andon::config::load(&text, "andon.toml").is_err(), "{bad:?}");
    }
    let text = format!("[ledger]\norigin = \"{ORIGIN}\"\n");
    assert!(andon::config::load(&text, "andon.toml").is_ok());
}
