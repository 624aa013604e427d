#[cfg(feature = "simulator")]
pub mod simulate;
