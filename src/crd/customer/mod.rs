//! The kind `ResellerCustomer`.

mod definition;
mod rules;
pub mod spec;
pub mod status;

pub use definition::crd;
