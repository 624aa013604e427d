//! Reseller API `subscriptions.list`: §3.2, §7.

use jiff::SignedDuration;
use reseller_operator::google::types::SubscriptionQuery;
use reseller_operator::google::{ErrorClass, GoogleApi};
use reseller_operator::simulator::{
    Account, CustomerType, Owner, PENDING_TOS, Subscription, TransferToken,
};

use super::{Bench, account, admin, class_of, foreign};

fn of(customer: &str) -> SubscriptionQuery {
    SubscriptionQuery { customer_id: Some(customer.to_owned()), ..SubscriptionQuery::default() }
}

fn sku(sku_id: &str) -> Subscription {
    Subscription { sku_id: sku_id.to_owned(), ..Subscription::default() }
}

pub(super) async fn terms_pend_until_an_administrator_accepts<A: GoogleApi>(bench: Bench<A>) {
    let id = bench.ordered("a.example").await;
    assert!(bench.api.subscriptions_list(&of(&id)).await.unwrap().subscriptions.is_empty());
    bench.insert_user(&admin("a.example")).await.unwrap();
    bench.api.users_make_admin("admin@a.example").await.unwrap();
    bench.change(&id, |account| {
        account.subscriptions.push(Subscription {
            status: "SUSPENDED".to_owned(),
            suspension_reasons: vec![PENDING_TOS.to_owned(), "OTHER".to_owned()],
            ..sku("1010020027")
        });
        account.subscriptions.push(Subscription {
            status: "SUSPENDED".to_owned(),
            suspension_reasons: vec![PENDING_TOS.to_owned()],
            ..sku("Google-Vault")
        });
    });
    let listed = bench.api.subscriptions_list(&of("a.example")).await.unwrap().subscriptions;
    assert!(listed.iter().all(|s| s.suspension_reasons.contains(&PENDING_TOS.to_owned())));
    assert!(listed.iter().all(|s| s.customer_id.as_ref() == Some(&id)));

    bench.change(&id, Account::accept_terms);
    let listed = bench.api.subscriptions_list(&of(&id)).await.unwrap().subscriptions;
    let shown: Vec<_> = listed
        .iter()
        .map(|s| (s.status.as_deref().unwrap(), s.suspension_reasons.as_slice()))
        .collect();
    assert_eq!(shown, [("SUSPENDED", &["OTHER".to_owned()][..]), ("ACTIVE", &[])]);
    let user = bench.api.users_get("admin@a.example").await.unwrap();
    assert_eq!(user.agreed_to_terms, Some(true));
}

pub(super) async fn the_whole_book_comes_in_pages<A: GoogleApi>(bench: Bench<A>) {
    for number in 0..25 {
        let domain = format!("c{number}.example");
        let subscriptions = vec![sku("1010020027")];
        let own = account(&domain, Owner::Own, CustomerType::Domain);
        bench.add(Account { subscriptions, ..own });
    }
    bench.add(Account { subscriptions: vec![sku("1010020027")], ..foreign("f.example") });
    let first = bench.api.subscriptions_list(&SubscriptionQuery::default()).await.unwrap();
    assert_eq!(first.subscriptions.len(), 20);
    let rest = SubscriptionQuery { page_token: first.next_page_token, ..Default::default() };
    let last = bench.api.subscriptions_list(&rest).await.unwrap();
    assert_eq!((last.subscriptions.len(), last.next_page_token), (5, None));
    let whole = SubscriptionQuery { max_results: Some(100), ..Default::default() };
    let whole = bench.api.subscriptions_list(&whole).await.unwrap();
    assert_eq!(whole.subscriptions, [first.subscriptions, last.subscriptions].concat());
    let too_many = SubscriptionQuery { max_results: Some(101), ..Default::default() };
    assert_eq!(class_of(bench.api.subscriptions_list(&too_many)).await, ErrorClass::Rejected);
    let nonsense = SubscriptionQuery { page_token: Some("x y".to_owned()), ..Default::default() };
    assert_eq!(class_of(bench.api.subscriptions_list(&nonsense)).await, ErrorClass::Rejected);
}

pub(super) async fn transferable_subscriptions_need_a_valid_token<A: GoogleApi>(bench: Bench<A>) {
    let expires = bench.google.simulation().now() + SignedDuration::from_hours(1);
    let token = TransferToken { token: "0123abcd".to_owned(), expires: Some(expires) };
    bench.add(Account {
        subscriptions: vec![Subscription {
            minimum_transferable_seats: Some(20),
            ..sku("1010020028")
        }],
        transfer_tokens: vec![token],
        ..foreign("a.example")
    });
    let with = |token: &str| SubscriptionQuery {
        customer_auth_token: Some(token.to_owned().into()),
        ..of("a.example")
    };
    assert_eq!(
        class_of(bench.api.subscriptions_list(&of("a.example"))).await,
        ErrorClass::Permission
    );
    assert_eq!(
        class_of(bench.api.subscriptions_list(&with("wrong"))).await,
        ErrorClass::Permission
    );
    let listed = bench.api.subscriptions_list(&with("0123abcd")).await.unwrap().subscriptions;
    assert_eq!(listed[0].sku_name.as_deref(), Some("Google Workspace Business Standard"));
    let info = listed[0].transfer_info.as_ref().unwrap();
    assert_eq!(info.minimum_transferable_seats, Some(20.into()));
    let millis = expires.as_millisecond().to_string();
    assert_eq!(info.transferability_expiration_time, Some(millis));
    bench.google.advance(SignedDuration::from_hours(1));
    assert_eq!(
        class_of(bench.api.subscriptions_list(&with("0123abcd"))).await,
        ErrorClass::Permission
    );
    assert_eq!(
        class_of(bench.api.subscriptions_list(&of("free.example"))).await,
        ErrorClass::NotFound
    );
}
