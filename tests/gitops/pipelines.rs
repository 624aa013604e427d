//! The pipelines for GitHub and GitLab: linted, and their scripts run against stand-ins.

use std::path::Path;
use std::process::Command;

use reseller_operator::simulator::{Simulator, serve};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::forge::{Forge, TOKEN};
use crate::machine::{Machine, Said};
use crate::tools::tool;

const GITHUB: &str = "examples/gitops/github/reseller-review.yml";
const GITLAB: &str = "examples/gitops/gitlab/.gitlab-ci.yml";
const MARKER: &str = "<!-- reseller-operator plan -->\n";
const KEY: &str = "the key";
/// What both pipelines ask for.
const PLAN: &str = "--output markdown --redact as admin@reseller.example";

fn yaml(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    serde_yaml::from_str(&std::fs::read_to_string(path).expect("recipe")).expect("YAML")
}

/// A pipeline of GitHub or GitLab on a machine.
struct Pipeline {
    machine: Machine,
    forge: Forge,
    url: String,
    recipe: Value,
    is_github: bool,
    /// Text of the service-account key.
    key: String,
    /// What else is in the environment.
    env: Vec<(String, String)>,
}

impl Pipeline {
    async fn github() -> Self {
        Self::new(GITHUB, true).await
    }

    async fn gitlab() -> Self {
        Self::new(GITLAB, false).await
    }

    async fn new(recipe: &str, is_github: bool) -> Self {
        let (machine, forge) = (Machine::new(), Forge::default());
        if is_github {
            machine.merge();
        } else {
            machine.branch();
        }
        let url = forge.serve().await;
        let (recipe, key) = (yaml(recipe), KEY.to_owned());
        Self { machine, forge, url, recipe, is_github, key, env: Vec::new() }
    }

    /// Takes the real `reseller-operator`, against a Google that has the two customers.
    async fn with_real_operator(mut self) -> Self {
        let google = Simulator::live(Vec::new(), None).expect("simulator");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}/", listener.local_addr().expect("address"));
        tokio::spawn(serve(listener, google.clone()));
        let key = self.machine.path("made.json");
        google.write_key_file(&key, &format!("{url}token")).expect("key");
        self.key = std::fs::read_to_string(key).expect("key");
        for api in ["RESELLER", "DIRECTORY"] {
            self.env.push((format!("RESELLER_OPERATOR_{api}_URL"), url.clone()));
        }
        self.machine.take_real_operator();
        self
    }

    /// Runs all that plans, comments and judges.
    fn run(&self) -> Said {
        let scripts = if self.is_github {
            ["Plan", "Comment", "Verdict"].map(|name| self.step(name)).to_vec()
        } else {
            vec![self.job()]
        };
        let mut last = Said { text: String::new(), success: true };
        for (script, env) in scripts {
            let env = env.into_iter().map(|(name, value)| (name, self.filled(&value)));
            let env: Vec<_> = env.chain(self.env.iter().cloned()).collect();
            // The stand-in answers meanwhile.
            last = tokio::task::block_in_place(|| self.machine.run(&script, &env));
            if !last.success {
                break;
            }
        }
        last
    }

    /// Script and environment of a step of the workflow.
    fn step(&self, name: &str) -> (String, Vec<(String, String)>) {
        let steps = self.recipe["jobs"]["review"]["steps"].as_array().expect("steps");
        let step = steps.iter().find(|step| step["name"] == name);
        let step = step.unwrap_or_else(|| panic!("no step {name}"));
        let mut env = texts(&self.recipe["env"]);
        env.extend(texts(&step["env"]));
        for (name, file) in [("OUTPUT", "output"), ("STEP_SUMMARY", "summary")] {
            let file = self.machine.path(file).display().to_string();
            env.push((format!("GITHUB_{name}"), file));
        }
        env.push(("RUNNER_TEMP".to_owned(), "${{ runner.temp }}".to_owned()));
        env.push(("FORGE".to_owned(), self.url.clone()));
        (step["run"].as_str().expect("a script").to_owned(), env)
    }

    /// Script and environment of the job that plans.
    fn job(&self) -> (String, Vec<(String, String)>) {
        let job = &self.recipe["reseller-plan"];
        let mut env = texts(&self.recipe["variables"]);
        env.extend(texts(&job["variables"]));
        let key = self.machine.path("key.json");
        std::fs::write(&key, &self.key).expect("key");
        for (name, value) in [
            ("CI_API_V4_URL", self.url.as_str()),
            ("CI_PROJECT_ID", "1"),
            ("CI_MERGE_REQUEST_IID", "5"),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
            ("CI_JOB_URL", "https://forge.example/job"),
            ("RESELLER_NOTE_TOKEN", TOKEN),
        ] {
            env.push((name.to_owned(), value.to_owned()));
        }
        let lines = job["script"].as_array().expect("a list").iter();
        let lines: Vec<_> = lines.map(|line| line.as_str().expect("a script")).collect();
        (lines.join("\n"), env)
    }

    /// What GitHub or GitLab puts into the place of its expressions.
    fn filled(&self, text: &str) -> String {
        let temp = self.machine.path("tmp").display().to_string();
        let output = self.machine.read("output");
        let code = output.lines().filter_map(|line| line.strip_prefix("code=")).next_back();
        let mut filled = text.to_owned();
        for (expression, value) in [
            ("${{ secrets.RESELLER_REVIEW_KEY }}", self.key.as_str()),
            ("${{ vars.RESELLER_SUBJECT }}", "admin@reseller.example"),
            ("${{ runner.temp }}", &temp),
            ("${{ github.token }}", TOKEN),
            ("${{ github.repository }}", "o/r"),
            ("${{ github.event.pull_request.number }}", "5"),
            ("${{ github.server_url }}", "https://forge.example"),
            ("${{ github.run_id }}", "9"),
            ("${{ steps.plan.outputs.code }}", code.unwrap_or_default()),
            ("$RESELLER_REVIEW_KEY", &self.machine.path("key.json").display().to_string()),
            ("$RESELLER_SUBJECT", "admin@reseller.example"),
        ] {
            filled = filled.replace(expression, value);
        }
        assert!(!filled.contains("${{"), "{filled}");
        filled
    }

    /// Runs it again, as after a push: with a new place for what the first run left.
    fn run_again(&self) -> Said {
        self.machine.forget_temporary_files();
        self.run()
    }

    fn bodies(&self) -> Vec<String> {
        self.forge.comments().into_iter().map(|comment| comment.body).collect()
    }
}

fn texts(members: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let members = members.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.clone(), text(value))).collect()
}

/// The comment is made once, then written anew, whoever says what in between.
fn one_comment_is_kept(pipeline: &Pipeline) {
    let quote = format!("{MARKER}what does this line mean?");
    pipeline.forge.add(false, &quote);
    for number in 0..120 {
        pipeline.forge.add(number % 2 == 0, "said by somebody");
    }
    pipeline.machine.plan(2, Some(&format!("{MARKER}| windmill | update |\n")));
    let said = pipeline.run();
    assert!(said.success, "{}", said.text);
    assert_eq!(pipeline.bodies().len(), 122);
    assert_eq!(pipeline.bodies()[121], format!("{MARKER}| windmill | update |\n"));

    pipeline.forge.add(false, &quote);
    pipeline.machine.plan(0, Some(&format!("{MARKER}Nothing to change.\n")));
    let said = pipeline.run_again();
    assert!(said.success, "{}", said.text);
    let bodies = pipeline.bodies();
    assert_eq!(bodies.len(), 123, "no second comment");
    assert_eq!(bodies[121], format!("{MARKER}Nothing to change.\n"));
    assert_eq!((&bodies[0], &bodies[122]), (&quote, &quote), "nobody else's is touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn github_gets_one_comment_that_is_kept_up_to_date() {
    one_comment_is_kept(&Pipeline::github().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn gitlab_gets_one_note_that_is_kept_up_to_date() {
    one_comment_is_kept(&Pipeline::gitlab().await);
}

/// A plan with an error or a blocked object is shown and fails; one that could not be made says so.
fn an_error_fails_and_is_shown(pipeline: &Pipeline) {
    pipeline.machine.plan(1, Some(&format!("{MARKER}lighthouse is blocked\n")));
    let said = pipeline.run();
    assert!(!said.success);
    assert!(said.text.contains("an error or a blocked object"), "{}", said.text);
    assert_eq!(pipeline.bodies(), [format!("{MARKER}lighthouse is blocked\n")]);

    pipeline.machine.plan(1, None);
    assert!(!pipeline.run_again().success);
    assert_eq!(pipeline.bodies().len(), 1);
    let body = &pipeline.bodies()[0];
    assert!(body.starts_with(&format!("{MARKER}No plan could be made")), "{body}");

    // Killed, or not found.
    pipeline.machine.plan(137, None);
    assert!(!pipeline.run_again().success);
}

#[tokio::test(flavor = "multi_thread")]
async fn github_shows_an_error_and_fails() {
    an_error_fails_and_is_shown(&Pipeline::github().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn gitlab_shows_an_error_and_fails() {
    an_error_fails_and_is_shown(&Pipeline::gitlab().await);
}

/// More than may be posted is cut after a whole line, and says where the rest is.
fn a_long_plan_is_cut(pipeline: &Pipeline, rows: usize) {
    let row = "| zwölf | Müller & Söhne | 日本 |\n";
    pipeline.machine.plan(2, Some(&format!("{MARKER}{}", row.repeat(rows))));
    let said = pipeline.run();
    assert!(said.success, "{}", said.text);
    let [body] = pipeline.bodies().try_into().expect("one comment");
    let (plan, hint) = body.split_once("\n\n").expect("a paragraph of its own");
    let kept = plan.strip_prefix(MARKER).expect("the marker").lines().collect::<Vec<_>>();
    assert!(kept.iter().all(|line| *line == row.trim_end()), "no half line");
    assert!(kept.len() > rows / 4, "most of it is there: {}", kept.len());
    assert!(hint.contains("](https://forge.example/"), "where the rest is: {hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_github_would_refuse_is_cut() {
    a_long_plan_is_cut(&Pipeline::github().await, 4000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_gitlab_would_refuse_is_cut() {
    a_long_plan_is_cut(&Pipeline::gitlab().await, 60000);
}

#[tokio::test(flavor = "multi_thread")]
async fn github_plans_the_merge_against_what_it_is_merged_into() {
    let pipeline = Pipeline::github().await;
    pipeline.machine.plan(0, Some("Nothing to change.\n"));
    assert!(pipeline.run().success);
    let called = pipeline.machine.called();
    assert!(called.starts_with("plan customers --base ") && called.contains(PLAN), "{called}");
    assert!(called.contains("before: gone.yaml kept.yaml later.yaml"), "{called}");
    assert!(called.contains("after: kept.yaml later.yaml"), "{called}");
    assert!(called.contains("key: the key -rw-------"), "{called}");
    assert!(!pipeline.machine.path("tmp/key.json").exists(), "the key is left behind");
    assert_eq!(pipeline.machine.read("summary"), "Nothing to change.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn gitlab_plans_the_branch_against_where_it_began() {
    let pipeline = Pipeline::gitlab().await;
    pipeline.machine.plan(0, Some("Nothing to change.\n"));
    let said = pipeline.run();
    assert!(said.success, "{}", said.text);
    let called = pipeline.machine.called();
    assert!(called.starts_with("plan customers --base ") && called.contains(PLAN), "{called}");
    assert!(called.contains("before: gone.yaml kept.yaml\n"), "{called}");
    assert!(called.contains("after: kept.yaml\n"), "{called}");
    assert!(said.text.contains("Nothing to change."), "the log has it too");
    let left = std::fs::read_dir(pipeline.machine.path("tmp")).expect("folder").count();
    assert_eq!(left, 0, "the token is left behind");
}

/// The flags are those of the real program, and its plan is what a reviewer needs.
async fn the_real_plan_is_posted(pipeline: Pipeline) {
    let pipeline = pipeline.with_real_operator().await;
    let said = pipeline.run();
    assert!(said.success, "{}", said.text);
    let [body] = pipeline.bodies().try_into().expect("one comment");
    assert!(body.starts_with(MARKER) && body.matches(MARKER).count() == 1, "{body}");
    for word in ["| lighthouse.example | **order** |", "windmill.example", "tops being managed"] {
        assert!(body.contains(word), "{word}: {body}");
    }
    for hidden in ["Lina", "Bright", "owner@provider.example", "901820", "private_key"] {
        assert!(!body.contains(hidden), "{hidden}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn github_shows_what_the_real_program_plans() {
    the_real_plan_is_posted(Pipeline::github().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gitlab_shows_what_the_real_program_plans() {
    the_real_plan_is_posted(Pipeline::gitlab().await).await;
}

#[test]
fn the_workflow_passes_actionlint() {
    let Some(actionlint) = tool("actionlint") else { return };
    let output = Command::new(actionlint)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["-no-color", GITHUB, ".github/workflows/ci.yml"])
        .output()
        .expect("actionlint runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn strangers_get_no_credential() {
    let workflow = yaml(GITHUB);
    let on: Vec<_> = workflow["on"].as_object().expect("events").keys().collect();
    assert_eq!(on, ["pull_request"], "pull_request_target would hand out the key");
    let permissions = serde_json::json!({"contents": "read", "pull-requests": "write"});
    assert_eq!(workflow["permissions"], permissions);
    let steps = workflow["jobs"]["review"]["steps"].as_array().expect("steps");
    let with_key = steps.iter().filter(|step| step.to_string().contains("secrets."));
    let guard = "github.event.pull_request.head.repo.full_name == github.repository";
    let guards: Vec<_> = with_key.map(|step| step["if"].as_str()).collect();
    assert_eq!(guards, [Some(guard)]);

    let pipeline = yaml(GITLAB);
    let rule = pipeline["reseller-plan"]["rules"][0]["if"].as_str().expect("a rule");
    assert!(rule.contains("$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID"));
    let open =
        pipeline["reseller-validate"].to_string() + &pipeline[".reseller-operator"].to_string();
    assert!(!open.contains("KEY") && !open.contains("TOKEN"), "{open}");
}
