//! The text of a manifest.

use serde::Serialize;

use super::Imported;
use crate::crd::names::GROUP;
use crate::crd::{CustomerType, ManagementPolicy, PostalAddress, PrimaryAdmin};

/// A manifest with what an import says, in the order in which it is read best. What equals the
/// default is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    api_version: String,
    kind: &'static str,
    metadata: Metadata<'a>,
    spec: Spec<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    customer_domain: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_type: Option<CustomerType>,
    customer_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_address: Option<&'a PostalAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alternate_email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_admin: Option<&'a PrimaryAdmin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    management_policy: Option<ManagementPolicy>,
}

impl Imported {
    /// The manifest as YAML that reads the same under YAML 1.1 (kubectl) and 1.2.
    #[must_use]
    pub fn yaml(&self, name: &str) -> String {
        let spec = &self.spec;
        let manifest = Manifest {
            api_version: format!("{GROUP}/v1alpha1"),
            kind: "ResellerCustomer",
            metadata: Metadata { name },
            spec: Spec {
                customer_domain: self.domain.as_str(),
                customer_type: Some(spec.customer_type).filter(|it| *it != CustomerType::default()),
                customer_id: self.id.as_str(),
                postal_address: spec.postal_address.as_ref(),
                alternate_email: spec.alternate_email.as_deref(),
                phone_number: spec.phone_number.as_deref(),
                primary_admin: spec.primary_admin.as_ref(),
                language: spec.language.as_deref(),
                management_policy: Some(spec.management_policy)
                    .filter(|policy| *policy != ManagementPolicy::default()),
            },
        };
        let mut text = written(&manifest);
        if !self.missing.is_empty() {
            // The policy is the last line.
            let reason = format!(" # Full needs {}\n", self.missing.join(", "));
            text.truncate(text.trim_end().len());
            text.push_str(&reason);
        }
        text
    }
}

fn written(manifest: &Manifest<'_>) -> String {
    // One line for each value: blocks would break long ones at the width of a page.
    let options = serde_yaml::ser_options! { prefer_block_scalars: false };
    serde_yaml::to_string_with_options(manifest, options)
        .expect("strings below names are always YAML")
}
