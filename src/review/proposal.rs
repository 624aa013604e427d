//! The objects as they would be after the change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::crd::names::APPROVE_ORDER;
use crate::crd::{ResellerCustomer, ResellerCustomerStatus};
use crate::manifest::{Manifest, Place, refused_change};
use crate::plan::claims::{Claimant, Claims};
use crate::plan::{Claim, Surroundings};
use crate::rehearsal::Object;

/// Stands for a random value in what is only rehearsed; it never becomes a person's word, because
/// the operator asks with one of its own.
const NONCE: &str = "TOKEN";

/// Which object is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// None where neither the manifest nor the cluster says it.
    pub namespace: Option<String>,
    pub name: String,
}

impl Name {
    /// The name of a manifest's object; `namespace` is where it goes without a word of its own.
    #[must_use]
    pub fn of(manifest: &Manifest, namespace: Option<&str>) -> Self {
        let metadata = &manifest.object.metadata;
        let generated = || metadata.generate_name.as_ref().map(|prefix| format!("{prefix}*"));
        Self {
            namespace: metadata.namespace.clone().or_else(|| namespace.map(str::to_owned)),
            name: metadata.name.clone().or_else(generated).unwrap_or_default(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// An object of the cluster.
#[derive(Clone, Debug)]
pub struct Known {
    /// What it claims.
    pub claimant: Claimant,
    /// The object; none if it does not parse.
    pub object: Option<Box<ResellerCustomer>>,
}

impl Known {
    /// Which object it is.
    #[must_use]
    pub fn name(&self) -> Name {
        let Claimant { namespace, name, .. } = &self.claimant;
        Name { namespace: Some(namespace.clone()), name: name.clone() }
    }
}

/// A change of manifests.
#[derive(Debug, Default)]
pub struct Proposal<'a> {
    /// The manifests after the change.
    pub manifests: &'a [Manifest],
    /// What the cluster knows; none if it is not asked, and all objects are new.
    pub cluster: Option<&'a [Known]>,
    /// Objects that go with the change.
    pub released: BTreeSet<Name>,
    /// Where an object goes whose manifest does not say it.
    pub namespace: Option<&'a str>,
}

/// One object as it would be after the change.
#[derive(Clone, Debug)]
pub struct Proposed {
    pub name: Name,
    pub place: Place,
    pub object: Object,
    /// Why the API server would refuse the change of the object, if so.
    pub refused: Vec<String>,
    uid: String,
    claim: Claim,
    approve_order: Option<String>,
}

/// The objects of a proposal, in the order of the manifests.
#[derive(Debug)]
pub struct Proposals {
    pub objects: Vec<Proposed>,
    claims: Claims,
}

impl Proposals {
    /// What surrounds an object. Made when it is needed: it names every account that is taken.
    #[must_use]
    pub fn surroundings(&self, proposed: &Proposed) -> Surroundings {
        let Proposed { name, uid, claim, approve_order, .. } = proposed;
        Surroundings {
            name: name.name.clone(),
            namespace: name.namespace.clone().unwrap_or_else(|| "default".to_owned()),
            claim: claim.clone(),
            taken: self.claims.taken(uid),
            approve_order: approve_order.clone(),
            nonce: NONCE.to_owned(),
            ..Surroundings::default()
        }
    }
}

/// Puts the objects of a change among those of the cluster.
#[must_use]
pub fn propose(proposal: &Proposal<'_>) -> Proposals {
    let Proposal { manifests, cluster, released, namespace } = proposal;
    let by_name: BTreeMap<Name, &Known> =
        cluster.unwrap_or_default().iter().map(|known| (known.name(), known)).collect();
    let mut claims = Claims::default();
    for (_, known) in by_name.iter().filter(|(name, _)| !released.contains(name)) {
        claims.put(known.claimant.clone());
    }
    let mut objects = Vec::with_capacity(manifests.len());
    for (place, manifest) in manifests.iter().enumerate() {
        let name = Name::of(manifest, *namespace);
        let known = by_name.get(&name).copied();
        let stored = known.and_then(|known| known.object.as_deref());
        let claimant = claimant(place, manifest, &name, known);
        objects.push(Proposed {
            place: manifest.place.clone(),
            object: object(manifest, stored),
            refused: stored.map_or_else(Vec::new, |old| refused_change(old, &manifest.object)),
            uid: claimant.uid.clone(),
            // Known only when all have come in.
            claim: Claim::Held,
            approve_order: annotation(manifest, stored),
            name,
        });
        claims.put(claimant);
    }
    for object in &mut objects {
        object.claim = claims.of(&object.uid);
    }
    Proposals { objects, claims }
}

/// What the object will claim: as the cluster has it where it is there, else as the youngest.
fn claimant(place: usize, manifest: &Manifest, name: &Name, known: Option<&Known>) -> Claimant {
    let wanted = Claimant::of(&manifest.object);
    match known {
        Some(Known { claimant: stored, .. }) => Claimant {
            domain: wanted.domain,
            customer_type: wanted.customer_type,
            pinned: wanted.pinned,
            is_observer: wanted.is_observer,
            ..stored.clone()
        },
        None => Claimant {
            // After every real uid, and in the order of the files.
            uid: format!("~{place:08}"),
            namespace: name.namespace.clone().unwrap_or_default(),
            name: name.name.clone(),
            created: jiff::Timestamp::MAX,
            known: None,
            is_established: false,
            ..wanted
        },
    }
}

/// The object of the cluster with the spec of the manifest; its generation moves with the spec.
fn object(manifest: &Manifest, stored: Option<&ResellerCustomer>) -> Object {
    let spec = manifest.object.spec.clone();
    match stored {
        Some(stored) => {
            let generation = stored.metadata.generation.unwrap_or(1);
            let is_changed = stored.spec != spec;
            Object {
                status: stored.status.clone().unwrap_or_default(),
                generation: if is_changed { generation + 1 } else { generation },
                spec,
            }
        }
        None => Object { spec, status: ResellerCustomerStatus::default(), generation: 1 },
    }
}

/// A person's word: of the manifest, or else as it stands in the cluster.
fn annotation(manifest: &Manifest, stored: Option<&ResellerCustomer>) -> Option<String> {
    let of = |object: &ResellerCustomer| {
        object.metadata.annotations.as_ref()?.get(APPROVE_ORDER).cloned()
    };
    of(&manifest.object).or_else(|| stored.and_then(of))
}
