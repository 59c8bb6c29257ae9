//! The product as its users have it, on one Linux machine: the real service under Wine with stand-ins for what
//! Wine lacks, the real edge in the guest's namespace or the whole image in a VM, emulated links, hub and origin.
//! Needs root, Wine, QEMU, and what `scripts/windows` and `scripts/guest` have built: `MANYPATH_EXE` is the program,
//! `MANYPATH_WSL` the stand-in for `wsl.exe`, `WINEPREFIX` a prefix with the stand-in DLLs; `MANYPATH_GUEST` and
//! `MANYPATH_KERNEL` are what the test `vm` has.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod guest;
mod machine;
mod pc;
mod traffic;
mod web;
mod wine;

use std::time::{Duration, Instant};

use lab::rig::uplinks_in_use;
use lab::traffic::Direction;
use serde_json::Value;

use pc::{Pc, Routes};

/// How long things may take that people wait for: a PC under Wine beside others is slow.
const SOON: Duration = Duration::from_secs(90);

#[test]
fn a_pc_from_install_to_uninstall() {
    let mut pc = Pc::up();
    let before = pc.world();

    pc.manypath(&["install", "--keep-connections", "no"])
        .expect("it is installed");
    pc.until("both cards are in the VM", |status| {
        cards(status) == [true, true]
    });
    let link = pc.link();
    let said = pc.manypath(&["connect", &link]).expect("the hub is there");
    assert!(said.contains("The hub answers."), "{said}");
    pc.until("it captures", |status| status["captures"] == true);
    assert_eq!(pc.routes(), Routes::IntoTheVm);

    pc.assert_recording_replays();

    // Any program of the PC.
    let both = pc.download_shares();
    assert!(both.iter().all(|share| *share > 0.2), "{both:?}");

    pc.until_v6(true);
    pc.until_names(true);
    let transfer = pc.connect_v6(SOON).download(100_000, |_| {});
    assert!(transfer.expect("it comes").intact);

    pc.plug_cable("wifi", false);
    pc.until("the edge knows", |status| {
        of_uplink(status, "wifi", "link") == "no-carrier"
    });
    pc.assert_downloads();
    pc.plug_cable("wifi", true);
    pc.until("the edge knows", |status| {
        of_uplink(status, "wifi", "link") == "up"
    });

    pc.pull("wifi");
    pc.until("one card is left", |status| cards(status) == [true]);
    pc.assert_downloads();
    pc.plug("wifi");
    pc.until("both are back", |status| cards(status) == [true, true]);

    let said = pc
        .manypath(&["path", "set", "wifi", "backup"])
        .expect("a role");
    assert_eq!(said.trim(), "wifi is backup now");
    pc.until("it is a backup", |status| {
        of_uplink(status, "wifi", "role") == "backup"
    });

    pc.kill_edge();
    pc.until_routes(Routes::Own);
    pc.until("another edge runs", |status| status["captures"] == true);
    pc.assert_downloads();

    pc.restart_vm();
    pc.until_routes(Routes::Own);
    pc.until("the new VM has both", |status| {
        cards(status) == [true, true] && status["captures"] == true
    });
    pc.assert_downloads();

    pc.manypath(&["down"]).expect("it goes down");
    pc.until_routes(Routes::Own);
    pc.until("nothing runs", |status| status["phase"] == "idle");
    pc.until_v6(false);
    pc.until_names(false);
    pc.manypath(&["up"]).expect("it comes up");
    pc.until("it captures again", |status| status["captures"] == true);

    pc.with_settings("capture = \"proxy\"\nset_proxy = true\n", |pc| {
        pc.until_proxy(Some("172.22.0.1:1080"));
        pc.until_routes(Routes::Own);
    });
    pc.until_proxy(None);
    pc.until("all is taken in", |status| status["captures"] == true);

    pc.crash();
    pc.until("it captures once more", |status| status["captures"] == true);
    pc.assert_downloads();

    pc.assert_installs_kernel();

    pc.manypath(&["uninstall"]).expect("it goes");
    pc.assert_same(&before);
}

/// How long routes into a VM may outlive it.
const OUTLIVE: Duration = Duration::from_secs(2);

/// More than what keeps a path up, in bytes.
const MUCH: u64 = 300_000;

#[test]
fn a_pc_with_a_vm() {
    let pc = Pc::up_with_vm();
    pc.manypath(&["install", "--keep-connections", "no"])
        .expect("it is installed");
    // Only then: `connect` waits for the hub only so long, and the VM is slow.
    pc.until("the edge uses both cards", |status| {
        uplinks_in_use(&status["edge"]) == 2
    });
    pc.manypath(&["connect", &pc.link()])
        .expect("the hub is there");
    pc.until("it captures", |status| status["captures"] == true);

    let download = pc.flow(Direction::Down);
    pc.until_more("both links carry", [MUCH, MUCH]);
    pc.pull("wifi");
    pc.until("one card is left", |status| cards(status) == [true]);
    pc.until_more("the other link carries", [0, MUCH]);
    pc.plug("wifi");
    pc.until_more("both carry again", [MUCH, MUCH]);
    download.finish().expect("every byte is right");

    let download = pc.flow(Direction::Down);
    pc.until_more("both links carry another one", [MUCH, MUCH]);
    let ended = Instant::now();
    pc.restart_vm();
    pc.until_routes(Routes::Own);
    let outlived = ended.elapsed();
    println!("routes have outlived the VM by {outlived:?}");
    assert!(outlived < OUTLIVE);
    drop(download);

    pc.until("a new VM has both", |status| {
        cards(status) == [true, true] && status["captures"] == true
    });
    pc.assert_downloads();

    pc.manypath(&["down"]).expect("it goes down");
    pc.until_routes(Routes::Own);
    pc.until("nothing runs", |status| status["phase"] == "idle");
    pc.assert_no_vm();
}

/// For each card, whether it is in the VM.
fn cards(status: &Value) -> Vec<bool> {
    let cards = status["cards"].as_array().into_iter().flatten();
    cards.map(|card| card["plugged_in"] == true).collect()
}

fn of_uplink(status: &Value, uplink: &str, what: &str) -> String {
    let mut uplinks = status["edge"]["uplinks"].as_array().into_iter().flatten();
    let found = uplinks.find(|it| it["name"] == uplink);
    let found = found.and_then(|it| it[what].as_str());
    found.unwrap_or_default().to_owned()
}

/// So much is enough to see both links at work.
const DOWNLOAD: u64 = 8_000_000;

impl Pc {
    /// What part of a download each link has carried.
    fn download_shares(&self) -> Vec<f64> {
        let before = self.carried();
        self.download(DOWNLOAD);
        let after = self.carried();
        let shares = after
            .iter()
            .zip(before)
            .map(|(after, before)| after - before);
        shares.map(|bytes| bytes as f64 / DOWNLOAD as f64).collect()
    }

    fn assert_downloads(&self) {
        self.download(100_000);
    }

    fn download(&self, bytes: u64) {
        let transfer = self.connect(SOON).download(bytes, |_| {});
        assert!(transfer.expect("it comes").intact);
    }
}
