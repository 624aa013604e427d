//! The harness of the golden cases.

pub(crate) mod cases;
pub(crate) mod check;
pub(crate) mod google;
pub(crate) mod invariants;
pub(crate) mod object;
pub(crate) mod rows;
pub(crate) mod run;
