//! The machine on which a pipeline runs its scripts: a checkout of a change, and programs that the
//! test stands in for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// `gh api`, with the flags that the recipe uses, over plain HTTP to `$FORGE`.
const GH: &str = r#"
[[ $1 == api ]] || exit 64
shift
method=GET filter=. pages=1 fields=() path=
while (($#)); do
  case $1 in
    --paginate) pages=9 ;;
    --silent) filter=empty ;;
    --method) method=$2; shift ;;
    --jq) filter=$2; shift ;;
    --field) [[ $2 == body=@* ]] || exit 64; fields=(--rawfile body "${2#*@}"); shift ;;
    -*) echo "unknown flag: $1" >&2; exit 64 ;;
    *) path=$1 ;;
  esac
  shift
done
send() { curl -sS --fail-with-body -X "$method" -H "Authorization: Bearer $GH_TOKEN" "$@"; }
if [[ $method == GET ]]; then
  for ((page = 1; page <= pages; page++)); do send "$FORGE/$path&page=$page" | jq -r "$filter"; done
else
  jq -n "${fields[@]}" '{$body}' | send -H 'Content-Type: application/json' -d @- "$FORGE/$path" | jq -r "$filter"
fi
"#;

/// `reseller-operator`: writes down how it was called, says `plan.md`, and ends as `code` says.
const OPERATOR: &str = r#"
key=$GOOGLE_APPLICATION_CREDENTIALS
{
  echo "$*" as "$RESELLER_OPERATOR_SUBJECT"
  echo "key: $(cat "$key")" "$(ls -l "$key" | cut -c1-10)"
  [[ $3 != --base ]] || echo "before: $(ls "$4" | xargs)"
  echo "after: $(ls "$2" | xargs)"
} >"$ROOT/called"
[[ ! -e $ROOT/plan.md ]] || cat "$ROOT/plan.md"
exit "$(cat "$ROOT/code")"
"#;

pub(crate) struct Machine {
    root: TempDir,
}

/// What a script said, and whether it succeeded.
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) success: bool,
}

impl Machine {
    /// A checkout of what a change makes of a repository: before, there were `kept` and `gone` in
    /// the folder `customers`; meanwhile there is `later` too.
    pub(crate) fn new() -> Self {
        let machine = Self { root: tempfile::tempdir().expect("folder") };
        for needed in ["git", "curl", "jq"] {
            let found = Command::new(needed).arg("--version").output();
            assert!(found.is_ok(), "the scripts of the pipelines need {needed}: install it");
        }
        machine.program("gh", GH);
        machine.program("reseller-operator", OPERATOR);
        machine.git(
            r"git init --quiet --initial-branch main ../origin && cd ../origin
            recipe=$CARGO_MANIFEST_DIR/examples/gitops/kustomize/base
            mkdir customers && cp $recipe/lighthouse/customer.yaml customers/kept.yaml
            cp $recipe/windmill/customer.yaml customers/gone.yaml
            git add . && git commit --quiet --message before
            git switch --quiet --create change && git rm --quiet customers/gone.yaml
            sed -i.old s/Light$/Bright/ customers/kept.yaml && rm customers/*.old && git commit --quiet --all --message change
            git switch --quiet main
            cp $CARGO_MANIFEST_DIR/examples/observe-only.yaml customers/later.yaml
            git add . && git commit --quiet --message later
            git clone --quiet . ../checkout",
        );
        machine
    }

    /// Takes the real `reseller-operator`.
    pub(crate) fn take_real_operator(&self) {
        let path = self.path("bin/reseller-operator");
        fs::remove_file(&path).expect("file");
        let real = env!("CARGO_BIN_EXE_reseller-operator");
        std::os::unix::fs::symlink(real, path).expect("link");
    }

    /// Checks out the change merged into what it is for, as GitHub does.
    pub(crate) fn merge(&self) {
        self.git("git merge --quiet --no-edit origin/change");
    }

    /// Checks out the change alone, as GitLab does.
    pub(crate) fn branch(&self) {
        self.git("git switch --quiet --detach origin/change");
    }

    /// What `reseller-operator` prints, and its exit code.
    pub(crate) fn plan(&self, code: u8, plan: Option<&str>) {
        fs::write(self.path("code"), code.to_string()).expect("file");
        let _ = fs::remove_file(self.path("plan.md"));
        if let Some(plan) = plan {
            fs::write(self.path("plan.md"), plan).expect("file");
        }
    }

    /// What a runner does between two runs.
    pub(crate) fn forget_temporary_files(&self) {
        fs::remove_dir_all(self.path("tmp")).expect("folder");
        self.git("git worktree prune");
    }

    /// How `reseller-operator` was called last.
    pub(crate) fn called(&self) -> String {
        self.read("called")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Runs a script in the checkout, as the runners of GitHub and GitLab do, with nothing but this
    /// in its environment.
    pub(crate) fn run(&self, script: &str, env: &[(String, String)]) -> Said {
        let path = std::env::var_os("PATH").expect("PATH");
        let bin = std::iter::once(self.path("bin")).chain(std::env::split_paths(&path));
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.path("checkout"))
            .env_clear()
            .env("PATH", std::env::join_paths(bin).expect("paths"))
            .env("ROOT", self.root.path())
            .env("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR"))
            .env("TMPDIR", self.path("tmp"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .envs(env.iter().cloned())
            .output()
            .expect("bash runs");
        let text = [output.stdout, output.stderr].concat();
        Said { text: String::from_utf8_lossy(&text).into_owned(), success: output.status.success() }
    }

    fn git(&self, script: &str) {
        for folder in ["checkout", "tmp"] {
            fs::create_dir_all(self.path(folder)).expect("folder");
        }
        let who = ["AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"];
        let who = who.map(|name| (format!("GIT_{name}"), "ada@reseller.example".to_owned()));
        let said = self.run(script, &who);
        assert!(said.success, "{}", said.text);
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::create_dir_all(self.path("bin")).expect("folder");
        fs::write(&path, format!("#!/usr/bin/env bash\nset -euo pipefail\n{script}"))
            .expect("file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
    }
}
