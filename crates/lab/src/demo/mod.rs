//! What Manypath is for, shown and measured in under a minute: one link, both links, and a link
//! that is pulled and plugged in again during a download.

mod outcome;
mod page;
mod progress;
mod recording;

use std::path::PathBuf;
use std::time::Duration;

use crate::link::{LinkError, Profile};
use crate::rig::{Rig, RigError, RigSpec};
use crate::topology::{LabSpec, Node, Uplink};
use crate::traffic;

pub use outcome::{LinkOutcome, Outcome};
pub use progress::Progress;
pub use recording::{Mark, Phase, Recording};

use recording::{Action, Download};

/// The standard links' names, in their order.
const NAMES: [&str; 2] = ["vdsl", "lte"];
/// The link that is pulled: the first, on which connections begin. Losing it is the harder case.
const PULLED: Uplink = Uplink::FIRST;
const KEPT: Uplink = Uplink::SECOND;
/// The longest silence that a download bears. No phase may come near it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the phases take. A phase ends with its last byte, so these are what the links' capacity
/// makes of the sizes.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The `manypath` program.
    pub program: PathBuf,
    /// Plain TCP over the first link.
    pub alone: Duration,
    /// Both links. Long enough that the start of the connection counts for little.
    pub both: Duration,
    /// Both links, until the first is pulled.
    pub before: Duration,
    /// The second link alone.
    pub pulled: Duration,
    /// Both links again.
    pub after: Duration,
}

/// What happens, for a terminal.
#[derive(Debug)]
pub enum Event<'a> {
    /// The lab is being set up.
    SettingUp,
    /// A phase begins.
    Begins(Phase),
    /// Some time of a phase has passed.
    Goes {
        /// Payload bytes that have arrived at the program.
        received: u64,
        /// Payload bytes of the whole phase.
        total: u64,
        /// Each link's name, and what comes over it in wire bits per second; `None` while it is pulled.
        links: &'a [(&'static str, Option<f64>)],
    },
    /// A phase has ended.
    Ends(&'a Recording),
}

/// Why the demo could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The lab or a program in it.
    #[error(transparent)]
    Rig(#[from] RigError),
    /// A download broke: what must never happen.
    #[error("the download {phase} broke\n{status}")]
    Download {
        /// In which phase.
        phase: Phase,
        /// The edge's status at that time.
        status: String,
        /// What happened.
        #[source]
        source: traffic::Error,
    },
    /// The cable of an emulated link.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The download's thread.
    #[error("cannot start a thread for a download")]
    Thread(#[source] std::io::Error),
}

impl Demo {
    /// The whole demo, some 25 s.
    ///
    /// No download through Manypath is longer than 10 s: then BBR's PROBE_RTT would stop both links
    /// for 0.2 s, which is as it should be but would be taken for a stall.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            alone: Duration::from_secs(5),
            both: Duration::from_secs(9),
            before: Duration::from_secs(3),
            pulled: Duration::from_millis(3500),
            after: Duration::from_millis(2500),
        }
    }

    /// Sets a lab up and runs all phases in it. `observe` hears of everything as it happens.
    ///
    /// # Errors
    /// See [`DemoError`]. Wrong bytes are no error but in the outcome.
    pub fn run(&self, mut observe: impl FnMut(Event<'_>)) -> Result<Outcome, DemoError> {
        observe(Event::SettingUp);
        let profiles = [Profile::vdsl(), Profile::lte()];
        let lab = LabSpec::with_links(profiles);
        let mut rig = Rig::up(RigSpec {
            lab,
            ..RigSpec::new(&self.program)
        })?;
        let mut recordings = Vec::new();
        for download in self.downloads(profiles) {
            observe(Event::Begins(download.phase));
            let recording = download.record(&rig, &mut observe)?;
            observe(Event::Ends(&recording));
            recordings.push(recording);
        }
        rig.stop()?;
        Ok(Outcome::new(profiles, recordings))
    }

    fn downloads(&self, profiles: [Profile; 2]) -> [Download; 3] {
        let [first, second] =
            profiles.map(|profile| profile.down.payload_capacity().get() as f64 / 8.0);
        let bytes = |rate: f64, time: Duration| (rate * time.as_secs_f64()) as u64;
        let both = first + second;
        [
            Download {
                phase: Phase::Alone,
                // The guest's own connections are not captured: this is what the PC has without us.
                node: Node::Guest,
                bytes: bytes(first, self.alone),
                actions: vec![],
            },
            Download {
                phase: Phase::Both,
                node: Node::Windows,
                bytes: bytes(both, self.both),
                actions: vec![],
            },
            Download {
                phase: Phase::Pulled,
                node: Node::Windows,
                bytes: bytes(both, self.before + self.after) + bytes(second, self.pulled),
                actions: vec![
                    (self.before, Action::Pull(PULLED)),
                    (self.before + self.pulled, Action::PlugIn(PULLED)),
                ],
            },
        ]
    }
}
