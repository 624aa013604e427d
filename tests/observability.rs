//! What the operator shows of itself: a scrape of the real process, and that the alerts, the
//! dashboard, the runbooks and the page of metrics speak of what is there.

#![expect(clippy::panic, reason = "a test that cannot go on says why")]
#![allow(unreachable_pub, reason = "a test binary has no callers outside")]
#![allow(dead_code, reason = "this binary uses a part of what the tests of the operator share")]

mod common;

#[path = "control_plane/gateway.rs"]
mod gateway;
#[path = "control_plane/google.rs"]
mod google;
#[path = "control_plane/operator.rs"]
mod operator;
#[path = "control_plane/shown.rs"]
mod shown;
#[path = "control_plane/specs.rs"]
mod specs;
#[path = "control_plane/world.rs"]
mod world;

#[path = "observability/alerts.rs"]
mod alerts;
#[path = "observability/exposition.rs"]
mod exposition;
#[path = "observability/live.rs"]
mod live;
#[path = "observability/pages.rs"]
mod pages;
#[path = "observability/promql.rs"]
mod promql;
#[path = "observability/promtool.rs"]
mod promtool;

use std::path::Path;

/// A file of the repository.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
