//! Reseller API `customers.*`.

use jiff::SignedDuration;
use reseller_operator::google::types::{Address, Customer, PrimaryAdmin};
use reseller_operator::google::{ErrorClass, GoogleApi};
use reseller_operator::simulator::{
    Account, Change, CustomerType, Nested, Omitted, Owner, TeamsTrigger, TransferToken,
};

use super::{Bench, account, class_of, foreign, order, team};

// ---- customers.get: §2.1, §2.2 -----------------------------------------------------------------

pub(super) async fn a_free_domain_is_not_found<A: GoogleApi>(bench: Bench<A>) {
    let error = bench.api.customers_get("free.example").await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::NotFound);
    assert_eq!(error.reason(), Some("notFound"));
    assert_eq!(class_of(bench.api.customers_get("C0nothere")).await, ErrorClass::NotFound);
}

pub(super) async fn an_ordered_customer_is_found_by_id_and_by_domain_with_its_full_record<
    A: GoogleApi,
>(
    bench: Bench<A>,
) {
    let made = bench.insert(&order("a.example")).await.unwrap();
    let id = made.customer_id.clone().unwrap();
    assert!(id.starts_with("C0"));
    assert_eq!(made.kind.as_deref(), Some("reseller#customer"));
    assert_eq!(made.customer_domain_verified, Some(false));
    assert!(made.resource_ui_url.as_deref().unwrap().starts_with("https://admin.google.com/"));
    assert_eq!(bench.api.customers_get(&id).await.unwrap(), made);
    assert_eq!(bench.api.customers_get("a.example").await.unwrap(), made);
}

pub(super) async fn a_foreign_customer_shows_only_a_minimal_record<A: GoogleApi>(bench: Bench<A>) {
    let id = bench.add(Account {
        alternate_email: Some("owner@elsewhere.example".to_owned()),
        phone_number: Some("+49 30 123456".to_owned()),
        ..foreign("a.example")
    });
    let shown = bench.api.customers_get("a.example").await.unwrap();
    let minimal = Customer {
        kind: Some("reseller#customer".to_owned()),
        customer_id: Some(id),
        customer_domain: Some("a.example".to_owned()),
        customer_type: Some("domain".to_owned()),
        ..Customer::default()
    };
    assert_eq!(shown, minimal);
}

pub(super) async fn several_teams_on_a_domain_are_told_by_text_whatever_the_status<A: GoogleApi>(
    bench: Bench<A>,
) {
    let first = bench.insert(&team("a.example", "ada")).await.unwrap();
    bench.insert(&team("a.example", "bob")).await.unwrap();
    for status in [412, 409, 400] {
        bench.options(|options| options.teams_status = status);
        let error = bench.api.customers_get("a.example").await.unwrap_err();
        assert_eq!((error.status(), error.class()), (Some(status), ErrorClass::MultipleTeams));
    }
    // §2.2: the id is the only usable key.
    let id = first.customer_id.clone().unwrap();
    assert_eq!(bench.api.customers_get(&id).await.unwrap(), first);
}

pub(super) async fn one_own_team_shows_its_record_unless_google_counts_it_as_several<
    A: GoogleApi,
>(
    bench: Bench<A>,
) {
    let made = bench.insert(&team("a.example", "ada")).await.unwrap();
    assert_eq!(bench.api.customers_get("a.example").await.unwrap(), made);
    bench.options(|options| options.teams_trigger = TeamsTrigger::One);
    assert_eq!(class_of(bench.api.customers_get("a.example")).await, ErrorClass::MultipleTeams);
}

pub(super) async fn a_team_of_another_reseller_is_told_by_text<A: GoogleApi>(bench: Bench<A>) {
    bench.add(account("a.example", Owner::Foreign, CustomerType::Team));
    assert_eq!(class_of(bench.api.customers_get("a.example")).await, ErrorClass::MultipleTeams);
}

pub(super) async fn a_renamed_domain_is_found_by_its_new_name_only<A: GoogleApi>(bench: Bench<A>) {
    let id = bench.ordered("old.example").await;
    bench.change(&id, |account| "new.example".clone_into(&mut account.customer_domain));
    assert_eq!(class_of(bench.api.customers_get("old.example")).await, ErrorClass::NotFound);
    for key in ["new.example", "NEW.example", &id] {
        assert_eq!(bench.api.customers_get(key).await.unwrap().customer_id.as_ref(), Some(&id));
    }
}

// ---- customers.insert: §3 ----------------------------------------------------------------------

pub(super) async fn a_domain_that_has_a_customer_cannot_be_ordered_again<A: GoogleApi>(
    bench: Bench<A>,
) {
    bench.ordered("own.example").await;
    bench.add(foreign("foreign.example"));
    for domain in ["own.example", "foreign.example"] {
        assert_eq!(class_of(bench.insert(&order(domain))).await, ErrorClass::Conflict);
        assert_eq!(class_of(bench.insert(&team(domain, "ada"))).await, ErrorClass::Conflict);
    }
    assert_eq!(bench.accounts(), 2);
}

pub(super) async fn a_foreign_customer_can_be_ordered_only_with_its_token<A: GoogleApi>(
    bench: Bench<A>,
) {
    // The trait sends no token with an order: nothing is transferred by the operator.
    let token = TransferToken { token: "0123abcd".to_owned(), expires: None };
    let id = bench.add(Account { transfer_tokens: vec![token], ..foreign("a.example") });
    assert_eq!(class_of(bench.insert(&order("a.example"))).await, ErrorClass::Conflict);
    assert_eq!(bench.google.simulation().state().account(&id).unwrap().owner, Owner::Foreign);
}

pub(super) async fn teams_may_repeat_on_a_domain_and_a_domain_customer_may_not_join_them<
    A: GoogleApi,
>(
    bench: Bench<A>,
) {
    let first = bench.insert(&team("a.example", "ada")).await.unwrap();
    let second = bench.insert(&team("a.example", "ada")).await.unwrap();
    assert_ne!(first.customer_id, second.customer_id);
    assert_eq!(first.primary_admin, team("a.example", "ada").primary_admin);
    assert_eq!(class_of(bench.insert(&order("a.example"))).await, ErrorClass::Conflict);
    assert_eq!(bench.accounts(), 2);
}

pub(super) async fn an_order_without_a_required_member_is_refused_and_makes_nothing<
    A: GoogleApi,
>(
    bench: Bench<A>,
) {
    let address = |change: fn(&mut Address)| {
        let mut customer = order("a.example");
        change(customer.postal_address.as_mut().unwrap());
        customer
    };
    let lacking = [
        Customer { customer_domain: None, ..order("a.example") },
        Customer { alternate_email: None, ..order("a.example") },
        Customer { postal_address: None, ..order("a.example") },
        Customer { primary_admin: None, ..team("a.example", "ada") },
        address(|address| address.contact_name = None),
        address(|address| address.organization_name = Some(" ".to_owned())),
        address(|address| address.postal_code = Some(String::new())),
        address(|address| address.country_code = None),
    ];
    for customer in lacking {
        let error = bench.insert(&customer).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Rejected, "{customer:?}");
        assert!(error.to_string().contains("Required field must not be blank"));
        assert!(!error.may_have_been_applied());
    }
    assert_eq!(bench.accounts(), 0);
}

pub(super) async fn an_order_with_a_value_that_google_does_not_take_is_refused<A: GoogleApi>(
    bench: Bench<A>,
) {
    bench.options(|options| options.resellable_countries = ["DE", "US"].map(str::to_owned).into());
    let address = |change: fn(&mut Address)| {
        let mut customer = order("a.example");
        change(customer.postal_address.as_mut().unwrap());
        customer
    };
    let email = |address: &str| Some(address.to_owned());
    let refused = [
        order("www.a.example"),
        order("nodots"),
        Customer { alternate_email: email("owner@A.example"), ..order("a.example") },
        Customer { alternate_email: email("nobody"), ..order("a.example") },
        Customer { customer_type: Some("club".to_owned()), ..order("a.example") },
        Customer {
            primary_admin: Some(PrimaryAdmin { primary_email: email("ada@b.example") }),
            ..team("a.example", "ada")
        },
        address(|address| address.country_code = Some("FR".to_owned())),
        address(|address| address.locality = Some("x".repeat(256))),
        address(|address| address.country_code = Some("US".to_owned())),
    ];
    for (row, customer) in refused[..8].iter().enumerate() {
        let error = bench.insert(customer).await.unwrap_err();
        assert_eq!((error.status(), error.reason()), (Some(400), Some("invalid")), "row {row}");
    }
    // The ninth is fine in the US: 10115 is a ZIP code.
    bench.insert(&refused[8]).await.unwrap();
    let bad_zip = address(|address| {
        address.country_code = Some("US".to_owned());
        address.postal_code = Some("1011".to_owned());
    });
    let bad_zip = Customer { customer_domain: Some("b.example".to_owned()), ..bad_zip };
    assert_eq!(class_of(bench.insert(&bad_zip)).await, ErrorClass::Rejected);
    // §2.1: a subdomain is another domain.
    let subdomain =
        Customer { alternate_email: email("owner@mail.c.example"), ..order("c.example") };
    bench.insert(&subdomain).await.unwrap();
}

pub(super) async fn values_come_back_in_googles_form<A: GoogleApi>(bench: Bench<A>) {
    bench.options(|options| {
        let forms = [("Cologne".to_owned(), "Köln".to_owned())].into();
        options.normalise.insert("postalAddress.locality".to_owned(), forms);
        options.drop.insert("postalAddress.addressLine3".to_owned());
    });
    let mut sent = Customer { phone_number: Some("987-654-3210".to_owned()), ..order("A.example") };
    sent.postal_address = Some(Address {
        country_code: Some("us".to_owned()),
        region: Some("New York".to_owned()),
        locality: Some("Cologne".to_owned()),
        address_line1: Some("  1 Main St ".to_owned()),
        address_line3: Some("c/o".to_owned()),
        ..sent.postal_address.unwrap()
    });
    let made = bench.insert(&sent).await.unwrap();
    // §10.
    assert_eq!(made.phone_number.as_deref(), Some("+1 987-654-3210"));
    assert_eq!(made.customer_domain.as_deref(), Some("a.example"));
    let address = made.postal_address.unwrap();
    assert_eq!(address.kind.as_deref(), Some("customers#address"));
    assert_eq!(address.region.as_deref(), Some("NY"));
    assert_eq!(address.country_code.as_deref(), Some("US"));
    assert_eq!(address.locality.as_deref(), Some("Köln"));
    assert_eq!(address.address_line1.as_deref(), Some("1 Main St"));
    assert_eq!(address.address_line3, None);
}

pub(super) async fn a_phone_number_that_is_not_plausible_is_dropped_without_a_word<A: GoogleApi>(
    bench: Bench<A>,
) {
    let phone = |number: &str| Some(number.to_owned());
    let sent = Customer { phone_number: phone("+123"), ..order("a.example") };
    let made = bench.insert(&sent).await.unwrap();
    assert_eq!(made.phone_number, None);
    let id = made.customer_id.unwrap();
    for (sent, stored) in [("+49 30 123456", "+49 30 123456"), ("call me", "+49 30 123456")] {
        let patch = Customer { phone_number: phone(sent), ..Customer::default() };
        let answer = bench.api.customers_patch(&id, &patch).await.unwrap();
        assert_eq!(answer.phone_number.as_deref(), Some(stored));
    }
}

// ---- customers.patch, customers.update: §4 -----------------------------------------------------

fn patch_address(change: fn(&mut Address)) -> Customer {
    let mut address = Address::default();
    change(&mut address);
    Customer { postal_address: Some(address), ..Customer::default() }
}

pub(super) async fn a_patch_changes_only_what_it_names<A: GoogleApi>(bench: Bench<A>) {
    let before = bench.insert(&order("a.example")).await.unwrap();
    let id = before.customer_id.clone().unwrap();
    let patch = patch_address(|address| address.locality = Some("Potsdam".to_owned()));
    let answer = bench.api.customers_patch(&id, &patch).await.unwrap();
    let mut expected = before;
    expected.postal_address.as_mut().unwrap().locality = Some("Potsdam".to_owned());
    assert_eq!(answer, expected);
    // The empty string clears; absent in the answer is empty.
    let clear = patch_address(|address| address.locality = Some(String::new()));
    let answer = bench.api.customers_patch("a.example", &clear).await.unwrap();
    assert_eq!(answer.postal_address.unwrap().locality, None);
    let blank = patch_address(|address| address.contact_name = Some(String::new()));
    assert_eq!(class_of(bench.api.customers_patch(&id, &blank)).await, ErrorClass::Rejected);
}

pub(super) async fn a_patch_may_replace_nested_objects<A: GoogleApi>(bench: Bench<A>) {
    let id = bench.ordered("a.example").await;
    bench.options(|options| options.nested_patch = Nested::Replace);
    let partial = patch_address(|address| address.locality = Some("Potsdam".to_owned()));
    assert_eq!(class_of(bench.api.customers_patch(&id, &partial)).await, ErrorClass::Rejected);
    let whole = Customer {
        postal_address: order("a.example").postal_address.map(|address| Address {
            locality: None,
            region: Some("Berlin".to_owned()),
            ..address
        }),
        ..Customer::default()
    };
    let answer = bench.api.customers_patch(&id, &whole).await.unwrap();
    let address = answer.postal_address.unwrap();
    assert_eq!((address.locality, address.region.as_deref()), (None, Some("Berlin")));
    assert!(answer.alternate_email.is_some());
}

pub(super) async fn put_clears_or_keeps_what_it_omits<A: GoogleApi>(bench: Bench<A>) {
    let number = Some("+49 30 123456".to_owned());
    let sent = Customer { phone_number: number.clone(), ..order("a.example") };
    let id = bench.insert(&sent).await.unwrap().customer_id.unwrap();
    bench.options(|options| options.put_omitted = Omitted::Keep);
    let answer = bench.api.customers_update(&id, &order("a.example")).await.unwrap();
    assert_eq!(answer.phone_number, number);
    bench.options(|options| options.put_omitted = Omitted::Clear);
    let answer = bench.api.customers_update(&id, &order("a.example")).await.unwrap();
    assert_eq!(answer.phone_number, None);
    let lacking = Customer { alternate_email: None, ..order("a.example") };
    assert_eq!(class_of(bench.api.customers_update(&id, &lacking)).await, ErrorClass::Rejected);
}

pub(super) async fn the_type_does_not_change<A: GoogleApi>(bench: Bench<A>) {
    let id = bench.ordered("a.example").await;
    let kind =
        |kind: &str| Customer { customer_type: Some(kind.to_owned()), ..Customer::default() };
    bench.api.customers_patch(&id, &kind("domain")).await.unwrap();
    assert_eq!(class_of(bench.api.customers_patch(&id, &kind("team"))).await, ErrorClass::Rejected);
    bench.options(|options| options.type_change = Change::Ignore);
    let answer = bench.api.customers_patch(&id, &kind("team")).await.unwrap();
    assert_eq!(answer.customer_type.as_deref(), Some("domain"));
    // Nor does the domain: §12.3.
    let rename = Customer { customer_domain: Some("b.example".to_owned()), ..Customer::default() };
    let answer = bench.api.customers_patch(&id, &rename).await.unwrap();
    assert_eq!(answer.customer_domain.as_deref(), Some("a.example"));
}

pub(super) async fn a_foreign_customer_cannot_be_changed<A: GoogleApi>(bench: Bench<A>) {
    bench.add(foreign("a.example"));
    let patch = patch_address(|address| address.locality = Some("Potsdam".to_owned()));
    assert_eq!(
        class_of(bench.api.customers_patch("a.example", &patch)).await,
        ErrorClass::Permission
    );
    assert_eq!(
        class_of(bench.api.customers_patch("free.example", &patch)).await,
        ErrorClass::NotFound
    );
}

// ---- lag: §12.6 --------------------------------------------------------------------------------

pub(super) async fn reads_lag_behind_an_order<A: GoogleApi>(bench: Bench<A>) {
    bench.options(|options| {
        options.insert_lag_reads = 2;
        options.insert_lag_seconds = 60;
    });
    let id = bench.ordered("a.example").await;
    for key in [id.as_str(), "a.example", &id] {
        assert_eq!(class_of(bench.api.customers_get(key)).await, ErrorClass::NotFound);
    }
    // A second order does not fall for the lag.
    assert_eq!(class_of(bench.insert(&order("a.example"))).await, ErrorClass::Conflict);
    bench.google.advance(SignedDuration::from_mins(1));
    assert_eq!(bench.api.customers_get("a.example").await.unwrap().customer_id, Some(id));
}

pub(super) async fn reads_lag_behind_a_patch<A: GoogleApi>(bench: Bench<A>) {
    let id = bench.ordered("a.example").await;
    bench.options(|options| options.patch_lag_seconds = 30);
    let before = bench.api.customers_get(&id).await.unwrap();
    let patch = patch_address(|address| address.locality = Some("Potsdam".to_owned()));
    let answer = bench.api.customers_patch(&id, &patch).await.unwrap();
    assert_ne!(answer, before);
    assert_eq!(bench.api.customers_get(&id).await.unwrap(), before);
    bench.google.advance(SignedDuration::from_secs(30));
    assert_eq!(bench.api.customers_get(&id).await.unwrap(), answer);
}
