//! `manypath edge --once --dry-run`

use lab::rig::Rig;
use lab::topology::{LabSpec, Node};

use super::{settle, warm_lab};
use crate::support::{PROGRAM, assert_same, run, spec, state};

const SETTINGS: &str = "[host]\ninterface = \"eth0\"\n[[uplink]]\ninterface = \"eth1\"\n[[uplink]]\ninterface = \"eth2\"\n[control]\nsocket = \"/nonexistent/edge.sock\"\n";

#[test]
fn a_dry_run_prints_the_steps_and_changes_nothing() {
    let lab = warm_lab(LabSpec::default());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), SETTINGS).unwrap();
    let before = state(&lab);
    let arguments = [
        "edge",
        "--settings",
        file.path().to_str().unwrap(),
        "--once",
        "--dry-run",
    ];
    let steps = run(&lab, Node::Guest, PROGRAM, &arguments).ok();
    for expected in [
        "set net.ipv4.ip_forward = 1",
        "replace nftables table:",
        "redirect to :",
        "set MPTCP limits: subflows 8",
        "add rule IPv4 7803",
    ] {
        assert!(steps.contains(expected), "no {expected:?} in\n{steps}");
    }
    assert_same(&before, &state(&lab));
    assert!(!std::path::Path::new("/nonexistent").exists());
}

#[test]
fn a_dry_run_beside_a_running_edge_disturbs_nothing() {
    let rig = Rig::up(spec()).unwrap();
    settle(&rig);
    let before = state(rig.lab());
    let settings = rig.folder().join("edge.toml");
    let arguments = [
        "edge",
        "--settings",
        settings.to_str().unwrap(),
        "--once",
        "--dry-run",
    ];
    let ran = run(rig.lab(), Node::Guest, PROGRAM, &arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_same(&before, &state(rig.lab()));
    assert_eq!(
        rig.edge_status().unwrap()["problems"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}
