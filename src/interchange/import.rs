//! Reads files of records: JSON Lines, JSON or CSV, as streams. Checks every row by itself and reports all that is
//! wrong; whether rows fit together and fit what is stored is the store's to say.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::assemble::assemble;
use super::csv::unguard;
use super::keys::{Key, NESTED, unknown};
use super::raw::Raw;
use super::row::{Place, Row, RowErrors, RowKind};
use super::values::{CutError, Pieces};

/// No line or record is longer.
const LONGEST: usize = 1 << 20;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An object on every line.
    JsonLines,
    /// A list of objects, or objects one after the other.
    Json,
    /// With a header.
    Csv,
}

impl Format {
    /// The format that a file name says: `.jsonl` or `.ndjson`, `.json`, `.csv`.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            _other => None,
        }
    }
}

/// Reads all rows of a file.
///
/// `name` is what messages call it; `default` is the kind of rows that do not say theirs. Memory grows with the rows,
/// not with the text.
pub fn parse(
    reader: impl BufRead,
    name: &str,
    format: Format,
    default: Option<RowKind>,
) -> Result<Vec<Row>, RowErrors> {
    let mut file = Rows { name: Arc::from(name), default, found: Vec::new(), errors: RowErrors::default() };
    let mut reader = reader;
    match skip_mark(&mut reader) {
        Ok(Mark::Utf8) => match format {
            Format::JsonLines => file.lines(reader),
            Format::Json => file.pieces(reader),
            Format::Csv => file.table(reader),
        },
        Ok(Mark::Utf16) => file.wrong(1, "the file is UTF-16; save it as UTF-8".to_owned()),
        Err(error) => file.wrong(1, format!("cannot read on: {error}")),
    }
    if file.errors.is_empty() { Ok(file.found) } else { Err(file.errors) }
}

/// What the first bytes say of the encoding.
enum Mark {
    Utf8,
    Utf16,
}

fn skip_mark(reader: &mut impl BufRead) -> io::Result<Mark> {
    let start = reader.fill_buf()?;
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Ok(Mark::Utf16);
    }
    if start.starts_with(&[0xef, 0xbb, 0xbf]) {
        reader.consume(3);
    }
    Ok(Mark::Utf8)
}

/// What was read so far.
struct Rows {
    name: Arc<str>,
    default: Option<RowKind>,
    found: Vec<Row>,
    errors: RowErrors,
}

impl Rows {
    fn place(&self, line: u64) -> Place {
        Place { file: Arc::clone(&self.name), line }
    }

    fn wrong(&mut self, line: u64, message: String) {
        self.errors.push(self.place(line), message);
    }

    fn row(&mut self, line: u64, pairs: Result<Vec<(Key, Raw)>, Vec<String>>) {
        let place = self.place(line);
        match pairs.and_then(|pairs| assemble(place.clone(), &pairs, self.default)) {
            Ok(row) => self.found.push(row),
            Err(messages) => {
                for message in messages {
                    self.errors.push(place.clone(), message);
                }
            }
        }
    }

    fn lines(&mut self, mut reader: impl BufRead) {
        let mut bytes = Vec::new();
        for line in 1.. {
            match read_line(&mut reader, &mut bytes) {
                Ok(Line::Whole) if bytes.trim_ascii().is_empty() => {}
                Ok(Line::Whole) => self.row(line, object(&bytes)),
                Ok(Line::TooLong) => self.wrong(line, "the line is longer than 1 MiB".to_owned()),
                Ok(Line::End) => return,
                Err(error) => return self.wrong(line, format!("cannot read on: {error}")),
            }
        }
    }

    fn pieces(&mut self, reader: impl BufRead) {
        let mut pieces = Pieces::new(reader, LONGEST);
        loop {
            match pieces.next() {
                Ok(Some(piece)) => self.row(piece.line, object(&piece.bytes)),
                Ok(None) => return,
                Err(CutError::Shape(line, what)) => return self.wrong(line, what.to_owned()),
                Err(CutError::Io(error)) => return self.wrong(1, format!("cannot read on: {error}")),
            }
        }
    }

    fn table(&mut self, reader: impl BufRead) {
        // A line ends with its line feed alone, else the line numbers of the csv crate lag behind; cells are trimmed.
        let mut builder = ::csv::ReaderBuilder::new();
        builder.flexible(true).terminator(::csv::Terminator::Any(b'\n'));
        let mut reader = builder.from_reader(Metered { reader, left: LONGEST });
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => return self.wrong(1, unreadable(&error)),
        };
        let Some(keys) = self.header(&header) else { return };
        let mut record = ::csv::ByteRecord::new();
        loop {
            reader.get_mut().left = LONGEST;
            let line = reader.position().line();
            match reader.read_byte_record(&mut record) {
                Ok(true) => self.cells(record.position().map_or(line, ::csv::Position::line), &keys, &record),
                Ok(false) => return,
                Err(error) => return self.wrong(line, unreadable(&error)),
            }
        }
    }

    fn header(&mut self, header: &::csv::StringRecord) -> Option<Vec<Key>> {
        let mut keys = Vec::new();
        if header.len() == 1 && header.iter().any(|cell| cell.contains([';', '\t'])) {
            self.wrong(1, "columns must be separated by commas".to_owned());
            return None;
        }
        for word in header.iter().map(str::trim) {
            match Key::from_word(word) {
                Some(key) if keys.contains(&key) => self.wrong(1, format!("the column `{word}` is there twice")),
                Some(key) => keys.push(key),
                None => self.wrong(1, unknown(word)),
            }
        }
        if keys.is_empty() && self.errors.is_empty() {
            self.wrong(1, "the file has no header".to_owned());
        }
        self.errors.is_empty().then_some(keys)
    }

    /// A row of blank cells alone is how spreadsheets end a table; it says nothing.
    fn cells(&mut self, line: u64, keys: &[Key], record: &::csv::ByteRecord) {
        if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
            return;
        }
        if record.len() != keys.len() {
            let (found, wanted) = (record.len(), keys.len());
            return self.wrong(line, format!("the row has {found} cells, the header {wanted}"));
        }
        let pairs = keys.iter().zip(record.iter()).map(|(key, cell)| match std::str::from_utf8(cell) {
            Ok(text) => Ok((*key, Raw::cell(unguard(text.trim())))),
            Err(_) => Err(vec![format!("`{}` is not UTF-8", key.word())]),
        });
        let pairs = pairs.collect();
        self.row(line, pairs);
    }
}

fn unreadable(error: &::csv::Error) -> String {
    if let ::csv::ErrorKind::Utf8 { .. } = error.kind() {
        "the header is not UTF-8".to_owned()
    } else if let ::csv::ErrorKind::Io(cause) = error.kind()
        && cause.kind() == io::ErrorKind::FileTooLarge
    {
        "the row is longer than 1 MiB; is a quote not closed?".to_owned()
    } else {
        format!("cannot read on: {error}")
    }
}

/// Fails when too much is read for one row; the budget is renewed after each.
struct Metered<R> {
    reader: R,
    left: usize,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.reader.read(buffer)?;
        self.left = self.left.saturating_sub(read);
        Ok(read)
    }
}

/// What was found of a line.
enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads a line without its end; of one that is too long nothing is kept.
fn read_line(reader: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<Line> {
    bytes.clear();
    let limit = LONGEST as u64 + 1;
    if reader.by_ref().take(limit).read_until(b'\n', bytes)? == 0 {
        return Ok(Line::End);
    }
    if bytes.ends_with(b"\n") || bytes.len() <= LONGEST {
        return Ok(Line::Whole);
    }
    while !bytes.is_empty() && !bytes.ends_with(b"\n") {
        bytes.clear();
        reader.by_ref().take(limit).read_until(b'\n', bytes)?;
    }
    Ok(Line::TooLong)
}

/// The keys and values of a JSON object.
fn object(bytes: &[u8]) -> Result<Vec<(Key, Raw)>, Vec<String>> {
    let text = std::str::from_utf8(bytes).map_err(|_| vec!["the line is not UTF-8".to_owned()])?;
    let Object(members) = serde_json::from_str(text).map_err(|error| vec![not_json(&error)])?;
    let mut pairs = Vec::with_capacity(members.len() + 4);
    let mut wrong = Vec::new();
    for (word, value) in members {
        if NESTED.contains(&word.as_str()) {
            nested(&word, value, &mut pairs, &mut wrong);
        } else {
            match (Key::from_word(&word), word.split_once('.')) {
                (Some(_), Some((outer, inner))) => {
                    wrong.push(format!("`{word}` is nested in JSON: `{inner}` in `{outer}`"));
                }
                (Some(key), None) => pairs.push((key, Raw::json(value))),
                (None, _) => wrong.push(unknown(&word)),
            }
        }
    }
    if wrong.is_empty() { Ok(pairs) } else { Err(wrong) }
}

/// Without the position, which is one within the line; the line itself is named already.
fn not_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    match error.classify() {
        // Else the whole text would be quoted.
        serde_json::error::Category::Data if text.starts_with("invalid type: string") => {
            "invalid type: string, expected an object with the keys of a record".to_owned()
        }
        serde_json::error::Category::Data => text.to_owned(),
        serde_json::error::Category::Io | serde_json::error::Category::Syntax | serde_json::error::Category::Eof => {
            format!("this is not JSON: {text} (column {})", error.column())
        }
    }
}

fn nested(word: &str, value: Value, pairs: &mut Vec<(Key, Raw)>, wrong: &mut Vec<String>) {
    match value {
        Value::Null => {
            let inner = [Key::SourceTenant, Key::SourceUser, Key::ArchivedFromTenant, Key::ArchivedFromUser];
            let inner =
                inner.into_iter().filter(|key| key.word().split_once('.').is_some_and(|(outer, _)| outer == word));
            pairs.extend(inner.map(|key| (key, Raw::Null)));
        }
        Value::Object(members) => {
            for (inner, value) in members {
                let dotted = format!("{word}.{inner}");
                match Key::from_word(&dotted) {
                    Some(key) => pairs.push((key, Raw::json(value))),
                    None => wrong.push(unknown(&dotted)),
                }
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            wrong.push(format!("`{word}` must be an object or null"));
        }
    }
}

/// A JSON object whose keys are all different.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the keys of a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members: Vec<(String, Value)> = Vec::with_capacity(18);
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if members.iter().any(|(known, _)| *known == key) {
                let shown: String = key.escape_default().take(80).collect();
                return Err(A::Error::custom(format_args!("the key `{shown}` is there twice")));
            }
            members.push((key, value));
        }
        Ok(Object(members))
    }
}
