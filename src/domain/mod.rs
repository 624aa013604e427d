//! Valid values: what a manifest asks for, what Google answered, what the status remembers.
//! Synchronous, without IO and without a clock.

pub mod desired;
pub mod field;
pub mod ids;
pub mod memory;
pub mod normal_form;
pub mod observed;
pub mod surroundings;
pub mod violation;

pub use desired::Desired;
pub use field::Field;
pub use observed::Observed;
pub use violation::Violation;
