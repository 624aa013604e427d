//! What happens in a generated run: Google at the start, the manifest, and then step by step what
//! people do, what fails and when the operator dies.

use proptest::collection::vec;
use proptest::prelude::*;
use reseller_operator::crd::{
    AdoptionPolicy, CustomerType, DriftPolicy, InitialAdmin, ManagementPolicy, PersonName,
    PostalAddress, PrimaryAdmin, ResellerCustomerSpec, SecretKeyRef,
};
use reseller_operator::domain::Field;
use reseller_operator::simulator::{
    ErrorLayout, Fault, FaultRule, FreshAnswer, Nested, Options, TeamsTrigger,
};

pub(crate) const DOMAIN: &str = "acme.example";
/// An account of ours on another domain, which no manifest means unless it pins it.
pub(crate) const OTHER: &str = "C0other";

/// A whole run.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seeds: Vec<Seed>,
    pub(crate) options: Options,
    pub(crate) draft: Draft,
    pub(crate) steps: Vec<Step>,
}

/// An account that is there before the object.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    pub(crate) team: bool,
    pub(crate) foreign: bool,
    pub(crate) admin: u8,
    pub(crate) values: Values,
}

/// A value for each field, as a place in its pool.
pub(crate) type Values = [u8; 12];

/// What a manifest says, beside domain and type.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) team: bool,
    pub(crate) values: Values,
    pub(crate) managed: u16,
    pub(crate) admin: Option<u8>,
    pub(crate) management: ManagementPolicy,
    pub(crate) adoption: AdoptionPolicy,
    pub(crate) drift: DriftPolicy,
}

/// Something happens, calls fail, rounds are made, time passes.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) event: Event,
    pub(crate) faults: Vec<FaultRule>,
    pub(crate) rounds: Vec<Interruption>,
    /// Seconds.
    pub(crate) wait: u32,
}

/// What people, Google and the cluster do.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Nothing,
    Restart,
    Edit(Box<Draft>),
    Suspend(bool),
    Pin(Pin),
    Approve {
        right: bool,
    },
    Refresh,
    Recreate,
    OrderLimit(bool),
    Claimed(bool),
    Secret(Secret),
    Drift {
        field: Field,
        value: u8,
    },
    TransferAway,
    TransferBack,
    Delete,
    Reinstate {
        foreign: bool,
    },
    Rename,
    FollowRename,
    Convert,
    FollowConversion,
    AcceptTerms,
    Subscribe,
    AddTeam {
        foreign: bool,
        admin: u8,
    },
    DenyDirectory(bool),
    MakeUser,
    /// The wall clock of the operator is set: so many seconds before or after Google's.
    Clock(i32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Pin {
    Nothing,
    OnDomain,
    Other,
    Missing,
}

/// State of the password Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secret {
    Absent,
    KeyMissing,
    Unusable,
    Present,
}

/// What comes between a pass and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    None,
    /// The process dies at this step: before or after a call or a write of the ledger.
    Crash(u8),
    CrashBeforePublish,
    /// Somebody wrote the object before the ledger was.
    Conflict,
    /// The lease is lost between ledger and call.
    Fence,
    /// The status of a pass that called nothing was not written.
    PublishLost,
    /// The pass starts from the object as it was before the last write.
    Stale,
    /// The process stands still at this step until it is not the leader any more, and goes on when
    /// the next leader has made so many rounds.
    Freeze {
        step: u8,
        rounds: u8,
    },
    /// The same, while a call that must not be repeated is on the wire: it arrives after the first
    /// round of the next leader.
    OnTheWire,
}

/// Values that a field may have. The last ones may be refused or dropped by Google.
pub(crate) fn pool(field: Field) -> &'static [&'static str] {
    match field {
        Field::AlternateEmail => &["zoe@elsewhere.example", "Max@Elsewhere.example"],
        Field::Language => &["en", "de", "fr"],
        Field::PhoneNumber => &["", "+49 30 123456", "+1 212 555 0100", "+012"],
        Field::AddressLine1 | Field::AddressLine2 | Field::AddressLine3 => {
            &["", "Mill 1", "Mill  1"]
        }
        Field::ContactName => &["Zoe Quill", "Max Quill"],
        Field::CountryCode => &["DE", "US"],
        Field::Locality => &["", "Cologne", "Bonn"],
        Field::OrganizationName => &["Quill", "Quill & Co"],
        Field::PostalCode => &["10115", "10001", "ABC"],
        Field::Region => &["", "New York", "Bayern"],
    }
}

pub(crate) fn value(values: &Values, field: Field) -> &'static str {
    let place = Field::ALL.iter().position(|known| *known == field).unwrap_or_default();
    let pool = pool(field);
    pool[usize::from(values[place]) % pool.len()]
}

/// The address of a team's first administrator.
pub(crate) fn team_admin(which: u8) -> String {
    format!("{}@{DOMAIN}", ["ada", "eve"][usize::from(which % 2)])
}

pub(crate) fn initial_admin(which: u8) -> InitialAdmin {
    InitialAdmin {
        primary_email: format!("{}@{DOMAIN}", ["root", "boss"][usize::from(which % 2)]),
        name: PersonName { given_name: "Ro".to_owned(), family_name: "Ot".to_owned() },
        recovery_email: None,
        password_secret_ref: SecretKeyRef { name: "first".to_owned(), key: "password".to_owned() },
    }
}

impl Draft {
    /// The manifest; Full is given what it needs.
    pub(crate) fn spec(&self) -> ResellerCustomerSpec {
        const NEEDED: [Field; 5] = [
            Field::ContactName,
            Field::OrganizationName,
            Field::PostalCode,
            Field::CountryCode,
            Field::AlternateEmail,
        ];
        let is_full = self.management == ManagementPolicy::Full;
        let of = |field: Field| {
            let place = Field::ALL.iter().position(|known| *known == field).unwrap_or_default();
            let is_managed = self.managed & (1 << place) != 0 || is_full && NEEDED.contains(&field);
            is_managed.then(|| value(&self.values, field).to_owned())
        };
        ResellerCustomerSpec {
            customer_domain: DOMAIN.to_owned(),
            customer_type: if self.team { CustomerType::Team } else { CustomerType::Domain },
            customer_id: None,
            postal_address: Some(PostalAddress {
                contact_name: of(Field::ContactName),
                organization_name: of(Field::OrganizationName),
                postal_code: of(Field::PostalCode),
                country_code: of(Field::CountryCode),
                address_line1: of(Field::AddressLine1),
                address_line2: of(Field::AddressLine2),
                address_line3: of(Field::AddressLine3),
                locality: of(Field::Locality),
                region: of(Field::Region),
            }),
            phone_number: of(Field::PhoneNumber),
            alternate_email: of(Field::AlternateEmail),
            primary_admin: self
                .team
                .then(|| PrimaryAdmin { primary_email: team_admin(self.admin.unwrap_or(0)) }),
            language: of(Field::Language),
            initial_admin: self.admin.filter(|_| !self.team).map(initial_admin),
            customer_auth_token_secret_ref: None,
            management_policy: self.management,
            adoption_policy: self.adoption,
            drift_policy: self.drift,
            suspend: false,
        }
    }
}

fn draft() -> impl Strategy<Value = Draft> {
    let management = prop_oneof![
        6 => Just(ManagementPolicy::Full),
        1 => Just(ManagementPolicy::AdoptOnly),
        1 => Just(ManagementPolicy::Observe),
    ];
    let adoption =
        prop_oneof![3 => Just(AdoptionPolicy::Always), 1 => Just(AdoptionPolicy::IfUnchanged)];
    let drift = prop_oneof![3 => Just(DriftPolicy::Correct), 1 => Just(DriftPolicy::Report)];
    let admin = proptest::option::of(0..2_u8);
    (any::<bool>(), values(), any::<u16>(), admin, management, adoption, drift).prop_map(
        |(team, values, managed, admin, management, adoption, drift)| Draft {
            team,
            values,
            managed,
            admin,
            management,
            adoption,
            drift,
        },
    )
}

fn values() -> impl Strategy<Value = Values> {
    // Mostly the first values, so that accounts and manifests often agree.
    proptest::array::uniform12(prop_oneof![5 => Just(0_u8), 3 => Just(1), 1 => 0..4_u8])
}

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let seed = |team: bool| {
        (any::<bool>(), 0..2_u8, values()).prop_map(move |(foreign, admin, values)| Seed {
            team,
            foreign,
            admin,
            values,
        })
    };
    prop_oneof![
        3 => Just(Vec::new()),
        2 => vec(seed(false), 1),
        2 => vec(seed(true), 1..3),
    ]
}

pub(crate) fn options() -> impl Strategy<Value = Options> {
    let teams = (prop_oneof![Just(412_u16), Just(400), Just(409)], any::<bool>());
    let forms = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    // Lag is a time less than the lag grace, never a number of reads.
    let lags = (prop_oneof![3 => Just(0_u32), 1 => 1..500_u32], prop_oneof![Just(0_u32), Just(20)]);
    let fresh = (0..3_u32, prop_oneof![3 => Just(0_u32), 1 => Just(3000)], 0..3_u8);
    (teams, forms, lags, fresh).prop_map(|(teams, forms, lags, fresh)| {
        let mut options = Options {
            teams_status: teams.0,
            teams_trigger: if teams.1 { TeamsTrigger::One } else { TeamsTrigger::Many },
            nested_patch: if forms.0 { Nested::Merge } else { Nested::Replace },
            error_layout: if forms.1 { ErrorLayout::Errors } else { ErrorLayout::Status },
            insert_lag_seconds: lags.0,
            patch_lag_seconds: lags.1,
            fresh_account_calls: fresh.0,
            fresh_account_seconds: fresh.1,
            fresh_account_answer: [
                FreshAnswer::Forbidden,
                FreshAnswer::NotFound,
                FreshAnswer::NotComplete,
            ][usize::from(fresh.2)],
            ..Options::default()
        };
        if forms.2 {
            let form = [("Cologne".to_owned(), "Köln".to_owned())];
            options.normalise.insert("postalAddress.locality".to_owned(), form.into());
        }
        if forms.3 {
            options.drop.insert("postalAddress.addressLine2".to_owned());
        }
        options
    })
}

fn fault() -> impl Strategy<Value = FaultRule> {
    let method = prop_oneof![
        3 => Just("reseller.customers.get"),
        4 => Just("reseller.customers.insert"),
        3 => Just("reseller.customers.patch"),
        1 => Just("reseller.subscriptions.list"),
        2 => Just("directory.customers.get"),
        2 => Just("directory.customers.patch"),
        2 => Just("directory.users.get"),
        3 => Just("directory.users.insert"),
        2 => Just("directory.users.makeAdmin"),
    ];
    let after = |status: u16| Fault::Status {
        status,
        reason: "backendError".to_owned(),
        message: "Backend error".to_owned(),
        retry_after: None,
        after_commit: true,
    };
    let fault = prop_oneof![
        Just(Fault::status(503, "backendError", "Service unavailable")),
        Just(Fault::status(500, "backendError", "Internal error")),
        Just(Fault::status(408, "timeout", "Request timeout")),
        Just(Fault::status(429, "quotaExceeded", "Quota exceeded")),
        Just(Fault::status(403, "userRateLimitExceeded", "User rate limit exceeded")),
        Just(Fault::status(403, "forbidden", "Forbidden")),
        Just(Fault::status(401, "authError", "Invalid Credentials")),
        Just(Fault::status(400, "invalid", "Invalid value for: region")),
        Just(Fault::status(412, "conditionNotMet", "Condition not met")),
        Just(Fault::status(409, "conflict", "Resource already exists")),
        Just(after(503)),
        Just(after(500)),
        Just(Fault::LostAnswer),
        Just(Fault::LostAnswer),
        Just(Fault::Drop),
        Just(Fault::BrokenJson),
        Just(Fault::Html { status: 502, after_commit: true }),
        Just(Fault::Html { status: 404, after_commit: false }),
        Just(Fault::Html { status: 403, after_commit: true }),
    ];
    (method, 0..3_u32, 1..3_u32, fault).prop_map(|(method, skip, times, fault)| FaultRule {
        skip,
        times: Some(times),
        ..FaultRule::once(method, fault)
    })
}

fn event() -> impl Strategy<Value = Event> {
    let pin =
        prop_oneof![Just(Pin::Nothing), Just(Pin::OnDomain), Just(Pin::Other), Just(Pin::Missing)];
    let secret = prop_oneof![
        Just(Secret::Absent),
        Just(Secret::KeyMissing),
        Just(Secret::Unusable),
        Just(Secret::Present),
    ];
    let field = (0..Field::ALL.len()).prop_map(|place| Field::ALL[place]);
    prop_oneof![
        6 => Just(Event::Nothing),
        2 => Just(Event::Restart),
        4 => draft().prop_map(|draft| Event::Edit(Box::new(draft))),
        2 => any::<bool>().prop_map(Event::Suspend),
        3 => pin.prop_map(Event::Pin),
        4 => prop_oneof![3 => Just(true), 1 => Just(false)].prop_map(|right| Event::Approve { right }),
        1 => Just(Event::Refresh),
        2 => Just(Event::Recreate),
        1 => any::<bool>().prop_map(Event::OrderLimit),
        1 => any::<bool>().prop_map(Event::Claimed),
        2 => secret.prop_map(Event::Secret),
        5 => (field, 0..4_u8).prop_map(|(field, value)| Event::Drift { field, value }),
        2 => Just(Event::TransferAway),
        1 => Just(Event::TransferBack),
        2 => Just(Event::Delete),
        2 => any::<bool>().prop_map(|foreign| Event::Reinstate { foreign }),
        1 => Just(Event::Rename),
        1 => Just(Event::FollowRename),
        1 => Just(Event::Convert),
        1 => Just(Event::FollowConversion),
        1 => Just(Event::AcceptTerms),
        1 => Just(Event::Subscribe),
        1 => (any::<bool>(), 0..2_u8).prop_map(|(foreign, admin)| Event::AddTeam { foreign, admin }),
        1 => any::<bool>().prop_map(Event::DenyDirectory),
        1 => Just(Event::MakeUser),
        2 => prop_oneof![Just(0), Just(3600), Just(240), Just(-900)].prop_map(Event::Clock),
    ]
}

pub(crate) fn interruption() -> impl Strategy<Value = Interruption> {
    prop_oneof![
        5 => Just(Interruption::None),
        5 => (0..20_u8).prop_map(Interruption::Crash),
        2 => Just(Interruption::CrashBeforePublish),
        1 => Just(Interruption::Conflict),
        1 => Just(Interruption::Fence),
        1 => Just(Interruption::PublishLost),
        1 => Just(Interruption::Stale),
        2 => (0..20_u8, 0..6_u8).prop_map(|(step, rounds)| Interruption::Freeze { step, rounds }),
        1 => Just(Interruption::OnTheWire),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let wait = prop_oneof![
        4 => Just(0_u32),
        2 => Just(40),
        2 => Just(700),
        1 => Just(4000),
        1 => Just(90_000),
    ];
    (event(), vec(fault(), 0..3), vec(interruption(), 0..5), wait)
        .prop_map(|(event, faults, rounds, wait)| Step { event, faults, rounds, wait })
}

/// Any run.
pub(crate) fn scenario() -> impl Strategy<Value = Scenario> {
    (seeds(), options(), draft(), vec(step(), 0..7))
        .prop_map(|(seeds, options, draft, steps)| Scenario { seeds, options, draft, steps })
}

/// A run in which Google neither fails nor lags, and nobody interferes.
pub(crate) fn calm() -> impl Strategy<Value = Scenario> {
    (seeds(), options(), draft()).prop_map(|(seeds, options, draft)| {
        let options = Options {
            insert_lag_seconds: 0,
            patch_lag_seconds: 0,
            fresh_account_calls: 0,
            fresh_account_seconds: 0,
            ..options
        };
        Scenario { seeds, options, draft, steps: Vec::new() }
    })
}
