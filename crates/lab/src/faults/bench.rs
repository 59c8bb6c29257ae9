//! The network that rounds are run in.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::cell::{Cell, Failing, Layout, Traffic};
use super::quantity::Quantity;
use super::round::{
    Bulk, CARRIES, InUse, LONGEST_PAUSE, LONGEST_RETURN, MESSAGE_EVERY, carried, longest_gap,
};
use crate::link::LinkHandle;
use crate::rig::{Rig, RigSpec, uplinks_in_use};
use crate::topology::{Uplink, addresses};
use crate::traffic::Direction;

const MESSAGES_BEFORE: Duration = Duration::from_secs(1);
const MESSAGES_AWAY: Duration = Duration::from_secs(3);
/// The link's return may hold messages up, too.
const MESSAGES_AFTER: Duration = Duration::from_secs(1);

/// Bytes of a transfer that uses all links which are to carry.
const SHORT: u64 = 500_000;

/// Links are quiet when they carry no more than this many bytes in this time: what connections to the
/// hub that wait, and DHCP, send is less.
const LITTLE: u64 = 10_000;
const QUIET: Duration = Duration::from_millis(300);

/// The slowest link has sent all of an edge's buffer by then: 16 MiB.
const LONGEST_REST: Duration = Duration::from_secs(20);

/// Edge, hub and origin over the standard links.
#[derive(Debug)]
pub(super) struct Bench {
    rig: Rig,
    layout: Layout,
}

impl Bench {
    pub(super) fn up(program: &Path, layout: Layout) -> anyhow::Result<Self> {
        let rig = Rig::up(RigSpec {
            edge_settings: uplinks(layout),
            ..RigSpec::new(program)
        })?;
        Ok(Self { rig, layout })
    }

    /// Fails a link under traffic once the links are as they should be. `phase` is how much later than
    /// at other times.
    pub(super) fn round(
        &self,
        cell: Cell,
        phase: Duration,
    ) -> anyhow::Result<Vec<(Quantity, f64)>> {
        self.settle(cell.traffic.direction())?;
        match cell.traffic {
            Traffic::Bulk(direction) => self.bulk(cell, direction, phase),
            Traffic::Messages(direction) => self.messages(cell, direction, phase),
        }
    }

    /// Waits until nothing of the round before is under way, the edge has both uplinks, and those that
    /// are to carry do.
    fn settle(&self, direction: Direction) -> anyhow::Result<()> {
        self.wait_for_quiet()?;
        let has_both = |status: &_| uplinks_in_use(status) == 2;
        self.rig.wait_for_edge("have both uplinks", has_both)?;
        let carrying = self.carrying();
        let before = carrying.iter().map(|link| carried(link, direction));
        let before: Vec<u64> = before.collect();
        let all_carry = || {
            let mut links = carrying.iter().zip(&before);
            links.all(|(link, before)| carried(link, direction) - before >= CARRIES)
        };
        let deadline = Instant::now() + LONGEST_RETURN;
        while !all_carry() {
            anyhow::ensure!(Instant::now() < deadline, "a link was not used any more");
            self.transfer(direction).context("between two rounds")?;
        }
        Ok(())
    }

    /// What an edge or a hub has taken in of a connection that has been ended goes its way for a while.
    fn wait_for_quiet(&self) -> anyhow::Result<()> {
        let passed = || {
            let counters = self.links().map(LinkHandle::counters);
            let passed = counters.map(|it| it.down.bytes + it.up.bytes);
            passed.iter().sum::<u64>()
        };
        let deadline = Instant::now() + LONGEST_REST;
        loop {
            let before = passed();
            // Counters have no event.
            std::thread::sleep(QUIET);
            if passed() - before < LITTLE {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < deadline, "the links did not become quiet");
        }
    }

    /// A transfer that is over when this returns: nothing of it is left in a buffer.
    fn transfer(&self, direction: Direction) -> anyhow::Result<()> {
        let mut client = self.rig.connect(LONGEST_RETURN)?;
        let transfer = match direction {
            Direction::Down => client.download(SHORT, |_| {}),
            Direction::Up => client.upload(SHORT, |_| {}),
        };
        anyhow::ensure!(transfer?.intact, "wrong bytes came");
        Ok(())
    }

    fn bulk(
        &self,
        cell: Cell,
        direction: Direction,
        phase: Duration,
    ) -> anyhow::Result<Vec<(Quantity, f64)>> {
        let [first, second] = self.links();
        let (failing, other) = match cell.failing {
            Failing::Second => (second, first),
            Failing::First | Failing::Busier => (first, second),
        };
        let flow = self.rig.flow(direction)?;
        let bulk = Bulk::run(flow, direction, failing, cell.fault, phase)?;
        let return_after = bulk.return_after();
        let stall = bulk.finish(other)?;
        Ok(vec![
            (Quantity::Stall, stall.as_secs_f64()),
            (Quantity::Return, return_after.as_secs_f64()),
        ])
    }

    fn messages(
        &self,
        cell: Cell,
        direction: Direction,
        phase: Duration,
    ) -> anyhow::Result<Vec<(Quantity, f64)>> {
        let all = MESSAGES_BEFORE + phase + MESSAGES_AWAY + MESSAGES_AFTER;
        let count = (all.as_millis() / MESSAGE_EVERY.as_millis()) as u32;
        let links = self.links();
        let in_use = InUse::watch(links, direction);
        let failing = || match cell.failing {
            Failing::First => links[0],
            Failing::Second => links[1],
            Failing::Busier => in_use.busier(),
        };
        let gap = longest_gap(
            || {
                self.rig
                    .messages(direction, MESSAGE_EVERY, count, LONGEST_PAUSE)
            },
            MESSAGES_BEFORE + phase,
            failing,
            cell.fault,
            Some(MESSAGES_AWAY),
        )?;
        Ok(vec![(Quantity::Gap, gap.as_secs_f64() * 1e3)])
    }

    fn links(&self) -> [&LinkHandle; 2] {
        [Uplink::FIRST, Uplink::SECOND].map(|uplink| self.rig.lab().link(uplink))
    }

    /// The links that carry a transfer.
    fn carrying(&self) -> Vec<&LinkHandle> {
        let [first, second] = self.links();
        match self.layout {
            Layout::Aggregate => vec![first, second],
            Layout::FirstActive => vec![first],
            Layout::SecondActive => vec![second],
        }
    }
}

/// The edge's uplinks where they are not the rig's.
fn uplinks(layout: Layout) -> String {
    let backup = match layout {
        Layout::Aggregate => return String::new(),
        Layout::FirstActive => Uplink::SECOND,
        Layout::SecondActive => Uplink::FIRST,
    };
    let uplink = |uplink| {
        let interface = addresses::uplink_interface(uplink);
        let role = if uplink == backup { "backup" } else { "active" };
        format!(
            "[[uplink]]\ninterface = \"{interface}\"\naddresses = \"dhcp\"\nrole = \"{role}\"\n"
        )
    };
    [Uplink::FIRST, Uplink::SECOND].map(uplink).concat()
}
