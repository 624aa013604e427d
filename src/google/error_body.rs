//! What the body and headers of an answer that is not a success say.
//!
//! Three bodies are known: Google's JSON with `errors[]`, Google's JSON in the layout of
//! google.rpc.Status, and whatever a proxy or gateway sends. Only the first two are Google's word.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use jiff::fmt::rfc2822;
use serde_json::Value;

use super::error::Failure;

/// No Retry-After is obeyed for longer, so that one wrong header cannot stop the operator for good.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The failure that an answer with this status and body means.
pub(super) fn failure(status: u16, body: &[u8]) -> Failure {
    googles_own(status, body).unwrap_or(Failure::NotGoogle { status })
}

fn googles_own(status: u16, body: &[u8]) -> Option<Failure> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error")?;
    if error.get("code")?.as_u64()? != u64::from(status) {
        return None;
    }
    let text = |of: &Value, member| of.get(member).and_then(Value::as_str).map(str::to_owned);
    let reason = ["errors", "details"]
        .into_iter()
        .filter_map(|list| error.get(list)?.as_array())
        .flatten()
        .find_map(|item| text(item, "reason").filter(|reason| !reason.is_empty()))
        .or_else(|| text(error, "status"));
    Some(Failure::Answered {
        status,
        reason: reason.unwrap_or_default(),
        message: text(error, "message").unwrap_or_default(),
    })
}

/// How long the answer asks to wait: seconds, or a date, which is taken relative to the answer's
/// own `Date`, so that a wrong clock here does not matter. At most an hour.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let until = rfc2822::parse(value).ok()?.timestamp();
        let sent = rfc2822::parse(headers.get(DATE)?.to_str().ok()?).ok()?.timestamp();
        Duration::try_from(until.duration_since(sent)).unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::google::{ApiError, ApiMethod, ErrorClass};

    fn class(status: u16, body: &str) -> ErrorClass {
        ApiError::new(ApiMethod::CustomersGet, failure(status, body.as_bytes())).class()
    }

    #[test]
    fn googles_first_layout_gives_reason_and_message() {
        let body = r#"{"error":{"code":403,"message":"Forbidden","errors":[
            {"message":"Forbidden","domain":"global","reason":"forbidden"}]}}"#;
        let expected = Failure::Answered {
            status: 403,
            reason: "forbidden".into(),
            message: "Forbidden".into(),
        };
        assert_eq!(failure(403, body.as_bytes()), expected);
    }

    #[test]
    fn the_layout_of_rpc_status_gives_the_detail_or_else_the_status() {
        let detailed = r#"{"error":{"code":403,"message":"off","status":"PERMISSION_DENIED",
            "details":[{"@type":"x","links":[]},{"reason":"SERVICE_DISABLED","domain":"googleapis.com"}]}}"#;
        assert_eq!(class(403, detailed), ErrorClass::Credentials);
        let plain = r#"{"error":{"code":404,"message":"no","status":"NOT_FOUND"}}"#;
        assert_eq!(
            failure(404, plain.as_bytes()),
            Failure::Answered { status: 404, reason: "NOT_FOUND".into(), message: "no".into() }
        );
    }

    #[test]
    fn a_404_that_is_not_googles_is_an_outage() {
        for body in
            ["<html>404</html>", "", "{}", r#"{"error":"not found"}"#, r#"{"error":{"code":1}}"#]
        {
            assert_eq!(class(404, body), ErrorClass::Unavailable, "{body}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_against_the_answers_own_date() {
        let headers = |after: &str, date: Option<&str>| {
            let mut map = HeaderMap::new();
            map.insert(RETRY_AFTER, after.parse().unwrap());
            if let Some(date) = date {
                map.insert(DATE, date.parse().unwrap());
            }
            retry_after(&map)
        };
        let noon = Some("Sun, 06 Nov 1994 12:00:00 GMT");
        assert_eq!(headers("7", None), Some(Duration::from_secs(7)));
        assert_eq!(headers("99999999", None), Some(LONGEST_WAIT));
        assert_eq!(headers("Sun, 06 Nov 1994 12:01:30 GMT", noon), Some(Duration::from_secs(90)));
        assert_eq!(headers("Sun, 06 Nov 1994 11:00:00 GMT", noon), Some(Duration::ZERO));
        assert_eq!(headers("Sun, 06 Nov 1994 12:01:30 GMT", None), None);
        assert_eq!(headers("soon", noon), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
