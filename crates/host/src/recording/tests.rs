//! Recordings are replayed: what a file of `recordings` shows is examined and planned for as on its PC. Files
//! from users' PCs go there, each with a text of what is to come out.

use std::fmt::Write;
use std::path::Path;

use super::*;
use crate::doctor::examine;
use crate::goal::Goal;
use crate::wiring::plan;

#[test]
fn what_recorded_pcs_are_told_and_get() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/recording/recordings");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension() == Some("json".as_ref()))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let recording: Recording = serde_json::from_str(&text).unwrap();
        let expected = std::fs::read_to_string(file.with_extension("txt")).unwrap();
        let told = told(&recording);
        // Git may have given the file Windows' line ends.
        assert_eq!(
            told,
            expected.replace("\r\n", "\n"),
            "{}:\n{told}",
            file.display()
        );
    }
}

fn told(recording: &Recording) -> String {
    let mut text = String::new();
    for finding in examine(&recording.facts) {
        let (verdict, subject) = (finding.verdict, &finding.subject);
        writeln!(text, "{verdict}: {subject}: {}", finding.text).unwrap();
    }
    let service = match &recording.service {
        Ok(service) => service,
        Err(why) => return text + why,
    };
    for goal in [Goal::Up, Goal::Down, Goal::Gone] {
        writeln!(text, "\n{goal:?}:").unwrap();
        match service.observed() {
            Ok(observed) => plan(goal, &observed)
                .iter()
                .for_each(|step| writeln!(text, "  {step}").unwrap()),
            Err(error) => writeln!(text, "  {}", crate::causes::with_causes(&error)).unwrap(),
        }
    }
    text
}
