//! From YAML to cases: variants laid over, `like` replaced by the named fragments.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// One case: one pass over one object.
#[derive(Debug)]
pub(crate) struct Case {
    /// Row of states.md.
    pub(crate) row: String,
    /// Sentence, with the variant's name.
    pub(crate) title: String,
    /// The passes that come before, as whole cases.
    pub(crate) earlier: Vec<Value>,
    /// The case, resolved.
    pub(crate) value: Value,
}

const CASE_KEYS: [&str; 23] = [
    "row",
    "title",
    "world",
    "spec",
    "generation",
    "now",
    "status",
    "remembered",
    "rememberedSpec",
    "answered",
    "orderedSpec",
    "watched",
    "sinceWrite",
    "claim",
    "orders",
    "password",
    "transferToken",
    "unverified",
    "annotations",
    "record",
    "deleted",
    "announce",
    "google",
];
const EXPECT_KEYS: [&str; 19] = [
    "writes",
    "writesAmong",
    "reads",
    "recorded",
    "secret",
    "conditions",
    "observedGeneration",
    "status",
    "messages",
    "messagesLack",
    "events",
    "eventsHave",
    "eventsLack",
    "next",
    "secondPass",
    "statusUnchanged",
    "announced",
    "before",
    "title",
];

/// All cases, in the order of the files.
pub(crate) fn load() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan_cases");
    let mut files: Vec<PathBuf> = fs::read_dir(&directory)
        .expect("the directory of the cases")
        .map(|entry| entry.expect("an entry of the directory").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    let fragments = parse(&directory.join("fragments.yaml"));
    files
        .iter()
        .filter(|path| !path.ends_with("fragments.yaml"))
        .flat_map(|path| match parse(path) {
            Value::Array(cases) => cases,
            other => panic!("{}: a list of cases, not {other}", path.display()),
        })
        .flat_map(|case| variants(&case, &fragments))
        .collect()
}

fn parse(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

fn variants(case: &Value, fragments: &Value) -> Vec<Case> {
    let base = without(case, &["variants"]);
    match case.get("variants") {
        None => vec![resolved(&base, "", fragments)],
        Some(Value::Array(names)) => names
            .iter()
            .map(|name| name.as_str().expect("a variant's name"))
            .map(|name| resolved(&merge(&base, raw(name, fragments)), name, fragments))
            .collect(),
        Some(Value::Object(overlays)) => overlays
            .iter()
            .map(|(name, overlay)| {
                let like = overlay.get("like").and_then(Value::as_str);
                let base = like.map_or(base.clone(), |like| merge(&base, raw(like, fragments)));
                resolved(&merge(&base, &without(overlay, &["like"])), name, fragments)
            })
            .collect(),
        Some(other) => panic!("variants: a list or a mapping, not {other}"),
    }
}

fn raw<'a>(name: &str, fragments: &'a Value) -> &'a Value {
    fragments["both"].get(name).unwrap_or_else(|| panic!("no fragment {name}"))
}

fn resolved(case: &Value, variant: &str, fragments: &Value) -> Case {
    let mut case = case.clone();
    let spec = case.get("spec").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    if spec.get("like").is_none() {
        let base = Value::Object(Map::from_iter([("like".to_owned(), Value::from("spec"))]));
        case["spec"] = merge(&base, &spec);
    }
    let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
    let world = if text("world").is_empty() { "domain".to_owned() } else { text("world") };
    let title = match variant {
        "" => text("title"),
        variant => format!("{} [{variant}]", text("title")),
    };
    let alone = without(&case, &["earlier", "expect"]);
    let earlier = case.get("earlier").and_then(Value::as_array).cloned().unwrap_or_default();
    let finish = |case: &Value| strip_nulls(resolve(case, &world, fragments));
    let known = finish(&without(&case, &["earlier"]));
    check_keys(&title, &known);
    Case {
        row: text("row"),
        earlier: earlier.iter().map(|pass| finish(&earlier_pass(&alone, pass))).collect(),
        value: known,
        title,
    }
}

fn check_keys(title: &str, case: &Value) {
    let all = |value: &Value, known: &[&str]| {
        for key in value.as_object().into_iter().flat_map(Map::keys) {
            assert!(known.contains(&key.as_str()), "{title}: unknown key {key}");
        }
    };
    let mut keys = CASE_KEYS.to_vec();
    keys.push("expect");
    all(case, &keys);
    all(&case["expect"], &EXPECT_KEYS);
}

/// An earlier pass is the case with some members replaced; an answer of Google's that it names is
/// replaced as a whole.
fn earlier_pass(case: &Value, pass: &Value) -> Value {
    let mut case = case.clone();
    let answers = pass.get("google").and_then(Value::as_object);
    if let Some(google) = case.get_mut("google").and_then(Value::as_object_mut) {
        for key in answers.into_iter().flat_map(Map::keys) {
            google.remove(key);
        }
    }
    merge(&case, pass)
}

fn without(value: &Value, keys: &[&str]) -> Value {
    let mut value = value.clone();
    if let Some(map) = value.as_object_mut() {
        for key in keys {
            map.remove(*key);
        }
    }
    value
}

/// What an answer of Google's can be; the first one of a mapping says which.
const ANSWERS: [&str; 11] = [
    "status",
    "html",
    "timeout",
    "broken",
    "refused-connection",
    "token-unavailable",
    "credentials",
    "scope-not-granted",
    "body",
    "echo",
    "ok",
];

/// Whether both are answers of Google's, of different kinds.
fn are_different_answers(base: &Map<String, Value>, over: &Map<String, Value>) -> bool {
    let kinds = |map: &Map<String, Value>| ANSWERS.map(|kind| map.contains_key(kind));
    let (base, over) = (kinds(base), kinds(over));
    let is_any = |kinds: [bool; 11]| kinds.contains(&true);
    is_any(base) && is_any(over) && !base.iter().zip(over).any(|(one, other)| *one && other)
}

/// `over` laid over `base`: mappings member by member, all else replaced, and so is an answer of
/// Google's of another kind. Nulls stay.
pub(crate) fn merge(base: &Value, over: &Value) -> Value {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) if !are_different_answers(base, over) => {
            let mut merged = base.clone();
            for (key, value) in over {
                let value = base.get(key).map_or_else(|| value.clone(), |old| merge(old, value));
                merged.insert(key.clone(), value);
            }
            Value::Object(merged)
        }
        (_, over) => over.clone(),
    }
}

fn resolve(value: &Value, world: &str, fragments: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut base = Value::Object(Map::new());
            for name in names(map.get("like")) {
                let fragment = fragments[world]
                    .get(name)
                    .or_else(|| fragments["both"].get(name))
                    .unwrap_or_else(|| panic!("no fragment {name} of {world}"));
                base = merge(&base, &resolve(fragment, world, fragments));
            }
            let rest: Map<String, Value> = map
                .iter()
                .filter(|(key, _)| *key != "like")
                .map(|(key, value)| (key.clone(), resolve(value, world, fragments)))
                .collect();
            merge(&base, &Value::Object(rest))
        }
        Value::Array(items) => items.iter().map(|item| resolve(item, world, fragments)).collect(),
        other => other.clone(),
    }
}

fn names(like: Option<&Value>) -> Vec<&str> {
    match like {
        None => Vec::new(),
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => {
            names.iter().map(|name| name.as_str().expect("like: a name")).collect()
        }
        Some(other) => panic!("like: a name or a list of names, not {other}"),
    }
}

/// Takes away what was laid over with null.
pub(crate) fn strip_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, strip_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(strip_nulls).collect(),
        other => other,
    }
}
