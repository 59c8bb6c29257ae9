//! The same work through Manypath, through two other programs and through none, side by side.
//!
//! Who is compared is told in the modules below `contender`: Manypath itself, the prototype's data
//! plane, shadowsocks-rust, and plain TCP ("direct"). Each gets networks of its own that are made
//! alike, one after another; the client and the origin are the same plain TCP programs each time, and
//! know nothing of what is between them. Windows' TCP is captured on its way through the guest.
//! "direct" uses each link alone, from the guest, and the better result counts.
//!
//! What a row means is in [`Row::definition`]. A peer that fails has no value in the rows concerned,
//! and a note that says why; the others go on.

mod contender;
mod measure;
mod peer;
mod program;
mod progress;
mod row;
mod scene;
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) use peer::find as find_program;
pub use peer::{MissingPackages, NotBuilt, Peer, check_packages, peers_folder};
pub use row::{Row, UnknownRow};

pub(crate) use contender::{Contender, Start};
pub(crate) use program::wait_until;
pub(crate) use progress::Progress;
pub(crate) use scene::{Roles, Scene};

use measure::{Task, idle};

use crate::allowed::AllowedControls;
use crate::rig::Mode;

/// What to compare, and with what.
#[derive(Debug, Clone)]
pub struct Options {
    /// Each once, in any order.
    pub rows: Vec<Row>,
    /// The `manypath` program.
    pub program: PathBuf,
    /// Where shadowsocks-rust is, see [`peers_folder`].
    pub peers: PathBuf,
}

/// A value, or why there is none.
type Cell = Result<f64, String>;

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    rows: BTreeMap<Row, BTreeMap<Peer, Cell>>,
    /// What has to be known about this run in particular.
    remarks: Vec<String>,
}

impl Comparison {
    /// Measures. Shows on standard error how far it is. All rows take about eight minutes. Needs
    /// root, and 40,200 open files for all connections of [`Row::IdleMemory`]. Call it on a thread in the machine's
    /// first network namespace; the congestion controls that others may use are extended meanwhile.
    #[must_use]
    pub fn run(options: &Options) -> Self {
        let mut comparison = Self {
            rows: options
                .rows
                .iter()
                .map(|row| (*row, BTreeMap::new()))
                .collect(),
            remarks: options.rows.iter().filter_map(|row| remark(*row)).collect(),
        };
        // Without it each contender says what it misses.
        let _allowed = AllowedControls::extend().inspect_err(
            |error| tracing::warn!(%error, "namespaces can't use every congestion control"),
        );
        let progress = Progress::new(comparison.steps().len());
        for (scene, peer) in comparison.steps() {
            comparison.measure(scene, peer, options, &progress);
            progress.step();
        }
        progress.end();
        comparison.relate_unlike_links();
        comparison
    }

    /// Peers next to each other within a scene, so that the machine's mood is the same for all.
    fn steps(&self) -> Vec<(Scene, Peer)> {
        let wanted = |scene: &Scene| self.rows.keys().any(|row| row.scene() == *scene);
        let scenes = Scene::ALL.into_iter().filter(wanted);
        scenes
            .flat_map(|scene| Peer::ALL.map(|peer| (scene, peer)))
            .collect()
    }

    fn measure(&mut self, scene: Scene, peer: Peer, options: &Options, progress: &Progress) {
        let mut wanted = Vec::new();
        for row in self
            .rows
            .keys()
            .copied()
            .filter(|row| row.scene() == scene)
            .collect::<Vec<_>>()
        {
            match never(peer, row) {
                Some(reason) => self.note(row, peer, Err(reason.to_owned())),
                None => wanted.push(row),
            }
        }
        if wanted.is_empty() {
            return;
        }
        for links in Contender::links(peer, scene) {
            progress.now(format_args!("{peer}: start"));
            let start = Start {
                peer,
                mode: Mode::Double,
                scene,
                links: &links,
                roles: Roles::AllActive,
                program: &options.program,
                peers: &options.peers,
            };
            let contender = match Contender::start(&start) {
                Ok(contender) => contender,
                Err(error) => {
                    let reason = format!("{error:#}");
                    wanted
                        .iter()
                        .for_each(|row| self.note(*row, peer, Err(reason.clone())));
                    return;
                }
            };
            let is_wanted = |task: &Task| task.rows().iter().any(|row| wanted.contains(row));
            for task in Task::ALL.into_iter().filter(is_wanted) {
                progress.now(format_args!("{peer}: {}", task.rows()[0].key()));
                let cells = run(task, &contender).into_iter();
                for (row, cell) in cells.filter(|(row, _)| wanted.contains(row)) {
                    self.note(row, peer, cell);
                }
            }
        }
    }

    /// Keeps the best of several values, and the first of several reasons.
    fn note(&mut self, row: Row, peer: Peer, cell: Cell) {
        let Some(cells) = self.rows.get_mut(&row) else {
            return;
        };
        let best = match (cells.remove(&peer), cell) {
            (Some(Ok(one)), Ok(other)) => Ok(row.better().of(one, other)),
            (Some(Ok(value)), Err(_)) | (_, Ok(value)) => Ok(value),
            (Some(Err(reason)), Err(_)) | (None, Err(reason)) => Err(reason),
        };
        cells.insert(peer, best);
    }

    /// Unlike links are measured as rates; the row is about rates over that of plain TCP.
    fn relate_unlike_links(&mut self) {
        let Some(cells) = self.rows.get_mut(&Row::UnlikeLinks) else {
            return;
        };
        let alone = cells.get(&Peer::Direct).cloned();
        for cell in cells.values_mut() {
            *cell = match (&*cell, &alone) {
                (Ok(rate), Some(Ok(alone))) => Ok(rate / alone),
                (Err(reason), _) => Err(reason.clone()),
                (Ok(_), _) => Err("plain TCP over the better link has no value".to_owned()),
            };
        }
    }
}

fn run(task: Task, contender: &Contender) -> Vec<(Row, Cell)> {
    let rows = task.rows().iter().copied();
    match task.run(contender) {
        Ok(values) => rows.zip(values.into_iter().map(Ok)).collect(),
        Err(error) => rows.map(|row| (row, Err(format!("{error:#}")))).collect(),
    }
}

/// What makes a row something else on this machine than its definition says.
fn remark(row: Row) -> Option<String> {
    if row != Row::IdleMemory {
        return None;
    }
    let [ours, prototype] = [Peer::Manypath, Peer::Prototype].map(idle::connections);
    (ours.min(prototype) < idle::WANTED).then(|| {
        format!(
            "{row}: {ours} connections, prototype {prototype}, since a program may have no more open \
             files here"
        )
    })
}

/// Why a peer can't have a value in a row, whatever happens.
fn never(peer: Peer, row: Row) -> Option<&'static str> {
    match (peer, row) {
        (
            Peer::Direct,
            Row::CarrierLoss
            | Row::Silence
            | Row::Return
            | Row::MessageGapCarrier
            | Row::MessageGapSilence
            | Row::UdpGap
            | Row::DnsLost,
        ) => Some("ends with its only link"),
        (Peer::Direct, Row::IdleMemory) => Some("has no hub"),
        (Peer::Direct | Peer::Prototype, Row::ThroughputTls | Row::CpuEdgeTls | Row::CpuHubTls) => {
            Some("does not encrypt")
        }
        (Peer::Prototype | Peer::Shadowsocks, Row::UdpGap | Row::DnsTime | Row::DnsLost) => {
            Some("does not carry UDP")
        }
        (Peer::Direct, Row::CpuEdge | Row::CpuHub) => Some("has no program"),
        _ => None,
    }
}
