//! Prepares a user's WSL for the edge, in a thread of its own: an import takes minutes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use winproc::{Program, User, UserCommand};
use wslconfig::Kernel;

use super::event::Event;
use super::{Seat, Service};
use crate::causes::with_causes;
use crate::goal::Goal;
use crate::registry::{self, Registry};
use crate::setup::{self, Observed, Step, Wanted};
use crate::store::Store;
use crate::wsl::Wsl;

/// Another program may have `.wslconfig` open for a moment.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// What the edge lives in: files that come with the program.
#[derive(Clone, Debug)]
pub struct Image {
    /// The distribution.
    pub file: PathBuf,
    /// What tells it from those of other versions.
    pub id: String,
    /// The kernel with its modules, if they come with the program.
    pub kernel: Option<Kernel>,
}

/// A WSL that is ready.
pub(super) struct Prepared {
    pub(super) user: Box<dyn User>,
    /// Runs the edge.
    pub(super) command: UserCommand,
    /// What may keep it from working.
    pub(super) problems: Vec<String>,
    /// Whether the VM was ended first.
    pub(super) has_ended_vm: bool,
}

/// What the work needs.
pub(super) struct Workshop {
    pub(super) registry: Arc<dyn Registry>,
    pub(super) store: Store,
    pub(super) image: Image,
}

impl Service {
    /// Prepares the WSL of whoever sits there.
    pub(super) fn prepare(&self, seat: Seat) {
        let settings = self.config.settings().cloned().unwrap_or_default();
        let wanted = Wanted {
            goal: Goal::Up,
            kernel: self.wanted_kernel(),
            distribution: settings.guest.distribution.as_str().to_owned(),
            image: self.image.id.clone(),
        };
        let end_vm = self.installed.end_vm;
        let (workshop, users, me) = (self.workshop(), Arc::clone(&self.users), self.me.clone());
        thread::spawn(move || {
            let user = users.user(seat.session);
            let user = user.map_err(with_causes);
            let prepared = user.and_then(|user| workshop.prepare(user, &wanted, end_vm));
            // The service may be about to end.
            let _ = me.send(Event::Prepared(prepared));
        });
    }

    pub(super) fn workshop(&self) -> Workshop {
        Workshop {
            registry: Arc::clone(&self.registry),
            store: self.store.clone(),
            image: self.image.clone(),
        }
    }
}

impl Workshop {
    fn prepare(
        &self,
        user: Box<dyn User>,
        wanted: &Wanted,
        end_vm: bool,
    ) -> Result<Prepared, String> {
        let problems = self.bring_about(&*user, wanted)?;
        if end_vm {
            tracing::info!("{}: end the VM, for another kernel", user.account().name);
            self.wsl()?.shutdown(&*user).map_err(with_causes)?;
        }
        Ok(Prepared {
            command: self.wsl()?.edge(&wanted.distribution),
            problems,
            has_ended_vm: end_vm,
            user,
        })
    }

    /// Does what is to be done for this user. Returns what could not be.
    pub(super) fn bring_about(
        &self,
        user: &dyn User,
        wanted: &Wanted,
    ) -> Result<Vec<String>, String> {
        let wsl = self.wsl()?;
        let plan = setup::plan(wanted, &self.observe(user)?);
        for problem in &plan.problems {
            tracing::warn!("{}: {problem}", user.account().name);
        }
        for step in &plan.steps {
            tracing::info!("{}: {step}", user.account().name);
            self.apply(user, &wsl, step)?;
        }
        Ok(plan.problems.iter().map(ToString::to_string).collect())
    }

    fn wsl(&self) -> Result<Wsl, String> {
        let folder = registry::wsl_folder(&*self.registry).ok_or(
            "WSL is not installed, or it is the one that came with Windows; \
             run wsl --install --no-distribution, or wsl --update",
        )?;
        let path = format!(r"{}\wsl.exe", folder.trim_end_matches('\\'));
        let program = Program::new(path).map_err(with_causes)?;
        Ok(Wsl::new(program))
    }

    fn observe(&self, user: &dyn User) -> Result<Observed, String> {
        let sid = user.account().sid.to_string();
        let config = user.read(&config_of(user));
        let config = config.map_err(with_causes)?;
        let policies = registry::policies(&*self.registry).into_iter();
        let forbidden = policies.filter(|(_, value)| *value == 0);
        let (distributions, default) = registry::distributions(&*self.registry, &sid);
        let record = self.store.user(&sid);
        Ok(Observed {
            config: config.unwrap_or_default(),
            forbidden: forbidden.map(|(name, _)| name).collect(),
            distributions,
            default,
            record: record.map_err(with_causes)?,
        })
    }

    fn apply(&self, user: &dyn User, wsl: &Wsl, step: &Step) -> Result<(), String> {
        let sid = user.account().sid.to_string();
        match step {
            Step::Record(record) => self.store.set_user(&sid, record).map_err(with_causes),
            Step::WriteConfig(bytes) => write_config(user, bytes),
            Step::Unregister(name) => wsl.unregister(user, name).map_err(with_causes),
            Step::Import(name) => wsl
                .import(user, name, &disk_of(user, name), &self.image.file)
                .map_err(with_causes),
            Step::SetDefault(other) => wsl.set_default(user, other).map_err(with_causes),
        }
    }
}

fn write_config(user: &dyn User, bytes: &[u8]) -> Result<(), String> {
    let file = config_of(user);
    let write = || match bytes {
        // There was none.
        [] => user.remove(&file),
        _ => user.write(&file, bytes),
    };
    let mut tries = 1;
    loop {
        match write() {
            Ok(()) => return Ok(()),
            Err(_) if tries < TRIES => {
                tries += 1;
                thread::sleep(PAUSE);
            }
            Err(error) => return Err(with_causes(&error)),
        }
    }
}

fn config_of(user: &dyn User) -> PathBuf {
    user.profile().join(".wslconfig")
}

/// Where the distribution's disk is: in a folder of its own among the user's programs' data.
fn disk_of(user: &dyn User, name: &str) -> PathBuf {
    let local = Path::new("AppData").join("Local").join("Manypath");
    user.profile().join(local).join(name)
}
