//! `reseller-operator import`: the law of what it writes, what kubectl reads of it, and the program
//! as a user runs it.
#![cfg(feature = "simulator")]
#![expect(clippy::unwrap_used, reason = "clippy takes helpers of tests for other code")]

mod common;

#[path = "import/accounts.rs"]
mod accounts;
#[path = "import/google.rs"]
mod google;

#[path = "import/failures.rs"]
mod failures;
#[path = "import/kubectl.rs"]
mod kubectl;
#[path = "import/law.rs"]
mod law;
#[path = "import/program.rs"]
mod program;
