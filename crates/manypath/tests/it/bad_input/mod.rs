//! Wrong settings, a machine that is not fit, and hostile bytes.

mod bytes;
mod machine;
mod settings_file;

use std::fs;

use lab::topology::{Lab, LabSpec, Node};

use crate::support::{PROGRAM, Ran, run, shell};

/// Settings that fit the lab, with the control socket and the usage in `folder`.
fn settings(folder: &str) -> String {
    format!(
        "usage = \"{folder}/edge.usage\"\n[host]\ninterface = \"eth0\"\n[[uplink]]\ninterface = \"eth1\"\n[[uplink]]\ninterface = \"eth2\"\n\
         [control]\nsocket = \"{folder}/edge.sock\"\n"
    )
}

/// A lab in which nothing changes by itself, and a folder.
fn quiet() -> (Lab, tempfile::TempDir) {
    let mut spec = LabSpec::default();
    (spec.dhcp, spec.ra) = (false, false);
    let lab = Lab::up(spec).unwrap();
    let quiet = "while ip -6 addr show tentative | grep -q .; do sleep 0.05; done";
    shell(&lab, Node::Guest, quiet).ok();
    (lab, tempfile::tempdir().unwrap())
}

/// Runs the edge, which is expected to end at once.
fn edge(lab: &Lab, folder: &tempfile::TempDir, settings: impl AsRef<[u8]>) -> Ran {
    let file = folder.path().join("edge.toml");
    fs::write(&file, settings).unwrap();
    let arguments = ["edge", "--settings", file.to_str().unwrap()];
    run(lab, Node::Guest, PROGRAM, &arguments)
}

/// The error that the program ends with: one line, the last one.
fn sentence(ran: &Ran) -> &str {
    assert_eq!(ran.code, 1, "{}", ran.err);
    let errors: Vec<&str> = ran
        .err
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    errors[0]
}
