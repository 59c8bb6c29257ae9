//! A hundred faults in a row under fifty transfers: every byte comes, and nothing stays behind. Needs
//! root.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

mod fault;
mod state;
mod transfer;

use std::time::{Duration, Instant};

use lab::rig::{Rig, RigSpec};
use lab::topology::Lab;

use fault::{Storm, WEAK_LEASE};
use transfer::Transfer;

/// Another one for a look at other storms: `STORM_SEED=7 cargo test -p manypath --test storm`. With the
/// same seed the same things happen; the kernel's timing still differs.
const SEED: u64 = 0x5708;

/// For all of it, on a busy machine, too.
const LONGEST: Duration = Duration::from_secs(165);

#[test]
fn fifty_transfers_outlive_a_hundred_faults() {
    let seed = std::env::var("STORM_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
    println!("seed {seed}");
    let begin = Instant::now();
    let rig = rig();
    let before = state::settled(&rig);
    let storm = Storm::new(seed);
    let lanes = Transfer::lanes(seed);
    let failures = std::thread::scope(|scope| {
        let lanes: Vec<_> = lanes
            .iter()
            .map(|lane| scope.spawn(|| transfer::run(&rig, lane)))
            .collect();
        storm.rage(&rig);
        let failures = lanes.into_iter().flat_map(|lane| match lane.join() {
            Ok(failures) => failures,
            Err(cause) => std::panic::resume_unwind(cause),
        });
        failures.collect::<Vec<_>>()
    });
    assert!(failures.is_empty(), "seed {seed}: {failures:#?}");
    state::assert_back(&rig, &before);
    state::assert_nothing_left(&rig);
    let took = begin.elapsed();
    println!("{took:?}");
    assert!(took < LONGEST, "{took:?}");
    stop(rig);
}

fn rig() -> Rig {
    // The links may fail so often, on a busy machine, that for ten seconds none of them is up for the round trips
    // that a new connection to the hub takes. Then programs rightly hear that there is no way.
    let spec = RigSpec {
        edge_settings: "[out]\nconnect_timeout = \"30s\"".to_owned(),
        ..RigSpec::new(env!("CARGO_BIN_EXE_manypath"))
    };
    let lab = Lab::up(spec.lab.clone()).expect("a lab");
    for uplink in lab.uplinks() {
        let server = lab.dhcp_server(uplink).expect("the lab has them");
        server.set_lease(WEAK_LEASE);
    }
    Rig::up_in(lab, spec).expect("edge and hub start")
}

/// Edge and hub must have nothing to complain about.
fn stop(mut rig: Rig) {
    let programs = [rig.edge(), rig.hub()].map(|it| it.expect("it runs"));
    let logs = programs.map(|it| it.log().to_owned());
    rig.stop_edge().expect("a clean stop");
    rig.stop_hub().expect("a clean stop");
    for log in logs {
        let text = std::fs::read_to_string(&log).expect("a log");
        let is_fault = |line: &&str| line.contains("ERROR") || line.contains("panicked");
        let faults: Vec<_> = text.lines().filter(is_fault).take(5).collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", log.display());
    }
}
