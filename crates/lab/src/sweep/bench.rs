//! One rig, on which one second link after another is measured.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use netcfg::Sysctl;

use crate::link::{LinkHandle, Profile};
use crate::rig::{Rig, RigSpec, is_in_use};
use crate::topology::{LabSpec, Node, Uplink};
use crate::traffic::{Direction, Series};

use super::grid::first_link;
use super::stop::Stop;
use super::{Cell, Moment, Options};

const FIRST: Uplink = Uplink::FIRST;
const SECOND: Uplink = Uplink::SECOND;

/// A link that was away for more than five seconds is judged anew (`paths`).
const ANOTHER_LINK: Duration = Duration::from_secs(6);

/// The links are quiet when less than [`LITTLE`] bytes pass in this time.
const QUIET: Duration = Duration::from_millis(200);
/// Bytes: what DHCP and idle connections to the hub send is less.
const LITTLE: u64 = 10_000;
/// What an upload leaves in the edge's buffer, 16 MiB at most, has left a link of 5 Mb/s by then.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Bits per second, or why there are none.
pub(super) type Goodput = BTreeMap<(Direction, Moment), Cell>;

/// What was measured of one second link.
#[derive(Debug)]
pub(super) struct Values {
    /// Over the first link alone, where that was asked for, at the same moments.
    pub(super) first: Option<Goodput>,
    pub(super) second: Goodput,
    pub(super) both: Goodput,
}

impl Values {
    /// Nothing could be measured.
    pub(super) fn failed(options: &Options, reason: &str) -> Self {
        let directions = options.directions.iter();
        let cells = directions.flat_map(|&direction| {
            let moments = options.moments.iter();
            moments.map(move |&moment| ((direction, moment), Err(reason.to_owned())))
        });
        Self {
            first: None,
            second: Goodput::new(),
            both: cells.collect(),
        }
    }
}

/// A rig with two links.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    rig: Rig,
    options: &'a Options,
    stop: &'a Stop,
}

impl<'a> Bench<'a> {
    pub(super) fn new(options: &'a Options, stop: &'a Stop) -> anyhow::Result<Self> {
        let rig = Rig::up(RigSpec {
            lab: LabSpec::with_links([first_link(), first_link()]),
            ..RigSpec::new(&options.program)
        })?;
        // A new namespace has the congestion control of this machine, which may be any. Edge and hub
        // set their own.
        for node in [Node::Windows, Node::Origin] {
            let namespace = rig.lab().namespace(node);
            namespace.run(|| Sysctl::new("net.ipv4.tcp_congestion_control")?.write("cubic"))?;
        }
        Ok(Self { rig, options, stop })
    }

    /// Measures with a second link like this; with `first_too` also the first link alone.
    ///
    /// # Errors
    /// When the edge does not follow its links. What fails later is in the values.
    pub(super) fn measure(&self, second: Profile, first_too: bool) -> anyhow::Result<Values> {
        self.plug_in(&[FIRST])?;
        self.link(SECOND).set_profile(second);
        let first = first_too.then(|| self.goodput(&self.options.moments));
        // It comes with this profile, so no connection to the hub has learned another, and after so long that
        // the edge takes it for another link.
        self.stop.sleep(ANOTHER_LINK)?;
        self.plug_in(&[FIRST, SECOND])?;
        let both = self.goodput(&self.options.moments);
        self.plug_in(&[SECOND])?;
        Ok(Values {
            first,
            second: self.goodput(&[Moment::Begin]),
            both,
        })
    }

    /// Pulls the cables of the others, and waits until the edge has everything in order.
    fn plug_in(&self, wanted: &[Uplink]) -> anyhow::Result<()> {
        for uplink in [FIRST, SECOND] {
            let (link, on) = (self.link(uplink), wanted.contains(&uplink));
            if link.has_carrier() != on {
                link.carrier(on)?;
            }
        }
        Ok(self.rig.wait_for_edge("follow its links", |status| {
            let connections = &status["hub_connections"];
            let idle = connections["idle"].as_u64() > Some(0) && connections["dialling"] == 0;
            let follows = |uplink| is_in_use(status, uplink) == wanted.contains(&uplink);
            idle && [FIRST, SECOND].into_iter().all(follows)
        })?)
    }

    fn goodput(&self, moments: &[Moment]) -> Goodput {
        let directions = self.options.directions.iter();
        let cells = directions.flat_map(|&direction| {
            let series = self.transfer(direction, moments);
            let cell = move |moment: Moment| match &series {
                Ok(series) => Ok(self.mean(series, moment)),
                Err(error) => Err(format!("{error:#}")),
            };
            let moments = moments.iter();
            moments.map(move |&moment| ((direction, moment), cell(moment)))
        });
        cells.collect()
    }

    fn mean(&self, series: &Series, moment: Moment) -> f64 {
        let length = moment.until(self.options.length) - moment.from();
        series.mean(moment.from(), length)
    }

    /// Over a new connection, until all of these are over.
    fn transfer(&self, direction: Direction, moments: &[Moment]) -> anyhow::Result<Series> {
        self.wait_for_quiet()?;
        self.stop.sleep(self.options.idle)?;
        let flow = self.rig.flow(direction)?;
        let ends = moments.iter().map(|it| it.until(self.options.length));
        self.stop.sleep(ends.max().unwrap_or_default())?;
        flow.finish()
    }

    fn wait_for_quiet(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + LONGEST_REST;
        let mut before = self.passed();
        loop {
            // Counters have no event.
            self.stop.sleep(QUIET)?;
            let now = self.passed();
            if now - before < LITTLE {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < deadline, "the links did not become quiet");
            before = now;
        }
    }

    /// Bytes on all links so far.
    fn passed(&self) -> u64 {
        let counters = [FIRST, SECOND].map(|uplink| self.link(uplink).counters());
        counters
            .iter()
            .map(|both| both.down.bytes + both.up.bytes)
            .sum()
    }

    fn link(&self, uplink: Uplink) -> &LinkHandle {
        self.rig.lab().link(uplink)
    }
}
