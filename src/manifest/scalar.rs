//! Scalars as kubectl reads them: Go's yaml.v2 (YAML 1.1 without base 60), and then JSON.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Number;

use super::node::Value;

/// What is written cannot become JSON; says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotJson(pub String);

/// What a scalar without quotes and tag means.
pub(super) fn plain(text: &str) -> Result<Value, NotJson> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => {
            return Err(NotJson(format!("`{text}` is a number that JSON does not have")));
        }
        _ => number(text).map_or_else(|| Value::Text(text.to_owned()), Value::Number),
    })
}

/// What a scalar with a tag means; quotes do not matter then.
pub(super) fn tagged(tag: &str, text: &str) -> Result<Value, NotJson> {
    let wrong = || NotJson(format!("`{text}` is not a value of the tag !!{tag}"));
    match tag {
        "bool" | "int" | "float" | "null" => {
            let value = plain(text)?;
            let fits = match (&value, tag) {
                (Value::Bool(_), "bool") | (Value::Null, "null") | (Value::Number(_), "float") => {
                    true
                }
                // A float that has no fraction is an integer in JSON, but its tag is wrong.
                (Value::Number(_), "int") => integer(&text.replace('_', "")).is_some(),
                _ => false,
            };
            if fits { Ok(value) } else { Err(wrong()) }
        }
        "binary" => {
            let joined: String = text.split_ascii_whitespace().collect();
            let bytes = BASE64_STANDARD.decode(joined).map_err(|_| wrong())?;
            Ok(Value::Text(String::from_utf8_lossy(&bytes).into_owned()))
        }
        _ => Ok(Value::Text(text.to_owned())),
    }
}

/// The name of a member, if this can be one.
pub(super) fn key(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

fn number(text: &str) -> Option<Number> {
    match text.as_bytes().first()? {
        b'.' => float(text),
        b'0'..=b'9' | b'+' | b'-' => {
            let plain = text.replace('_', "");
            integer(&plain).or_else(|| float(&plain))
        }
        _ => None,
    }
}

/// An integer with Go's prefixes; `0` alone makes it octal.
fn integer(text: &str) -> Option<Number> {
    let (is_negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    if is_negative { 0_i64.checked_sub_unsigned(size).map(Number::from) } else { Some(size.into()) }
}

fn float(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_float = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().all(|c| matches!(c, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let value: f64 = if is_float { text.parse().ok()? } else { return None };
    // JSON has one kind of number: Go writes 1e3 as 1000, and reads that as an integer.
    #[expect(clippy::cast_possible_truncation, reason = "compared afterwards")]
    let whole = value as i64;
    #[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "whether it is the same")]
    let is_whole = whole as f64 == value && value.abs() < 9e18;
    if is_whole { Some(whole.into()) } else { Number::from_f64(value) }
}
