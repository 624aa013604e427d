//! What a change of manifests would do at Google, as values that can be shown: a [`Report`].
//!
//! ```text
//! proposal   the objects as they would be after the change, from files and what the cluster knows
//! entry      one object: its rehearsal, put into words
//! report     all of them, in the order in which a person reads
//! table      for a terminal
//! markdown   for a pull request
//! ```

mod entry;
mod markdown;
mod proposal;
mod redact;
mod report;
mod table;
mod text;

pub use entry::{Blocked, Effect, Entry, FieldChange};
pub use markdown::{MARKER, markdown};
pub use proposal::{Known, Name, Proposal, Proposals, Proposed, propose};
pub use report::{Counts, Released, Report};
pub use table::table;
pub use text::{is_unseen, plain};
