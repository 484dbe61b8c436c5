//! Cells out of files: CSV and NDJSON, gzipped or not.
//!
//! Owns how a file falls into rows and cells. Tells a row that can't be read (one refusal) from a
//! file that can't (the end). Knows of a mapping only the names of the columns that are wanted.

use super::diagnose::{kind_of, reason};
use super::mapping::{FileFormat, ImportError, Mapping};
use crate::domain::{Refusal, RefusalCode};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest line of an NDJSON file.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// How much of an NDJSON file is looked at for its columns.
const PEEK_BYTES: usize = 1 << 18;

/// What came next in a file.
pub(super) enum Next {
    /// A row; the cells are filled in.
    Row,
    /// A row that can't be read.
    Bad(Refusal),
    /// The file can't be read on.
    Broken(String),
    /// The file is at its end.
    End,
}

/// A file that falls into cells.
pub(super) trait CellReader: Send {
    /// The file's columns.
    fn columns(&self) -> &[String];
    /// The line of the last row, from 1.
    fn line(&self) -> usize;
    /// Fills in the wanted cells of the next row.
    fn next(&mut self, cells: &mut [String]) -> Next;
}

/// Counts what is read of the file itself, before it is unpacked.
struct Counted {
    file: File,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.bytes.fetch_add(u64::try_from(read).unwrap_or_default(), Ordering::Relaxed);
        Ok(read)
    }
}

/// Opens a file and tells its size on the disk.
pub(super) fn open(
    path: &Path,
    format: FileFormat,
    mapping: &Mapping,
    bytes: Arc<AtomicU64>,
) -> Result<(Box<dyn CellReader>, u64), ImportError> {
    let failed = |error: String| ImportError::one(format!("{}: {error}", path.display()));
    let unreadable = |error: io::Error| failed(format!("can't be read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let total = file.metadata().map_err(unreadable)?.len();
    let mut plain = BufReader::with_capacity(1 << 16, Counted { file, bytes });
    // The first bytes tell more surely than the name whether it is gzipped.
    let gzipped = plain.fill_buf().map_err(unreadable)?.starts_with(&[0x1f, 0x8b]);
    let input: Box<dyn BufRead + Send> = if gzipped {
        Box::new(BufReader::with_capacity(PEEK_BYTES, flate2::bufread::MultiGzDecoder::new(plain)))
    } else {
        Box::new(BufReader::with_capacity(PEEK_BYTES, plain))
    };
    let cells: Box<dyn CellReader> = match format {
        FileFormat::Csv => Box::new(CsvCells::new(input, mapping).map_err(failed)?),
        FileFormat::NdJson => Box::new(JsonCells::new(input, mapping).map_err(unreadable)?),
    };
    Ok((cells, total))
}

struct CsvCells {
    reader: csv::Reader<Box<dyn BufRead + Send>>,
    record: csv::ByteRecord,
    columns: Vec<String>,
    /// Where the wanted columns stand in the file; a missing one is reported before the first row.
    places: Vec<usize>,
}

impl CsvCells {
    fn new(input: Box<dyn BufRead + Send>, mapping: &Mapping) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new().delimiter(mapping.delimiter).from_reader(input);
        let header = reader.headers().map_err(|error| format!("the header can't be read: {error}"))?;
        let columns: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let place = |wanted: &String| columns.iter().position(|column| column == wanted).unwrap_or(usize::MAX);
        let places = mapping.columns.iter().map(place).collect();
        Ok(Self { reader, record: csv::ByteRecord::new(), columns, places })
    }
}

impl CellReader for CsvCells {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn line(&self) -> usize {
        let line = self.record.position().map_or(0, csv::Position::line);
        usize::try_from(line).unwrap_or(usize::MAX)
    }

    fn next(&mut self, cells: &mut [String]) -> Next {
        let bad = |message: String| Next::Bad(Refusal::new(RefusalCode::Unreadable, message));
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Next::End,
            Err(error) => {
                return match error.kind() {
                    csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                        bad(format!("this row has {len} cells and the header {expected_len}"))
                    }
                    _ => Next::Broken(error.to_string()),
                };
            }
        }
        for (cell, place) in cells.iter_mut().zip(&self.places) {
            cell.clear();
            match std::str::from_utf8(self.record.get(*place).unwrap_or_default()) {
                Ok(text) => cell.push_str(text),
                Err(_) => return bad("this row is not UTF-8".to_owned()),
            }
        }
        Next::Row
    }
}

struct JsonCells {
    input: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    number: usize,
    columns: Vec<String>,
    wanted: Vec<String>,
}

type Object<'a> = BTreeMap<String, &'a RawValue>;

impl JsonCells {
    fn new(mut input: Box<dyn BufRead + Send>, mapping: &Mapping) -> io::Result<Self> {
        let columns = peeked_columns(input.fill_buf()?, &mapping.columns);
        Ok(Self { input, line: Vec::new(), number: 0, columns, wanted: mapping.columns.clone() })
    }

    /// Reads the next line, at most [`LINE_BYTES_MAX`] of it; false = the line is longer.
    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.number += 1;
        (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line)?;
        let full = u64::try_from(self.line.len()).is_ok_and(|read| read == LINE_BYTES_MAX);
        if full && !self.line.ends_with(b"\n") {
            self.input.skip_until(b'\n')?;
            return Ok(false);
        }
        Ok(true)
    }
}

/// The columns that the first lines of a file have. A key that comes only in later rows is not
/// known yet, so the wanted ones count as there when no whole line could be looked at.
fn peeked_columns(start: &[u8], wanted: &[String]) -> Vec<String> {
    let lines = start.split_inclusive(|byte| *byte == b'\n');
    let objects: Vec<Object<'_>> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
    if objects.is_empty() {
        return wanted.to_vec();
    }
    let mut columns: BTreeSet<String> = objects.iter().flat_map(|object| object.keys().cloned()).collect();
    let inner = wanted.iter().filter(|name| objects.iter().any(|object| find(object, name).is_some()));
    columns.extend(inner.cloned());
    columns.into_iter().collect()
}

/// The value of a key, or of a key within an inner object, written `outer.inner`.
fn find<'a>(object: &Object<'a>, name: &str) -> Option<&'a RawValue> {
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    name.match_indices('.').find_map(|(dot, _)| {
        let outer = object.get(&name[..dot])?;
        let inner: Object<'a> = serde_json::from_str(outer.get()).ok()?;
        find(&inner, &name[dot + 1..])
    })
}

impl CellReader for JsonCells {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn line(&self) -> usize {
        self.number
    }

    fn next(&mut self, cells: &mut [String]) -> Next {
        let bad = |code, message: String| Next::Bad(Refusal::new(code, message));
        loop {
            match self.read_line() {
                Err(error) => return Next::Broken(error.to_string()),
                Ok(false) => {
                    let message = format!("this line is longer than {LINE_BYTES_MAX} bytes");
                    return bad(RefusalCode::Unreadable, message);
                }
                Ok(true) if self.line.is_empty() => return Next::End,
                Ok(true) if self.line.trim_ascii().is_empty() => {}
                Ok(true) => break,
            }
        }
        let object: Object<'_> = match serde_json::from_slice(&self.line) {
            Ok(object) => object,
            Err(error) => {
                let message = format!("this line is not readable as a JSON object: {}", reason(&error));
                return bad(RefusalCode::Unreadable, message);
            }
        };
        for (cell, name) in cells.iter_mut().zip(&self.wanted) {
            cell.clear();
            let Some(value) = find(&object, name) else { continue };
            match kind_of(value) {
                "null" => {}
                // A number keeps its digits, so that money stays exact.
                "a number" | "true or false" => cell.push_str(value.get()),
                "a string" => match serde_json::from_str::<String>(value.get()) {
                    Ok(text) => *cell = text,
                    Err(_) => return bad(RefusalCode::InvalidValue, format!("`{name}` is not valid Unicode")),
                },
                got => {
                    let message = format!("`{name}` is {got}: name an inner key, such as `{name}.count`");
                    return bad(RefusalCode::WrongType, message);
                }
            }
        }
        Next::Row
    }
}
