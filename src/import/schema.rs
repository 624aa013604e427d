//! What the schema does not take, by the schema's own word: whatever the CRD says tomorrow, `import`
//! leaves out what the API server would refuse.

use std::collections::BTreeSet;

use crate::crd::ResellerCustomerSpec;
use crate::manifest::refused_fields_of;

/// The fields, as paths below `spec`, because of which a manifest with this spec would be refused.
pub(super) fn faults(spec: &ResellerCustomerSpec) -> BTreeSet<String> {
    let found = refused_fields_of(spec);
    let below = |path: &String| path.strip_prefix("spec.").unwrap_or(path).to_owned();
    let found: BTreeSet<String> = found.iter().map(below).collect();
    // A rule about an object says less than one about a member of it.
    let is_general = |path: &str| found.iter().any(|other| other.starts_with(&format!("{path}.")));
    found.iter().filter(|path| !is_general(path)).cloned().collect()
}
