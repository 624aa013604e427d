//! Quota, faults, credentials: §5. Faults are put on orders, which no client repeats.

use std::time::Duration;

use reseller_operator::google::{ApiMethod, ErrorClass, Failure, GoogleApi};
use reseller_operator::simulator::{CallFilter, ErrorLayout, Fault, QuotaAnswer};

use super::{Bench, class_of, order};

const ORDER: &str = "reseller.customers.insert";

pub(super) async fn calls_over_quota_are_told_with_the_time_to_wait<A: GoogleApi>(bench: Bench<A>) {
    // The simulated clock stands still, so one call is all that this second has.
    bench.options(|options| options.quota = Some(1));
    bench.ordered("a.example").await;
    for (answer, retry_after, status, class) in [
        (QuotaAnswer::Unavailable, None, 503, ErrorClass::Unavailable),
        (QuotaAnswer::Forbidden, None, 403, ErrorClass::Quota),
        (QuotaAnswer::TooManyRequests, Some(7), 429, ErrorClass::Quota),
    ] {
        bench.options(|options| {
            options.quota_answer = answer;
            options.retry_after_seconds = retry_after;
        });
        let error = bench.insert(&order("b.example")).await.unwrap_err();
        assert_eq!((error.status(), error.class()), (Some(status), class));
        assert_eq!(error.retry_after, retry_after.map(|s| Duration::from_secs(s.into())));
    }
    assert_eq!(bench.accounts(), 1);
}

pub(super) async fn both_error_layouts_are_understood<A: GoogleApi>(bench: Bench<A>) {
    bench.ordered("a.example").await;
    for (layout, reason) in
        [(ErrorLayout::Errors, "conflict"), (ErrorLayout::Status, "ALREADY_EXISTS")]
    {
        bench.options(|options| options.error_layout = layout);
        let error = bench.insert(&order("a.example")).await.unwrap_err();
        assert_eq!((error.class(), error.reason()), (ErrorClass::Conflict, Some(reason)));
        assert!(error.to_string().contains("Resource already exists"));
    }
}

pub(super) async fn a_call_that_fails_before_its_effect_has_none<A: GoogleApi>(bench: Bench<A>) {
    for (fault, class, may_have_been_applied) in [
        (Fault::status(403, "forbidden", "Forbidden"), ErrorClass::Permission, false),
        (Fault::status(500, "backendError", "Oops"), ErrorClass::Unavailable, true),
        (Fault::Drop, ErrorClass::Unavailable, true),
    ] {
        bench.inject(ORDER, fault);
        let error = bench.insert(&order("a.example")).await.unwrap_err();
        assert_eq!(error.class(), class);
        assert_eq!(error.may_have_been_applied(), may_have_been_applied);
        assert_eq!(bench.accounts(), 0);
    }
    let log = bench.google.simulation().calls(&CallFilter::method(ORDER));
    assert_eq!(log.len(), 3, "nothing is repeated");
    assert!(log.iter().all(|call| !call.committed));
}

pub(super) async fn a_lost_answer_hides_an_order_that_happened<A: GoogleApi>(bench: Bench<A>) {
    bench.inject(ORDER, Fault::LostAnswer);
    let error = bench.insert(&order("a.example")).await.unwrap_err();
    assert!(matches!(error.failure, Failure::NoAnswer(_)), "{error}");
    assert!(error.may_have_been_applied());
    let log = bench.google.simulation().calls(&CallFilter::method(ORDER));
    assert_eq!(log.len(), 1, "an order is never repeated");
    assert!(log[0].committed && log[0].status.is_none());
    assert!(bench.api.customers_get("a.example").await.is_ok());
}

pub(super) async fn a_page_of_a_proxy_is_not_googles_answer<A: GoogleApi>(bench: Bench<A>) {
    for (status, after_commit) in [(404, false), (502, true)] {
        bench.inject(ORDER, Fault::Html { status, after_commit });
        let error = bench.insert(&order("a.example")).await.unwrap_err();
        assert_eq!(error.failure, Failure::NotGoogle { status });
        assert_eq!(error.class(), ErrorClass::Unavailable);
        assert_eq!(bench.accounts(), usize::from(after_commit));
    }
}

pub(super) async fn an_answer_that_breaks_off_may_have_been_applied<A: GoogleApi>(bench: Bench<A>) {
    bench.inject(ORDER, Fault::BrokenJson);
    let error = bench.insert(&order("a.example")).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unavailable);
    assert!(error.may_have_been_applied());
    assert_eq!(bench.accounts(), 1);
}

pub(super) async fn a_scope_that_was_not_granted_is_named<A: GoogleApi>(bench: Bench<A>) {
    let scope = "https://www.googleapis.com/auth/admin.directory.user";
    let customer_scope = "https://www.googleapis.com/auth/admin.directory.customer";
    bench.options(|options| {
        options.denied_scopes = [scope, customer_scope].map(str::to_owned).into();
    });
    bench.ordered("a.example").await;
    let error = bench.api.users_get("admin@a.example").await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Permission);
    assert!(matches!(&error.failure, Failure::ScopeNotGranted(named) if named.contains(scope)));
    assert!(bench.api.reserve(ApiMethod::UsersInsert).await.is_err());
}

pub(super) async fn directory_access_that_the_customer_cut_off_is_a_permission_error<
    A: GoogleApi,
>(
    bench: Bench<A>,
) {
    let id = bench.ordered("a.example").await;
    bench.change(&id, |account| account.directory_access_revoked = true);
    let error = bench.api.directory_customers_get(&id).await.unwrap_err();
    assert_eq!(error.reason(), Some("domainCannotUseApis"));
    assert_eq!(class_of(bench.api.users_get("x@a.example")).await, ErrorClass::Permission);
}
