//! YAML and JSON text becomes nodes. Everything is bounded: depth, and what aliases bring.

use std::collections::HashMap;

use serde_yaml::granit_parser::{
    self, ErrorKind, Event, Parser, ScalarStyle, ScanError, StrInput, Tag,
};

use super::node::{Entry, Node, Span, Value};
use super::scalar::{self, NotJson};

/// Collections in each other. A manifest has about six; what is deeper is made to break readers.
const MOST_DEPTH: usize = 100;

/// Why a text is not YAML that kubectl takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub span: Span,
    pub message: String,
    pub help: Option<&'static str>,
}

impl Broken {
    fn at(span: Span, message: &str, help: &'static str) -> Self {
        Self { span, message: message.to_owned(), help: Some(help) }
    }
}

/// Reads the first document of a text, which is all that kubectl looks at. Nothing if there is none
/// but comments.
pub(super) fn read(text: &str) -> Result<Option<Node>, Broken> {
    let mut options = granit_parser::options! {
        flow_nesting_limit: MOST_DEPTH,
        block_nesting_limit: MOST_DEPTH,
    };
    options.set_emit_comments(false);
    let mut reader = Reader {
        text,
        parser: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        decoded: 0,
        from_aliases: 0,
    };
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(None),
            (Event::DocumentStart(..), _) => {
                let first = reader.next()?;
                let root = reader.node(first, 0)?;
                reader.end()?;
                return Ok(Some(root));
            }
            _ => {}
        }
    }
}

/// A node that an alias can bring again.
struct Anchored {
    node: Node,
    /// How many nodes it is made of.
    size: usize,
    depth: usize,
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Anchored>,
    decoded: usize,
    from_aliases: usize,
}

type Item<'a> = (Event<'a>, Span);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Item<'a>, Broken> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, of(span))),
            Some(Err(error)) => Err(broken(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// Nothing may follow: kubectl would drop it without a word.
    fn end(&mut self) -> Result<(), Broken> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(..), span) => {
                    let message = "kubectl drops what follows here, without a word";
                    return Err(Broken::at(span, message, "begin each document with a line ---"));
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, (event, span): Item<'a>, depth: usize) -> Result<Node, Broken> {
        let before = self.decoded;
        self.decoded += 1;
        let (value, anchor) = match event {
            Event::Alias(id) => return self.alias(id, span, depth),
            Event::Scalar(text, style, anchor, tag) => {
                (value(&text, style, tag.as_deref()).map_err(|why| not_json(span, why))?, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.list(depth + 1)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.map(depth + 1)?, anchor),
            other => {
                let message = format!("a value was expected here, not {other:?}");
                return Err(Broken { span, message, help: None });
            }
        };
        let node = Node { value, span };
        if anchor > 0 {
            let size = self.decoded - before;
            let depth = node.depth();
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, depth });
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, Broken> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                item => items.push(self.node(item, depth)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Broken> {
        let mut members = Members::default();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Map(members.entries)),
                key => key,
            };
            if is_merge(&key.0) {
                let first = self.next()?;
                let node = self.node(first, depth)?;
                members.merge(node)?;
                continue;
            }
            let key = self.node(key, depth)?;
            self.check_colon(key.span)?;
            let first = self.next()?;
            let value = self.node(first, depth)?;
            let Some(name) = scalar::key(&key.value) else {
                let message = format!("a key must be a string, not {}", key.kind());
                let help = Some("quote it if it is meant to be text");
                return Err(Broken { span: key.span, message, help });
            };
            members.put(Entry { key: name, key_span: key.span, value, replaced: None }, true);
        }
    }

    /// In `{a:}` the colon belongs to the name, for kubectl.
    fn check_colon(&self, key: Span) -> Result<(), Broken> {
        let after = self.text.get(key.end..).unwrap_or_default();
        let is_quoted = self.text[..key.end].ends_with(['"', '\'']);
        if !is_quoted && [":,", ":}", ":]"].iter().any(|end| after.starts_with(end)) {
            let message = "kubectl takes this colon for a part of the name";
            return Err(Broken::at(key, message, "write a value, or a space after the colon"));
        }
        Ok(())
    }

    /// What the anchor stands for, again. Go's reader has the same bounds.
    fn alias(&mut self, id: usize, span: Span, depth: usize) -> Result<Node, Broken> {
        let fault = |message| Err(Broken::at(span, message, "write the values out"));
        let Some(anchored) = self.anchors.get(&id) else {
            return fault("this alias stands inside of its own anchor");
        };
        self.decoded += anchored.size;
        self.from_aliases += anchored.size;
        if is_excessive(self.decoded, self.from_aliases) {
            return fault("the aliases of this document make it too large");
        }
        if depth + anchored.depth > MOST_DEPTH {
            return fault("this alias nests the document too deep");
        }
        Ok(anchored.node.clone())
    }
}

/// The limits of Go's yaml.v2: `decode.go`, `allowedAliasRatio`.
fn is_excessive(decoded: usize, from_aliases: usize) -> bool {
    const LOW: usize = 400_000;
    const HIGH: usize = 4_000_000;
    if from_aliases <= 100 || decoded <= 1000 {
        return false;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rough limit")]
    let (decoded, from_aliases, low, width) =
        (decoded as f64, from_aliases as f64, LOW as f64, (HIGH - LOW) as f64);
    let allowed = (0.99 - 0.89 * ((decoded - low) / width)).clamp(0.10, 0.99);
    from_aliases / decoded > allowed
}

/// Members of a map while it is read: what comes later replaces what was there, as in kubectl.
#[derive(Default)]
struct Members {
    entries: Vec<Entry>,
    places: HashMap<String, usize>,
}

impl Members {
    fn put(&mut self, mut entry: Entry, is_written_here: bool) {
        let place = *self.places.entry(entry.key.clone()).or_insert(self.entries.len());
        match self.entries.get_mut(place) {
            Some(old) => {
                entry.replaced = is_written_here.then_some(old.key_span);
                *old = entry;
            }
            None => self.entries.push(entry),
        }
    }

    fn merge(&mut self, node: Node) -> Result<(), Broken> {
        let span = node.span;
        let maps = match node.value {
            Value::List(maps) => maps,
            _ => vec![node],
        };
        // The first of several wins.
        for map in maps.into_iter().rev() {
            let Value::Map(entries) = map.value else {
                let message = "<< takes an object or a list of objects";
                return Err(Broken::at(span, message, "name an anchor of an object: <<: *name"));
            };
            for entry in entries {
                self.put(entry, false);
            }
        }
        Ok(())
    }
}

fn is_merge(event: &Event<'_>) -> bool {
    matches!(event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<")
}

fn value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, NotJson> {
    match tag {
        Some(tag) => match tag.suffix_in_namespace("tag:yaml.org,2002:") {
            Some(suffix) => scalar::tagged(&suffix, text),
            None => Ok(Value::Text(text.to_owned())),
        },
        None if style == ScalarStyle::Plain => scalar::plain(text),
        None => Ok(Value::Text(text.to_owned())),
    }
}

fn not_json(span: Span, NotJson(message): NotJson) -> Broken {
    Broken { span, message, help: Some("quote it if it is meant to be text") }
}

fn broken(error: &ScanError) -> Broken {
    let at = error.marker().byte_offset().unwrap_or_default();
    let help = match error.kind() {
        ErrorKind::TabInIndentation
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInPlainScalar => Some("indent with spaces: YAML takes no tabs there"),
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::InvalidColonPlacement
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey => Some(
            "look at the indentation of this line and the one before; a text with a colon and a \
             space in it must be quoted",
        ),
        ErrorKind::UnexpectedCharacter { .. } => {
            Some("a text that begins with such a character must be quoted")
        }
        ErrorKind::UnknownAnchor => {
            Some("give a value the name before it, such as &name; anchors end with their document")
        }
        ErrorKind::RecursionLimitExceeded => Some("collections are nested too deep here"),
        _ => None,
    };
    Broken { span: Span { start: at, end: at }, message: error.info(), help }
}

fn of(span: granit_parser::Span) -> Span {
    let start = span.start.byte_offset().unwrap_or_default();
    Span { start, end: span.end.byte_offset().unwrap_or(start).max(start) }
}
