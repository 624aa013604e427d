//! The ways of a customer whose every effect is tried.

use reseller_operator::simulator::State;
use serde_json::{Value, json};

use crate::check::NEW_USER;
use crate::google::ORDER;
use crate::specs::{account, domain_spec, initial_admin, team_account, team_spec, with};

/// The domain of every scenario; each run has a Google of its own.
pub const DOMAIN: &str = "acme.example";
/// The object of every scenario.
pub const NAME: &str = "acme";

/// What a user, or somebody at Google, does. The object is settled before the next step.
#[derive(Clone, Debug)]
pub enum Step {
    /// An account is there.
    Account(Value),
    /// Google changes.
    Google(fn(&mut State)),
    /// The next call of this method has its effect, and its answer is lost.
    LostAnswer(&'static str),
    /// A Secret with this name, key and value.
    Secret(&'static str, &'static str, &'static str),
    /// The manifest is applied.
    Create(Value),
    /// The manifest changes; a JSON merge patch of the spec.
    Edit(Value),
    /// A look is asked for.
    Refresh(&'static str),
    /// The command that the message prints is given.
    Approve,
}

/// One way of a customer.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    /// What was before; the operator is not killed.
    pub before: Vec<Step>,
    pub steps: Vec<Step>,
    /// Orders that people want, in all: by applying the manifest, or by approving.
    pub orders: usize,
    /// Whether a person is asked after a crash between the ledger and the outcome: what became of
    /// the order of a team cannot be read where the domain has teams already.
    pub may_ask: bool,
}

impl Scenario {
    fn new(name: &'static str, before: Vec<Step>, steps: Vec<Step>) -> Self {
        Self { name, before, steps, orders: 0, may_ask: false }
    }
}

pub fn domain_is_ordered() -> Scenario {
    let spec = with(domain_spec(DOMAIN), initial_admin(DOMAIN));
    let spec = with(spec, json!({"language": "de"}));
    let steps = vec![Step::Create(spec)];
    Scenario { orders: 1, ..Scenario::new("create domain", vec![], steps) }
}

/// Google does not show the account to the first look after the order.
pub fn domain_is_ordered_and_lags() -> Scenario {
    let lag: fn(&mut State) = |google| google.options.insert_lag_reads = 1;
    let steps = vec![Step::Create(domain_spec(DOMAIN))];
    Scenario { orders: 1, ..Scenario::new("create, lagging", vec![Step::Google(lag)], steps) }
}

/// The way back after a lost answer has effects of its own.
pub fn answers_are_lost() -> Scenario {
    let before = vec![Step::LostAnswer(ORDER), Step::LostAnswer(NEW_USER)];
    let steps = vec![Step::Create(with(domain_spec(DOMAIN), initial_admin(DOMAIN)))];
    Scenario { orders: 1, ..Scenario::new("lost answers", before, steps) }
}

/// Google says that the domain exists (409), and never shows it.
pub fn order_is_refused() -> Scenario {
    let hidden = json!({"lag": {"hiddenReads": 1000}});
    let before = vec![Step::Account(with(account(DOMAIN), hidden))];
    Scenario::new("refused order", before, vec![Step::Create(domain_spec(DOMAIN))])
}

pub fn team_is_ordered() -> Scenario {
    let steps = vec![Step::Create(team_spec(DOMAIN))];
    Scenario { orders: 1, ..Scenario::new("create team", vec![], steps) }
}

pub fn another_team_is_approved() -> Scenario {
    let other = |admin: &str| {
        let email = format!("{admin}@{DOMAIN}");
        let admin = json!({"primaryAdmin": {"primaryEmail": email}});
        Step::Account(with(team_account(DOMAIN), admin))
    };
    let before = vec![other("bob"), other("eve"), Step::Create(team_spec(DOMAIN))];
    let scenario = Scenario::new("approve a team", before, vec![Step::Approve]);
    Scenario { orders: 1, may_ask: true, ..scenario }
}

pub fn account_is_adopted() -> Scenario {
    let other = json!({"alternateEmail": "x@old.example", "postalAddress": {"locality": "Bonn"}});
    let before = vec![Step::Account(with(account(DOMAIN), other))];
    Scenario::new("adopt", before, vec![Step::Create(domain_spec(DOMAIN))])
}

/// An account that the manifest describes is managed.
fn managed() -> Vec<Step> {
    vec![Step::Account(account(DOMAIN)), Step::Create(domain_spec(DOMAIN))]
}

pub fn manifest_is_edited() -> Scenario {
    let change = json!({
        "alternateEmail": "new@elsewhere.example",
        "postalAddress": {"locality": "Potsdam"},
        "language": "de",
    });
    Scenario::new("edit", managed(), vec![Step::Edit(change)])
}

pub fn account_drifts() -> Scenario {
    let drift: fn(&mut State) = |google| {
        let id = google.accounts().keys().next().expect("an account").clone();
        google.account_mut(&id).expect("account").phone_number = Some("+493012345".to_owned());
    };
    Scenario::new("drift", managed(), vec![Step::Google(drift), Step::Refresh("1")])
}

pub fn vanished_customer_is_ordered_again() -> Scenario {
    let vanish: fn(&mut State) = |google| {
        let id = google.accounts().keys().next().expect("an account").clone();
        google.remove(&id);
    };
    let mut before = managed();
    before.extend([Step::Google(vanish), Step::Refresh("gone")]);
    let scenario = Scenario::new("approve a re-order", before, vec![Step::Approve]);
    Scenario { orders: 1, ..scenario }
}

pub fn foreign_account_is_listed() -> Scenario {
    let foreign = json!({
        "owner": "foreign",
        "subscriptions": [{"skuId": "1010020028", "minimumTransferableSeats": 20}],
        "transferTokens": [{"token": "0123abcd"}],
    });
    let before = vec![
        Step::Account(with(account(DOMAIN), foreign)),
        Step::Secret("transfer", "token", "0123abcd"),
    ];
    let token = json!({"customerAuthTokenSecretRef": {"name": "transfer", "key": "token"}});
    let steps = vec![Step::Create(with(domain_spec(DOMAIN), token))];
    Scenario::new("transfer list", before, steps)
}

pub fn operator_is_told_to_keep_off() -> Scenario {
    let email = |address: &str| json!({"alternateEmail": address});
    let off = |email, how| Step::Edit(with(email, how));
    let steps = vec![
        off(email("a@elsewhere.example"), json!({"suspend": true})),
        off(email("b@elsewhere.example"), json!({"suspend": false, "managementPolicy": "Observe"})),
        off(email("c@elsewhere.example"), json!({"managementPolicy": "Full"})),
    ];
    Scenario::new("suspend, Observe", managed(), steps)
}
