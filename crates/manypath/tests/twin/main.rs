//! The product as its users have it, on one Linux machine: the real service under Wine with stand-ins for what
//! Wine lacks, the real edge in the guest's namespace, emulated links, hub and origin. Needs root, Wine, and
//! what `scripts/windows` has built: `MANYPATH_EXE` is the program, `MANYPATH_WSL` the stand-in for `wsl.exe`,
//! `WINEPREFIX` a prefix with the stand-in DLLs.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

mod guest;
mod machine;
mod pc;
mod wine;

use std::time::Duration;

use serde_json::Value;

use pc::{Pc, Routes};

/// How long things may take that people wait for: a PC under Wine beside others is slow.
const SOON: Duration = Duration::from_secs(60);

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

    // Any program of the PC.
    let both = pc.download_shares();
    assert!(both.iter().all(|share| *share > 0.2), "{both:?}");

    pc.pull("wifi");
    pc.until("one card is left", |status| cards(status) == [true]);
    pc.assert_downloads();
    pc.plug("wifi");
    pc.until("both are back", |status| cards(status) == [true, true]);

    let said = pc
        .manypath(&["path", "set", "wifi", "backup"])
        .expect("a role");
    assert_eq!(said.trim(), "wifi is backup now");
    pc.until("it is a backup", |status| role(status, "wifi") == "backup");

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
    pc.manypath(&["up"]).expect("it comes up");
    pc.until("it captures again", |status| status["captures"] == true);

    pc.crash();
    pc.until("it captures once more", |status| status["captures"] == true);
    pc.assert_downloads();

    pc.manypath(&["uninstall"]).expect("it goes");
    pc.assert_same(&before);
}

/// For each card, whether it is in the VM.
fn cards(status: &Value) -> Vec<bool> {
    let cards = status["cards"].as_array().into_iter().flatten();
    cards.map(|card| card["plugged_in"] == true).collect()
}

fn role(status: &Value, uplink: &str) -> String {
    let mut uplinks = status["edge"]["uplinks"].as_array().into_iter().flatten();
    let found = uplinks.find(|it| it["name"] == uplink);
    let role = found.and_then(|it| it["role"].as_str());
    role.unwrap_or_default().to_owned()
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
