//! Links fail under connections that run: all of them for a while, or the one that they began with.

use std::sync::mpsc;
use std::time::Duration;

use lab::link::{LinkHandle, Profile};
use lab::rig::{Rig, RigSpec};
use lab::topology::{LabSpec, Uplink};
use lab::traffic::{Error, Transfer};

use super::{endpoints, timed, wait_for_uplinks};
use crate::support::{LIMIT, assert_downloads, eventually, spec, subflows_to};

/// Long enough that TCP has backed off on both links, and far below the 60 s for which the kernel
/// keeps an MPTCP connection that has no subflow left (`net.mptcp.close_timeout`).
const OUTAGE: Duration = Duration::from_secs(20);

/// What a program on the PC bears: its own connection ends at the edge and sees no fault.
const PATIENCE: Duration = Duration::from_secs(60);

const DOWN: u64 = 30_000_000;
const UP: u64 = 10_000_000;

/// A download and an upload that run at the same time.
struct Running {
    ends: mpsc::Receiver<(&'static str, Result<Transfer, Error>)>,
}

impl Running {
    /// Returns when both move.
    fn start(rig: &Rig) -> Self {
        let (end, ends) = mpsc::channel();
        let mut downloader = rig.connect(PATIENCE).unwrap();
        let mut uploader = rig.connect(PATIENCE).unwrap();
        let downloaded = end.clone();
        // Who does not listen any more has failed already.
        std::thread::spawn(move || {
            let _ = downloaded.send(("download", downloader.download(DOWN, |_| {})));
        });
        std::thread::spawn(move || {
            let _ = end.send(("upload", uploader.upload(UP, |_| {})));
        });
        eventually("both directions are in use", || {
            let [down, up] = carried(rig);
            (down > DOWN / 6 && up > UP / 6).then_some(())
        });
        Self { ends }
    }

    fn run_still(&self) {
        let ended = self.ends.try_recv();
        assert!(
            matches!(ended, Err(mpsc::TryRecvError::Empty)),
            "{ended:?} before the fault"
        );
    }

    /// Waits for both; every byte must have come.
    fn come_to_a_good_end(self) {
        for _ in 0..2 {
            let (what, transfer) = self.ends.recv_timeout(PATIENCE).unwrap();
            let transfer = transfer.unwrap_or_else(|error| panic!("{what}: {error:?}"));
            assert!(transfer.intact, "{what}");
        }
    }
}

fn links(rig: &Rig) -> [&LinkHandle; 2] {
    [Uplink::FIRST, Uplink::SECOND].map(|uplink| rig.lab().link(uplink))
}

/// Bytes down and up over both links.
fn carried(rig: &Rig) -> [u64; 2] {
    let counters = links(rig).map(|link| link.counters());
    [
        counters.iter().map(|it| it.down.bytes).sum(),
        counters.iter().map(|it| it.up.bytes).sum(),
    ]
}

/// Both links fail and come back. Returns how long the transfers took to move again.
fn outlives_an_outage(fail: impl Fn(&LinkHandle), mend: impl Fn(&LinkHandle)) -> Duration {
    let rig = Rig::up(spec()).unwrap();
    wait_for_uplinks(&rig, 2);
    let running = Running::start(&rig);
    running.run_still();
    links(&rig).iter().copied().for_each(&fail);
    std::thread::sleep(OUTAGE);
    running.run_still();
    let before = carried(&rig);
    links(&rig).iter().copied().for_each(&mend);
    let back = timed(|| {
        eventually("both directions move again", || {
            let moved = carried(&rig).into_iter().zip(before);
            moved
                .into_iter()
                .all(|(now, before)| now > before + 500_000)
                .then_some(())
        });
    });
    running.come_to_a_good_end();
    wait_for_uplinks(&rig, 2);
    assert_downloads(&rig);
    back
}

#[test]
fn connections_outlive_20_seconds_without_any_carrier() {
    let back = outlives_an_outage(
        |link| link.carrier(false).unwrap(),
        |link| link.carrier(true).unwrap(),
    );
    // New addresses and subflows come with the carrier.
    assert!(back < Duration::from_secs(4), "{back:?}");
}

#[test]
fn connections_outlive_20_seconds_of_silence() {
    let back = outlives_an_outage(|link| link.silence(true), |link| link.silence(false));
    // No event tells the kernel: it waits until TCP tries again, some 6 s later.
    assert!(back < LIMIT, "{back:?}");
}

/// The uplink that new connections take first is also that of the first subflow of those that run.
#[test]
fn without_the_first_uplink_new_connections_work_at_once_and_old_ones_take_it_back() {
    let rig = Rig::up(spec()).unwrap();
    wait_for_uplinks(&rig, 2);
    let mut downloader = rig.connect(PATIENCE).unwrap();
    let download = std::thread::spawn(move || downloader.download(60_000_000, |_| {}));
    let [first, second] = links(&rig);
    let carried = |link: &LinkHandle| link.counters().down.bytes;
    eventually("both links are in use", || {
        (carried(first) > 2_000_000 && carried(second) > 2_000_000).then_some(())
    });

    first.carrier(false).unwrap();
    for number in 0..5 {
        // Beside a download that fills the other link and its queue of 100 ms.
        let took = timed(|| assert_downloads(&rig));
        assert!(took < Duration::from_millis(1500), "{number}: {took:?}");
    }
    let before = carried(first);
    assert!(!download.is_finished(), "it ended before the link was back");

    first.carrier(true).unwrap();
    let back = timed(|| {
        eventually("the first link carries the download again", || {
            (carried(first) > before + 1_000_000).then_some(())
        });
    });
    assert!(back < LIMIT / 2, "{back:?}");
    assert!(
        !download.is_finished(),
        "nobody knows what the link carried"
    );
    assert!(download.join().unwrap().unwrap().intact);
}

/// A SYN that is lost is sent again, and from the third on the kernel leaves MPTCP out unless it is
/// told not to (`net.mptcp.syn_retrans_before_tcp_fallback`, Linux 6.14). Such a connection would be
/// bound to its link for ever.
#[test]
fn connections_that_are_opened_in_an_outage_are_of_mptcp() {
    let rig = Rig::up(spec()).unwrap();
    wait_for_uplinks(&rig, 2);
    let [first, second] = links(&rig);
    first.silence(true);
    // Connections to the hub are replaced when uplinks change; the only way left is silent.
    second.carrier(false).unwrap();
    // The third SYN follows 3 s after the first.
    std::thread::sleep(Duration::from_millis(3500));
    first.silence(false);
    rig.wait_for_edge("have new connections", |status| {
        status["hub_connections"]["idle"].as_u64() >= Some(4)
    })
    .unwrap();

    let mut seen = None;
    let mut client = rig.connect(LIMIT).unwrap();
    let transfer = client.download(4_000_000, |_| {
        seen = seen.or_else(|| subflows_to(&rig, &rig.origin().to_string()));
    });
    assert!(transfer.unwrap().intact);
    assert_eq!(seen.map(|(_, fallback)| fallback), Some(false));
}

/// REMOVE_ADDR that nobody could be told closes the next subflow from the same address at the hub (see
/// `edge::health::stranded`). Without help the download would stand still for ever.
#[test]
fn a_connection_outlives_its_only_link_that_fails_while_subflows_are_being_opened() {
    let rig = Rig::up(RigSpec {
        lab: LabSpec::with_links([Profile::vdsl()]),
        ..spec()
    })
    .unwrap();
    wait_for_uplinks(&rig, 1);
    let link = rig.lab().link(Uplink::FIRST);
    let carried = || link.counters().down.bytes;
    let mut downloader = rig.connect(PATIENCE).unwrap();
    let download = std::thread::spawn(move || downloader.download(DOWN, |_| {}));
    eventually("the download runs", || (carried() > DOWN / 6).then_some(()));
    let unplug = || {
        link.carrier(false).unwrap();
        eventually("the endpoint goes", || {
            endpoints(&rig).is_empty().then_some(())
        });
    };
    unplug();
    link.silence(true);
    link.carrier(true).unwrap();
    // With the endpoint the kernel has sent the SYN of a new subflow.
    eventually("the endpoint comes back", || {
        (!endpoints(&rig).is_empty()).then_some(())
    });
    unplug();
    link.silence(false);
    link.carrier(true).unwrap();
    let transfer = download.join().unwrap().unwrap();
    assert!(transfer.intact && transfer.bytes == DOWN);
}

/// Its program would wait until the kernel's `net.mptcp.close_timeout` of 60 s, and an idle one for ever.
#[test]
fn a_connection_that_the_hub_does_not_know_any_more_ends() {
    let mut rig = Rig::up(RigSpec {
        lab: LabSpec::with_links([Profile::vdsl()]),
        ..spec()
    })
    .unwrap();
    wait_for_uplinks(&rig, 1);
    let mut downloader = rig.connect(PATIENCE).unwrap();
    let download = std::thread::spawn(move || downloader.download(DOWN, |_| {}));
    eventually("the download runs", || {
        let carried = rig.lab().link(Uplink::FIRST).counters().down.bytes;
        (carried > DOWN / 6).then_some(())
    });
    rig.lab().link(Uplink::FIRST).carrier(false).unwrap();
    rig.stop_hub().unwrap();
    rig.start_hub().unwrap();
    rig.lab().link(Uplink::FIRST).carrier(true).unwrap();
    let took = timed(|| {
        let ended = download.join().unwrap();
        assert!(matches!(ended, Err(Error::Broken { .. })), "{ended:?}");
    });
    assert!(took < 2 * LIMIT, "{took:?}");
}
