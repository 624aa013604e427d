//! How other tools read an object: Flux's own kstatus, and Argo CD with our health check.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use mlua::{Lua, LuaOptions, StdLib, Table};
use serde::Deserialize;
use serde_json::Value;

use crate::states::State;

/// Our health check for Argo CD.
pub(crate) const HEALTH_LUA: &str = include_str!("../../examples/gitops/argocd/health.lua");

/// What a reader makes of an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) status: String,
    pub(crate) message: String,
}

/// What Flux's kstatus makes of each of these, in one process.
pub(crate) fn kstatus(program: &Path, states: &[State]) -> Vec<Verdict> {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("kstatus runs");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let lines: Vec<String> = states.iter().map(|state| state.object.to_string()).collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.join("\n").as_bytes()));
    let output = child.wait_with_output().expect("kstatus ends");
    writer.join().expect("no panic").expect("kstatus reads all");
    assert!(output.status.success(), "kstatus failed; it has said why above");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let verdict = |line: &str| serde_json::from_str(line).expect("a verdict");
    let verdicts: Vec<Verdict> = text.lines().map(verdict).collect();
    assert_eq!(verdicts.len(), states.len());
    verdicts
}

/// What Argo CD makes of it. An object that is being deleted is not shown to the script. The script
/// has the base library and no more: Argo CD gives a little more than that, and never `string`.
pub(crate) fn argo_cd(state: &State) -> Verdict {
    if state.is_being_deleted() {
        return Verdict {
            status: "Progressing".to_owned(),
            message: "Pending deletion".to_owned(),
        };
    }
    let lua = Lua::new_with(StdLib::NONE, LuaOptions::default()).expect("a Lua without libraries");
    lua.globals().set("obj", in_lua(&lua, &state.object)).expect("a global");
    let answer: Table =
        lua.load(HEALTH_LUA).eval().unwrap_or_else(|error| panic!("{}: {error}", state.name));
    let member = |name: &str| answer.get(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    Verdict { status: member("status"), message: member("message") }
}

/// JSON as Argo CD gives it to a script.
fn in_lua(lua: &Lua, value: &Value) -> mlua::Value {
    match value {
        Value::Null => mlua::Value::Nil,
        Value::Bool(truth) => mlua::Value::Boolean(*truth),
        Value::Number(number) => mlua::Value::Number(number.as_f64().expect("a number")),
        Value::String(text) => mlua::Value::String(lua.create_string(text).expect("a string")),
        Value::Array(items) => {
            let items = items.iter().map(|item| in_lua(lua, item));
            mlua::Value::Table(lua.create_sequence_from(items).expect("a table"))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| (key.as_str(), in_lua(lua, value)));
            mlua::Value::Table(lua.create_table_from(members).expect("a table"))
        }
    }
}
