//! The operator dies at every effect. Each request with which it writes in Kubernetes, touches a
//! Secret or calls Google is a numbered point; for every point the real process is killed once
//! before the request leaves and once after it was carried out, started again, and must end as a
//! run without crash does, with the same number of writes. Only where customer.md leaves the
//! question to a person is one asked; the word is given, and then the same holds.

#![expect(clippy::panic, reason = "a test that cannot go on says why")]
#![expect(unreachable_pub, reason = "a test binary has no callers outside")]

mod common;

#[path = "control_plane/google.rs"]
#[allow(dead_code, reason = "the process tests use the rest")]
mod google;
#[path = "control_plane/operator.rs"]
#[allow(dead_code, reason = "the process tests use the rest")]
mod operator;
#[path = "control_plane/shown.rs"]
#[allow(dead_code, reason = "the process tests use the rest")]
mod shown;
#[path = "control_plane/specs.rs"]
#[allow(dead_code, reason = "the process tests use the rest")]
mod specs;
#[path = "control_plane/world.rs"]
#[allow(dead_code, reason = "the process tests use the rest")]
mod world;

#[path = "crash_matrix/check.rs"]
mod check;
#[path = "crash_matrix/compare.rs"]
mod compare;
#[path = "crash_matrix/gate.rs"]
mod gate;
#[path = "crash_matrix/matrix.rs"]
mod matrix;
#[path = "crash_matrix/proxy.rs"]
mod proxy;
#[path = "crash_matrix/run.rs"]
mod run;
#[path = "crash_matrix/scenario.rs"]
mod scenario;

use matrix::survives;

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_customer_is_ordered_once() {
    survives(scenario::domain_is_ordered()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_customer_that_google_shows_late_is_ordered_once() {
    survives(scenario::domain_is_ordered_and_lags()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_and_a_user_whose_answers_are_lost_are_made_once() {
    survives(scenario::answers_are_lost()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_order_stays_refused() {
    survives(scenario::order_is_refused()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_ordered_once() {
    survives(scenario::team_is_ordered()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_beside_others_is_ordered_once() {
    survives(scenario::another_team_is_approved()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_customer_is_ordered_again_once() {
    survives(scenario::vanished_customer_is_ordered_again()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_adopted() {
    survives(scenario::account_is_adopted()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_arrives() {
    survives(scenario::manifest_is_edited()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_corrected() {
    survives(scenario::account_drifts()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_account_is_only_read() {
    survives(scenario::foreign_account_is_listed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_or_observed_account_is_not_written() {
    survives(scenario::operator_is_told_to_keep_off()).await;
}
