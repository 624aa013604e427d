//! An object of the store: parsed, or what can be read of one that does not parse. One bad object
//! must not end the watch of all others, and it still claims its domain.

use std::borrow::Cow;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::crd::{CustomerType, ResellerCustomer};
use crate::plan::claims::Claimant;

/// Key of an object in the queue.
pub(super) type Key = ObjectRef<Stored>;

/// An object as the watch brings it. Managed fields are dropped to keep the store small.
#[derive(Clone, Debug)]
pub(crate) enum Stored {
    Parsed(Box<ResellerCustomer>),
    Unparsable(Box<Unparsable>),
}

/// What can be read of an object that does not parse.
#[derive(Clone, Debug)]
pub(crate) struct Unparsable {
    metadata: ObjectMeta,
    domain: Option<String>,
    pinned: Option<String>,
    known: Option<String>,
    is_established: bool,
}

impl<'de> Deserialize<'de> for Stored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let mut metadata =
            ObjectMeta::deserialize(&value["metadata"]).map_err(serde::de::Error::custom)?;
        metadata.managed_fields = None;
        Ok(match ResellerCustomer::deserialize(&value) {
            Ok(object) => Self::Parsed(Box::new(ResellerCustomer { metadata, ..object })),
            Err(_) => Self::Unparsable(Box::new(Unparsable::of(metadata, &value))),
        })
    }
}

impl Unparsable {
    fn of(metadata: ObjectMeta, value: &Value) -> Self {
        let text =
            |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Self {
            metadata,
            domain: text("/spec/customerDomain"),
            pinned: text("/spec/customerId"),
            known: text("/status/customerId"),
            is_established: value.pointer("/status/origin").is_some()
                || value.pointer("/status/pendingOperation").is_some(),
        }
    }
}

impl Stored {
    /// What the object claims.
    pub(crate) fn claimant(&self) -> Claimant {
        let (metadata, object) = match self {
            Self::Parsed(object) => return Claimant::of(object),
            Self::Unparsable(object) => (&object.metadata, object),
        };
        Claimant {
            uid: metadata.uid.clone().unwrap_or_default(),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            created: metadata.creation_timestamp.as_ref().map_or(jiff::Timestamp::MIN, |at| at.0),
            domain: object.domain.clone(),
            customer_type: CustomerType::Domain,
            pinned: object.pinned.clone(),
            known: object.known.clone(),
            is_established: object.is_established,
            is_observer: false,
        }
    }

    /// The uid, which tells an object from a later one of the same name.
    pub(super) fn uid(&self) -> &str {
        self.meta().uid.as_deref().unwrap_or_default()
    }
}

impl Resource for Stored {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        ResellerCustomer::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        ResellerCustomer::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        ResellerCustomer::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        ResellerCustomer::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Parsed(object) => &object.metadata,
            Self::Unparsable(object) => &object.metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Parsed(object) => &mut object.metadata,
            Self::Unparsable(object) => &mut object.metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_that_does_not_parse_still_claims_what_can_be_read_of_it() {
        let stored: Stored = serde_json::from_value(json!({
            "apiVersion": "reseller-operator.dev/v1alpha1", "kind": "ResellerCustomer",
            "metadata": {"name": "a", "namespace": "n", "uid": "u"},
            "spec": {"customerDomain": "acme.example", "customerId": "C1", "suspend": "perhaps"},
            "status": {"origin": "Ordered"},
        }))
        .unwrap();
        assert!(matches!(stored, Stored::Unparsable(_)));
        let claimant = stored.claimant();
        assert_eq!(claimant.domain.as_deref(), Some("acme.example"));
        assert_eq!(claimant.pinned.as_deref(), Some("C1"));
        assert!(claimant.is_established);
    }
}
