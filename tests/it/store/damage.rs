//! Damage by action and place: it is said, or it changed nothing; never a silent loss.

use super::{commit, numbers, open};
use andon::store::memory::{FaultyDisk, MemoryBook};
use andon::store::{Disk, Store, StoreError, StoreOptions};

/// Records of the journal that is damaged.
const LAST: u64 = 45;
/// The last plain segment has records from here on, one a commit.
const PLAIN_FROM: u64 = 41;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    FlipBit,
    Truncate,
    ZeroPage,
    Delete,
    Duplicate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    MiddleFrame,
    LastFrame,
    PackedSummary,
    PackedMiddle,
}

const ACTIONS: [Action; 5] = [Action::FlipBit, Action::Truncate, Action::ZeroPage, Action::Delete, Action::Duplicate];
const PLACES: [Place; 5] =
    [Place::Header, Place::MiddleFrame, Place::LastFrame, Place::PackedSummary, Place::PackedMiddle];

fn journal_to_damage() -> FaultyDisk {
    let disk = FaultyDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    for number in 1..PLAIN_FROM {
        commit(&mut journal, [number], 300).unwrap();
    }
    drop(journal);
    let (mut journal, _) = open(&disk).unwrap();
    for number in PLAIN_FROM..=LAST {
        commit(&mut journal, [number], 300).unwrap();
    }
    disk
}

/// The file of a place and the bytes that stand for it.
fn target(disk: &FaultyDisk, place: Place) -> (String, std::ops::Range<usize>) {
    let plain = format!("journal/{PLAIN_FROM:020}.log");
    let packed: Vec<_> = disk.list("journal").unwrap().into_iter().filter(|file| file.name.ends_with(".zst")).collect();
    let middle = &packed[packed.len() / 2];
    let packed = format!("journal/{}", middle.name);
    // A frame: header 24, length 4, record 9 + {"version":"…"} of 306 and 14 more.
    let frame = 24 + 4 + 9 + 306 + 14;
    match place {
        Place::Header => (plain, 0..24),
        Place::MiddleFrame => (plain, 24 + 2 * frame..24 + 3 * frame),
        Place::LastFrame => (plain, 24 + 4 * frame..24 + 5 * frame),
        Place::PackedSummary => (packed, 0..52),
        Place::PackedMiddle => (packed, 60..usize::try_from(middle.bytes).unwrap()),
    }
}

fn damage(disk: &FaultyDisk, action: Action, path: &str, place: &std::ops::Range<usize>, at: usize) {
    let spot = place.start + at % place.len();
    match action {
        Action::FlipBit => disk.damage(path, |bytes| bytes[spot] ^= 1u8 << (at % 8)),
        Action::Truncate => disk.damage(path, |bytes| bytes.truncate(spot)),
        Action::ZeroPage => disk.damage(path, |bytes| bytes[place.clone()].fill(0)),
        Action::Delete => disk.delete(path),
        Action::Duplicate => {
            let copy = disk.contents(path).unwrap();
            let number: u64 = path[8..28].parse().unwrap();
            disk.damage(&format!("journal/{:020}{}", number + 1, &path[28..]), |bytes| *bytes = copy);
        }
    }
}

/// What a start and a full replay give.
fn read(disk: &FaultyDisk) -> Result<Vec<u64>, StoreError> {
    let (journal, _) = open(disk)?;
    numbers(&journal, 1)
}

#[test]
fn the_matrix() {
    let whole: Vec<u64> = (1..=LAST).collect();
    assert_eq!(read(&journal_to_damage()).unwrap(), whole);
    for action in ACTIONS {
        for place in PLACES {
            for at in (0..400).step_by(7) {
                let disk = journal_to_damage();
                let (path, range) = target(&disk, place);
                damage(&disk, action, &path, &range, at);
                let case = format!("{action:?} {place:?} {at}");
                // The journal alone can't tell a cut or missing end from one that was never written;
                // the book can, see below. The last commit may be torn.
                let end_is_gone = matches!(
                    (action, place),
                    (_, Place::LastFrame)
                        | (Action::Truncate, Place::MiddleFrame)
                        | (Action::Delete, Place::Header | Place::MiddleFrame)
                );
                match read(&disk) {
                    Err(error) => {
                        let text = error.to_string();
                        assert!(matches!(error, StoreError::Corrupt { .. }), "{case}: {text}");
                        assert!(text.contains("journal/") && text.contains("backup"), "{case}: {text}");
                    }
                    Ok(found) if end_is_gone => {
                        assert_eq!(found, whole[..found.len()], "{case}");
                        let least = if place == Place::LastFrame && action != Action::Delete {
                            LAST - 1
                        } else {
                            PLAIN_FROM - 1
                        };
                        assert!(found.len() as u64 >= least, "{case}");
                    }
                    Ok(found) => panic!("{case}: opened with {} records", found.len()),
                }
            }
        }
    }
}

#[test]
fn the_book_notices_a_missing_end() {
    for (action, place) in [(Action::Delete, Place::Header), (Action::Truncate, Place::MiddleFrame)] {
        let disk = journal_to_damage();
        let (path, range) = target(&disk, place);
        damage(&disk, action, &path, &range, 0);
        let book = MemoryBook::new();
        andon::store::Book::append(&book, &[], LAST).unwrap();
        let error = Store::memory(disk, book, StoreOptions { journal: super::SMALL }).map(|_| ()).unwrap_err();
        assert!(matches!(error, StoreError::JournalBehind { known: LAST, .. }), "{error}");
    }
}

#[test]
fn damage_before_the_replayed_part_does_not_matter() {
    let disk = journal_to_damage();
    let (path, range) = target(&disk, Place::PackedMiddle);
    damage(&disk, Action::FlipBit, &path, &range, 30);
    let (journal, _) = open(&disk).unwrap();
    assert!(numbers(&journal, 1).is_err());
    assert_eq!(numbers(&journal, PLAIN_FROM).unwrap(), (PLAIN_FROM..=LAST).collect::<Vec<_>>());
}

#[test]
fn a_frame_that_was_cut_out_is_noticed() {
    let disk = journal_to_damage();
    let (path, frame) = target(&disk, Place::MiddleFrame);
    disk.damage(&path, |bytes| drop(bytes.drain(frame)));
    let error = read(&disk).unwrap_err().to_string();
    assert!(error.contains("the next record should be 43, but it is 44"), "{error}");
}

#[test]
fn a_plain_twin_of_a_packed_segment_is_harmless() {
    let disk = FaultyDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    commit(&mut journal, 1..=3, 100).unwrap();
    drop(journal);
    let plain = disk.contents("journal/00000000000000000001.log").unwrap();
    drop(open(&disk).unwrap());
    assert!(disk.contents("journal/00000000000000000001.log.zst").is_some());
    disk.damage("journal/00000000000000000001.log", |bytes| *bytes = plain);
    assert_eq!(read(&disk).unwrap(), [1, 2, 3]);
    assert_eq!(disk.contents("journal/00000000000000000001.log"), None, "packed again");
}

#[test]
fn files_of_others_are_left_alone_and_named() {
    let disk = journal_to_damage();
    disk.damage("journal/notes.txt", |bytes| bytes.extend(b"hello"));
    disk.damage("journal/7.log", |bytes| bytes.extend(b"hello"));
    disk.damage("journal/left.tmp", |bytes| bytes.extend(b"hello"));
    let (_, recovery) = open(&disk).unwrap();
    assert_eq!(recovery.unknown, ["7.log", "notes.txt"]);
    assert!(disk.contents("journal/notes.txt").is_some());
    assert!(disk.contents("journal/left.tmp").is_none());
}
