//! Makes the calls of a plan, in order, and stops at the first that fails. IO on the APIs only.

use secrecy::SecretString;

use crate::domain::Desired;
use crate::google::types::{DirectoryCustomer, NewUser, UserName};
use crate::google::{ApiError, ApiMethod, Failure, GoogleApi};
use crate::plan::Action;
use crate::plan::action::LanguagePatch;
use crate::plan::outcome::{Answered, Applied};

/// What a call that must not be repeated needs besides its action.
#[derive(Debug)]
pub struct Once<P> {
    /// The place in the quota and the token that were taken before the ledger was written.
    pub permit: P,
    /// The first password, for `users.insert`.
    pub password: Option<SecretString>,
}

/// Makes the calls. What was done is never thrown away.
///
/// # Guarantees
///
/// A call that must not be repeated is made at most once, last, only with a permit, and only if
/// `fence` says nothing against it at that very moment; nothing waits in between.
pub async fn apply<G: GoogleApi>(
    google: &G,
    actions: Vec<Action>,
    desired: &Desired,
    mut once: Option<Once<G::Permit>>,
    fence: impl Fn() -> Option<&'static str>,
) -> Applied {
    let mut applied = Applied::default();
    for action in actions {
        let result = match (action.method().is_idempotent(), once.take()) {
            (true, kept) => {
                once = kept;
                repeatable(google, &action).await
            }
            (false, Some(once)) => match fence() {
                Some(why) => Err(not_sent(action.method(), why)),
                None => unrepeatable(google, &action, desired, once).await,
            },
            (false, None) => Err(not_sent(action.method(), "nothing was recorded before the call")),
        };
        match result {
            Ok(answered) => applied.done.push((action, answered)),
            Err(error) => {
                applied.failure = Some((action, error));
                break;
            }
        }
    }
    applied
}

fn not_sent(method: ApiMethod, why: &str) -> ApiError {
    ApiError::new(method, Failure::NotSent(why.to_owned()))
}

async fn repeatable<G: GoogleApi>(google: &G, action: &Action) -> Result<Answered, ApiError> {
    match action {
        Action::CustomersPatch(patch) => {
            let account = google.customers_patch(&patch.id, &patch.body).await?;
            if account.postal_address.is_none() {
                let why = "the answer to the change is not a full record";
                return Err(ApiError::new(
                    ApiMethod::CustomersPatch,
                    Failure::NoAnswer(why.to_owned()),
                ));
            }
            Ok(Answered::Customer(Box::new(account)))
        }
        Action::DirectoryCustomersPatch(LanguagePatch { id, change }) => {
            let body = DirectoryCustomer {
                language: Some(change.desired.clone()),
                ..DirectoryCustomer::default()
            };
            google.directory_customers_patch(id, &body).await.map(Answered::Directory)
        }
        Action::UsersMakeAdmin { primary_email } => {
            google.users_make_admin(primary_email).await.map(|()| Answered::Nothing)
        }
        Action::CustomersInsert(_) | Action::UsersInsert { .. } => {
            Err(not_sent(action.method(), "this call must not be repeated"))
        }
    }
}

async fn unrepeatable<G: GoogleApi>(
    google: &G,
    action: &Action,
    desired: &Desired,
    once: Once<G::Permit>,
) -> Result<Answered, ApiError> {
    match (action, &desired.initial_admin, once.password) {
        (Action::CustomersInsert(order), _, _) => {
            let account = google.customers_insert(once.permit, order).await?;
            if account.customer_id.is_none() || account.postal_address.is_none() {
                let why = "the answer to the order is not a full record";
                return Err(ApiError::new(action.method(), Failure::NoAnswer(why.to_owned())));
            }
            Ok(Answered::Customer(Box::new(account)))
        }
        (Action::UsersInsert { primary_email }, Some(admin), Some(password)) => {
            let user = NewUser {
                primary_email: primary_email.clone(),
                name: UserName {
                    given_name: admin.name.given_name.clone(),
                    family_name: admin.name.family_name.clone(),
                },
                password,
                change_password_at_next_login: true,
                recovery_email: admin.recovery_email.clone(),
            };
            google.users_insert(once.permit, &user).await.map(Answered::User)
        }
        _ => Err(not_sent(action.method(), "the plan has no administrator or no password")),
    }
}
