//! The CustomResourceDefinition: what the derive makes, and what it cannot say.

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::json;

use super::spec::ResellerCustomer;
use super::status::NEVER_OBSERVED;

/// The CustomResourceDefinition as `crds/` holds it. Made once; use this, not
/// `ResellerCustomer::crd()`, which lacks the status default.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    static CRD: LazyLock<CustomResourceDefinition> = LazyLock::new(definition);
    CRD.clone()
}

fn definition() -> CustomResourceDefinition {
    let mut crd = ResellerCustomer::crd();
    for version in &mut crd.spec.versions {
        let Some(root) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) else {
            continue;
        };
        refine(root);
        if let Some(status) = root.properties.as_mut().and_then(|p| p.get_mut("status")) {
            // Without it a new object has no observedGeneration, and kstatus (Flux, Helm, kpt)
            // takes it for done before anybody has looked at it.
            status.default = Some(JSON(json!({"observedGeneration": NEVER_OBSERVED})));
        }
    }
    crd
}

/// Everywhere below `schema`: a field that is left out is absent, never null, and descriptions are
/// paragraphs, not the lines of our source.
fn refine(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.title = None;
    if let Some(description) = &mut schema.description {
        *description = unwrap_lines(description);
    }
    schema.properties.iter_mut().flat_map(|p| p.values_mut()).for_each(refine);
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => refine(items),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(refine),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        refine(values);
    }
}

fn unwrap_lines(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| {
        paragraph
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}
