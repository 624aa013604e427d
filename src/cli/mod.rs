pub mod google_args;
#[cfg(feature = "simulator")]
pub mod simulate;
