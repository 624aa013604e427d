//! The objects as they would be after the change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::report::Released;
use crate::crd::names::APPROVE_ORDER;
use crate::crd::{ResellerCustomer, ResellerCustomerSpec, ResellerCustomerStatus};
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
    /// The manifests before the change, where they are known.
    pub before: &'a [Manifest],
    /// The manifests after it.
    pub after: &'a [Manifest],
    /// What the cluster knows; nothing where it is not asked, and then all objects are new.
    pub cluster: &'a [Known],
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

/// What is proposed.
#[derive(Debug)]
pub struct Proposals {
    /// The objects after the change, in the order of the manifests.
    pub objects: Vec<Proposed>,
    /// The objects that go with it.
    pub released: Vec<Released>,
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
    let Proposal { before, after, cluster, namespace } = proposal;
    let names = |manifests: &'_ [Manifest]| -> Vec<Name> {
        manifests.iter().map(|manifest| Name::of(manifest, *namespace)).collect()
    };
    let staying: BTreeSet<Name> = names(after).into_iter().collect();
    let going: BTreeMap<Name, &Manifest> = names(before)
        .into_iter()
        .zip(*before)
        .filter(|(name, _)| !staying.contains(name))
        .collect();
    let known: BTreeMap<Name, &Known> = cluster.iter().map(|known| (known.name(), known)).collect();
    let mut claims = Claims::default();
    for (_, known) in known.iter().filter(|(name, _)| !going.contains_key(name)) {
        claims.put(known.claimant.clone());
    }
    let mut objects = Vec::with_capacity(after.len());
    for (place, (manifest, name)) in after.iter().zip(names(after)).enumerate() {
        let known = known.get(&name).copied();
        let claimant = claimant(place, manifest, &name, known);
        objects.push(proposed(manifest, name, known, &claimant.uid));
        claims.put(claimant);
    }
    for object in &mut objects {
        object.claim = claims.of(&object.uid);
    }
    let released = going.into_iter().map(|(name, manifest)| {
        let id = known.get(&name).and_then(|known| known.claimant.known.clone());
        released(name, &manifest.object.spec, id, &objects)
    });
    Proposals { released: released.collect(), objects, claims }
}

fn proposed(manifest: &Manifest, name: Name, known: Option<&Known>, uid: &str) -> Proposed {
    let stored = known.and_then(|known| known.object.as_deref());
    Proposed {
        name,
        place: manifest.place.clone(),
        object: object(manifest, stored),
        refused: stored.map_or_else(Vec::new, |old| refused_change(old, &manifest.object)),
        uid: uid.to_owned(),
        // Known only when all have come in.
        claim: Claim::Held,
        approve_order: annotation(manifest, stored),
    }
}

/// An object that goes, and who has its account from then on.
fn released(
    name: Name,
    spec: &ResellerCustomerSpec,
    known_id: Option<String>,
    objects: &[Proposed],
) -> Released {
    let id = spec.customer_id.clone().or(known_id);
    let is_heir = |proposed: &&Proposed| {
        let heir = &proposed.object.spec;
        let is_other = matches!((&heir.customer_id, &id), (Some(one), Some(other)) if one != other);
        heir.customer_domain == spec.customer_domain && !is_other
    };
    Released {
        customer_domain: spec.customer_domain.clone(),
        managed_by: objects.iter().find(is_heir).map(|heir| heir.name.to_string()),
        customer_id: id,
        namespace: name.namespace,
        name: name.name,
    }
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

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Desired;
    use crate::plan::stopped_before_read;

    fn object(name: &str, change: &Value) -> ResellerCustomer {
        let mut object = json!({
            "apiVersion": "reseller-operator.dev/v1alpha1", "kind": "ResellerCustomer",
            "metadata": {"name": name, "namespace": "a", "uid": name, "generation": 3},
            "spec": {"customerDomain": "acme.example", "managementPolicy": "AdoptOnly"},
        });
        for (pointer, value) in change.as_object().unwrap() {
            let (parent, member) = pointer.rsplit_once('/').unwrap();
            let parent = if parent.is_empty() { &mut object } else { &mut object[&parent[1..]] };
            parent[member] = value.clone();
        }
        serde_json::from_value(object).unwrap()
    }

    fn manifest(name: &str, change: &Value) -> Manifest {
        let place = Place { file: "f.yaml".to_owned(), line: 1, column: 1 };
        let mut object = object(name, change);
        (object.metadata.uid, object.metadata.generation) = (None, None);
        Manifest { object, place }
    }

    fn known(name: &str, change: &Value) -> Known {
        let object = object(name, change);
        Known { claimant: Claimant::of(&object), object: Some(Box::new(object)) }
    }

    fn ours() -> Value {
        json!({"/status": {"observedGeneration": 3, "origin": "Adopted", "customerId": "C1"}})
    }

    fn is_stopped(proposals: &Proposals, place: usize) -> bool {
        let proposed = &proposals.objects[place];
        let Object { spec, status, .. } = &proposed.object;
        let desired = Desired::validate(spec);
        let surroundings = proposals.surroundings(proposed);
        matches!(stopped_before_read(spec, &desired, status, &surroundings), ControlFlow::Break(_))
    }

    #[test]
    fn a_new_object_gives_way_to_the_one_in_the_cluster_that_has_the_account() {
        let (after, cluster) = ([manifest("new", &json!({}))], [known("old", &ours())]);
        let proposals = propose(&Proposal { after: &after, cluster: &cluster, ..<_>::default() });
        assert!(is_stopped(&proposals, 0));
        let taken = proposals.surroundings(&proposals.objects[0]).taken;
        assert_eq!(taken.keys().collect::<Vec<_>>(), ["C1"], "nor is its account adopted");
    }

    #[test]
    fn an_object_that_goes_leaves_its_account_to_the_one_that_comes() {
        let (after, cluster) = ([manifest("new", &json!({}))], [known("old", &ours())]);
        let before = [
            manifest("old", &json!({})),
            manifest("lone", &json!({"/spec": {"customerDomain": "lone.example"}})),
        ];
        let proposals = propose(&Proposal {
            before: &before,
            after: &after,
            cluster: &cluster,
            namespace: None,
        });
        assert!(!is_stopped(&proposals, 0));
        let told: Vec<_> = proposals
            .released
            .iter()
            .map(|gone| {
                (gone.name.as_str(), gone.customer_id.as_deref(), gone.managed_by.as_deref())
            })
            .collect();
        assert_eq!(told, [("lone", None, None), ("old", Some("C1"), Some("a/new"))]);
    }

    #[test]
    fn what_the_cluster_remembers_stays_and_the_generation_moves_with_the_spec() {
        let cluster = [known("one", &ours())];
        let with = |change: &Value| {
            let after = [manifest("one", change)];
            let proposals =
                propose(&Proposal { after: &after, cluster: &cluster, ..<_>::default() });
            assert!(!is_stopped(&proposals, 0));
            proposals.objects[0].clone()
        };
        let same = with(&json!({})).object;
        assert_eq!((same.generation, same.status.customer_id.as_deref()), (3, Some("C1")));
        let edited = json!({"/spec": {"customerDomain": "acme.example", "language": "de", "managementPolicy": "AdoptOnly"}});
        assert_eq!(with(&edited).object.generation, 4);
        let moved =
            json!({"/spec": {"customerDomain": "other.example", "managementPolicy": "AdoptOnly"}});
        assert!(with(&moved).refused[0].contains("customerDomain is immutable"));
    }

    #[test]
    fn a_persons_word_counts_wherever_it_stands() {
        let word = |text: &str| json!({"/metadata/annotations": {APPROVE_ORDER: text}});
        let cluster = [known("one", &word("stored"))];
        let with = |change: &Value| {
            let after = [manifest("one", change)];
            let proposals =
                propose(&Proposal { after: &after, cluster: &cluster, ..<_>::default() });
            proposals.surroundings(&proposals.objects[0]).approve_order
        };
        assert_eq!(with(&json!({})).as_deref(), Some("stored"));
        assert_eq!(with(&word("written")).as_deref(), Some("written"));
    }

    #[test]
    fn a_manifest_without_a_namespace_goes_where_the_kubeconfig_says() {
        let mut manifest = manifest("one", &json!({}));
        manifest.object.metadata.namespace = None;
        assert_eq!(Name::of(&manifest, Some("a")).to_string(), "a/one");
        assert_eq!(Name::of(&manifest, None).to_string(), "one");
    }
}
