//! The numbered points: each request of the operator that writes in Kubernetes, touches a Secret
//! or calls Google, in the order in which they come.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Method as Verb;
use reseller_operator::simulator::{CallFilter, Method, Simulator};
use serde_json::Value;
use tokio::sync::Notify;

use crate::google::GET;

const EVENTS: &str = "events";

/// One request among all of its kind. Kind and count name it in every run of a scenario, also where
/// a lookup more or less shifts what follows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    pub kind: String,
    /// Counts from 1.
    pub nth: usize,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}", self.kind, self.nth)
    }
}

/// When the operator is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The request is not passed on.
    Before,
    /// The request is carried out, and its answer withheld.
    After,
}

/// A status as the operator wrote it, and what Google had then.
#[derive(Debug)]
pub struct Mark {
    /// Number of the last call at Google before.
    pub calls: u64,
    pub status: Value,
    /// Google's accounts at that time.
    pub accounts: Value,
}

/// Counts, and stops the request at which the operator is to be killed.
pub struct Gate {
    google: Simulator,
    inner: Mutex<Inner>,
    reached: Notify,
}

#[derive(Default)]
struct Inner {
    is_counting: bool,
    is_closing: bool,
    counts: HashMap<String, usize>,
    points: Vec<Point>,
    trap: Option<(Point, Side)>,
    marks: Vec<Mark>,
    passwords: Vec<String>,
}

impl Gate {
    pub fn new(google: Simulator) -> Self {
        Self { google, inner: Mutex::default(), reached: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to count, and to wait for the point at which the operator is to be killed.
    pub fn arm(&self, trap: Option<(Point, Side)>) {
        let mut inner = self.lock();
        inner.is_counting = true;
        inner.trap = trap;
    }

    /// Counts until the next pass begins: what is under way is told to the end.
    pub fn close(&self) {
        self.lock().is_closing = true;
    }

    /// The points so far.
    pub fn points(&self) -> Vec<Point> {
        self.lock().points.clone()
    }

    /// What the operator wrote as status, oldest first.
    pub fn take_marks(&self) -> Vec<Mark> {
        std::mem::take(&mut self.lock().marks)
    }

    /// The passwords that Google was given.
    pub fn passwords(&self) -> Vec<String> {
        self.lock().passwords.clone()
    }

    /// Waits until the operator stands at the point.
    pub async fn is_reached(&self) {
        self.reached.notified().await;
    }

    /// Counts a request of this kind; says whether, and when, the operator dies of it.
    pub fn enter(&self, kind: &str) -> Option<Side> {
        let mut inner = self.lock();
        if inner.is_closing && kind == GET {
            inner.is_counting = false;
        }
        // What was before may still be told.
        let is_told = inner.points.is_empty() && kind.ends_with(EVENTS);
        if !inner.is_counting || is_told {
            return None;
        }
        let count = inner.counts.entry(kind.to_owned()).or_default();
        *count += 1;
        let point = Point { kind: kind.to_owned(), nth: *count };
        inner.points.push(point.clone());
        let (_, side) = inner.trap.take_if(|(trap, _)| *trap == point)?;
        Some(side)
    }

    /// Says that the operator stands at the point.
    pub fn reach(&self) {
        self.reached.notify_one();
    }

    /// What Google has before a status is written; afterwards others see the status, and go on.
    pub fn look(&self) -> Mark {
        let google = self.google.simulation();
        Mark {
            calls: google.calls(&CallFilter::default()).last().map_or(0, |call| call.number),
            status: Value::Null,
            accounts: serde_json::to_value(google.state().accounts()).expect("accounts"),
        }
    }

    /// Remembers a status that was written.
    pub fn mark(&self, before: Mark, object: &Value) {
        self.lock().marks.push(Mark { status: object["status"].clone(), ..before });
    }

    /// Remembers the password of a user that was made.
    pub fn remember_password(&self, user: &Value) {
        self.lock().passwords.extend(user["password"].as_str().map(str::to_owned));
    }
}

/// The kind of a request to the API server that is a point. Lookups of objects are none: they are
/// watched from the side. The Lease and the question for the operator's own rights are no effects.
pub fn kube_point(verb: &Verb, path: &str) -> Option<String> {
    let (_, resource) = path.split_once("/namespaces/")?;
    let resource: Vec<&str> = resource.split('/').skip(1).collect();
    let kind = match resource.as_slice() {
        ["secrets", ..] => "secrets",
        _ if verb == Verb::GET => return None,
        ["resellercustomers", _, "status"] => "status",
        ["events", ..] => EVENTS,
        ["leases", ..] => return None,
        _ => "something else",
    };
    Some(format!("{verb} {kind}"))
}

/// The kind of a call of Google that is a point; tokens are none.
pub fn google_point(verb: &Verb, path: &str) -> Option<String> {
    let path: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (method, _) = Method::find(verb, &path)?;
    (method != Method::Token).then(|| method.id().to_owned())
}
