//! What no single manifest shows: two that are the same object, or that claim the same account.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Finding, Place, Severity, SourceLine};
use crate::crd::CustomerType;
use crate::plan::Claim;
use crate::plan::claims::{Claimant, Claims};

/// What can be read of a manifest's name and claims, whatever else is wrong with it.
#[derive(Debug)]
pub(super) struct Declared {
    pub namespace: Option<String>,
    pub name: Said,
    pub domain: Option<Said>,
    pub pinned: Option<Said>,
    pub customer_type: CustomerType,
    pub is_observer: bool,
}

/// A text and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub text: String,
    pub place: Place,
    pub source: SourceLine,
}

/// Two manifests that share one of these may collide; [`Claims`] says whether they do.
#[derive(PartialEq, Eq, Hash)]
enum Slot<'a> {
    Domain(&'a str),
    /// Of a customer of type domain.
    Whole(&'a str),
    /// Of teams with this id, or without one.
    Team(&'a str, Option<&'a str>),
    Id(&'a str),
}

/// What is claimed twice. The later one is told, and names the earlier.
pub(super) fn check(declared: &[Declared]) -> Vec<Finding> {
    let mut names: HashMap<(Option<&str>, &str), usize> = HashMap::new();
    let mut slots: HashMap<Slot<'_>, usize> = HashMap::new();
    let mut findings = Vec::new();
    for (index, one) in declared.iter().enumerate() {
        let name = (one.namespace.as_deref(), one.name.text.as_str());
        if let Some(&other) = names.get(&name) {
            findings.push(same_object(one, &declared[other]));
            continue;
        }
        names.insert(name, index);
        if one.is_observer {
            continue;
        }
        let rivals = one.rivals().into_iter().filter_map(|slot| slots.get(&slot));
        let rival = rivals.map(|&other| &declared[other]).find(|other| collide(other, one));
        findings.extend(rival.map(|other| same_account(one, other)));
        for slot in one.slots() {
            slots.entry(slot).or_insert(index);
        }
    }
    findings
}

impl Declared {
    fn slots(&self) -> Vec<Slot<'_>> {
        let id = self.pinned.as_ref().map(|id| id.text.as_str());
        let domain = self.domain.as_ref().map(|domain| domain.text.as_str());
        let kind = |domain| match self.customer_type {
            CustomerType::Domain => Slot::Whole(domain),
            CustomerType::Team => Slot::Team(domain, id),
        };
        let of_domain = domain.map(|domain| [Slot::Domain(domain), kind(domain)]);
        id.map(Slot::Id).into_iter().chain(of_domain.into_iter().flatten()).collect()
    }

    /// Where to look for those that came before.
    fn rivals(&self) -> Vec<Slot<'_>> {
        let mut slots = self.slots();
        if self.customer_type == CustomerType::Team {
            for slot in &mut slots {
                if let Slot::Domain(domain) = slot {
                    *slot = Slot::Whole(domain);
                }
            }
        }
        slots
    }

    fn claimant(&self, uid: &str) -> Claimant {
        let text = |said: &Option<Said>| said.as_ref().map(|said| said.text.clone());
        Claimant {
            uid: uid.to_owned(),
            namespace: self.namespace.clone().unwrap_or_default(),
            name: self.name.text.clone(),
            created: Timestamp::UNIX_EPOCH,
            domain: text(&self.domain),
            customer_type: self.customer_type,
            pinned: text(&self.pinned),
            known: None,
            is_established: false,
            is_observer: self.is_observer,
        }
    }

    fn is_unpinned_team(&self) -> bool {
        self.customer_type == CustomerType::Team && self.pinned.is_none()
    }
}

/// Whether the operator would let the second wait for the first.
fn collide(first: &Declared, second: &Declared) -> bool {
    let mut claims = Claims::default();
    claims.put(first.claimant("1"));
    claims.put(second.claimant("2"));
    claims.of("2") != Claim::Held
}

fn same_object(one: &Declared, other: &Declared) -> Finding {
    let namespace = one.namespace.as_deref().map(|n| format!(" in namespace {n}"));
    let message = format!(
        "{}{} is in {} already",
        one.name.text,
        namespace.unwrap_or_default(),
        shown(&other.name.place)
    );
    finding(&one.name, "metadata.name", message, "remove one of them, or give it another name")
}

fn same_account(one: &Declared, other: &Declared) -> Finding {
    let name = &other.name.text;
    let same = |mine: &Option<Said>, theirs: &Option<Said>| {
        let (mine, theirs) = (mine.clone()?, theirs.clone()?);
        (mine.text == theirs.text).then_some((mine, theirs))
    };
    if let Some((id, theirs)) = same(&one.pinned, &other.pinned) {
        let message = format!(
            "customerId {} is claimed by {name} in {} already",
            id.text,
            shown(&theirs.place)
        );
        return finding(
            &id,
            "spec.customerId",
            message,
            "one account has one manifest: remove one",
        );
    }
    let Some((domain, theirs)) = same(&one.domain, &other.domain) else {
        // They collide, so they share one of both; still, nothing is hidden.
        let message = format!("{name} in {} claims the same account", shown(&other.name.place));
        return finding(&one.name, "", message, "one account has one manifest: remove one");
    };
    let claimed =
        format!("{} is claimed by {name} in {} already", domain.text, shown(&theirs.place));
    if one.is_unpinned_team() && other.is_unpinned_team() {
        let message = format!("{claimed}, a team without customerId too");
        let help = "the operator works on them one after the other; set customerId in those whose \
                    account exists";
        let fault = finding(&domain, "spec.customerDomain", message, help);
        return Finding { severity: Severity::Warning, ..fault };
    }
    let help = "one account has one manifest: remove one, or set managementPolicy: Observe in the \
                one that only looks";
    finding(&domain, "spec.customerDomain", claimed, help)
}

fn shown(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}

fn finding(at: &Said, field: &str, message: String, help: &str) -> Finding {
    Finding {
        severity: Severity::Error,
        place: at.place.clone(),
        field: field.to_owned(),
        message,
        help: Some(help.to_owned()),
        source: Some(at.source.clone()),
    }
}
