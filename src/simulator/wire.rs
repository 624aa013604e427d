//! Percent-encoding of paths, queries and forms.

use std::collections::BTreeMap;

/// Query string or form, decoded. Of a name that is repeated, the last value counts.
pub(super) fn parameters(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
        })
        .collect()
}

/// Segments of a path, decoded.
pub(super) fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect()
}

/// Decodes `%XX`; what is not one is left as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = byte.filter(|_| first == b'%') {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_decoded() {
        assert_eq!(
            segments("/users/a%40b.example/makeAdmin"),
            ["users", "a@b.example", "makeAdmin"]
        );
        assert_eq!(segments("/100%/%zz"), ["100%", "%zz"]);
        let query = parameters("a=1+2&b=%26&c");
        assert_eq!(query["a"], "1 2");
        assert_eq!(query["b"], "&");
        assert_eq!(query["c"], "");
    }
}
