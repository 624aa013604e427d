//! The cases in `tests/manifests/`: their head says how they are written.

use std::fs;
use std::path::Path;

/// One text, and what is expected of it.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "the unit tests of the JSON schema read a part of it")]
pub(crate) struct Case {
    pub name: String,
    pub is_accepted: bool,
    /// Fields with an error.
    pub fields: Vec<String>,
    /// Fields with a warning.
    pub warned: Vec<String>,
    /// Why kubectl accepts what we refuse.
    pub kubectl_accepts: Option<String>,
    pub text: Vec<u8>,
}

/// All cases, or those of one file.
pub(crate) fn cases(file: Option<&str>) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests");
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()).collect();
    paths.retain(|path| file.is_none_or(|name| path.ends_with(name)));
    paths.sort();
    assert!(!paths.is_empty(), "no file with cases");
    let texts = paths.iter().map(|path| fs::read_to_string(path).expect("cases"));
    texts.flat_map(|text| text.split("\n==== ").skip(1).map(case).collect::<Vec<_>>()).collect()
}

fn case(text: &str) -> Case {
    let (head, body) = text.split_once("\n----\n").expect("a case has a line ----");
    let mut lines = head.lines();
    let mut case = Case {
        name: lines.next().expect("a name").to_owned(),
        is_accepted: false,
        fields: Vec::new(),
        warned: Vec::new(),
        kubectl_accepts: None,
        text: decoded(body),
    };
    for line in lines {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let fields = || rest.split(' ').filter(|field| !field.is_empty()).map(str::to_owned);
        match word {
            "accepted" => case.is_accepted = true,
            "refused" => case.fields = fields().collect(),
            "warns" => case.warned = fields().collect(),
            "kubectl" => case.kubectl_accepts = Some(rest.to_owned()),
            other => unreachable!("{other} in the case {}", case.name),
        }
    }
    case
}

/// The text with its special characters.
fn decoded(body: &str) -> Vec<u8> {
    let body = match body.strip_suffix("<END>") {
        Some(body) => body.to_owned(),
        None => format!("{}\n", body.strip_suffix('\n').unwrap_or(body)),
    };
    let mut out = Vec::new();
    let mut rest = body.as_str();
    while let Some(at) = rest.find('<') {
        out.extend(rest[..at].bytes());
        let end = rest[at..].find('>').map(|end| at + end);
        let token = end.map(|end| &rest[at + 1..end]);
        if let Some(bytes) = token.and_then(special) {
            out.extend(bytes);
            rest = &rest[at + token.map_or(0, str::len) + 2..];
        } else {
            out.push(b'<');
            rest = &rest[at + 1..];
        }
    }
    out.extend(rest.bytes());
    out
}

fn special(token: &str) -> Option<Vec<u8>> {
    Some(match token {
        "BOM" => "\u{feff}".into(),
        "CR" => "\r".into(),
        "TAB" => "\t".into(),
        "NUL" => "\0".into(),
        "SOH" => "\u{1}".into(),
        "DEL" => "\u{7f}".into(),
        "NEL" => "\u{85}".into(),
        "E4" => vec![0xe4],
        _ => {
            let (text, times) = token.rsplit_once('*')?;
            text.repeat(times.parse().ok()?).into_bytes()
        }
    })
}
