//! One simulated Google with all that surrounds its state: tokens, quota, faults, log, time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::auth::{Auth, Credential};
use super::calls::{CallFilter, CallLog, CallRecord};
use super::clock::{Clock, wall_clock};
use super::faults::{Fault, FaultRule, Faults};
use super::methods::Method;
use super::options::{ErrorLayout, Options};
use super::rules::{Refusal, bad_request, over_quota};
use super::state::{Call, State};
use super::users::without_password;

/// A request as it came in, decoded.
pub(super) struct Request {
    pub(super) verb: http::Method,
    pub(super) host: String,
    pub(super) path: Vec<String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) credential: Credential,
    /// Whether `Metadata-Flavor: Google` was sent.
    pub(super) for_metadata: bool,
    pub(super) body: Vec<u8>,
}

/// An answer before it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) retry_after: Option<u32>,
    pub(super) body: String,
}

/// What to do with an answer.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) number: u64,
    /// None: close the connection.
    pub(super) response: Option<Response>,
    pub(super) delay: Option<Duration>,
}

/// Time moves only where the clock says so; see [`super::Simulator`] for sharing one.
#[derive(Debug)]
pub struct Simulation {
    pub(super) state: State,
    pub(super) faults: Faults,
    pub(super) calls: CallLog,
    pub(super) auth: Auth,
    pub(super) clock: Clock,
    pub(super) held: BTreeSet<u64>,
    /// Whether the state has changed since it was last saved.
    pub(super) unsaved: bool,
    recent: VecDeque<Timestamp>,
}

/// A call on its way through [`Simulation::receive`].
struct Incoming {
    request: Request,
    method: Method,
    key: String,
    body: Result<Value, Refusal>,
    now: Timestamp,
    subject: Option<String>,
}

impl Simulation {
    pub(super) fn new(state: State, clock: Clock) -> Self {
        Self {
            state,
            faults: Faults::default(),
            calls: CallLog::default(),
            auth: Auth::default(),
            clock,
            held: BTreeSet::new(),
            unsaved: false,
            recent: VecDeque::new(),
        }
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: SignedDuration) {
        self.clock.advance(by);
    }

    /// What Google remembers.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What Google remembers, to change it behind the operator's back.
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// How Google behaves.
    pub fn options_mut(&mut self) -> &mut Options {
        &mut self.state.options
    }

    /// Makes calls fail; says the number of the rule.
    pub fn inject(&mut self, rule: FaultRule) -> u64 {
        self.faults.add(rule)
    }

    /// Removes all faults.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The calls that match, oldest first.
    #[must_use]
    pub fn calls(&self, filter: &CallFilter) -> Vec<CallRecord> {
        self.calls.matching(filter)
    }

    /// Answers a request: fault, token, quota, then the API itself.
    pub(super) fn receive(&mut self, request: Request) -> Delivery {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let Some((method, path_key)) = Method::find(&request.verb, &path) else {
            return Delivery { number: 0, response: Some(html(404)), delay: None };
        };
        let body = read_body(method, &request);
        let now = self.now();
        let key = if path_key.is_empty() { key_of(&request, &body) } else { path_key };
        let mut call = Incoming { request, method, key, body, now, subject: None };
        let fault = self.faults.take(method.id(), &call.key);
        let handled = match &fault {
            Some(fault) if !fault.commits() => None,
            _ => Some(self.answer(&mut call)),
        };
        let committed = method.writes() && handled.as_ref().is_some_and(|(r, _)| r.status < 300);
        self.unsaved |= committed;
        let layout = self.layout(&call.request);
        let (answer, reason) = faulty(fault.as_ref(), handled, method, layout);
        let number = self.calls.push(CallRecord {
            number: 0,
            time: now,
            method: method.id(),
            key: call.key,
            status: answer.as_ref().map(|response| response.status),
            reason,
            committed,
            held: fault == Some(Fault::Hold),
            subject: call.subject,
            body: call.body.ok().filter(|_| method.writes()).map(|body| without_password(&body)),
        });
        let delay = match fault {
            Some(Fault::Delay { milliseconds }) => Some(Duration::from_millis(milliseconds)),
            _ => None,
        };
        if fault == Some(Fault::Hold) {
            self.held.insert(number);
        }
        Delivery { number, response: answer, delay }
    }

    /// The answer without faults, and its reason if it is a refusal.
    fn answer(&mut self, call: &mut Incoming) -> (Response, Option<String>) {
        let layout = self.layout(&call.request);
        let answer = match call.method {
            Method::Token => return self.token(call),
            Method::MetadataToken if !call.request.for_metadata => return (html(403), None),
            Method::MetadataToken => {
                self.auth.metadata_token(call.now).ok_or_else(super::rules::backend_error)
            }
            Method::SignJwt => call.body.clone().and_then(|body| {
                self.auth.sign_jwt(&call.key, &body, &call.request.credential, call.now)
            }),
            _ => self.api(call),
        };
        match answer {
            Ok(Value::Null) => (json_response(204, String::new()), None),
            Ok(value) => (json_response(200, value.to_string()), None),
            Err(refusal) => (refused(&refusal, layout), Some(refusal.reason)),
        }
    }

    fn api(&mut self, call: &mut Incoming) -> Result<Value, Refusal> {
        let Incoming { request, method, key, body, now, subject } = call;
        *subject = Some(self.auth.admit(&request.credential, *method, *now)?);
        self.within_quota(*now)?;
        let body = body.clone()?;
        let query = &request.query;
        self.state.handle(&Call { method: *method, key, query, body: &body, now: *now })
    }

    fn token(&mut self, call: &Incoming) -> (Response, Option<String>) {
        let form = super::wire::parameters(&String::from_utf8_lossy(&call.request.body));
        let times = (call.now, wall_clock());
        match self.auth.token(&form, &call.request.host, &self.state.options, times) {
            Ok(token) => (json_response(200, token.to_string()), None),
            Err(no) => {
                let body = json!({"error": no.error, "error_description": no.description});
                (json_response(no.status, body.to_string()), Some(no.error.to_owned()))
            }
        }
    }

    /// §5: so many calls in any second.
    fn within_quota(&mut self, now: Timestamp) -> Result<(), Refusal> {
        let Some(limit) = self.state.options.quota else { return Ok(()) };
        let second_ago = now - SignedDuration::from_secs(1);
        while self.recent.front().is_some_and(|call| *call <= second_ago) {
            self.recent.pop_front();
        }
        if self.recent.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(over_quota(&self.state.options));
        }
        self.recent.push_back(now);
        Ok(())
    }

    fn layout(&self, request: &Request) -> ErrorLayout {
        match request.query.get("$.xgafv").map(String::as_str) {
            Some("1") => ErrorLayout::Errors,
            Some("2") => ErrorLayout::Status,
            _ => self.state.options.error_layout,
        }
    }
}

/// What the caller gets of an answer (none if the call was not handled) under a fault.
fn faulty(
    fault: Option<&Fault>,
    handled: Option<(Response, Option<String>)>,
    method: Method,
    layout: ErrorLayout,
) -> (Option<Response>, Option<String>) {
    match fault {
        None | Some(Fault::Delay { .. } | Fault::Hold) => {
            handled.map_or((None, None), |(response, reason)| (Some(response), reason))
        }
        Some(Fault::Drop | Fault::LostAnswer) => (None, None),
        Some(Fault::BrokenJson) => (handled.map(|(response, _)| broken(response)), None),
        Some(Fault::Html { status, .. }) => (Some(html(*status)), None),
        Some(status @ Fault::Status { .. }) => {
            let refusal = status.refusal().unwrap_or_else(super::rules::backend_error);
            let response = match method {
                Method::Token => {
                    let body =
                        json!({"error": refusal.reason, "error_description": refusal.message});
                    Response {
                        retry_after: refusal.retry_after,
                        ..json_response(refusal.status, body.to_string())
                    }
                }
                _ => refused(&refusal, layout),
            };
            (Some(response), Some(refusal.reason))
        }
    }
}

fn read_body(method: Method, request: &Request) -> Result<Value, Refusal> {
    if request.body.is_empty() || method == Method::Token {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&request.body)
        .map_err(|_| bad_request("Invalid JSON payload received. Parse error."))
}

/// What a call without a key in its path is about.
fn key_of(request: &Request, body: &Result<Value, Refusal>) -> String {
    let member = |name: &str| body.as_ref().ok().and_then(|body| body[name].as_str());
    let key = member("customerDomain").or_else(|| member("primaryEmail"));
    key.or(request.query.get("customerId").map(String::as_str)).unwrap_or_default().to_owned()
}

fn refused(refusal: &Refusal, layout: ErrorLayout) -> Response {
    let body = refusal.body(layout).to_string();
    Response { retry_after: refusal.retry_after, ..json_response(refusal.status, body) }
}

pub(super) fn json_response(status: u16, body: String) -> Response {
    let content_type = "application/json; charset=UTF-8";
    Response { status, content_type, retry_after: None, body }
}

fn html(status: u16) -> Response {
    let body = format!("<!DOCTYPE html>\n<html lang=en><title>Error {status}</title></html>\n");
    Response { status, content_type: "text/html; charset=UTF-8", retry_after: None, body }
}

fn broken(mut response: Response) -> Response {
    let half = response.body.len() / 2;
    let end = (0..=half).rev().find(|at| response.body.is_char_boundary(*at)).unwrap_or(0);
    response.body.truncate(end);
    response
}
