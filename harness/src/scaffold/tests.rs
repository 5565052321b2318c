//! What `new` and `init` write, and what they leave alone. That it builds and passes is tried in `.ci/run`.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const PROFILE: &str = "[profile.dev.package.\"*\"]\nopt-level = 3\n";

fn folder_with(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("there is room for a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    folder
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn here() -> Dependency {
    Dependency::Path("/elsewhere/harness".into())
}

#[test]
fn a_new_crate_has_one_dependency_and_its_own_profile() {
    let folder = folder_with(&[]);
    let made = new(&folder.path().join("my-jobs"), &here()).expect("nothing is in the way");
    let manifest = read(folder.path(), "my-jobs/Cargo.toml");
    let begin = "[package]\nname = \"my-jobs\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n";
    assert!(
        manifest.starts_with(&format!("{begin}reveille = {{ path = \"/elsewhere/harness\" }}\n\n#")),
        "{manifest}"
    );
    assert!(manifest.ends_with(PROFILE), "{manifest}");
    assert_eq!(read(folder.path(), "my-jobs/src/lib.rs"), MAILER);
    assert!(made.written.iter().all(|path| path.is_file()));
}

#[test]
fn a_new_crate_in_a_workspace_is_a_member_and_the_profile_stands_at_the_root() {
    let folder = folder_with(&[("Cargo.toml", "# ours\n[workspace]\nmembers = [\"a\"] # one\n")]);
    new(&folder.path().join("crates/jobs"), &here()).expect("nothing is in the way");
    let root = read(folder.path(), "Cargo.toml");
    assert!(root.starts_with("# ours\n[workspace]\nmembers = [\"a\", \"crates/jobs\"] # one\n"), "{root}");
    assert!(root.ends_with(PROFILE), "{root}");
    assert!(!read(folder.path(), "crates/jobs/Cargo.toml").contains("profile"));
}

#[test]
fn a_workspace_that_excludes_the_folder_is_left_alone() {
    let root = "[workspace]\nmembers = []\nexclude = [\"tools\"]\n";
    let folder = folder_with(&[("Cargo.toml", root)]);
    new(&folder.path().join("tools/jobs"), &here()).expect("nothing is in the way");
    assert_eq!(read(folder.path(), "Cargo.toml"), root);
    assert!(read(folder.path(), "tools/jobs/Cargo.toml").ends_with(PROFILE));
}

#[test]
fn what_is_there_is_not_overwritten() {
    let folder =
        folder_with(&[("jobs/Cargo.toml", "[package]\nname = \"jobs\"\n"), ("jobs/tests/mailer.rs", "mine")]);
    let jobs = folder.path().join("jobs");
    assert!(new(&jobs, &here()).expect_err("it is there").to_string().contains("is there already"));
    assert!(init(&jobs, &here()).expect_err("it is there").to_string().contains("is left as it is"));
    assert_eq!(read(&jobs, "tests/mailer.rs"), "mine");
    assert_eq!(read(&jobs, "Cargo.toml"), "[package]\nname = \"jobs\"\n");
}

#[test]
fn a_name_that_is_none_for_a_crate_is_refused() {
    let folder = folder_with(&[]);
    for name in ["Jobs", "7jobs", "my jobs", "fn", "reveille"] {
        let refused = new(&folder.path().join(name), &here()).expect_err(name).to_string();
        assert!(refused.contains("is not a name for a crate"), "{refused}");
        assert!(!folder.path().join(name).exists());
    }
}

#[test]
fn init_adds_a_test_to_the_crate_that_one_stands_in() {
    let manifest = "[package]\nname = \"jobs\" # ours\n\n[dependencies]\nserde = \"1\"\n";
    let folder = folder_with(&[("Cargo.toml", manifest), ("src/lib.rs", "")]);
    init(&folder.path().join("src"), &here()).expect("nothing is in the way");
    let now = read(folder.path(), "Cargo.toml");
    assert!(now.starts_with(manifest), "{now}");
    assert!(now.contains("\n[dev-dependencies]\nreveille = { path = \"/elsewhere/harness\" }\n"), "{now}");
    assert!(now.ends_with(PROFILE), "{now}");
    assert_eq!(read(folder.path(), "tests/mailer.rs"), MAILER);
}

#[test]
fn init_in_a_member_puts_the_profile_at_the_root() {
    let root = "[workspace]\nmembers = [\"jobs\"]\n\n[profile.dev]\ndebug = 1\n";
    let folder = folder_with(&[("Cargo.toml", root), ("jobs/Cargo.toml", "[package]\nname = \"jobs\"\n")]);
    init(&folder.path().join("jobs"), &here()).expect("nothing is in the way");
    let now = read(folder.path(), "Cargo.toml");
    assert!(now.starts_with(root) && now.ends_with(PROFILE), "{now}");
    assert!(!read(folder.path(), "jobs/Cargo.toml").contains("profile"));
}

#[test]
fn what_is_said_about_dependencies_stays() {
    let manifest = "[package]\nname = \"jobs\"\n\n[dependencies]\nreveille = \"0.1\"\n\n[profile.dev.package.\"*\"]\nopt-level = 1\n";
    let folder = folder_with(&[("Cargo.toml", manifest)]);
    let made = init(folder.path(), &here()).expect("nothing is in the way");
    assert_eq!(read(folder.path(), "Cargo.toml"), manifest);
    assert_eq!(made.written, [folder.path().join("tests/mailer.rs")]);
}

#[test]
fn init_elsewhere_says_what_would_be_right() {
    let folder = folder_with(&[("Cargo.toml", "[workspace]\nmembers = []\n")]);
    assert!(
        init(folder.path(), &here())
            .expect_err("no crate")
            .to_string()
            .contains("go into one of its members")
    );
}
