//! What an object shows.

use std::fmt::Write;

use reseller_operator::crd::ResellerCustomer;
use reseller_operator::plan::conditions::find;

/// Whether an object shows conditions such as `Ready=True/InSync Stalled=-` (`-`: absent). A Ready
/// that is True or False counts only as a verdict on the generation that is there.
pub fn shows(object: &ResellerCustomer, expected: &str) -> bool {
    let Some(status) = &object.status else { return false };
    let is_observed = Some(status.observed_generation) == object.metadata.generation;
    expected.split_whitespace().all(|one| {
        let (kind, expected) = one.split_once('=').expect("TYPE=STATUS/REASON");
        let shown = find(&status.conditions, kind)
            .map_or_else(|| "-".to_owned(), |found| format!("{}/{}", found.status, found.reason));
        let is_verdict =
            kind == "Ready" && (expected.starts_with("True") || expected.starts_with("False"));
        shown == expected && (is_observed || !is_verdict)
    })
}

/// All conditions in one line, as [`shows`] reads them; for assertions that name every one.
pub fn conditions(object: &ResellerCustomer) -> String {
    let mut line = String::new();
    for condition in object.status.iter().flat_map(|status| &status.conditions) {
        let gap = if line.is_empty() { "" } else { " " };
        write!(line, "{gap}{}={}/{}", condition.type_, condition.status, condition.reason)
            .expect("a String");
    }
    line
}

/// The message of a condition.
pub fn message(object: &ResellerCustomer, kind: &str) -> String {
    let status = object.status.as_ref().expect("status");
    find(&status.conditions, kind).map_or_else(String::new, |found| found.message.clone())
}
