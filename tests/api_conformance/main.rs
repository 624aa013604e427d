//! What Google's APIs do, as sentences: one set of behaviours for the simulator in process and for
//! the client over HTTP, so that neither drifts from the reference. § cites reseller-api.md.
#![cfg(feature = "simulator")]
#![expect(clippy::unwrap_used, reason = "clippy takes helpers of tests for other code")]

mod customers;
mod directory;
mod failures;
mod subscriptions;

use std::future::Future;

use reseller_operator::google::types::{Address, Customer, NewUser, PrimaryAdmin, User, UserName};
use reseller_operator::google::{
    ApiError, ApiMethod, Client, CredentialSource, ErrorClass, GoogleApi, Settings,
};
use reseller_operator::simulator::{
    Account, CustomerType, Fault, FaultRule, InProcess, Options, Owner, Simulator, serve,
};
use tokio::net::TcpListener;

/// An implementation of the API, and the Google behind it.
struct Bench<A> {
    api: A,
    google: Simulator,
    /// Where the key file is, as long as the client may look at it.
    _folder: Option<tempfile::TempDir>,
}

fn in_process() -> Bench<InProcess> {
    let api = InProcess::default();
    Bench { google: api.simulator().clone(), api, _folder: None }
}

/// The client over HTTP, with a key file of the simulator's own making.
async fn over_http() -> Bench<Client> {
    let google = InProcess::default().simulator().clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.json");
    google.write_key_file(&key, &format!("{url}/token")).unwrap();
    tokio::spawn(serve(listener, google.clone()));
    let mut settings = Settings::new(CredentialSource::KeyFile(key), "admin@reseller.example");
    settings.reseller_url = url.parse().unwrap();
    settings.directory_url = url.parse().unwrap();
    settings.requests_per_second = 1000.0;
    Bench { api: Client::new(settings).await.unwrap(), google, _folder: Some(folder) }
}

macro_rules! conformance {
    ($($module:ident { $($behaviour:ident)* })*) => {
        mod in_process {
            $($(#[tokio::test]
            async fn $behaviour() {
                super::$module::$behaviour(super::in_process()).await;
            })*)*
        }
        mod over_http {
            $($(#[tokio::test]
            async fn $behaviour() {
                super::$module::$behaviour(super::over_http().await).await;
            })*)*
        }
    };
}

conformance! {
    customers {
        a_free_domain_is_not_found
        an_ordered_customer_is_found_by_id_and_by_domain_with_its_full_record
        a_foreign_customer_shows_only_a_minimal_record
        several_teams_on_a_domain_are_told_by_text_whatever_the_status
        one_own_team_shows_its_record_unless_google_counts_it_as_several
        a_team_of_another_reseller_is_told_by_text
        a_renamed_domain_is_found_by_its_new_name_only
        a_domain_that_has_a_customer_cannot_be_ordered_again
        a_foreign_customer_can_be_ordered_only_with_its_token
        teams_may_repeat_on_a_domain_and_a_domain_customer_may_not_join_them
        an_order_without_a_required_member_is_refused_and_makes_nothing
        an_order_with_a_value_that_google_does_not_take_is_refused
        values_come_back_in_googles_form
        a_phone_number_that_is_not_plausible_is_dropped_without_a_word
        a_patch_changes_only_what_it_names
        a_patch_may_replace_nested_objects
        put_clears_or_keeps_what_it_omits
        the_type_does_not_change
        a_foreign_customer_cannot_be_changed
        reads_lag_behind_an_order
        reads_lag_behind_a_patch
    }
    directory {
        the_directory_of_a_fresh_account_does_not_answer_yet
        the_language_is_read_and_written_through_the_directory
        a_user_is_made_once_and_then_made_administrator
        a_user_elsewhere_is_forbidden_to_read_and_a_conflict_to_make
        a_password_that_is_too_short_is_refused
    }
    subscriptions {
        terms_pend_until_an_administrator_accepts
        the_whole_book_comes_in_pages
        transferable_subscriptions_need_a_valid_token
    }
    failures {
        calls_over_quota_are_told_with_the_time_to_wait
        both_error_layouts_are_understood
        a_call_that_fails_before_its_effect_has_none
        a_lost_answer_hides_an_order_that_happened
        a_page_of_a_proxy_is_not_googles_answer
        an_answer_that_breaks_off_may_have_been_applied
        a_scope_that_was_not_granted_is_named
        directory_access_that_the_customer_cut_off_is_a_permission_error
    }
}

fn order(domain: &str) -> Customer {
    Customer {
        customer_domain: Some(domain.to_owned()),
        customer_type: Some("domain".to_owned()),
        alternate_email: Some("owner@elsewhere.example".to_owned()),
        postal_address: Some(Address {
            contact_name: Some("Ada Example".to_owned()),
            organization_name: Some("Example GmbH".to_owned()),
            postal_code: Some("10115".to_owned()),
            country_code: Some("DE".to_owned()),
            locality: Some("Berlin".to_owned()),
            ..Address::default()
        }),
        ..Customer::default()
    }
}

fn team(domain: &str, admin: &str) -> Customer {
    Customer {
        customer_type: Some("team".to_owned()),
        alternate_email: None,
        primary_admin: Some(PrimaryAdmin { primary_email: Some(format!("{admin}@{domain}")) }),
        ..order(domain)
    }
}

fn admin(domain: &str) -> NewUser {
    NewUser {
        primary_email: format!("admin@{domain}"),
        name: UserName { given_name: "Ada".to_owned(), family_name: "Example".to_owned() },
        password: "a long password".to_owned().into(),
        change_password_at_next_login: true,
        recovery_email: None,
    }
}

impl<A: GoogleApi> Bench<A> {
    fn options(&self, change: impl FnOnce(&mut Options)) {
        change(self.google.simulation().options_mut());
    }

    fn add(&self, account: Account) -> String {
        let mut simulation = self.google.simulation();
        let now = simulation.now();
        simulation.state_mut().add(account, now)
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Account)) {
        change(self.google.simulation().state_mut().account_mut(id).unwrap());
    }

    fn inject(&self, method: &str, fault: Fault) {
        self.google.simulation().inject(FaultRule::once(method, fault));
    }

    fn accounts(&self) -> usize {
        self.google.simulation().state().accounts().len()
    }

    async fn insert(&self, customer: &Customer) -> Result<Customer, ApiError> {
        let permit = self.api.reserve(ApiMethod::CustomersInsert).await?;
        self.api.customers_insert(permit, customer).await
    }

    async fn insert_user(&self, user: &NewUser) -> Result<User, ApiError> {
        let permit = self.api.reserve(ApiMethod::UsersInsert).await?;
        self.api.users_insert(permit, user).await
    }

    /// Orders a customer and says its id.
    async fn ordered(&self, domain: &str) -> String {
        self.insert(&order(domain)).await.unwrap().customer_id.unwrap()
    }
}

async fn class_of<T: std::fmt::Debug>(
    call: impl Future<Output = Result<T, ApiError>>,
) -> ErrorClass {
    call.await.unwrap_err().class()
}

fn account(domain: &str, owner: Owner, customer_type: CustomerType) -> Account {
    let customer_domain = domain.to_owned();
    Account { customer_domain, owner, customer_type, ..Account::default() }
}

fn foreign(domain: &str) -> Account {
    account(domain, Owner::Foreign, CustomerType::Domain)
}
