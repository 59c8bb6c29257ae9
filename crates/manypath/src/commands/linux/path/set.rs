//! `manypath path set`

use std::fmt;

use netcfg::{Link, Netlink};
use serde_json::{Value, json};
use settings::edge::{Role, Settings};
use settings::edit::with_role;

use super::SetArguments;
use super::target::Target;
use crate::Failure;
use crate::commands::linux::running::{self, NotReloaded};
use crate::commands::linux::{runtime, settings_file};

/// What was done, and what came of it.
#[derive(Debug)]
struct Report {
    /// The uplink's name.
    uplink: String,
    role: Role,
    /// `Err` when none goes by the settings.
    edge: Result<(), NotReloaded>,
}

pub fn run(arguments: &SetArguments) -> Result<(), Failure> {
    let SetArguments { name, role, .. } = arguments;
    let file = &arguments.settings;
    let wrong = |errors: settings::Errors| Failure::Settings(errors.to_string());
    let control = Settings::load(file).map_err(wrong)?.control;
    let runtime = runtime()?;
    let links = runtime.block_on(links())?;
    let uplink = settings_file::edit(file, |text| {
        let settings = Settings::parse(text, &file.display().to_string()).map_err(wrong)?;
        let target = Target::find(name, &settings, &links)?;
        let edited = with_role::<Settings>(text, &target.place, *role)?;
        Ok((edited, target.uplink))
    })?;
    let socket = arguments.socket.as_ref().unwrap_or(&control.socket);
    let reloaded = runtime.block_on(running::reload(socket, file));
    let report = Report {
        uplink,
        role: *role,
        edge: reloaded.map(|_told| ()),
    };
    match arguments.json {
        true => println!("{}", serde_json::to_string_pretty(&report.json())?),
        false => println!("{report}"),
    }
    match report.edge {
        Err(NotReloaded::Refuses { .. }) => {
            Err(anyhow::anyhow!("the role is written, and the edge does not go by it").into())
        }
        _ => Ok(()),
    }
}

async fn links() -> Result<Vec<Link>, netcfg::Error> {
    Netlink::new()?.links().await
}

impl Report {
    /// For programs.
    fn json(&self) -> Value {
        let edge = match self.edge {
            Err(NotReloaded::NotRunning) => "not running",
            _ => "running",
        };
        let mut json =
            json!({ "uplink": self.uplink, "role": self.role.to_string(), "edge": edge });
        if let Some(problem) = self.problem() {
            json["problem"] = problem.into();
        }
        json
    }

    /// Why an edge that runs does not go by the role.
    fn problem(&self) -> Option<String> {
        match &self.edge {
            Ok(()) | Err(NotReloaded::NotRunning) => None,
            Err(why) => Some(why.to_string()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uplink, role, edge } = self;
        match (edge, self.problem()) {
            (_, Some(problem)) => {
                write!(
                    f,
                    "{uplink} is {role} in the settings, and not in the edge: {problem}"
                )
            }
            (Err(_), None) => {
                write!(
                    f,
                    "{uplink} is {role} from the next start of the edge on; none runs now"
                )
            }
            (Ok(()), None) => write!(f, "{uplink} is {role} now"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(edge: Result<(), NotReloaded>) -> Report {
        Report {
            uplink: "lte".to_owned(),
            role: Role::Backup,
            edge,
        }
    }

    #[test]
    fn people_and_programs_are_told_what_came_of_it() {
        let running = report(Ok(()));
        assert_eq!(running.to_string(), "lte is backup now");
        let json = json!({ "uplink": "lte", "role": "backup", "edge": "running" });
        assert_eq!(running.json(), json);
        let stopped = report(Err(NotReloaded::NotRunning));
        assert!(
            stopped
                .to_string()
                .contains("from the next start of the edge on")
        );
        let json = json!({ "uplink": "lte", "role": "backup", "edge": "not running" });
        assert_eq!(stopped.json(), json);
    }

    #[test]
    fn an_edge_that_does_not_go_by_it_is_a_problem() {
        let refusing = report(Err(NotReloaded::Refuses {
            error: "edge.toml:3:1: …".to_owned(),
        }));
        let words = "lte is backup in the settings, and not in the edge: ";
        assert!(refusing.to_string().starts_with(words), "{refusing}");
        assert_eq!(refusing.json()["edge"], "running");
        assert!(refusing.json()["problem"].is_string());
    }
}
