//! All objects of a change.

use schemars::JsonSchema;
use serde::Serialize;

use super::entry::{Effect, Entry};

/// What applying the manifests would do at Google.
#[derive(Serialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this format. It changes only when a member goes or changes its meaning.
    pub format_version: u32,
    /// How many objects there are of each kind.
    pub counts: Counts,
    /// Every object, in the order of namespace and name.
    pub objects: Vec<Entry>,
    /// Objects that go with the change. Nothing changes at Google.
    pub released: Vec<Released>,
    /// What holds for the whole plan.
    pub notes: Vec<String>,
}

/// How many objects there are of each kind. An object that is changed and then blocked counts in
/// both.
#[derive(Serialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// All objects.
    pub objects: usize,
    /// Accounts that would be ordered. Each costs money.
    pub order: usize,
    /// Accounts that get their language or first administrator.
    pub onboard: usize,
    /// Accounts that would be taken over.
    pub adopt: usize,
    /// Accounts of ours that would be changed.
    pub update: usize,
    /// Objects for which a person must act.
    pub blocked: usize,
    /// Objects whose account could not be read.
    pub unread: usize,
    /// Objects that only look.
    pub observe: usize,
    /// Objects that are suspended.
    pub suspended: usize,
    /// Objects for which nothing is to be done.
    pub unchanged: usize,
    /// Objects that stop being managed.
    pub released: usize,
    /// Calls that would change something at Google.
    pub calls: usize,
}

/// An object that stops being managed. Its account stays at Google as it is.
#[derive(Serialize, JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    /// Namespace of the object, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the object.
    pub name: String,
    /// Primary domain of the account.
    pub customer_domain: String,
    /// Google's id of the account, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The object that manages the account from then on, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
}

/// Version of the format.
const FORMAT: u32 = 1;

impl Report {
    /// The report of these objects.
    #[must_use]
    pub fn new(mut objects: Vec<Entry>, mut released: Vec<Released>, notes: Vec<String>) -> Self {
        let name = |entry: &Entry| (entry.namespace.clone(), entry.name.clone(), entry.line);
        objects.sort_by_cached_key(name);
        released.sort();
        let counts = Counts::of(&objects, released.len());
        Self { format_version: FORMAT, counts, objects, released, notes }
    }

    /// Whether applying the manifests would change something; an object that stops being managed
    /// counts.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.released.is_empty() || self.objects.iter().any(Entry::has_changes)
    }

    /// Whether a person must act, or something could not be read.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.objects.iter().any(|entry| entry.blocked.is_some())
    }

    /// The objects that a person has to look at, what is at stake most first.
    pub(super) fn listed(&self) -> Vec<&Entry> {
        let is_listed = |entry: &&Entry| {
            entry.has_changes() || !entry.differences.is_empty() || !entry.notes.is_empty()
        };
        let mut listed: Vec<&Entry> = self.objects.iter().filter(is_listed).collect();
        listed.sort_by_key(|entry| (std::cmp::Reverse(entry.risk), entry.action));
        listed
    }

    /// The objects that are blocked.
    pub(super) fn blocked(&self) -> impl Iterator<Item = &Entry> {
        self.objects.iter().filter(|entry| entry.blocked.is_some())
    }
}

impl Counts {
    fn of(objects: &[Entry], released: usize) -> Self {
        let count = |effect: Effect| objects.iter().filter(|entry| entry.action == effect).count();
        let unread = count(Effect::Unread);
        Self {
            objects: objects.len(),
            order: count(Effect::Order),
            onboard: count(Effect::Onboard),
            adopt: count(Effect::Adopt),
            update: count(Effect::Update),
            blocked: objects.iter().filter(|entry| entry.blocked.is_some()).count() - unread,
            unread,
            observe: count(Effect::Observe),
            suspended: count(Effect::Suspended),
            unchanged: count(Effect::None),
            released,
            calls: objects.iter().map(|entry| entry.calls.len()).sum(),
        }
    }

    /// One line: what is at stake most first; what there is none of is left out.
    pub(super) fn summary(&self) -> String {
        let parts = [
            (self.order, "to order (costs money)"),
            (self.onboard, "to set up"),
            (self.adopt, "to adopt"),
            (self.update, "to update"),
            (self.blocked, "blocked"),
            (self.unread, "not read"),
            (self.released, "stop being managed"),
            (self.observe, "only observed"),
            (self.suspended, "suspended"),
            (self.unchanged, "unchanged"),
        ];
        let told: Vec<String> = parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let verdict = match (self.calls, told.is_empty()) {
            (_, true) => return "No manifests.".to_owned(),
            (0, _) => "Nothing would change at Google".to_owned(),
            (1, _) => "1 call would change something at Google".to_owned(),
            (calls, _) => format!("{calls} calls would change something at Google"),
        };
        format!("{}. {verdict}.", told.join(", "))
    }
}
