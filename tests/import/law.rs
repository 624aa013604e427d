//! Law 4: for what an import writes, a plan has nothing to change; and nothing is lost in silence.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use futures::stream;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reseller_operator::crd::ManagementPolicy;
use reseller_operator::domain::Field;
use reseller_operator::google::types::Customer;
use reseller_operator::google::{ErrorClass, GoogleApi};
use reseller_operator::import::{self, Imported, Language, Refused};
use reseller_operator::manifest::{Loaded, load};
use reseller_operator::plan::Risk;
use reseller_operator::rehearsal::rehearse;
use reseller_operator::review::{Effect, Entry, Proposal, propose};
use reseller_operator::simulator::{Account, CallFilter, InProcess, Options};

use super::accounts::accounts;

const CASES: u32 = 256;

fn google(accounts: &BTreeMap<String, Account>, options: Options) -> InProcess {
    let google = InProcess::default();
    {
        let mut simulation = google.simulator().simulation();
        *simulation.options_mut() = options;
        let now = simulation.now();
        for account in accounts.values() {
            simulation.state_mut().add(account.clone(), now);
        }
    }
    google
}

/// What an import reads and makes of it: all that the sweep shows.
pub(crate) async fn import_all(google: &InProcess) -> BTreeMap<String, Result<Imported, Refused>> {
    let wanted = import::customers(google).await.unwrap();
    let read = stream::iter(wanted.into_keys()).then(async |id| {
        let account = import::read(google, &id).await.unwrap();
        let language = match &account.language {
            Language::Known(language) => language.clone(),
            Language::Unreadable(error) => {
                assert_eq!(error.class(), ErrorClass::Permission);
                None
            }
        };
        (id, Imported::of(&account.customer, language.as_deref()))
    });
    read.collect().await
}

/// The manifests, as text by name.
pub(crate) fn texts(
    imported: &BTreeMap<String, Result<Imported, Refused>>,
) -> Vec<(String, String)> {
    let manifests: Vec<&Imported> = imported.values().filter_map(|it| it.as_ref().ok()).collect();
    let names =
        import::names(&manifests.iter().map(|it| (it.id.clone(), it.domain.clone())).collect());
    manifests.iter().map(|it| (names[&it.id].clone(), it.yaml(&names[&it.id]))).collect()
}

fn options() -> impl Strategy<Value = Options> {
    let customer = "https://www.googleapis.com/auth/admin.directory.customer";
    prop::bool::weighted(0.2).prop_map(move |is_denied| {
        let mut options = Options::default();
        options.denied_scopes.extend(is_denied.then(|| customer.to_owned()));
        options
    })
}

#[test]
fn what_was_imported_is_valid_and_a_plan_has_nothing_to_change() {
    let mut runner =
        TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runner
        .run(&(accounts(), options()), |(accounts, options)| {
            runtime.block_on(async {
                let google = google(&accounts, options);
                let imported = import_all(&google).await;
                knows_all(&accounts, &imported);
                names_are_good(&texts(&imported));
                let manifests = imported.values().filter_map(|it| it.as_ref().ok());
                for ((name, text), manifest) in texts(&imported).iter().zip(manifests) {
                    let loaded = reads_back(name, text, manifest);
                    loses_nothing_in_silence(&google, manifest).await;
                    changes_nothing(&google, &loaded).await;
                }
            });
            Ok(())
        })
        .unwrap();
}

/// The sweep shows the accounts that are ours, and each is imported or refused for what it is called.
fn knows_all(
    accounts: &BTreeMap<String, Account>,
    imported: &BTreeMap<String, Result<Imported, Refused>>,
) {
    let own: BTreeSet<&String> =
        accounts.iter().filter(|(_, account)| account.is_own()).map(|(id, _)| id).collect();
    assert_eq!(imported.keys().collect::<BTreeSet<_>>(), own);
    for (id, imported) in imported {
        let is_domain =
            reseller_operator::domain::ids::CustomerDomain::parse(&accounts[id].customer_domain)
                .is_some();
        match imported {
            Ok(manifest) => assert!(is_domain && manifest.id.as_str() == id),
            Err(refused) => {
                assert!(!is_domain);
                assert_eq!(*refused, Refused::Identity("spec.customerDomain"));
            }
        }
    }
}

/// Each is a name of an object and of a file, and none is another's, by any file system.
fn names_are_good(texts: &[(String, String)]) {
    let names: BTreeSet<String> = texts.iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(names.len(), texts.len(), "{names:?}");
    for (name, _) in texts {
        let is_label = |label: &str| {
            let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            label.starts_with(is_word)
                && label.ends_with(is_word)
                && label.chars().all(|c| is_word(c) || c == '-')
        };
        assert!(name.len() <= 250 && name.split('.').all(is_label), "{name}");
    }
}

/// As `validate` and `plan` read it, without a finding.
fn reads_back(name: &str, text: &str, manifest: &Imported) -> Loaded {
    let loaded = load(&["-".into()], text.as_bytes());
    assert!(loaded.findings.is_empty(), "{:?}\n{text}", loaded.findings);
    let object = &loaded.manifests[0].object;
    assert_eq!(object.metadata.name.as_deref(), Some(name));
    assert_eq!(object.spec, manifest.spec, "{text}");
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
    loaded
}

/// Each value of Google is in the manifest, or its field is named.
async fn loses_nothing_in_silence(google: &InProcess, manifest: &Imported) {
    let record: Customer = google.customers_get(manifest.id.as_str()).await.unwrap();
    let language = google.directory_customers_get(manifest.id.as_str()).await;
    for field in Field::ALL {
        let observed = match field {
            Field::Language => {
                language.as_ref().ok().and_then(|it| it.language.as_deref()).unwrap_or("")
            }
            field => field.observed(&record),
        };
        let desired = field.desired(&manifest.spec);
        let is_told = manifest.left_out.contains(&format!("spec.{}", field.path()));
        match desired {
            Some(desired) => assert!(desired == observed && !is_told && !desired.is_empty()),
            None => assert_eq!(is_told, !observed.is_empty(), "{field:?}"),
        }
    }
    let is_observe = manifest.spec.management_policy == ManagementPolicy::Observe;
    assert_eq!(is_observe, !manifest.missing.is_empty());
}

async fn changes_nothing(google: &InProcess, loaded: &Loaded) {
    let seen = google.simulator().simulation().calls(&CallFilter::default()).len();
    let proposals = propose(&Proposal { after: &loaded.manifests, ..Proposal::default() });
    let proposed = &proposals.objects[0];
    let now = google.simulator().simulation().now();
    let surroundings = proposals.surroundings(proposed);
    let rehearsal = rehearse(google, &proposed.object, &surroundings, now).await;
    let entry = Entry::of(proposed, &rehearsal);
    let is_observe = proposed.object.spec.management_policy == ManagementPolicy::Observe;
    let expected = if is_observe { Effect::Observe } else { Effect::Adopt };
    assert_eq!((entry.action, entry.risk), (expected, Risk::None), "{entry:?}");
    assert!(!entry.has_changes() && entry.differences.is_empty(), "{entry:?}");
    assert_eq!(entry.blocked, None);
    let calls = google.simulator().simulation().calls(&CallFilter::default());
    assert!(calls[seen..].iter().all(|call| call.method.ends_with("get")), "{:?}", &calls[seen..]);
}
