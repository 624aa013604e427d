//! `plan --from-cluster` beside the operator: what it shows is what the operator then does.

use std::collections::BTreeMap;
use std::process::Stdio;

use reseller_operator::simulator::CallFilter;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::google::WRITES;
use crate::specs::{account, domain_spec, initial_admin, team_account, team_spec, with};
use crate::world::World;

/// A reviewer may list the objects, and nothing else.
async fn reviewer(world: &World) -> String {
    let user = format!("reviewer-{}", world.namespace());
    let list = json!([{"apiGroups": ["reseller-operator.dev"],
        "resources": ["resellercustomers"], "verbs": ["list"]}]);
    world.grant(world.namespace(), &user, &list).await;
    user
}

struct Plan {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Plan {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    /// The entry of an object.
    fn entry(&self, name: &str) -> Value {
        let plan = self.json();
        let entries = plan["objects"].as_array().expect("objects");
        entries.iter().find(|entry| entry["name"] == name).expect("the object").clone()
    }
}

/// The manifests of these objects, as one file.
fn manifests(world: &World, specs: &BTreeMap<String, Value>) -> String {
    let documents = specs.iter().map(|(name, spec)| {
        let object = json!({
            "apiVersion": "reseller-operator.dev/v1alpha1", "kind": "ResellerCustomer",
            "metadata": {"name": name, "namespace": world.namespace()}, "spec": spec,
        });
        format!("---\n{object}\n")
    });
    documents.collect()
}

async fn plan(world: &World, user: &str, specs: &BTreeMap<String, Value>) -> Plan {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("customers.yaml");
    std::fs::write(&file, manifests(world, specs)).expect("file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_reseller-operator"));
    command
        .args(["plan", "--from-cluster", "-o", "json", "--requests-per-second", "200"])
        .args(["--subject", "admin@reseller.example"])
        .args(["--reseller-url", &world.url, "--directory-url", &world.url])
        .arg("--credentials-file")
        .arg(world.key_file())
        .arg(&file)
        .env_clear()
        .env("KUBECONFIG", world.kubeconfig(user))
        .stdin(Stdio::null());
    let output = command.output().await.expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Plan { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

async fn apply(world: &World, specs: &BTreeMap<String, Value>) {
    world.plane.kubectl_stdin(["apply", "-f", "-"], &manifests(world, specs)).await.ok();
}

fn one(name: &str, spec: Value) -> BTreeMap<String, Value> {
    BTreeMap::from([(name.to_owned(), spec)])
}

#[tokio::test]
async fn what_was_applied_is_unchanged_and_an_edit_is_what_the_operator_then_writes() {
    let world = World::new("review").await;
    let reviewer = reviewer(&world).await;
    let _operator = world.operator(&[]).await;
    let spec = with(domain_spec("acme.example"), json!({"adoptionPolicy": "IfUnchanged"}));
    world.add(account("acme.example"));
    apply(&world, &one("acme", spec.clone())).await;
    world.until("acme", "Ready=True/InSync").await;

    let settled = plan(&world, &reviewer, &one("acme", spec.clone())).await;
    assert_eq!(settled.code, Some(0), "{}{}", settled.stdout, settled.stderr);
    assert_eq!(settled.entry("acme")["action"], "none");

    let edited = with(spec, json!({"phoneNumber": "+49 30 555555"}));
    let shown = plan(&world, &reviewer, &one("acme", edited.clone())).await;
    assert_eq!(shown.code, Some(2), "ours is updated, whatever the adoption policy says");
    let entry = shown.entry("acme");
    assert_eq!((&entry["action"], &entry["risk"]), (&json!("update"), &json!("change")));
    let change = json!([{"field": "phoneNumber", "observed": "+4930901820",
        "desired": "+49 30 555555", "cause": "edit"}]);
    assert_eq!(entry["changes"], change);
    assert_eq!(world.google_writes(), [""; 0], "a plan writes nothing");

    apply(&world, &one("acme", edited)).await;
    world.until("acme", "Ready=True/InSync Synced=True/InSync").await;
    let id = entry["customerId"].as_str().expect("id");
    assert_eq!(world.google_writes(), [format!("reseller.customers.patch {id}")]);
}

/// The objects before and after a change, and what is changed at Google behind the operator's back:
/// each letter of the name is a choice.
fn fleet() -> BTreeMap<String, (Value, Value)> {
    let mut fleet = BTreeMap::new();
    for existing in ["new", "there", "differs", "foreign"] {
        for policy in ["full", "adopt", "careful", "watch"] {
            for edit in ["kept", "edited"] {
                let name = format!("{existing}-{policy}-{edit}");
                let policy = match policy {
                    "full" => json!({}),
                    "adopt" => json!({"managementPolicy": "AdoptOnly", "driftPolicy": "Report"}),
                    "careful" => json!({"adoptionPolicy": "IfUnchanged"}),
                    _ => json!({"managementPolicy": "Observe"}),
                };
                let before = with(domain_spec(&format!("{name}.example")), policy);
                let change = match edit {
                    "kept" => json!({}),
                    _ => json!({"phoneNumber": "+49 30 777777", "language": "fr"}),
                };
                let after = with(before.clone(), change);
                fleet.insert(name, (before, after));
            }
        }
    }
    let admin = with(domain_spec("staff.example"), initial_admin("staff.example"));
    fleet.insert("staff".to_owned(), (admin.clone(), with(admin, json!({"language": "de"}))));
    let team = team_spec("team.example");
    fleet.insert("team".to_owned(), (team.clone(), with(team, json!({"language": "it"}))));
    fleet
}

fn seed(world: &World, name: &str) {
    let domain = format!("{name}.example");
    let other = json!({"alternateEmail": "x@old.example"});
    match name.split('-').next().expect("a word") {
        "there" => drop(world.add(account(&domain))),
        "differs" => drop(world.add(with(account(&domain), other))),
        "foreign" => {
            world.add(json!({"customerDomain": domain, "owner": "foreign"}));
        }
        "team" => drop(world.add(team_account(&domain))),
        _ => {}
    }
}

/// Writes since a call, by the object whose account they are about, as method ids.
fn writes_since(world: &World, seen: usize, names: &[&String]) -> BTreeMap<String, Vec<String>> {
    let calls = world.google.simulation().calls(&CallFilter::default());
    let mut written: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for call in calls[seen..].iter().filter(|call| WRITES.contains(&call.method)) {
        let domain = match world.google.simulation().state().account(&call.key) {
            Some(account) => account.customer_domain.clone(),
            None => call.key.rsplit('@').next().unwrap_or_default().to_owned(),
        };
        let name = names.iter().find(|name| format!("{name}.example") == domain);
        let name = name.unwrap_or_else(|| panic!("whose is {call:?}"));
        written.entry((*name).clone()).or_default().push(call.method.to_owned());
    }
    written
}

#[tokio::test]
async fn for_a_whole_fleet_the_plan_and_the_operator_never_disagree() {
    let world = World::new("fleet").await;
    let reviewer = reviewer(&world).await;
    let fleet = fleet();
    let names: Vec<&String> = fleet.keys().collect();
    for name in &names {
        seed(&world, name);
    }
    let part = |place: fn(&(Value, Value)) -> &Value| -> BTreeMap<String, Value> {
        fleet.iter().map(|(name, specs)| (name.clone(), place(specs).clone())).collect()
    };
    let flags = ["--max-orders-per-hour", "1000"];
    // First of nothing, then of what the operator has made of it.
    let mut writing = 0;
    for (turn, specs) in [part(|specs| &specs.0), part(|specs| &specs.1)].into_iter().enumerate() {
        let shown = plan(&world, &reviewer, &specs).await;
        assert!(shown.code.is_some_and(|code| code > 0), "{}", shown.stderr);
        let seen = world.call_count();
        apply(&world, &specs).await;
        let mut operator = world.operator(&flags).await;
        for name in &names {
            // A settled object is only read again in a day, or when somebody asks.
            world.refresh(name, &format!("turn-{turn}")).await;
            world.until_at_rest(name).await;
        }
        operator.terminate().await;
        operator.ended().await;
        let written = writes_since(&world, seen, &names);
        for name in &names {
            let calls = written.get(*name).cloned().unwrap_or_default();
            assert_eq!(json!(calls), shown.entry(name)["calls"], "{name}: {}", shown.entry(name));
            writing += usize::from(!calls.is_empty());
        }
        // Behind the operator's back, for the second turn.
        let drifted = names.iter().filter(|name| name.starts_with("new-full"));
        for name in drifted {
            let id = world.account_of(&format!("{name}.example")).customer_id;
            world
                .change(&id, |account| account.alternate_email = Some("x@else.example".to_owned()));
        }
    }
    assert!(writing > 15, "the fleet changes: {writing}");
}

#[tokio::test]
async fn a_change_that_the_api_server_refuses_is_blocked_with_its_words() {
    let world = World::new("refused").await;
    let reviewer = reviewer(&world).await;
    apply(&world, &one("acme", domain_spec("acme.example"))).await;
    let moved = one("acme", domain_spec("other.example"));
    let shown = plan(&world, &reviewer, &moved).await;
    assert_eq!(shown.code, Some(1), "{}", shown.stderr);
    let entry = shown.entry("acme");
    assert_eq!(
        (&entry["action"], &entry["blocked"]["reason"]),
        (&json!("blocked"), &json!("Refused"))
    );
    let message = entry["blocked"]["message"].as_str().expect("message");
    assert!(message.contains("spec.customerDomain: customerDomain is immutable"), "{message}");
    let refused = world.plane.kubectl_stdin(["apply", "-f", "-"], &manifests(&world, &moved)).await;
    assert!(!refused.success && refused.stderr.contains("customerDomain is immutable"));
    assert_eq!(world.call_count(), 0, "Google is not asked");
}

#[tokio::test]
async fn who_may_not_list_the_objects_is_told_which_right_is_missing() {
    let world = World::new("norights").await;
    let nobody = format!("nobody-{}", world.namespace());
    let shown = plan(&world, &nobody, &one("acme", domain_spec("acme.example"))).await;
    assert_eq!((shown.code, shown.stdout.as_str()), (Some(1), ""));
    assert!(shown.stderr.contains("list resellercustomers"), "{}", shown.stderr);
    assert_eq!(shown.stderr.lines().count(), 1, "{}", shown.stderr);
}
