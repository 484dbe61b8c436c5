//! The rows of a CSV or NDJSON file, one by one, through a mapping.
//!
//! Owns the file: opening, unpacking, progress, and the check that the mapping's columns exist.
//! Memory doesn't grow with the file. What a row means is `row`'s; where its events go, the
//! caller's. A row that can't be taken is one refusal and never the end of the import.

use super::mapping::{FileFormat, ImportError, Kind, Mapping};
use super::nearest::suggestion;
use super::reader::{CellReader, Next, open};
use super::row::{Cells, Head, Target, id, time};
use crate::domain::{Refusal, RefusalCode, WorkflowId};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most names of workflows that are remembered; beyond, names are cleaned anew for each row.
const NAMES_MAX: usize = 10_000;

/// The rows of a file as events or reviews, in the file's order.
pub struct Rows<T> {
    mapping: Mapping,
    cells: Box<dyn CellReader>,
    values: Vec<String>,
    names: Names,
    row: usize,
    left_out: usize,
    broken: bool,
    bytes_read: Arc<AtomicU64>,
    bytes_total: u64,
    target: PhantomData<T>,
}

impl<T: Target> Rows<T> {
    /// Opens a file, gzipped or not, and checks that it has the mapping's columns.
    pub fn open(path: &Path, mapping: &Mapping) -> Result<Self, ImportError> {
        if mapping.kind != T::KIND {
            let (is, wanted) = if T::KIND == Kind::Events { ("reviews", "events") } else { ("events", "reviews") };
            return Err(ImportError::one(format!("the mapping makes {is}: write kind = \"{wanted}\"")));
        }
        let format = mapping.format.or_else(|| format_of(path)).ok_or_else(|| {
            ImportError::one(format!(
                "{}: the name doesn't tell the format: write format = \"csv\" or \"ndjson\" into the mapping",
                path.display()
            ))
        })?;
        let bytes_read = Arc::new(AtomicU64::new(0));
        let (cells, bytes_total) = open(path, format, mapping, Arc::clone(&bytes_read))?;
        check_columns(path, &mapping.columns, cells.columns())?;
        Ok(Self {
            values: vec![String::new(); mapping.columns.len()],
            mapping: mapping.clone(),
            cells,
            names: Names::default(),
            row: 0,
            left_out: 0,
            broken: false,
            bytes_read,
            bytes_total,
            target: PhantomData,
        })
    }

    /// Bytes of the file (as it lies on the disk) that were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Bytes of the file on the disk.
    pub const fn bytes_total(&self) -> u64 {
        self.bytes_total
    }

    /// Rows read so far, the refused and the filtered ones included.
    pub const fn rows_read(&self) -> usize {
        self.row
    }

    /// Rows that the filter left out so far.
    pub const fn rows_left_out(&self) -> usize {
        self.left_out
    }

    /// Whether the file could not be read to its end; the last refusal says why.
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// The row's event or review; `None` where the filter leaves it out.
    fn convert(&mut self) -> Option<Result<T, Refusal>> {
        let cells = Cells { row: self.row, values: &self.values, columns: &self.mapping.columns };
        if !self.mapping.filter.iter().all(|condition| condition.holds(&cells)) {
            return None;
        }
        let raw = self.mapping.workflow.text(&cells);
        let id_sent = id(&self.mapping, &cells);
        let named = id_sent.clone().unwrap_or_default();
        let made = id_sent.and_then(|id| {
            let workflow = self.names.workflow(raw, &self.mapping.rename)?;
            let time = time(&self.mapping, &cells)?;
            T::from_row(&self.mapping, &cells, Head { id, workflow, time })
        });
        Some(made.map_err(|refusal| refusal.of(&named, raw)))
    }
}

impl<T: Target> Iterator for Rows<T> {
    type Item = Result<T, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.broken {
            let made = match self.cells.next(&mut self.values) {
                Next::End => return None,
                Next::Row => self.convert(),
                Next::Bad(refusal) => Some(Err(refusal)),
                Next::Broken(reason) => {
                    self.broken = true;
                    let message = format!("the file can't be read further: {reason}");
                    Some(Err(Refusal::new(RefusalCode::Unreadable, message)))
                }
            };
            let place = (self.row, Some(self.cells.line()));
            self.row += 1;
            match made {
                Some(made) => return Some(made.map_err(|refusal| refusal.at(place.0, place.1))),
                None => self.left_out += 1,
            }
        }
        None
    }
}

/// The format that a file's name tells.
fn format_of(path: &Path) -> Option<FileFormat> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    match name.strip_suffix(".gz").unwrap_or(&name).rsplit_once('.')?.1 {
        "csv" => Some(FileFormat::Csv),
        "ndjson" | "jsonl" => Some(FileFormat::NdJson),
        _ => None,
    }
}

/// Tells every column that the mapping names and the file doesn't have.
fn check_columns(path: &Path, wanted: &[String], have: &[String]) -> Result<(), ImportError> {
    let known = || have.iter().map(String::as_str);
    let problems: Vec<String> = wanted
        .iter()
        .filter_map(|name| match known().filter(|other| other == name).count() {
            1 => None,
            0 => {
                let hint = suggestion(name, known());
                let listed: Vec<_> = known().take(50).collect();
                let path = path.display();
                Some(format!("{path} has no column `{name}`{hint}: its columns are {}", listed.join(", ")))
            }
            count => Some(format!("{} has {count} columns `{name}`: rename them in the file", path.display())),
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(ImportError { problems }) }
}

/// The workflows by the names that the file gives them.
#[derive(Default)]
struct Names {
    by_name: BTreeMap<String, WorkflowId>,
    /// Which name a cleaned id came from, so that two of them don't flow into one workflow unseen.
    cleaned_from: BTreeMap<WorkflowId, String>,
}

impl Names {
    fn workflow(&mut self, raw: Option<&str>, rename: &BTreeMap<String, WorkflowId>) -> Result<WorkflowId, Refusal> {
        let refuse = |code, message: &str| Err(Refusal::new(code, message).at_field("workflow"));
        let Some(raw) = raw else {
            return refuse(RefusalCode::MissingField, "`workflow` is empty in this row");
        };
        if let Some(id) = rename.get(raw).or_else(|| self.by_name.get(raw)) {
            return Ok(id.clone());
        }
        let Some(id) = WorkflowId::cleaned(raw) else {
            let message = "`workflow` holds no letter or digit: give it a name in workflow.rename";
            return refuse(RefusalCode::InvalidValue, message);
        };
        if self.cleaned_from.get(&id).is_some_and(|other| other != raw) {
            let message = "two workflows of the file get the same id: tell them apart in workflow.rename";
            return refuse(RefusalCode::Contradiction, message);
        }
        if self.by_name.len() < NAMES_MAX {
            self.by_name.insert(raw.to_owned(), id.clone());
            self.cleaned_from.insert(id.clone(), raw.to_owned());
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, OutputEvent, Review, Verdict};
    use std::io::Write;

    const MAPPING: &str = r#"
        id = "{n}"
        workflow = { column = "team", rename = { "a b" = "renamed" } }
        outcome = { column = "status", ok = ["fine", ""], exception = ["bad", 0], kind = "why" }
        time = { spacing = "1s", start = "2026-01-01T00:00:00Z" }
        filter = [{ column = "n", not_in = ["skip"] }]
        [fields]
        latency_ms = { column = "s", scale = 1000, absent_when = { column = "why", in = ["limit"] } }
        cost = "usd"
        sla_met = "sla"
        mode = { column = "s", values = { "9" = "delegate" }, absent_when = { not_equals = 9 } }
        model = { constant = "m" }
        [scores]
        fit = { column = "fit", absent_when = { equals = 0 } }
        [attributes]
        place = "place"
    "#;
    const HEADER: &str = "n,team,status,why,s,usd,sla,fit,place\n";

    fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (dir, path)
    }

    fn rows(name: &str, bytes: &[u8], mapping: &str) -> Vec<Result<OutputEvent, Refusal>> {
        let (_dir, path) = file(name, bytes);
        Rows::open(&path, &Mapping::parse(mapping).unwrap()).unwrap().collect()
    }

    #[test]
    fn cells_become_fields_and_empty_cells_nothing() {
        let text = format!("\u{feff}{HEADER}skip,x,,,,,,,\n7,a b,0.0,late,9,0.10,yes,0.5,\"x, y\"\n8,c/d,,,,,,0.0,\n");
        let made = rows("t.csv", text.as_bytes(), MAPPING);
        let mut first = OutputEvent::new("7", WorkflowId::new("renamed").unwrap(), Outcome::Exception);
        first.exception = Some("late".into());
        first.time = Some("2026-01-01T00:00:01Z".parse().unwrap());
        first.latency_ms = Some(9000.0);
        first.cost = Some("0.1".parse().unwrap());
        first.sla_met = Some(true);
        first.mode = Some(crate::domain::Mode::Delegate);
        first.model = Some("m".into());
        first.scores = vec![("fit".into(), 0.5)];
        first.attributes = vec![("place".into(), "x, y".into())];
        let mut second = OutputEvent::new("8", WorkflowId::new("c-d").unwrap(), Outcome::Ok);
        second.time = Some("2026-01-01T00:00:02Z".parse().unwrap());
        second.model = Some("m".into());
        assert_eq!(made, [Ok(first), Ok(second)]);
    }

    #[test]
    fn a_latency_that_is_none_is_absent() {
        let text = format!("{HEADER}1,w,bad,limit,0,,,,\n2,w,bad,other,0,,,,\n");
        let made = rows("t.csv", text.as_bytes(), MAPPING);
        let latencies: Vec<_> = made.iter().map(|event| event.as_ref().unwrap().latency_ms).collect();
        assert_eq!(latencies, [None, Some(0.0)]);
    }

    #[test]
    fn a_bad_row_is_one_refusal_with_its_line() {
        use RefusalCode::{Contradiction, InvalidNumber, InvalidValue, MissingField, Unreadable, WrongType};
        for (row, code, field) in [
            ("1,w,fine,,x,,,,", InvalidNumber, Some("latency_ms")),
            ("1,w,fine,,NaN,,,,", InvalidNumber, Some("latency_ms")),
            ("1,w,fine,,-1,,,,", InvalidNumber, Some("latency_ms")),
            ("1,w,fine,,,x,,,", InvalidNumber, Some("cost")),
            ("1,w,fine,,,,maybe,,", WrongType, Some("sla_met")),
            ("1,w,odd,,,,,,", InvalidValue, Some("outcome")),
            (",w,fine,,,,,,", MissingField, Some("id")),
            ("1,,fine,,,,,,", MissingField, Some("workflow")),
            ("1,//,fine,,,,,,", InvalidValue, Some("workflow")),
            ("1,w/z,fine,,,,,,", Contradiction, Some("workflow")),
            ("1,w,fine", Unreadable, None),
        ] {
            let text = format!("{HEADER}0,w.z,fine,,,,,,\n{row}\n2,w.z,fine,,,,,,\n");
            let made = rows("t.csv", text.as_bytes(), MAPPING);
            assert!(made.len() == 3 && made[0].is_ok() && made[2].is_ok(), "{row}: {made:?}");
            let refusal = made[1].as_ref().unwrap_err();
            assert_eq!((refusal.code, refusal.field.as_deref()), (code, field), "{row}: {refusal:?}");
            assert_eq!((refusal.index, refusal.line), (1, Some(3)), "{row}");
        }
        let mut text = format!("{HEADER}0,w,fine,,,,,,\n1,w,fine,,,,,,").into_bytes();
        text.extend_from_slice(b"\xff\n");
        assert_eq!(rows("t.csv", &text, MAPPING)[1].as_ref().unwrap_err().code, Unreadable);
    }

    #[test]
    fn an_empty_outcome_is_no_outcome_unless_listed() {
        let mapping = "workflow.constant = \"w\"\noutcome = { column = \"o\", ok = [\"1\"] }";
        let made = rows("t.csv", b"o,p\n1,x\n,x\n0,x\n", mapping);
        assert!(made[0].as_ref().is_ok_and(|event| !event.is_exception()));
        assert_eq!(made[1].as_ref().unwrap_err().code, RefusalCode::MissingField);
        assert!(made[2].as_ref().is_ok_and(OutputEvent::is_exception));
    }

    #[test]
    fn json_lines_give_the_same_as_csv_and_inner_keys_work() {
        let mapping = "id = \"{a.b}\"\nworkflow.constant = \"w\"\noutcome.column = \"o\"\nfields.cost = \"a.usd\"";
        let text = "\n{\"a\":{\"b\":\"x\\n1\",\"usd\":0.12345678901234567},\"o\":\"ok\"}\r\n{\"o\":\"ok\",\"a\":null}\n[]\n{\"o\":{}}";
        let made = rows("t.jsonl", text.as_bytes(), mapping);
        let first = made[0].as_ref().unwrap();
        assert_eq!((&*first.id, first.cost), ("x\n1", Some("0.12345678901234567".parse().unwrap())));
        let faults: Vec<_> = made[1..].iter().map(|row| row.as_ref().unwrap_err()).map(|r| (r.line, r.code)).collect();
        use RefusalCode::{MissingField, Unreadable, WrongType};
        assert_eq!(faults, [(Some(3), MissingField), (Some(4), Unreadable), (Some(5), WrongType)]);
    }

    #[test]
    fn a_column_that_the_file_lacks_is_told_with_those_it_has() {
        let mapping = Mapping::parse("workflow.column = \"wrkflow\"\noutcome = { column = \"o\" }").unwrap();
        for (name, text) in [("t.csv", "workflow,x\na,b\n"), ("t.ndjson", "{\"workflow\":1,\"x\":2}\n")] {
            let (_dir, path) = file(name, text.as_bytes());
            let problems = Rows::<OutputEvent>::open(&path, &mapping).map(drop).unwrap_err().problems;
            assert_eq!(problems.len(), 2, "{problems:?}");
            assert!(problems[0].contains("`wrkflow` (did you mean `workflow`?): its columns are workflow, x"));
        }
        let (_dir, path) = file("t.csv", b"wrkflow,o,o\n");
        let problems = Rows::<OutputEvent>::open(&path, &mapping).map(drop).unwrap_err().problems;
        assert!(problems[0].contains("2 columns `o`"), "{problems:?}");
        for (path, says) in [("no-such.csv", "can't be read"), ("no-such.txt", "write format")] {
            let error = Rows::<OutputEvent>::open(Path::new(path), &mapping).map(drop).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        let error = Rows::<Review>::open(&path, &mapping).map(drop).unwrap_err().to_string();
        assert!(error.contains("kind = \"reviews\""), "{error}");
    }

    #[test]
    fn gzipped_files_and_their_progress_and_their_damage() {
        let text = format!("{HEADER}{}", "1,w,fine,,,,,,\n".repeat(1000));
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        let packed = encoder.finish().unwrap();
        let (_dir, path) = file("t.csv.gz", &packed);
        let mapping = Mapping::parse(MAPPING).unwrap();
        let mut rows = Rows::<OutputEvent>::open(&path, &mapping).unwrap();
        assert_eq!(rows.by_ref().filter(Result::is_ok).count(), 1000);
        assert_eq!((rows.bytes_read(), rows.bytes_total()), (packed.len() as u64, packed.len() as u64));
        assert_eq!((rows.rows_read(), rows.rows_left_out(), rows.is_broken()), (1000, 0, false));

        let (_dir, path) = file("t.csv.gz", &packed[..packed.len() - 9]);
        let mut rows = Rows::<OutputEvent>::open(&path, &mapping).unwrap();
        let last = rows.by_ref().last().unwrap().unwrap_err();
        assert!(rows.is_broken() && last.message.contains("can't be read further"), "{last:?}");
        assert!(rows.next().is_none());
    }

    #[test]
    fn reviews_come_out_of_tables_too() {
        let mapping = r#"
            kind = "reviews"
            id = "review-{pr}"
            workflow.column = "agent"
            time = { column = "at", format = "%Y-%m-%d %H:%M:%S" }
            filter = [{ column = "verdict", not_equals = "open" }]
            [fields]
            output_id = "pr"
            verdict = { column = "verdict", values = { merged = "accepted", closed = "rejected" } }
            reviewer = { constant = "unknown" }
        "#;
        let text =
            "pr,agent,verdict,at\n1,a,merged,2026-01-01 00:00:00\n2,a,open,\n3,a,closed,\n4,a,lost,2026-01-01 00:00:00";
        let (_dir, path) = file("t.csv", text.as_bytes());
        let made: Vec<_> = Rows::<Review>::open(&path, &Mapping::parse(mapping).unwrap()).unwrap().collect();
        assert_eq!(made[0].as_ref().unwrap().verdict, Verdict::Accepted);
        assert_eq!(made[0].as_ref().unwrap().time, Some("2026-01-01T00:00:00Z".parse().unwrap()));
        let fields: Vec<_> = made[1..].iter().map(|row| row.as_ref().unwrap_err().field.clone().unwrap()).collect();
        assert_eq!(fields, ["time", "verdict"]);
    }
}
