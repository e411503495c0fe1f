//! Files of JSON documents: one a line, one over many lines, several in a row, or a list of them.

use std::io::{self, BufRead, Read};

use serde_json::{Deserializer, Value};

/// A document of many lines is held in memory whole; so is a line. What a test saw is a few megabytes at most.
const LONGEST: u64 = 64 << 20;

/// A document, or why it is none, and where it begins.
pub(super) struct Document {
    pub(super) line: u64,
    pub(super) json: Result<Value, NoJson>,
}

/// Why there is no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoJson {
    /// Not JSON.
    Syntax,
    /// More than is read at once.
    TooLong,
}

/// The documents of a file, in order.
pub(super) struct Documents {
    reader: Box<dyn BufRead>,
    line: u64,
    /// Those of a document that was read ahead.
    ahead: std::vec::IntoIter<Document>,
    ended: bool,
}

impl Documents {
    pub(super) fn of(reader: Box<dyn BufRead>) -> Self {
        Self { reader, line: 0, ahead: Vec::new().into_iter(), ended: false }
    }

    /// How many lines were read whole.
    pub(super) fn lines(&self) -> u64 {
        self.line.saturating_sub(1)
    }

    /// The next line that is not empty.
    fn next_line(&mut self) -> io::Result<Option<Result<Vec<u8>, NoJson>>> {
        loop {
            let mut line = Vec::new();
            self.line += 1;
            let read = self.reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(None);
            }
            if read as u64 >= LONGEST && !line.ends_with(b"\n") {
                self.reader.skip_until(b'\n')?;
                return Ok(Some(Err(NoJson::TooLong)));
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some(Ok(line)));
            }
        }
    }

    fn read(&mut self) -> io::Result<Option<Document>> {
        if let Some(document) = self.ahead.next() {
            return Ok(Some(document));
        }
        if self.ended {
            return Ok(None);
        }
        let Some(line) = self.next_line()? else {
            self.ended = true;
            return Ok(None);
        };
        let place = self.line;
        let json = match line {
            Err(too_long) => Err(too_long),
            Ok(line) => match serde_json::from_slice(&line) {
                Ok(Value::Array(list)) => return Ok(self.set_ahead(place, list.into_iter().map(Ok).collect())),
                Ok(json) => Ok(json),
                // The first line ends in the middle of a document, so the file is one of documents over many lines.
                Err(error) if error.is_eof() && place == 1 => return self.read_whole(line),
                Err(_) => Err(NoJson::Syntax),
            },
        };
        Ok(Some(Document { line: place, json }))
    }

    /// Documents over many lines. After an error in one there is no telling where the next begins.
    fn read_whole(&mut self, mut text: Vec<u8>) -> io::Result<Option<Document>> {
        self.ended = true;
        let read = self.reader.by_ref().take(LONGEST).read_to_end(&mut text)?;
        if read as u64 >= LONGEST {
            return Ok(Some(Document { line: 1, json: Err(NoJson::TooLong) }));
        }
        let mut documents = Vec::new();
        for json in Deserializer::from_slice(&text).into_iter::<Value>() {
            match json {
                Ok(Value::Array(list)) => documents.extend(list.into_iter().map(Ok)),
                Ok(json) => documents.push(Ok(json)),
                // The first line was broken off, and what follows are lines like it.
                Err(_) if documents.is_empty() => return Ok(self.set_lines_ahead(&text)),
                Err(_) => documents.push(Err(NoJson::Syntax)),
            }
        }
        Ok(self.set_ahead(1, documents))
    }

    fn set_lines_ahead(&mut self, text: &[u8]) -> Option<Document> {
        let lines = (1..).zip(text.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.trim_ascii().is_empty());
        let parsed =
            lines.map(|(line, text)| Document { line, json: serde_json::from_slice(text).map_err(|_| NoJson::Syntax) });
        self.ahead = parsed.collect::<Vec<_>>().into_iter();
        self.ahead.next()
    }

    fn set_ahead(&mut self, line: u64, documents: Vec<Result<Value, NoJson>>) -> Option<Document> {
        let documents: Vec<_> = documents.into_iter().map(|json| Document { line, json }).collect();
        self.ahead = documents.into_iter();
        self.ahead.next()
    }
}

impl Iterator for Documents {
    type Item = io::Result<Document>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(text: &str) -> Vec<(u64, Option<i64>)> {
        let documents = Documents::of(Box::new(Cursor::new(text.to_owned())));
        documents.map(Result::unwrap).map(|one| (one.line, one.json.ok().and_then(|json| json["a"].as_i64()))).collect()
    }

    #[test]
    fn however_they_are_laid_out() {
        assert_eq!(read("{\"a\": 1}\n\nnonsense\n{\"a\": 2}"), [(1, Some(1)), (3, None), (4, Some(2))]);
        assert_eq!(read("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n"), [(1, Some(1)), (1, Some(2))]);
        assert_eq!(read("[{\"a\": 1}, {\"a\": 2}]"), [(1, Some(1)), (1, Some(2))]);
        assert_eq!(read("[\n{\"a\": 1},\n{\"a\": 2}]"), [(1, Some(1)), (1, Some(2))]);
        assert_eq!(read("{\n\"a\": 1}\n{\n\"a\": }"), [(1, Some(1)), (1, None)]);
        assert_eq!(read("{\"a\": 1"), [(1, None)]);
        assert_eq!(read("{\"a\": [1\n{\"a\": 2}\n\n{\"a\": 3}\n"), [(1, None), (2, Some(2)), (4, Some(3))]);
        assert_eq!(read(""), []);
        assert_eq!(read("[]"), []);
    }
}
