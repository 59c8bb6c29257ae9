//! What the workflow `kernel.yml` does beyond the build.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use kernelpack::{Artifact, Key, Manifest};

use super::tree::succeed;

const WORKFLOW: &str = include_str!("../../../../.github/workflows/kernel.yml");

/// minisign's own program signs as the workflow has it do, and the host opens it.
#[test]
fn what_minisign_signs_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let artifact =
        |name: &str| Artifact::measure(name.parse().unwrap(), &mut name.as_bytes()).unwrap();
    let manifest = Manifest::new(
        "6.18.20.1".parse().unwrap(),
        "linux-msft-wsl-6.18.20.1".to_owned(),
        BTreeMap::new(),
        artifact("bzImage"),
        artifact("modules.vhdx"),
    );
    let manifest = manifest.unwrap();
    fs::write(path("manifest.json"), manifest.to_json().unwrap()).unwrap();
    let minisign = |arguments: &[&str]| {
        succeed(
            Command::new("minisign")
                .current_dir(folder.path())
                .args(arguments),
        );
    };
    minisign(&["-G", "-W", "-p", "minisign.pub", "-s", "minisign.key"]);
    minisign(&[
        "-S",
        "-H",
        "-s",
        "minisign.key",
        "-m",
        "manifest.json",
        "-t",
        "a test",
    ]);
    minisign(&["-V", "-H", "-p", "minisign.pub", "-m", "manifest.json"]);
    let key = Key::parse(&fs::read_to_string(path("minisign.pub")).unwrap()).unwrap();
    let read = |name: &str| fs::read(path(name)).unwrap();
    let opened = key.open(&read("manifest.json"), &read("manifest.json.minisig"));
    assert_eq!(opened.unwrap(), manifest);
}

/// Actions are the very ones that were looked at, and nothing from outside gets into a script but by variables.
#[test]
fn the_workflow_runs_nothing_that_others_can_change() {
    let mut actions = 0;
    for line in WORKFLOW.lines().map(str::trim) {
        if let Some(action) = line.trim_start_matches("- ").strip_prefix("uses: ") {
            let (_, commit) = action.split_once('@').expect(action);
            let hash = commit.split(' ').next().unwrap_or_default();
            assert!(
                hash.len() == 40 && hash.bytes().all(|it| it.is_ascii_hexdigit()),
                "{action}"
            );
            actions += 1;
        }
        if line.contains("${{") {
            let is_path = line.starts_with("${{ runner.temp }}/kernel/");
            let key = line.split(':').next().unwrap_or_default();
            let is_value = [
                "WANTED",
                "TAG",
                "GH_TOKEN",
                "SECRET_KEY",
                "tag",
                "tags",
                "name",
            ]
            .contains(&key);
            assert!(is_path || is_value, "{line}");
        }
    }
    assert_eq!(actions, 4);
    assert!(WORKFLOW.contains("\npermissions: {}\n"));
    assert_eq!(WORKFLOW.matches("contents: write").count(), 1);
    assert_eq!(WORKFLOW.matches("secrets.").count(), 1);
}
