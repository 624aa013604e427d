//! What people, Google and the cluster do to a world. Edits that the API server refuses are left
//! out.

use jiff::SignedDuration;
use reseller_operator::crd::{self, ResellerCustomerSpec};
use reseller_operator::domain::Field;
use reseller_operator::simulator::{Account, CustomerType, Owner, Subscription, User};

use crate::scenario::{DOMAIN, Draft, Event, OTHER, Pin, Secret, Seed, Step, initial_admin, pool};
use crate::shell::lock;
use crate::world::{World, seeded};

const DIRECTORY_SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/admin.directory.customer",
    "https://www.googleapis.com/auth/admin.directory.user",
];

/// A step of a run: the event, then rounds with their interruptions, then time.
pub(crate) fn step(world: &mut World, step: &Step) {
    for rule in &step.faults {
        world.google.simulator().simulation().inject(rule.clone());
    }
    event(world, &step.event);
    for interruption in &step.rounds {
        let ended = world.round(*interruption);
        world.advance(world.delay(ended.next));
    }
    world.advance(SignedDuration::from_secs(step.wait.into()));
}

/// Google is well again, and nobody interferes any more.
pub(crate) fn calm(world: &mut World) {
    world.thaw();
    let mut simulation = world.google.simulator().simulation();
    simulation.clear_faults();
    simulation.options_mut().denied_scopes.clear();
    drop(simulation);
    world.is_limited = false;
    world.is_claimed = false;
}

fn event(world: &mut World, event: &Event) {
    match event {
        Event::Nothing => {}
        Event::Restart => world.restart(),
        Event::Edit(draft) => edit(world, draft),
        Event::Suspend(suspend) => change(world, |spec| spec.suspend = *suspend),
        Event::Pin(pin) => {
            let id = match pin {
                Pin::Nothing => None,
                Pin::OnDomain => on_domain(world).or(Some(OTHER.to_owned())),
                Pin::Other => Some(OTHER.to_owned()),
                Pin::Missing => Some("C0missing".to_owned()),
            };
            change(world, |spec| spec.customer_id = id);
        }
        Event::Approve { right } => {
            let asked = world.status().approval.map(|approval| approval.token);
            world.approve_order = asked.filter(|_| *right).or(Some("wrong".to_owned()));
            lock(&world.kube).version += 1;
        }
        Event::Refresh => {
            world.refresh = Some(world.now().to_string());
            lock(&world.kube).version += 1;
        }
        Event::Clock(skew) => world.set_clock(SignedDuration::from_secs((*skew).into())),
        Event::Recreate => world.recreate(),
        Event::OrderLimit(is_reached) => world.is_limited = *is_reached,
        Event::Claimed(is_claimed) => world.is_claimed = *is_claimed,
        Event::Secret(secret) => {
            let mut kube = lock(&world.kube);
            kube.secret = *secret;
            kube.secret_version += u32::from(*secret == Secret::Present);
        }
        Event::FollowRename => {
            let pinned = world.spec.customer_id.clone();
            let domain =
                pinned.and_then(|id| with_account(world, &id, |a| a.customer_domain.clone()));
            if let Some(domain) = domain {
                change(world, |spec| spec.customer_domain = domain);
            }
        }
        Event::FollowConversion => {
            if world.status().customer_type == Some(crd::CustomerType::Domain) {
                change(world, |spec| {
                    spec.customer_type = crd::CustomerType::Domain;
                    spec.primary_admin = None;
                });
            }
        }
        Event::DenyDirectory(is_denied) => {
            let mut simulation = world.google.simulator().simulation();
            let scopes = DIRECTORY_SCOPES.map(str::to_owned).into_iter().filter(|_| *is_denied);
            simulation.options_mut().denied_scopes = scopes.collect();
        }
        _ => at_google(world, event),
    }
}

/// What happens behind the operator's back.
fn at_google(world: &World, event: &Event) {
    let id = meant(world);
    let now = world.now();
    let with = |change: &dyn Fn(&mut Account)| {
        if let Some(id) = &id {
            with_account(world, id, change);
        }
    };
    match event {
        Event::Drift { field, value } => with(&|account| drift(account, *field, *value)),
        Event::TransferAway => with(&|account| account.owner = Owner::Foreign),
        Event::TransferBack => with(&|account| account.owner = Owner::Own),
        Event::Rename => {
            with(&|account| "renamed.example".clone_into(&mut account.customer_domain));
        }
        Event::Convert => with(&|account| account.customer_type = CustomerType::Domain),
        Event::AcceptTerms => with(&Account::accept_terms),
        Event::Subscribe => with(&|account| {
            account
                .subscriptions
                .push(Subscription { subscription_id: "1".to_owned(), ..Subscription::default() });
        }),
        Event::MakeUser => with(&|account| {
            let primary_email = initial_admin(0).primary_email;
            if account.user(&primary_email).is_none() {
                let user = User {
                    id: "7".to_owned(),
                    primary_email,
                    creation_time: Some(now - SignedDuration::from_hours(24)),
                    ..User::default()
                };
                account.users.push(user);
            }
        }),
        Event::Delete => {
            if let Some(id) = &id {
                world.google.simulator().simulation().state_mut().remove(id);
            }
        }
        Event::Reinstate { foreign } => {
            let mut simulation = world.google.simulator().simulation();
            let gone = id.and_then(|id| simulation.state_mut().remove(&id));
            if let Some(gone) = gone {
                let owner = if *foreign { Owner::Foreign } else { Owner::Own };
                let id = format!("C0new{}", simulation.state().accounts().len());
                let anew =
                    Account { customer_id: id, owner, customer_creation_time: Some(now), ..gone };
                simulation.state_mut().add(anew, now);
            }
        }
        Event::AddTeam { foreign, admin } => add_team(world, *foreign, *admin),
        _ => {}
    }
}

/// Somebody orders a team, where Google lets one be.
fn add_team(world: &World, foreign: bool, admin: u8) {
    let now = world.now();
    let mut simulation = world.google.simulator().simulation();
    let accounts = simulation.state().accounts();
    let has_domain = accounts
        .values()
        .any(|a| a.customer_domain == DOMAIN && a.customer_type == CustomerType::Domain);
    let id = format!("C0team{}", accounts.len());
    if !has_domain && !accounts.contains_key(&id) {
        let seed = Seed { team: true, foreign, admin, values: [0; 12] };
        simulation.state_mut().add(seeded(&seed, &id), now);
    }
}

fn drift(account: &mut Account, field: Field, place: u8) {
    let pool = pool(field);
    let value = pool[usize::from(place) % pool.len()].to_owned();
    match field {
        Field::AlternateEmail => account.alternate_email = Some(value),
        Field::Language => account.language = value,
        Field::PhoneNumber => account.phone_number = Some(value).filter(|value| !value.is_empty()),
        _ => {
            let member = field.path().rsplit('.').next().unwrap_or_default().to_owned();
            account.postal_address.insert(member, value);
            account.postal_address.retain(|_, value| !value.is_empty());
        }
    }
}

/// The account that the object means: pinned, remembered, or on its domain.
fn meant(world: &World) -> Option<String> {
    let known = world.spec.customer_id.clone().or(world.status().customer_id);
    let is_there = |id: &String| with_account(world, id, |_| ()).is_some();
    known.filter(is_there).or_else(|| on_domain(world))
}

fn on_domain(world: &World) -> Option<String> {
    let simulation = world.google.simulator().simulation();
    let mut accounts = simulation.state().accounts().values();
    accounts
        .find(|account| account.customer_domain == world.spec.customer_domain)
        .map(|account| account.customer_id.clone())
}

fn with_account<T>(world: &World, id: &str, see: impl FnOnce(&mut Account) -> T) -> Option<T> {
    world.google.simulator().simulation().state_mut().account_mut(id).map(see)
}

/// An edit of values and policies, as far as the API server lets it through.
fn edit(world: &mut World, draft: &Draft) {
    let status = world.status();
    let old = world.spec.clone();
    let team = old.customer_type == crd::CustomerType::Team;
    let new = Draft { team, ..draft.clone() }.spec();
    change(world, |spec| {
        *spec = ResellerCustomerSpec {
            customer_domain: old.customer_domain.clone(),
            customer_id: old.customer_id.clone(),
            suspend: old.suspend,
            ..new
        };
        if status.customer_id.is_some() {
            spec.primary_admin = old.primary_admin;
        }
        if status.initial_admin.is_some() && spec.initial_admin.is_some() {
            spec.initial_admin = old.initial_admin;
        }
    });
}

/// A change of the spec, if it is one, makes a new generation.
fn change(world: &mut World, edit: impl FnOnce(&mut ResellerCustomerSpec)) {
    let mut spec = world.spec.clone();
    edit(&mut spec);
    if spec != world.spec {
        world.spec = spec;
        world.generation += 1;
        lock(&world.kube).version += 1;
    }
}
