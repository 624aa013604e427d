//! What a success must hold to be Google's answer to this method.
//!
//! All members of the wire types are optional, so any JSON object would pass for a customer. A body
//! that lacks what Google always sends came from someone else, and the call may have been applied.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::Failure;
use super::types::{Customer, DirectoryCustomer, Subscriptions, User};

/// An answer that can tell itself from a foreign body.
pub(super) trait Whole: DeserializeOwned {
    /// Whether `body` has what Google always sends.
    fn is_googles(body: &Value) -> bool;
}

impl Whole for Customer {
    fn is_googles(body: &Value) -> bool {
        body["customerId"].is_string()
    }
}

impl Whole for DirectoryCustomer {
    fn is_googles(body: &Value) -> bool {
        body["id"].is_string()
    }
}

impl Whole for User {
    fn is_googles(body: &Value) -> bool {
        body["id"].is_string() || body["primaryEmail"].is_string()
    }
}

impl Whole for Subscriptions {
    /// An empty list may be left out altogether.
    fn is_googles(body: &Value) -> bool {
        body["subscriptions"].is_array()
            || body["kind"] == "reseller#subscriptions"
            || body.as_object().is_some_and(serde_json::Map::is_empty)
    }
}

/// The answer in a success.
///
/// # Errors
///
/// [`Failure::NoAnswer`], without any part of the body.
pub(super) fn decode<T: Whole>(body: &Bytes) -> Result<T, Failure> {
    let broken = |what: &str| Failure::NoAnswer(format!("a success whose body is {what}"));
    let value: Value = serde_json::from_slice(body).map_err(|_| broken("not JSON"))?;
    if !T::is_googles(&value) {
        return Err(broken("not Google's answer to this method"));
    }
    serde_json::from_value(value).map_err(|_| broken("not as Google documents it"))
}

/// A success of a method that answers with nothing: no body, or an empty object.
pub(super) fn decode_nothing(body: &Bytes) -> Result<(), Failure> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(_)) => Ok(()),
        _ if body.trim_ascii().is_empty() => Ok(()),
        _ => Err(Failure::NoAnswer("a success whose body is not Google's".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(body: &'static str) -> Result<Customer, Failure> {
        decode(&Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn a_minimal_record_is_an_answer() {
        let answer = customer(r#"{"customerId":"C1","customerDomain":"a.example","new":1}"#);
        assert_eq!(answer.unwrap().customer_id.as_deref(), Some("C1"));
    }

    #[test]
    fn a_foreign_or_broken_success_may_have_been_applied() {
        for body in ["", "<html>", "[]", "{}", r#"{"ok":true}"#, r#"{"customerId":"C1""#] {
            assert!(matches!(customer(body), Err(Failure::NoAnswer(_))), "{body}");
        }
    }

    #[test]
    fn what_is_said_about_a_broken_body_repeats_none_of_it() {
        let failure = customer(r#"{"customerId":"C1","phoneNumber":{"canary":1}}"#).unwrap_err();
        assert!(!format!("{failure:?}").contains("canary"));
    }

    #[test]
    fn an_empty_list_may_be_left_out() {
        for body in ["{}", r#"{"kind":"reseller#subscriptions"}"#, r#"{"subscriptions":[]}"#] {
            let page: Subscriptions = decode(&Bytes::from_static(body.as_bytes())).unwrap();
            assert_eq!(page, Subscriptions::default());
        }
        assert!(decode::<Subscriptions>(&Bytes::from_static(br#"{"ok":true}"#)).is_err());
    }

    #[test]
    fn nothing_is_an_empty_body_or_object_but_not_a_page() {
        assert!(decode_nothing(&Bytes::new()).is_ok());
        assert!(decode_nothing(&Bytes::from_static(b"{}\n")).is_ok());
        assert!(decode_nothing(&Bytes::from_static(b"<html></html>")).is_err());
    }
}
