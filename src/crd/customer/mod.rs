//! The kind `ResellerCustomer`.

pub mod spec;
pub mod status;
