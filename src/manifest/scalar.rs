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
                (Value::Bool(_), "bool") | (Value::Null, "null") => true,
                (Value::Number(number), "float") => !is_beyond_go(number),
                // A float that has no fraction is an integer in JSON, but its tag is wrong.
                (Value::Number(_), "int") => integer(&text.replace('_', "")).is_some(),
                _ => false,
            };
            if fits { Ok(value) } else { Err(wrong()) }
        }
        // It stays a string, but only a date may be one.
        "timestamp" if !is_date(text) => Err(wrong()),
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
        Value::Number(number) if is_beyond_go(number) => None,
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// Go keeps it as an unsigned integer, which some of its code does not know.
fn is_beyond_go(number: &Number) -> bool {
    number.as_u64().is_some_and(|number| i64::try_from(number).is_err())
}

/// Four digits of a year, a month and a day; what follows is a time.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let is_number = |part: Option<&str>, most: usize| {
        part.is_some_and(|part| {
            (1..=most).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_digit())
        })
    };
    is_number(parts.next().filter(|year| year.len() == 4), 4)
        && is_number(parts.next(), 2)
        && parts.next().is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn number(text: &str) -> Option<Number> {
    match text.as_bytes().first()? {
        b'.' => float(&between_digits(text)?),
        b'0'..=b'9' | b'+' | b'-' => {
            let plain = text.replace('_', "");
            integer(&plain).or_else(|| float(&plain))
        }
        _ => None,
    }
}

/// Without underscores, which must stand between digits here, and here only.
fn between_digits(text: &str) -> Option<String> {
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| text.as_bytes().get(at)).is_some_and(u8::is_ascii_digit)
    };
    let mut underscores = text.match_indices('_').map(|(at, _)| at);
    let is_fine = underscores.all(|at| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)));
    is_fine.then(|| text.replace('_', ""))
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

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::manifest::node::{Node, Span};

    fn read(text: &str) -> Json {
        plain(text)
            .map_or(json!("not JSON"), |value| Node { value, span: Span::default() }.to_json())
    }

    /// Each line was compared with what kubectl makes of it.
    #[test]
    fn scalars_mean_what_they_mean_to_kubectl() {
        let table = [
            (json!(null), &["", "~", "null", "Null", "NULL"][..]),
            (json!(true), &["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "TRUE"]),
            (json!(false), &["n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "FALSE"]),
            (json!("not JSON"), &[".nan", ".NaN", ".inf", "-.Inf", "+.INF"]),
            (json!(0), &["0", "-0", "+0", "00", "0x0", "0o0", "0b0", "0.0", "-0.0", "0e5"]),
            (json!(7), &["7", "+7", "07", "007", "0x7", "0o7", "0b111", "7.", "7.0", "0_7", "7_"]),
            (json!(-7), &["-7", "-07", "-0x7", "-0b111", "-7.0"]),
            (json!(89), &["89", "089", "0089", "8_9", "89e0", "8.9e1"]),
            (json!(511), &["0777", "0x1FF", "0x1ff", "0X1FF", "0O777"]),
            (json!(1000), &["1e3", "1E3", "1e+3", "1.0e3", "1_000", "+1e3"]),
            (json!(1.5), &["1.5", "+1.5", "15e-1", "1_.5"]),
            (json!(0.5), &[".5", "+.5", "0.5", "5e-1", ".5_0"]),
            (json!(i64::MAX), &["9223372036854775807"]),
            (json!(i64::MIN), &["-9223372036854775808"]),
            (json!(u64::MAX), &["18446744073709551615", "0xFFFFFFFFFFFFFFFF"]),
        ];
        for (expected, texts) in table {
            for text in texts {
                assert_eq!(read(text), expected, "{text}");
            }
        }
        for text in [
            "tRue",
            "nULL",
            "yES",
            "oN",
            "_1",
            "1_0x",
            "0x",
            "0b2",
            "0o8",
            "0xG",
            "1e",
            "e3",
            ".",
            "+",
            "--1",
            "1-2",
            "12:30",
            "190:20:30",
            "2001-01-01",
            "2001-01-01T00:00:00Z",
            "1e400",
            ".5_",
            ".5__0",
            "._5",
            "=",
            "1,5",
            "1 2",
            "nan",
            "inf",
            "+",
            "0x+1",
            "1__e",
            "٣",
        ] {
            assert_eq!(read(text), json!(text), "{text}");
        }
    }

    #[test]
    fn a_tag_says_what_a_scalar_is_or_is_refused() {
        let read = |tag: &str, text: &str| {
            tagged(tag, text).ok().map(|value| Node { value, span: Span::default() }.to_json())
        };
        assert_eq!(read("str", "01"), Some(json!("01")));
        assert_eq!(read("int", "010"), Some(json!(8)));
        assert_eq!(read("int", "1.5"), None);
        assert_eq!(read("int", "1e3"), None);
        assert_eq!(read("float", "1"), Some(json!(1)));
        assert_eq!(read("bool", "yes"), Some(json!(true)));
        assert_eq!(read("bool", "1"), None);
        assert_eq!(read("null", ""), Some(json!(null)));
        assert_eq!(read("null", "x"), None);
        assert_eq!(read("binary", "QWRh"), Some(json!("Ada")));
        assert_eq!(read("binary", "?"), None);
        assert_eq!(read("timestamp", "2001-01-01"), Some(json!("2001-01-01")));
        assert_eq!(read("timestamp", "soon"), None);
        assert_eq!(read("set", "x"), Some(json!("x")));
    }
}
