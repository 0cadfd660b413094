//! Cuts a JSON document into its records: the elements of a list, or values one after the other, each with its line.
//! Looks no deeper than brackets and quotes, so a record that is wrong inside does not hide the ones after it.

use std::io::{self, BufRead};

/// A record's bytes and the line that it begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// From 1.
    pub line: u64,
    /// As they stand.
    pub bytes: Vec<u8>,
}

/// Reads pieces one by one.
pub struct Pieces<R> {
    reader: R,
    line: u64,
    limit: usize,
    list: List,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Unknown,
    Within,
    Outside,
}

/// Why cutting stopped.
#[derive(Debug)]
pub enum CutError {
    /// The reader failed.
    Io(io::Error),
    /// A record is longer than the limit, or the document ends within it; it began on that line.
    Shape(u64, &'static str),
}

impl<R: BufRead> Pieces<R> {
    /// Cuts what the reader gives; no piece is longer than `limit`.
    pub const fn new(reader: R, limit: usize) -> Self {
        Self { reader, line: 1, limit, list: List::Unknown }
    }

    /// The next piece.
    pub fn next(&mut self) -> Result<Option<Piece>, CutError> {
        loop {
            let Some(byte) = self.peek()? else {
                let unclosed = self.list == List::Within;
                return if unclosed { Err(CutError::Shape(self.line, "the list is not closed")) } else { Ok(None) };
            };
            match (byte, self.list) {
                (b' ' | b'\t' | b'\r' | b'\n' | b',', _) => self.skip(byte),
                (b'[', List::Unknown) => self.open(List::Within),
                (b']', List::Within) => self.open(List::Outside),
                _other => {
                    if self.list == List::Unknown {
                        self.list = List::Outside;
                    }
                    return self.cut().map(Some);
                }
            }
        }
    }

    fn open(&mut self, list: List) {
        self.list = list;
        self.reader.consume(1);
    }

    fn peek(&mut self) -> Result<Option<u8>, CutError> {
        Ok(self.reader.fill_buf().map_err(CutError::Io)?.first().copied())
    }

    fn skip(&mut self, byte: u8) {
        self.line += u64::from(byte == b'\n');
        self.reader.consume(1);
    }

    /// One value, of a byte at least: until its brackets close, or, outside brackets and quotes, until a separator.
    fn cut(&mut self) -> Result<Piece, CutError> {
        let line = self.line;
        let mut bytes = Vec::new();
        let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
        while let Some(byte) = self.peek()? {
            let ends = !bytes.is_empty()
                && depth == 0
                && !quoted
                && matches!(byte, b',' | b']' | b'\n' | b' ' | b'\r' | b'\t');
            if ends {
                break;
            }
            if bytes.len() >= self.limit {
                return Err(CutError::Shape(line, "a record is longer than 1 MiB"));
            }
            bytes.push(byte);
            self.skip(byte);
            match byte {
                _any if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'{' | b'[' if !quoted => depth += 1,
                b'}' | b']' if !quoted => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Ok(Piece { line, bytes });
                    }
                }
                _any => {}
            }
        }
        if depth > 0 || quoted {
            Err(CutError::Shape(line, "the record is not closed"))
        } else {
            Ok(Piece { line, bytes })
        }
    }
}
