//! Directory API: §5, §6.

use jiff::SignedDuration;
use reseller_operator::google::types::{DirectoryCustomer, UserName};
use reseller_operator::google::{ErrorClass, GoogleApi};
use reseller_operator::simulator::{CallFilter, FreshAnswer};

use super::{Bench, admin, class_of, foreign, team};

fn language(code: &str) -> DirectoryCustomer {
    DirectoryCustomer { language: Some(code.to_owned()), ..DirectoryCustomer::default() }
}

pub(super) async fn the_directory_of_a_fresh_account_does_not_answer_yet<A: GoogleApi>(
    bench: Bench<A>,
) {
    bench.options(|options| {
        options.fresh_account_calls = 1;
        options.fresh_account_seconds = 60;
    });
    let id = bench.ordered("a.example").await;
    let get = bench.api.directory_customers_get(&id);
    assert_eq!(class_of(get).await, ErrorClass::Permission);
    bench.options(|options| options.fresh_account_answer = FreshAnswer::NotFound);
    let german = language("de");
    let patch = bench.api.directory_customers_patch(&id, &german);
    assert_eq!(class_of(patch).await, ErrorClass::NotFound);
    bench.options(|options| options.fresh_account_answer = FreshAnswer::NotComplete);
    let error = bench.insert_user(&admin("a.example")).await.unwrap_err();
    assert_eq!((error.status(), error.class()), (Some(412), ErrorClass::Rejected));
    assert!(error.to_string().contains("User creation is not complete"));
    bench.google.advance(SignedDuration::from_mins(1));
    bench.insert_user(&admin("a.example")).await.unwrap();
}

pub(super) async fn the_language_is_read_and_written_through_the_directory<A: GoogleApi>(
    bench: Bench<A>,
) {
    let id = bench.ordered("a.example").await;
    let shown = bench.api.directory_customers_get(&id).await.unwrap();
    assert_eq!(shown.language.as_deref(), Some("en"));
    assert_eq!(
        (shown.id.as_ref(), shown.customer_domain.as_deref()),
        (Some(&id), Some("a.example"))
    );
    let now = bench.google.simulation().now();
    let made: jiff::Timestamp = shown.customer_creation_time.unwrap().parse().unwrap();
    assert!(now.duration_since(made).abs() < SignedDuration::from_secs(1));

    let answer = bench.api.directory_customers_patch(&id, &language("pt-BR")).await.unwrap();
    assert_eq!(answer.language.as_deref(), Some("pt-BR"));
    let unknown = language("klingon");
    let refused = bench.api.directory_customers_patch(&id, &unknown);
    assert_eq!(class_of(refused).await, ErrorClass::Rejected);
    let shown = bench.api.directory_customers_get(&id).await.unwrap();
    assert_eq!(shown.language.as_deref(), Some("pt-BR"));

    let foreign = bench.add(foreign("b.example"));
    let refused = bench.api.directory_customers_get(&foreign);
    assert_eq!(class_of(refused).await, ErrorClass::Permission);
    assert_eq!(
        class_of(bench.api.directory_customers_get("C0nothere")).await,
        ErrorClass::NotFound
    );
}

pub(super) async fn a_user_is_made_once_and_then_made_administrator<A: GoogleApi>(bench: Bench<A>) {
    let id = bench.ordered("a.example").await;
    let address = "admin@a.example";
    assert_eq!(class_of(bench.api.users_get(address)).await, ErrorClass::NotFound);
    assert_eq!(class_of(bench.api.users_make_admin(address)).await, ErrorClass::NotFound);

    let made = bench.insert_user(&admin("a.example")).await.unwrap();
    assert_eq!(made.customer_id.as_ref(), Some(&id));
    assert_eq!((made.is_admin, made.agreed_to_terms), (Some(false), Some(false)));
    assert!(made.creation_time.as_deref().unwrap().parse::<jiff::Timestamp>().is_ok());

    let error = bench.insert_user(&admin("a.example")).await.unwrap_err();
    assert_eq!((error.class(), error.reason()), (ErrorClass::Conflict, Some("duplicate")));

    bench.api.users_make_admin(address).await.unwrap();
    bench.api.users_make_admin(address).await.unwrap();
    let by_id = bench.api.users_get(made.id.as_deref().unwrap()).await.unwrap();
    assert_eq!(by_id, bench.api.users_get("ADMIN@a.example").await.unwrap());
    assert_eq!(by_id.is_admin, Some(true));

    let log = bench.google.simulation().calls(&CallFilter::method("directory.users.insert"));
    assert_eq!(log.iter().filter(|call| call.committed).count(), 1);
    assert!(!format!("{log:?}").contains("a long password"), "passwords are not in the log");
}

pub(super) async fn a_user_elsewhere_is_forbidden_to_read_and_a_conflict_to_make<A: GoogleApi>(
    bench: Bench<A>,
) {
    bench.ordered("a.example").await;
    bench.add(foreign("b.example"));
    for address in ["ada@b.example", "ada@unknown.example"] {
        assert_eq!(class_of(bench.api.users_get(address)).await, ErrorClass::Permission);
    }
    assert_eq!(class_of(bench.insert_user(&admin("b.example"))).await, ErrorClass::Permission);
    bench.options(|options| {
        options.addresses_elsewhere.insert("admin@a.example".to_owned());
    });
    assert_eq!(class_of(bench.api.users_get("admin@a.example")).await, ErrorClass::Permission);
    assert_eq!(class_of(bench.insert_user(&admin("a.example"))).await, ErrorClass::Conflict);
    // §3.1: a team's first administrator is a user from the start.
    bench.insert(&team("c.example", "ada")).await.unwrap();
    assert_eq!(bench.api.users_get("ada@c.example").await.unwrap().is_admin, Some(true));
}

pub(super) async fn a_password_that_is_too_short_is_refused<A: GoogleApi>(bench: Bench<A>) {
    bench.ordered("a.example").await;
    let password = |password: &str| {
        let mut user = admin("a.example");
        user.password = password.to_owned().into();
        user
    };
    for unusable in ["1234567", "pässwörter", &"x".repeat(101)] {
        let error = bench.insert_user(&password(unusable)).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Rejected);
        assert!(!error.to_string().contains(unusable));
    }
    let name = |length: usize| UserName { given_name: "x".repeat(length), ..admin("x").name };
    bench.options(|options| options.user_name_limit = 40);
    let mut user = admin("a.example");
    user.name = name(41);
    assert_eq!(class_of(bench.insert_user(&user)).await, ErrorClass::Rejected);
    user.name = name(40);
    bench.insert_user(&user).await.unwrap();
}
