//! What PATH may be, and what happens to files that are not as they should be.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use reseller_operator::manifest::{self, Finding, Loaded, Severity};
use tempfile::TempDir;

const HEAD: &str = "apiVersion: reseller-operator.dev/v1alpha1\nkind: ResellerCustomer\n";

fn manifest(name: &str, spec: &str) -> String {
    format!("{HEAD}metadata: {{name: {name}}}\nspec:\n  managementPolicy: AdoptOnly\n{spec}")
}

fn customer(name: &str) -> String {
    manifest(name, &format!("  customerDomain: {name}.example\n"))
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        fs::write(&path, text).expect("file");
        path
    }

    fn load(&self) -> Loaded {
        load(&[self.0.path()])
    }
}

fn load(paths: &[&Path]) -> Loaded {
    let paths: Vec<_> = paths.iter().map(|path| path.to_path_buf()).collect();
    manifest::load(&paths, &b""[..])
}

fn stdin(text: &str) -> Loaded {
    manifest::load(&[PathBuf::from("-")], text.as_bytes())
}

fn names(loaded: &Loaded) -> Vec<&str> {
    let names = loaded.manifests.iter().map(|m| m.object.metadata.name.as_deref());
    names.map(Option::unwrap_or_default).collect()
}

/// The only finding, an error, which says all the words.
fn only<'a>(loaded: &'a Loaded, words: &[&str]) -> &'a Finding {
    let [finding] = loaded.findings.as_slice() else { panic!("{:#?}", loaded.findings) };
    assert_eq!(finding.severity, Severity::Error);
    let said = format!("{} {}", finding.message, finding.help.as_deref().unwrap_or_default());
    for word in words {
        assert!(said.contains(word), "{word} is missing: {said}");
    }
    finding
}

#[test]
fn a_folder_gives_its_manifests_in_order_and_nothing_else() {
    let folder = Folder::new();
    folder.write("b.yml", customer("b"));
    folder.write("a/z.yaml", customer("az"));
    folder.write("c.json", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}");
    folder.write("d.txt", "not: [read");
    folder.write("e.yaml.swp", "not: [read");
    let loaded = folder.load();
    assert_eq!(names(&loaded), ["az", "b"]);
    assert_eq!((loaded.findings.len(), loaded.skipped), (0, 1));
    assert!(loaded.manifests[0].place.file.ends_with("a/z.yaml"));
    assert_eq!((loaded.manifests[0].place.line, loaded.manifests[0].place.column), (1, 1));
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let folder = Folder::new();
    let file = folder.write("a.yaml", customer("a"));
    symlink(&file, folder.path("link.yaml")).expect("link");
    let loaded = load(&[&file, folder.0.path(), &file]);
    assert_eq!(names(&loaded), ["a"]);
    assert!(loaded.findings.is_empty());
}

#[test]
fn a_file_that_is_named_needs_no_ending() {
    let folder = Folder::new();
    let file = folder.write("manifest.txt", customer("a"));
    assert_eq!(names(&load(&[&file])), ["a"]);
}

#[test]
fn links_to_folders_are_followed_and_loops_end() {
    let (folder, other) = (Folder::new(), Folder::new());
    other.write("a.yaml", customer("a"));
    symlink(other.0.path(), folder.path("other")).expect("link");
    symlink(folder.0.path(), other.path("back")).expect("link");
    symlink(folder.path("itself"), folder.path("itself")).expect("link");
    let loaded = folder.load();
    assert_eq!(names(&loaded), ["a"]);
    assert!(loaded.findings.is_empty());
}

#[test]
fn a_link_to_nowhere_is_an_error_and_the_rest_is_read() {
    let folder = Folder::new();
    folder.write("b.yaml", customer("b"));
    symlink(folder.path("gone"), folder.path("a.yaml")).expect("link");
    let loaded = folder.load();
    assert_eq!(names(&loaded), ["b"]);
    assert!(only(&loaded, &["cannot be read", "exists"]).place.file.ends_with("a.yaml"));
}

#[test]
fn what_does_not_exist_is_an_error() {
    let loaded = load(&[Path::new("/nowhere/at/all.yaml")]);
    only(&loaded, &["cannot be read", "name a file or a folder that exists"]);
    assert_eq!(loaded.findings[0].place.line, 0);
}

#[test]
fn a_pipe_and_a_device_are_refused_without_waiting() {
    let folder = Folder::new();
    let pipe = folder.path("pipe.yaml");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    for path in [&pipe, Path::new("/dev/zero")] {
        only(&load(&[path]), &["neither a file nor a folder", "give - as PATH"]);
    }
    only(&folder.load(), &["neither a file nor a folder"]);
}

#[test]
fn what_may_not_be_read_is_an_error_and_the_rest_is_read() {
    let folder = Folder::new();
    folder.write("b.yaml", customer("b"));
    let secret = folder.write("a/secret.yaml", customer("a"));
    let closed = folder.path("a");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("mode");
    let is_all_powerful = fs::read(&secret).is_ok();
    let loaded = folder.load();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("mode");
    if is_all_powerful {
        assert_eq!(names(&loaded), ["a", "b"]); // root is not kept out
    } else {
        assert_eq!(names(&loaded), ["b"]);
        only(&loaded, &["cannot be read", "give yourself the right"]);
    }
}

#[test]
fn a_path_without_a_manifest_of_ours_is_an_error() {
    let folder = Folder::new();
    only(&folder.load(), &["no ResellerCustomer was found"]);
    folder.write("values.yaml", "replicas: 3\n---\n- a\n");
    let loaded = folder.load();
    only(&loaded, &["no ResellerCustomer was found"]);
    assert_eq!(loaded.skipped, 2);
}

#[test]
fn files_of_other_programs_are_skipped_but_not_beside_a_manifest_of_ours() {
    let folder = Folder::new();
    folder.write("values.yaml", "replicas: 3\n");
    folder.write("customer.yaml", customer("a"));
    let loaded = folder.load();
    assert_eq!((names(&loaded), loaded.skipped, loaded.is_valid()), (vec!["a"], 1, true));
    folder.write("customer.yaml", format!("{}---\nreplicas: 3\n", customer("a")));
    only(&folder.load(), &["no manifest", "kubectl reads no further"]);
}

#[test]
fn files_that_are_not_text_are_refused_in_words() {
    let folder = Folder::new();
    let text = customer("a");
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let of = |bytes: &[u8]| load(&[&folder.write("a.yaml", bytes)]);
    only(&of(&utf16), &["UTF-16", "save it as UTF-8"]);
    only(&of(b"a: \0\n"), &["NUL"]);
    let loaded = of(b"a: b\nc: \xff\n");
    assert_eq!(only(&loaded, &["not UTF-8"]).place.line, 2);
}

#[test]
fn aliases_that_explode_are_refused_before_they_do() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        writeln!(text, "a{level}: &a{level} [{}]", below.trim_end_matches(", ")).expect("text");
    }
    only(&stdin(&text), &["aliases", "write the values out"]);
}

#[test]
fn what_is_nested_without_end_is_refused() {
    let flow = format!("a: {}", "[".repeat(1_000_000));
    let block: String = (0..2_000).fold(String::new(), |mut text, level| {
        writeln!(text, "{}a:", " ".repeat(level)).expect("text");
        text
    });
    let chain = (1..5_000).fold("a0: &a0 [x]\n".to_owned(), |mut text, level| {
        writeln!(text, "a{level}: &a{level} [*a{}]", level - 1).expect("text");
        text
    });
    let json = format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    for text in [flow, block, chain, json] {
        assert_eq!(stdin(&text).findings.len(), 1, "{}", &text[..40]);
        assert!(!stdin(&text).is_valid());
    }
}

#[test]
fn an_object_that_is_too_long_for_the_api_server_is_refused() {
    let long = format!("  annotations: {{a: {}}}\n", "x".repeat(3 << 20));
    let text =
        customer("a").replace("metadata: {name: a}\n", &format!("metadata:\n  name: a\n{long}"));
    assert_eq!(super::errors(text.as_bytes()), ["metadata.annotations"]);
    let labels: String = (0..100_000).fold(String::new(), |mut text, number| {
        writeln!(text, "    label-{number}: {}", "x".repeat(30)).expect("text");
        text
    });
    let text = customer("a").replace("{name: a}", &format!("\n  name: a\n  labels:\n{labels}"));
    only(&stdin(&text), &["more than 3 MiB"]);
}

#[test]
fn a_document_without_end_is_refused_at_its_beginning() {
    let text = format!("a: b\n---\n{}", "# nothing\n".repeat(4 << 20));
    assert_eq!(only(&stdin(&text), &["longer than 32 MiB", "split it"]).place.line, 2);
}

#[test]
fn a_file_of_many_documents_is_read_to_its_end() {
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n".repeat(20_000);
    let loaded = stdin(&format!("{other}{}---\n{other}{}", customer("a"), manifest("b", "")));
    assert_eq!((names(&loaded), loaded.skipped), (vec!["a"], 40_000));
    assert_eq!(only(&loaded, &["`customerDomain` is required"]).place.line, 160_011);
}

#[test]
fn a_second_claim_of_a_domain_or_an_id_names_the_first() {
    let folder = Folder::new();
    folder.write("1.yaml", manifest("one", "  customerDomain: a.example\n  customerId: C1\n"));
    folder.write("2.yaml", manifest("two", "  customerDomain: a.example\n"));
    folder.write("3.yaml", manifest("three", "  customerDomain: b.example\n  customerId: C1\n"));
    let loaded = folder.load();
    let said: Vec<_> = loaded.findings.iter().map(|f| (f.field.as_str(), &f.message)).collect();
    let [(domain, first), (id, second)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!((*domain, *id), ("spec.customerDomain", "spec.customerId"));
    assert!(first.contains("claimed by one in") && first.contains("1.yaml:6"), "{first}");
    assert!(second.contains("claimed by one in") && second.contains("1.yaml:7"), "{second}");
    assert_eq!(loaded.findings[0].place.line, 6);
    assert!(!loaded.is_valid());
}

#[test]
fn claims_follow_the_operator() {
    let domain = "  customerDomain: a.example\n";
    let observe = manifest("o", domain).replace("AdoptOnly", "Observe");
    let team = |name: &str, id: &str| {
        let id = if id.is_empty() { String::new() } else { format!("  customerId: {id}\n") };
        manifest(name, &format!("{domain}  customerType: team\n{id}"))
    };
    let findings = |all: &[String]| {
        let loaded = stdin(&all.join("---\n"));
        loaded.findings.iter().map(|finding| finding.severity).collect::<Vec<_>>()
    };
    assert_eq!(findings(&[manifest("a", domain), observe.clone()]), [], "it only looks");
    assert_eq!(findings(&[team("a", "C1"), team("b", "C2"), team("c", "")]), [], "teams share");
    assert_eq!(findings(&[team("a", ""), team("b", "")]), [Severity::Warning]);
    assert_eq!(findings(&[team("a", "C1"), team("b", "C1")]), [Severity::Error]);
    assert_eq!(findings(&[team("a", "C1"), manifest("b", domain)]), [Severity::Error]);
    assert_eq!(findings(&[manifest("b", domain), team("a", "")]), [Severity::Error]);
}

#[test]
fn the_same_object_twice_is_said_once() {
    let twice = format!("{}---\n{}", customer("a"), customer("a"));
    let loaded = stdin(&twice);
    assert_eq!(only(&loaded, &["a is in <stdin>:3 already"]).field, "metadata.name");
    let elsewhere = customer("a").replace("{name: a}", "{name: a, namespace: b}");
    let elsewhere = elsewhere.replace("a.example", "b.example");
    assert!(stdin(&format!("{}---\n{elsewhere}", customer("a"))).is_valid());
}

#[test]
fn what_is_wrong_with_one_manifest_hides_no_claim() {
    let wrong = manifest("a", "  customerDomain: a.example\n  colour: red\n");
    let loaded = stdin(&format!("{wrong}---\n{}", manifest("b", "  customerDomain: a.example\n")));
    let fields: Vec<_> = loaded.findings.iter().map(|finding| finding.field.as_str()).collect();
    assert_eq!(fields, ["spec.colour", "spec.customerDomain"]);
}

#[test]
fn a_kind_of_ours_in_another_group_is_skipped_with_a_warning() {
    let other = customer("b").replace("reseller-operator.dev", "reseller-operator.io");
    let loaded = stdin(&format!("{}---\n{other}", customer("a")));
    assert_eq!((loaded.is_valid(), loaded.skipped, loaded.findings.len()), (true, 1, 1));
    assert_eq!(loaded.findings[0].severity, Severity::Warning);
}

#[test]
fn defaults_are_in_the_object() {
    let loaded = stdin(&customer("a"));
    let [manifest] = loaded.manifests.as_slice() else { panic!("{:?}", loaded.findings) };
    let spec = serde_json::to_value(&manifest.object.spec).expect("JSON");
    assert_eq!(
        (&spec["customerType"], &spec["driftPolicy"]),
        (&"domain".into(), &"Correct".into())
    );
    assert_eq!(manifest.object.status.as_ref().map(|status| status.observed_generation), Some(-1));
}
