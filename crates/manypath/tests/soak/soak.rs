//! The load.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lab::link::Profile;
use lab::rig::{Process, Rig, RigSpec};
use lab::topology::{LabSpec, Node, addresses};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::client::{self, Fault, Half, Way};
use crate::deed::{Deed, End, Random};
use crate::inside::Inside;
use crate::origin::{Origin, Seen};
use crate::usage::{self, Usage};

/// Connections at the same time.
pub const AT_ONCE: u64 = 2_000;
const ORIGIN_PORT: u16 = 8080;
/// Nobody listens there.
const CLOSED_PORT: u16 = 8081;
/// How long the kernel may take to finish with what the programs have let go: it tries for a while to
/// deliver the last bytes of a connection, and keeps one that has no subflow left for a minute
/// (`net.mptcp.close_timeout`).
const DRAIN: Duration = Duration::from_secs(75);
/// How many connections to the hub the edge keeps for the next requests: after many at once, and
/// when there was nothing to do for so long that it has forgotten them.
const MOST_KEPT: usize = 64;
const LEAST_KEPT: usize = 4;
const CALM: Duration = Duration::from_secs(180);
/// What edge and hub may use of a processor for [`AT_ONCE`] connections that do nothing: 2 %, where
/// looking at each of them ten times a second would take ten times that.
const IDLE_SHARE: f64 = 0.02;
const IDLE: Duration = Duration::from_secs(3);
const IDLE_TRIES: usize = 5;

/// Edge, hub and origin under load.
pub struct Soak {
    rig: Rig,
    origin: Origin,
    record: Arc<Record>,
}

/// What the clients have done.
#[derive(Default)]
struct Record {
    last_id: AtomicU64,
    ended: Mutex<Vec<Deed>>,
    faults: Mutex<Vec<String>>,
}

impl Soak {
    pub fn start() -> Self {
        let profile = |text: &str| text.parse::<Profile>().expect("a profile");
        // Wide links: edge and hub are to be kept busy, not the emulator's queues.
        let links = [profile("300mbit,4ms"), profile("300mbit,8ms")];
        let patience = client::STUCK.as_secs();
        let spec = RigSpec {
            lab: LabSpec::with_links(links),
            // On a busy machine many handshakes at once take their time.
            edge_settings: format!("[out]\nconnect_timeout = \"{patience}s\""),
            hub_settings: format!("connect_timeout = \"{patience}s\""),
            ..RigSpec::new(env!("CARGO_BIN_EXE_manypath"))
        };
        let rig = Rig::up(spec).unwrap_or_else(|error| panic!("{error:#}: {error:?}"));
        let any = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, ORIGIN_PORT));
        let origin = Origin::start(rig.lab(), any);
        Self {
            rig,
            origin,
            record: Arc::default(),
        }
    }

    /// Opens all connections at once, lets them lie idle, then ends them all at once: every other
    /// one by a reset.
    pub fn wave(&self) {
        let targets = Targets::of(&self.rig);
        let record = Arc::clone(&self.record);
        let (open, mut opened) = mpsc::channel(1);
        let (go, end) = oneshot::channel();
        let clients = Inside::start(self.rig.lab(), Node::Windows, async move {
            let halves = open_all(targets, &record).await;
            open.send(halves.len()).await.expect("someone waits");
            // The test has failed: so end them, too.
            let _ = end.await;
            end_all(halves, &record).await;
        });
        let count = opened.blocking_recv().expect("the clients run");
        self.record.check();
        assert_eq!(count as u64, AT_ONCE);
        assert_eq!(usage::registered(&self.rig) as u64, AT_ONCE);
        self.expect_idleness();
        go.send(()).expect("the clients wait");
        clients.join();
        self.record.check();
        self.check_origins_book();
    }

    /// Keeps all connections open at once for a time; each that ends is followed by another. Returns
    /// how many were open at most. Some are between two connections, or handshakes without a
    /// destination, and on a busy machine many wait for a connection to the hub.
    pub fn churn(&self, time: Duration) -> u64 {
        let targets = Targets::of(&self.rig);
        let record = Arc::clone(&self.record);
        let until = Instant::now() + time;
        let clients = Inside::start(self.rig.lab(), Node::Windows, async move {
            let mut slots = JoinSet::new();
            for slot in 0..AT_ONCE {
                let record = Arc::clone(&record);
                slots.spawn(async move {
                    while Instant::now() < until {
                        one(targets, &record, slot).await;
                    }
                });
            }
            slots.join_all().await;
        });
        let mut most = 0;
        while Instant::now() < until {
            std::thread::sleep(Duration::from_secs(2));
            most = most.max(usage::registered(&self.rig) as u64);
        }
        clients.join();
        self.record.check();
        self.check_origins_book();
        most
    }

    /// Waits until everything is let go but the connections to the hub that are kept for the next
    /// requests, and says what edge and hub hold then, without these.
    pub fn measure(&self) -> BTreeMap<&'static str, Usage> {
        let deadline = Instant::now() + DRAIN;
        loop {
            match self.try_measure() {
                Ok(used) => return used,
                Err((what, count)) => {
                    assert!(Instant::now() < deadline, "{count} {what} are left");
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until no more connections to the hub are kept than when the edge had just started.
    pub fn wait_until_calm(&self) {
        let deadline = Instant::now() + CALM;
        loop {
            let kept = usage::kept(&self.rig);
            if kept <= LEAST_KEPT && self.expect_no_more_than(kept).is_ok() {
                return;
            }
            assert!(Instant::now() < deadline, "{kept} connections are kept");
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    fn try_measure(&self) -> Result<BTreeMap<&'static str, Usage>, (&'static str, usize)> {
        let kept = usage::kept(&self.rig);
        self.expect_no_more_than(kept)?;
        let programs = self.programs().into_iter();
        let used = programs.map(|it| (it.name(), usage::usage(it).without(kept)));
        let used = used.collect();
        // Meanwhile one may have been opened or closed.
        self.expect_no_more_than(kept)?;
        assert!(kept <= MOST_KEPT, "{kept} connections are kept");
        Ok(used)
    }

    /// Nothing is there but so many connections that are kept; or else what, and how many.
    fn expect_no_more_than(&self, kept: usize) -> Result<(), (&'static str, usize)> {
        let lab = self.rig.lab();
        let mptcp = |node| usage::mptcp_connections(lab, node).abs_diff(kept);
        // Both links have a subflow.
        let tcp = |node| usage::tcp_connections(lab, node).saturating_sub(2 * kept);
        let counts = [
            (
                "connections in the edge's list",
                usage::registered(&self.rig),
            ),
            ("MPTCP connections of the guest", mptcp(Node::Guest)),
            ("MPTCP connections of the hub", mptcp(Node::Hub)),
            ("TCP connections of the guest", tcp(Node::Guest)),
            ("TCP connections of the hub", tcp(Node::Hub)),
        ];
        match counts.into_iter().find(|(_, count)| *count > 0) {
            Some(left) => Err(left),
            None => Ok(()),
        }
    }

    /// What could have grown in the kernel.
    pub fn rules(&self) -> String {
        usage::rules(self.rig.lab(), Node::Guest) + &usage::rules(self.rig.lab(), Node::Hub)
    }

    /// How many connections have been made so far.
    pub fn made(&self) -> u64 {
        self.record.last_id.load(Ordering::Relaxed)
    }

    /// Stops everything; edge and hub must have nothing to complain about.
    pub fn stop(mut self) {
        let logs = self.programs().map(|it| it.log().to_owned());
        self.rig.stop().expect("a clean stop");
        for log in logs {
            let text = std::fs::read_to_string(&log).expect("a log");
            let is_fault = |line: &&str| line.contains("ERROR") || line.contains("panicked");
            let faults: Vec<_> = text.lines().filter(is_fault).take(5).collect();
            assert!(faults.is_empty(), "{}: {faults:#?}", log.display());
        }
    }

    fn programs(&self) -> [&Process; 2] {
        [self.rig.edge(), self.rig.hub()].map(|it| it.expect("it runs"))
    }

    fn expect_idleness(&self) {
        let used = || self.programs().map(usage::processor_time);
        // At first the last handshakes end, which takes a while on a busy machine.
        let mut shares = Vec::new();
        for _ in 0..IDLE_TRIES {
            std::thread::sleep(Duration::from_secs(1));
            let before = used();
            std::thread::sleep(IDLE);
            let pairs = before.into_iter().zip(used());
            let share =
                pairs.map(|(before, after)| (after - before).as_secs_f64() / IDLE.as_secs_f64());
            shares = share.collect();
            println!("edge and hub idle: {shares:.3?}");
            if shares.iter().all(|share| *share <= IDLE_SHARE) {
                return;
            }
        }
        panic!("edge and hub are never idle: {shares:.3?}");
    }

    /// The origin's end of each connection went as it should.
    fn check_origins_book(&self) {
        let ended = std::mem::take(&mut *lock(&self.record.ended));
        let deadline = Instant::now() + DRAIN;
        let mut wrong = Vec::new();
        for deed in ended {
            let expected = match deed.end {
                End::ClientFirst | End::OriginFirst => Seen::Whole,
                End::ClientResets | End::OriginResets => Seen::Reset,
            };
            let seen = loop {
                match self.origin.seen(deed.id) {
                    None if Instant::now() < deadline => {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    seen => break seen,
                }
            };
            if seen != Some(expected) {
                wrong.push((deed, seen));
            }
        }
        let some: Vec<_> = wrong.iter().take(5).collect();
        assert!(wrong.is_empty(), "{} of them: {some:#?}", wrong.len());
    }
}

/// Where the clients connect to.
#[derive(Clone, Copy)]
struct Targets {
    proxy: SocketAddr,
    origin: SocketAddr,
    closed: SocketAddr,
}

impl Targets {
    fn of(rig: &Rig) -> Self {
        let origin = |port| SocketAddr::from((addresses::ORIGIN.ipv4(), port));
        Self {
            proxy: rig.proxy(),
            origin: origin(ORIGIN_PORT),
            closed: origin(CLOSED_PORT),
        }
    }

    fn way(&self, number: u64) -> Way {
        if number.is_multiple_of(2) {
            Way::Captured
        } else {
            Way::Proxy(self.proxy)
        }
    }
}

impl Record {
    fn new_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn note(&self, way: Way, deed: Deed, result: Result<(), Fault>) {
        match result {
            Ok(()) => lock(&self.ended).push(deed),
            Err(fault) => lock(&self.faults).push(format!("{fault}: {way:?} {deed:?}")),
        }
    }

    #[track_caller]
    fn check(&self) {
        let faults = lock(&self.faults);
        let some: Vec<_> = faults.iter().take(5).collect();
        assert!(faults.is_empty(), "{} of them: {some:#?}", faults.len());
    }
}

async fn open_all(targets: Targets, record: &Record) -> Vec<Half> {
    let mut opening = JoinSet::new();
    for number in 0..AT_ONCE {
        let deed = Deed {
            end: match number % 4 {
                0 | 1 => End::ClientFirst,
                _ => End::ClientResets,
            },
            pause: Duration::ZERO,
            ..Deed::random(record.new_id(), &mut Random(number))
        };
        let way = targets.way(number);
        opening.spawn(async move { (way, deed, Half::open(way, targets.origin, deed).await) });
    }
    let mut halves = Vec::new();
    for (way, deed, half) in opening.join_all().await {
        match half {
            Ok(half) => halves.push(half),
            Err(fault) => record.note(way, deed, Err(fault)),
        }
    }
    halves
}

async fn end_all(halves: Vec<Half>, record: &Record) {
    let mut ending = JoinSet::new();
    for half in halves {
        let deed = half.deed();
        ending.spawn(async move { (deed, half.finish().await) });
    }
    for (deed, result) in ending.join_all().await {
        record.note(Way::Captured, deed, result);
    }
}

/// One connection of a slot, from its beginning to its end.
async fn one(targets: Targets, record: &Record, slot: u64) {
    let id = record.new_id();
    let mut random = Random(crate::SEED ^ (id << 16) ^ slot);
    let way = targets.way(random.next() >> 32);
    let deed = Deed::random(id, &mut random);
    match random.below(20) {
        0 => {
            // A handshake that never ends, and one that is none.
            let begun: &[u8] = if random.below(2) == 0 {
                &[5, 1]
            } else {
                b"\0\xff"
            };
            let _the_edge_may_hang_up = client::leave_early(targets.proxy, begun).await;
        }
        1 => match Half::open(way, targets.closed, deed).await {
            Ok(_) => record.note(way, deed, Err(Fault::Open)),
            // Captured: reset. By the proxy: refused.
            Err(Fault::Refused(5) | Fault::Failed(..)) => {}
            Err(fault) => record.note(way, deed, Err(fault)),
        },
        _ => {
            let result = match Half::open(way, targets.origin, deed).await {
                Ok(half) => half.finish().await,
                Err(fault) => Err(fault),
            };
            record.note(way, deed, result);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
