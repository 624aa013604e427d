//! The object and its surroundings as a case describes them.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use reseller_operator::crd::{ResellerCustomer, ResellerCustomerSpec, ResellerCustomerStatus};
use reseller_operator::domain::Field;
use reseller_operator::domain::memory::{field_hash, order_hash, user_hash};
use reseller_operator::google::types::Customer;
use reseller_operator::plan::{
    Claim, Grace, Graces, OrderGate, PasswordSecret, Surroundings, TransferToken,
};
use serde_json::{Map, Value, json};

use super::cases::{merge, strip_nulls};

/// Name of every case's object.
pub(crate) const NAME: &str = "acme";
/// Since when the conditions are as they are that a case starts with.
const SINCE: &str = "2026-11-20T18:00:00Z";
const NOW: &str = "2026-11-21T12:00:00Z";

/// The time of a case's pass.
pub(crate) fn now(case: &Value) -> Timestamp {
    case["now"].as_str().unwrap_or(NOW).parse().expect("now is RFC 3339")
}

/// The object that a pass starts from; `status` is what earlier passes left.
pub(crate) fn object(case: &Value, status: Option<ResellerCustomerStatus>) -> ResellerCustomer {
    let mut object = ResellerCustomer::new(NAME, spec(&case["spec"]));
    object.metadata.namespace = Some("customers".to_owned());
    object.metadata.uid = Some("00000000-0000-4000-8000-000000000001".to_owned());
    object.metadata.resource_version = Some("7".to_owned());
    object.metadata.generation = Some(generation(case));
    if case["deleted"] == true {
        object.metadata.deletion_timestamp = Some(Time(now(case)));
    }
    object.metadata.annotations = case["annotations"].as_object().map(|all| {
        let entry = |(key, value): (&String, &Value)| {
            let value = value.as_str().expect("an annotation").to_owned();
            (format!("reseller-operator.dev/{key}"), value)
        };
        all.iter().map(entry).collect()
    });
    object.status = Some(status.unwrap_or_else(|| first_status(case)));
    object
}

/// The generation of a case's object.
pub(crate) fn generation(case: &Value) -> i64 {
    case["generation"].as_i64().unwrap_or(1)
}

fn spec(value: &Value) -> ResellerCustomerSpec {
    serde_json::from_value(value.clone()).expect("the spec of a case")
}

/// The spec with what another member of the case lays over it.
fn spec_with(case: &Value, key: &str) -> Value {
    let over = case.get(key).cloned().unwrap_or_else(|| json!({}));
    strip_nulls(merge(&case["spec"], &over))
}

fn first_status(case: &Value) -> ResellerCustomerStatus {
    let mut status = match &case["status"] {
        Value::Null => json!({}),
        given => given.clone(),
    };
    // A progressing object's conditions are of a generation that has no verdict yet.
    let observed = status["observedGeneration"].as_i64().unwrap_or(-1).max(1);
    let conditions = status["conditions"].as_object().cloned().unwrap_or_default();
    status["conditions"] =
        conditions.iter().map(|(kind, short)| condition(kind, short, observed)).collect();
    if let Some(operation) = status["pendingOperation"].as_object_mut() {
        let sent = spec_with(case, "orderedSpec");
        let hash = if operation["kind"] == "users.insert" {
            user_hash(sent["initialAdmin"]["primaryEmail"].as_str().unwrap_or("admin@acme.example"))
        } else {
            let sent: Customer = serde_json::from_value(sent).expect("a spec is like a record");
            order_hash(&sent)
        };
        operation.insert("payloadHash".to_owned(), hash.into());
    }
    if status.get("fields").is_none() {
        status["fields"] = fields(case);
    }
    serde_json::from_value(strip_nulls(status)).expect("the status of a case")
}

/// `True/InSync`, or `{is: True/InSync, since: TIME}`.
fn condition(kind: &str, short: &Value, observed: i64) -> Value {
    let is = short.as_str().or_else(|| short["is"].as_str()).expect("a condition");
    let (status, reason) = is.split_once('/').expect("STATUS/REASON");
    // Ready=False has the message of what comes with it.
    let message =
        if ["Ready", "Reconciling", "Stalled"].contains(&kind) { "Summary" } else { kind };
    json!({
        "type": kind,
        "status": status,
        "reason": reason,
        "message": format!("{message} as before."),
        "observedGeneration": observed,
        "lastTransitionTime": short["since"].as_str().unwrap_or(SINCE),
    })
}

/// What is remembered of the managed fields: all that `rememberedSpec` over `spec` manages, or
/// those that are named.
fn fields(case: &Value) -> Value {
    let spec = spec(&spec_with(case, "rememberedSpec"));
    let is_meant = |field: Field| match &case["remembered"] {
        Value::Null => false,
        Value::Array(named) => named.iter().any(|path| path == field.path()),
        all => all == "all",
    };
    let entry = |field: Field| {
        let value = field.desired(&spec)?;
        let mut entry = Map::new();
        entry.insert("field".to_owned(), field.path().into());
        entry.insert("appliedHash".to_owned(), field_hash(field, value).into());
        if let Some(answered) = case["answered"][field.path()].as_str() {
            entry.insert("answeredHash".to_owned(), field_hash(field, answered).into());
        }
        Some(Value::Object(entry))
    };
    Field::ALL.into_iter().filter(|field| is_meant(*field)).filter_map(entry).collect()
}

/// A field that this process wrote, and its value before.
fn written((path, before): (&String, &Value)) -> (Field, String) {
    let field = Field::from_path(path).expect("a managed field");
    (field, before.as_str().expect("a value").to_owned())
}

/// What surrounds the pass.
pub(crate) fn surroundings(case: &Value, object: &ResellerCustomer, nonce: &str) -> Surroundings {
    let annotation = |key: &str| case["annotations"][key].as_str().map(str::to_owned);
    let one_of = |key: &str, first: &str| case[key].as_str().unwrap_or(first).to_owned();
    Surroundings {
        name: NAME.to_owned(),
        namespace: "customers".to_owned(),
        claim: match one_of("claim", "held").as_str() {
            "held" => Claim::Held,
            _ => Claim::Other(None),
        },
        orders: match one_of("orders", "allowed").as_str() {
            "allowed" => OrderGate::Open,
            "limit" => OrderGate::Limit,
            _ => OrderGate::Locked,
        },
        graces: duration(&case["watched"]).map_or_else(Graces::default, |watched| {
            graces(object).into_iter().map(|grace| (grace, watched)).collect()
        }),
        since_write: duration(&case["sinceWrite"]),
        approve_order: annotation("approve-order"),
        reconcile_requested_at: annotation("reconcile-requested-at"),
        password: match one_of("password", "absent").as_str() {
            "absent" => PasswordSecret::Absent,
            "keyMissing" => PasswordSecret::KeyMissing,
            "unusable" => PasswordSecret::Unusable,
            "changed" => PasswordSecret::Present("2".to_owned()),
            _ => PasswordSecret::Present("1".to_owned()),
        },
        transfer_token: match case["transferToken"].as_str() {
            None => TransferToken::NotNamed,
            Some("missing") => TransferToken::Missing,
            Some(token) => TransferToken::Given(token.to_owned().into()),
        },
        unverified: case["unverified"].as_object().into_iter().flatten().map(written).collect(),
        nonce: nonce.to_owned(),
        ..Surroundings::default()
    }
}

fn duration(value: &Value) -> Option<Duration> {
    value.as_str().map(|text| humantime::parse_duration(text).expect("a duration"))
}

/// Whatever grace may be running for this object.
fn graces(object: &ResellerCustomer) -> Vec<Grace> {
    let status = object.status.as_ref();
    let operation = status.and_then(|status| status.pending_operation.as_ref());
    let ids = status
        .and_then(|status| status.customer_id.clone())
        .into_iter()
        .chain(object.spec.customer_id.clone());
    ids.flat_map(|id| [Grace::Gone(id.clone()), Grace::Foreign(id)])
        .chain(operation.map(|operation| Grace::Operation(operation.id.clone())))
        .chain([Grace::Conflict])
        .collect()
}
