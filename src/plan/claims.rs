//! Who holds a domain or an id, from a snapshot of all objects; customer.md, Finding the account 6.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::Claim;
use crate::crd::{CustomerType, ManagementPolicy, ResellerCustomer};
use crate::domain::memory::open_order;

/// What an object claims, and how strongly. Made from whatever of an object can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    pub uid: String,
    pub namespace: String,
    pub name: String,
    /// When the object was created; the older goes first.
    pub created: Timestamp,
    pub domain: Option<String>,
    pub customer_type: CustomerType,
    /// `spec.customerId`.
    pub pinned: Option<String>,
    /// `status.customerId`.
    pub known: Option<String>,
    /// It has `origin` or an open operation: it is the holder, under every policy.
    pub is_established: bool,
    /// It only looks, so without an origin it claims nothing.
    pub is_observer: bool,
}

impl Claimant {
    /// What an object claims, as the cluster holds it.
    #[must_use]
    pub fn of(object: &ResellerCustomer) -> Self {
        let ResellerCustomer { metadata, spec, status } = object;
        let status = status.as_ref();
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            created: metadata.creation_timestamp.as_ref().map_or(Timestamp::MIN, |at| at.0),
            domain: Some(spec.customer_domain.clone()),
            customer_type: spec.customer_type,
            pinned: spec.customer_id.clone(),
            known: status.and_then(|status| status.customer_id.clone()),
            is_established: status
                .is_some_and(|status| status.origin.is_some() || open_order(status).is_some()),
            is_observer: spec.management_policy == ManagementPolicy::Observe,
        }
    }

    /// The id that is meant: pinned, else known.
    fn id(&self) -> Option<&str> {
        self.pinned.as_deref().or(self.known.as_deref())
    }

    /// Established objects first, then the older, then the smaller uid.
    fn rank(&self) -> (bool, Timestamp, &str) {
        (!self.is_established, self.created, &self.uid)
    }

    fn claims(&self) -> bool {
        self.is_established || !self.is_observer
    }

    fn keys(&self) -> impl Iterator<Item = Key> {
        let domain = self.domain.clone().map(Key::Domain);
        let ids: BTreeSet<&String> = [&self.pinned, &self.known].into_iter().flatten().collect();
        domain.into_iter().chain(ids.into_iter().cloned().map(Key::Id).collect::<Vec<_>>())
    }

    fn holder(&self) -> Holder {
        Holder {
            namespace: self.namespace.clone(),
            customer_type: self.customer_type,
            id: self.id().map(str::to_owned),
        }
    }
}

/// Who holds a claim, or did.
#[derive(Clone, Debug)]
struct Holder {
    namespace: String,
    customer_type: CustomerType,
    /// The id that is meant.
    id: Option<String>,
}

impl Holder {
    /// Whether it and this object cannot both manage what they claim.
    fn collides_on(&self, key: &Key, other: &Claimant) -> bool {
        if matches!(key, Key::Id(_)) {
            return true;
        }
        let are_teams = [self.customer_type, other.customer_type] == [CustomerType::Team; 2];
        !are_teams
            || match (self.id.as_deref(), other.id()) {
                (Some(one), Some(two)) => one == two,
                (None, None) => true,
                _ => false,
            }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Domain(String),
    Id(String),
}

/// The claims of all objects that the operator sees.
#[derive(Debug, Default)]
pub struct Claims {
    claimants: HashMap<String, Claimant>,
    by_key: HashMap<Key, BTreeSet<String>>,
    /// The last holder of each claim: it passes to another namespace only if the account's id is
    /// pinned there.
    last_holder: HashMap<Key, Holder>,
}

impl Claims {
    /// Puts an object in, or its new state. Returns the uids of the others that share a claim with
    /// what it claimed before or claims now, and whose standing may have changed.
    pub fn put(&mut self, claimant: Claimant) -> BTreeSet<String> {
        if self.claimants.get(&claimant.uid) == Some(&claimant) {
            return BTreeSet::new();
        }
        let mut others = self.take_out(&claimant.uid);
        for key in claimant.keys() {
            self.by_key.entry(key).or_default().insert(claimant.uid.clone());
        }
        others.extend(self.sharing(&claimant));
        others.remove(&claimant.uid);
        self.claimants.insert(claimant.uid.clone(), claimant);
        others
    }

    /// Takes an object out. Returns the uids of those who shared a claim with it.
    pub fn remove(&mut self, uid: &str) -> BTreeSet<String> {
        self.take_out(uid)
    }

    /// Whether an object holds all that it claims. Asked only of the whole, consistently listed
    /// store: that an object was told so is remembered.
    pub fn of(&mut self, uid: &str) -> Claim {
        let Some(claimant) = self.claimants.get(uid) else { return Claim::Other(None) };
        for key in claimant.keys() {
            if let Some(holder) = self.ahead_of(claimant, &key) {
                let is_near = holder.namespace == claimant.namespace;
                return Claim::Other(is_near.then(|| holder.name.clone()));
            }
            if !self.may_inherit(claimant, &key) {
                return Claim::Other(None);
            }
        }
        if claimant.claims() {
            self.last_holder.extend(claimant.keys().map(|key| (key, claimant.holder())));
        }
        Claim::Held
    }

    /// Ids of the accounts that other objects have ordered or adopted, each with the name of the
    /// object if it is near. A pin that was not followed yet does not count: it may have to wait
    /// for this very object.
    #[must_use]
    pub fn taken(&self, uid: &str) -> BTreeMap<String, Option<String>> {
        let namespace = self.claimants.get(uid).map(|claimant| &claimant.namespace);
        let others = self.claimants.values().filter(|other| other.uid != uid);
        others
            .filter(|other| other.is_established)
            .filter_map(|other| {
                let is_near = Some(&other.namespace) == namespace;
                Some((other.known.clone()?, is_near.then(|| other.name.clone())))
            })
            .collect()
    }

    /// Another object that collides on this claim and goes first.
    fn ahead_of(&self, claimant: &Claimant, key: &Key) -> Option<&Claimant> {
        if !claimant.claims() {
            return None;
        }
        self.by_key
            .get(key)?
            .iter()
            .filter_map(|uid| self.claimants.get(uid))
            .filter(|other| other.uid != claimant.uid && other.claims())
            .filter(|other| other.rank() < claimant.rank())
            .filter(|other| other.holder().collides_on(key, claimant))
            .min_by(|one, two| one.rank().cmp(&two.rank()))
    }

    fn may_inherit(&self, claimant: &Claimant, key: &Key) -> bool {
        claimant.is_established
            || !claimant.claims()
            || claimant.pinned.is_some()
            || self.last_holder.get(key).is_none_or(|last| {
                last.namespace == claimant.namespace || !last.collides_on(key, claimant)
            })
    }

    fn sharing(&self, claimant: &Claimant) -> BTreeSet<String> {
        claimant.keys().filter_map(|key| self.by_key.get(&key)).flatten().cloned().collect()
    }

    fn take_out(&mut self, uid: &str) -> BTreeSet<String> {
        let Some(old) = self.claimants.remove(uid) else { return BTreeSet::new() };
        let mut others = self.sharing(&old);
        for key in old.keys() {
            if let Some(uids) = self.by_key.get_mut(&key) {
                uids.remove(uid);
                if uids.is_empty() {
                    self.by_key.remove(&key);
                    // Nobody waits for it; an object that comes later is a new beginning.
                    self.last_holder.remove(&key);
                }
            }
        }
        others.remove(uid);
        others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimant(uid: &str, namespace: &str, age: i64) -> Claimant {
        Claimant {
            uid: uid.to_owned(),
            namespace: namespace.to_owned(),
            name: format!("name-{uid}"),
            created: Timestamp::from_second(1_000_000 - age).unwrap(),
            domain: Some("acme.example".to_owned()),
            customer_type: CustomerType::Domain,
            pinned: None,
            known: None,
            is_established: false,
            is_observer: false,
        }
    }

    fn team(uid: &str, age: i64, pinned: Option<&str>) -> Claimant {
        Claimant {
            customer_type: CustomerType::Team,
            pinned: pinned.map(str::to_owned),
            ..claimant(uid, "a", age)
        }
    }

    fn claims(all: impl IntoIterator<Item = Claimant>) -> Claims {
        let mut claims = Claims::default();
        for claimant in all {
            claims.put(claimant);
        }
        claims
    }

    #[test]
    fn the_older_of_two_holds_the_domain_and_is_named_in_its_own_namespace_only() {
        let mut claims =
            claims([claimant("young", "a", 1), claimant("old", "a", 9), claimant("far", "b", 1)]);
        assert_eq!(claims.of("old"), Claim::Held);
        assert_eq!(claims.of("young"), Claim::Other(Some("name-old".to_owned())));
        assert_eq!(claims.of("far"), Claim::Other(None));
    }

    #[test]
    fn of_two_of_one_age_the_smaller_uid_holds_in_whatever_order_they_come() {
        for order in [["x", "y"], ["y", "x"]] {
            let mut claims = claims(order.map(|uid| claimant(uid, "a", 5)));
            assert_eq!(claims.of("x"), Claim::Held);
            assert_ne!(claims.of("y"), Claim::Held);
        }
    }

    #[test]
    fn an_established_object_holds_even_if_it_only_observes() {
        let observer =
            Claimant { is_established: true, is_observer: true, ..claimant("obs", "a", 1) };
        let mut claims = claims([claimant("old", "a", 9), observer]);
        assert_eq!(claims.of("obs"), Claim::Held);
        assert_ne!(claims.of("old"), Claim::Held);
    }

    #[test]
    fn an_observer_without_an_origin_neither_holds_nor_is_hindered() {
        let observer = Claimant { is_observer: true, ..claimant("obs", "a", 9) };
        let mut claims = claims([observer, claimant("young", "a", 1)]);
        assert_eq!(claims.of("obs"), Claim::Held);
        assert_eq!(claims.of("young"), Claim::Held);
    }

    #[test]
    fn an_id_is_claimed_like_a_domain() {
        let known = Claimant {
            known: Some("C1".to_owned()),
            is_established: true,
            ..claimant("one", "a", 1)
        };
        let pinning = Claimant {
            domain: Some("other.example".to_owned()),
            pinned: Some("C1".to_owned()),
            ..claimant("two", "a", 9)
        };
        let mut claims = claims([known, pinning]);
        assert_eq!(claims.of("one"), Claim::Held);
        assert_ne!(claims.of("two"), Claim::Held);
    }

    #[test]
    fn teams_with_different_ids_share_a_domain_and_two_without_go_one_by_one() {
        let mut claims = claims([
            team("pinned1", 1, Some("C1")),
            team("pinned2", 2, Some("C2")),
            team("new1", 4, None),
            team("new2", 3, None),
        ]);
        for uid in ["pinned1", "pinned2", "new1"] {
            assert_eq!(claims.of(uid), Claim::Held, "{uid}");
        }
        assert_ne!(claims.of("new2"), Claim::Held);
    }

    #[test]
    fn a_team_does_not_inherit_from_another_team_of_its_domain_that_is_still_there() {
        let far = Claimant { namespace: "b".to_owned(), ..team("far", 1, None) };
        let mut claims = claims([team("pinned", 9, Some("C1")), far]);
        assert_eq!(claims.of("pinned"), Claim::Held);
        assert_eq!(claims.of("far"), Claim::Held, "they do not collide, so nothing passes");
    }

    #[test]
    fn an_account_that_another_object_manages_is_taken_and_a_pin_alone_takes_nothing() {
        let known =
            Claimant { known: Some("C1".to_owned()), is_established: true, ..team("one", 1, None) };
        let claims = claims([known, team("two", 9, None), team("three", 1, Some("C3"))]);
        let taken = BTreeMap::from([("C1".to_owned(), Some("name-one".to_owned()))]);
        assert_eq!(claims.taken("two"), taken);
        assert_eq!(claims.taken("one"), BTreeMap::new(), "its own is not taken from it");
    }

    #[test]
    fn a_claim_passes_to_another_namespace_only_by_pinning_the_id() {
        let mut claims = claims([claimant("old", "a", 9), claimant("far", "b", 1)]);
        assert_eq!(claims.of("old"), Claim::Held);
        assert_eq!(claims.remove("old"), BTreeSet::from(["far".to_owned()]));
        assert_ne!(claims.of("far"), Claim::Held);
        let woken =
            claims.put(Claimant { pinned: Some("C1".to_owned()), ..claimant("far", "b", 1) });
        assert!(woken.is_empty());
        assert_eq!(claims.of("far"), Claim::Held);
    }

    #[test]
    fn a_claim_passes_within_its_namespace_and_the_waiting_are_named() {
        let mut claims = claims([claimant("old", "a", 9), claimant("young", "a", 1)]);
        assert_eq!(claims.of("old"), Claim::Held);
        assert_eq!(claims.remove("old"), BTreeSet::from(["young".to_owned()]));
        assert_eq!(claims.of("young"), Claim::Held);
    }

    #[test]
    fn an_unknown_object_holds_nothing() {
        assert_eq!(Claims::default().of("nobody"), Claim::Other(None));
    }

    #[test]
    fn nothing_is_woken_by_a_state_that_is_known() {
        let mut claims = claims([claimant("old", "a", 9), claimant("young", "a", 1)]);
        assert!(claims.put(claimant("old", "a", 9)).is_empty());
    }
}
