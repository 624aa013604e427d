//! A file becomes documents, cut where kubectl cuts: at lines that begin with `---`, and between
//! JSON objects that follow each other. Line by line, so that a long file costs no memory.

use std::collections::VecDeque;
use std::io::{BufRead, Read};

use serde::de::IgnoredAny;

/// The longest document. A list of 10,000 customers is a third of it.
const MOST_BYTES: usize = 32 << 20;

/// Text that holds one document.
#[derive(Debug)]
pub(super) struct Document {
    pub text: String,
    /// Line of the file with which it begins, from 1.
    pub line: usize,
    /// Characters before it in that line.
    pub column: usize,
}

/// Why the rest of a file cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// From 1; 0 if it is about the whole file.
    pub line: usize,
    pub message: String,
    pub help: &'static str,
}

/// The documents of a file, until it cannot be read on.
pub(super) struct Documents<R> {
    reader: R,
    /// Lines that were read.
    line: usize,
    /// What was read and is not given out yet.
    ready: VecDeque<Result<Document, Unreadable>>,
    /// A separator, which belongs to the document that it begins.
    separator: Option<String>,
    may_have_bom: bool,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was read yet; it may be JSON.
    Beginning,
    Yaml,
    /// The file began with several JSON objects in a row; then nothing else may follow.
    Json,
    Done,
}

impl<R: BufRead> Documents<R> {
    pub(super) fn of(reader: R) -> Self {
        Self {
            reader,
            line: 0,
            ready: VecDeque::new(),
            separator: None,
            may_have_bom: true,
            stage: Stage::Beginning,
        }
    }

    /// The text up to the next separator.
    fn chunk(&mut self) -> Result<Option<Document>, Unreadable> {
        let mut text = self.separator.take().unwrap_or_default();
        let begin = if text.is_empty() { self.line + 1 } else { self.line };
        loop {
            let Some(line) = self.next_line(MOST_BYTES - text.len().min(MOST_BYTES), begin)? else {
                self.stage = Stage::Done;
                return Ok((!text.is_empty()).then_some(Document { text, line: begin, column: 0 }));
            };
            if let Some(rest) = line.strip_prefix("---") {
                self.check_separator(rest)?;
                if text.is_empty() {
                    text = line;
                    self.may_have_bom = true;
                    continue;
                }
                self.separator = Some(line);
                self.may_have_bom = true;
                return Ok(Some(Document { text, line: begin, column: 0 }));
            }
            text.push_str(&line);
        }
    }

    fn go_on(&mut self, stage: Stage) {
        if self.stage != Stage::Done {
            self.stage = stage;
        }
    }

    fn check_separator(&self, rest: &str) -> Result<(), Unreadable> {
        let rest = rest.trim();
        if rest.is_empty() || rest.starts_with('#') {
            return Ok(());
        }
        Err(Unreadable {
            line: self.line,
            message: "only a comment may follow --- in its line".to_owned(),
            help: "kubectl reads no further than here: begin the document in the next line",
        })
    }

    /// The next line, which ends with a line feed and nothing else.
    fn next_line(&mut self, limit: usize, begin: usize) -> Result<Option<String>, Unreadable> {
        let fault = |message: String, help| Unreadable { line: self.line + 1, message, help };
        let mut bytes = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        (&mut self.reader).take(most).read_until(b'\n', &mut bytes).map_err(|error| {
            Unreadable { line: 0, message: format!("cannot be read: {error}"), help: "" }
        })?;
        if bytes.len() >= limit && bytes.last() != Some(&b'\n') {
            return Err(Unreadable {
                line: begin,
                message: format!("this document is longer than {} MiB", MOST_BYTES >> 20),
                help: "split it; the API server takes no object of more than 3 MiB",
            });
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        if self.line == 0 && (bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")) {
            return Err(fault("the file is UTF-16".to_owned(), "save it as UTF-8"));
        }
        if bytes.contains(&0) {
            return Err(fault(
                "a NUL byte: this is not a text file".to_owned(),
                "remove it from PATH",
            ));
        }
        let mut line = String::from_utf8(bytes)
            .map_err(|_| fault("this line is not UTF-8".to_owned(), "save the file as UTF-8"))?;
        // Files that were put together have one at each seam.
        if std::mem::take(&mut self.may_have_bom) && line.starts_with('\u{feff}') {
            line.remove(0);
        }
        self.line += 1;
        let end =
            line.strip_suffix('\n').map_or(line.len(), |l| l.strip_suffix('\r').unwrap_or(l).len());
        line.truncate(end);
        line.push('\n');
        Ok(Some(line))
    }
}

impl<R: BufRead> Iterator for Documents<R> {
    type Item = Result<Document, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(document) = self.ready.pop_front() {
            return Some(document);
        }
        let stage = self.stage;
        if stage == Stage::Done {
            return None;
        }
        let chunk = match self.chunk() {
            Ok(Some(chunk)) if stage == Stage::Json => Err(after_json(&chunk)),
            Ok(chunk) => Ok(chunk?),
            Err(error) => Err(error),
        };
        let Ok(chunk) = chunk else {
            self.stage = Stage::Done;
            return Some(chunk);
        };
        if stage != Stage::Beginning || !chunk.text.trim_start().starts_with('{') {
            self.go_on(Stage::Yaml);
            return Some(Ok(chunk));
        }
        let (objects, rest) = objects(chunk);
        let is_json = objects.len() > 1;
        self.go_on(if is_json { Stage::Json } else { Stage::Yaml });
        self.ready.extend(objects.into_iter().map(Ok));
        match rest {
            Some(rest) if is_json => {
                self.stage = Stage::Done;
                self.ready.push_back(Err(after_json(&rest)));
            }
            rest => self.ready.extend(rest.map(Ok)),
        }
        self.next()
    }
}

/// After one JSON object kubectl goes on with YAML, after several it does not.
fn after_json(rest: &Document) -> Unreadable {
    let blank = rest.text.len() - rest.text.trim_start().len();
    Unreadable {
        line: rest.line + rest.text[..blank].matches('\n').count(),
        message: "this stands after several JSON objects, and is none".to_owned(),
        help: "kubectl reads no further than here: begin each document with a line ---",
    }
}

/// JSON objects that follow each other without `---`, and what is none.
fn objects(chunk: Document) -> (Vec<Document>, Option<Document>) {
    let mut stream = serde_json::Deserializer::from_str(&chunk.text).into_iter::<IgnoredAny>();
    let mut ends = Vec::new();
    while let Some(Ok(_)) = stream.next() {
        ends.push(stream.byte_offset());
    }
    let Document { text, mut line, mut column } = chunk;
    let mut start = 0;
    let mut cut = |end: usize| {
        let part = &text[start..end];
        let document = Document { text: part.to_owned(), line, column };
        line += part.matches('\n').count();
        column = match part.rfind('\n') {
            Some(at) => part[at + 1..].chars().count(),
            None => column + part.chars().count(),
        };
        start = end;
        document
    };
    let objects = ends.into_iter().map(&mut cut).collect();
    let rest = cut(text.len());
    (objects, (!rest.text.trim().is_empty()).then_some(rest))
}
