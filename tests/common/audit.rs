//! What the API server's audit log says: who asked for what.

use std::path::Path;

use serde::Deserialize;

/// One answered request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Who asked; of an impersonated request who was impersonated.
    pub user: String,
    /// API group; empty for the core's.
    pub group: String,
    /// Plural of the kind, with the subresource: `resellercustomers/status`.
    pub resource: String,
    pub namespace: String,
    pub name: String,
    /// HTTP status of the answer.
    pub code: u16,
}

impl AuditEvent {
    /// Whether this asked to change something, whatever the answer.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    stage: String,
    verb: String,
    user: User,
    impersonated_user: Option<User>,
    object_ref: Option<ObjectRef>,
    response_status: Option<ResponseStatus>,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ObjectRef {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct ResponseStatus {
    #[serde(default)]
    code: u16,
}

/// The answered requests in the log, in the log's order. The API server writes its line before the
/// answer is complete, so what was answered is there; a line being written now is left out.
pub fn read(log: &Path) -> Vec<AuditEvent> {
    let text = std::fs::read_to_string(log).expect("audit log");
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter_map(event).collect()
}

fn event(line: &str) -> Option<AuditEvent> {
    let line: Line = serde_json::from_str(line).expect("a line of the audit log is JSON");
    if line.stage != "ResponseComplete" {
        return None;
    }
    let object = line.object_ref.unwrap_or_default();
    let resource = match object.subresource.as_str() {
        "" => object.resource,
        subresource => format!("{}/{subresource}", object.resource),
    };
    Some(AuditEvent {
        verb: line.verb,
        user: line.impersonated_user.unwrap_or(line.user).username,
        group: object.api_group,
        resource,
        namespace: object.namespace,
        name: object.name,
        code: line.response_status.map_or(0, |status| status.code),
    })
}
