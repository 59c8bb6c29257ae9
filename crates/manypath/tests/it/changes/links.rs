//! Cables are pulled and plugged.

use std::thread;
use std::time::Duration;

use lab::rig::Rig;
use lab::topology::{LabSpec, Node, Uplink};
use lab::traffic::Transfer;

use super::{address, endpoints, timed, wait_for_uplinks};
use crate::support::{LIMIT, eventually, shell, spec};

#[test]
fn an_endpoint_goes_with_the_carrier_and_comes_back() {
    let rig = Rig::up(spec()).unwrap();
    let (one, two) = (address(&rig, Uplink::FIRST), address(&rig, Uplink::SECOND));
    let both = vec![one.clone(), two.clone()];
    assert_eq!(endpoints(&rig), both);
    for (pulled, left) in [(Uplink::FIRST, vec![two]), (Uplink::SECOND, vec![one])] {
        let link = rig.lab().link(pulled);
        let gone = timed(|| {
            link.carrier(false).unwrap();
            eventually("the endpoint goes", || {
                (endpoints(&rig) == left).then_some(())
            });
        });
        assert!(gone < Duration::from_secs(2), "{gone:?}");
        rig.wait_for_edge("say that the cable is out", |status| {
            status["uplinks"][pulled.position()]["link"] == "no-carrier"
        })
        .unwrap();
        let back = timed(|| {
            link.carrier(true).unwrap();
            eventually("the endpoint is back", || {
                (endpoints(&rig) == both).then_some(())
            });
        });
        assert!(back < Duration::from_secs(4), "{back:?}");
    }
}

/// Downloads while `disturb` is called at every tenth of it.
fn disturbed(rig: &Rig, bytes: u64, mut disturb: impl FnMut(u64)) -> Transfer {
    let mut client = rig.connect(LIMIT).unwrap();
    let (mut received, mut tenth) = (0, 0);
    let transfer = client.download(bytes, |more| {
        received += more;
        while received * 10 / bytes > tenth {
            tenth += 1;
            disturb(tenth);
        }
    });
    transfer.unwrap()
}

/// The one connection that there is goes over the hub protocol.
fn assert_goes_by_hub(rig: &Rig) {
    let status = rig.edge_status().unwrap();
    assert_eq!(status["hub_connections"]["in_use"], 1, "{status:#}");
}

#[test]
fn a_download_survives_a_pulled_and_plugged_link() {
    let rig = Rig::up(spec()).unwrap();
    let first = rig.lab().link(Uplink::FIRST);
    let second = rig.lab().link(Uplink::SECOND);
    let mut before = 0;
    let transfer = disturbed(&rig, 20_000_000, |tenth| match tenth {
        1 => assert_goes_by_hub(&rig),
        2 => first.carrier(false).unwrap(),
        4 => {
            before = first.counters().down.bytes;
            first.carrier(true).unwrap();
        }
        7 => second.carrier(false).unwrap(),
        8 => second.carrier(true).unwrap(),
        _ => {}
    });
    assert!(transfer.intact);
    assert_eq!(transfer.bytes, 20_000_000);
    // The link that was plugged again carries the running connection again.
    assert!(first.counters().down.bytes > before + 1_000_000);
    wait_for_uplinks(&rig, 2);
}

/// Resets what goes on through the first uplink's router, and nothing that begins later.
fn reset_first(rig: &Rig) {
    let run = |script| {
        shell(rig.lab(), Node::Access(Uplink::FIRST), script).ok();
    };
    run(
        "nft 'add table ip cut; add chain ip cut pass { type filter hook forward priority -50; }; \
         add rule ip cut pass meta length > 1000 reject with tcp reset'",
    );
    let status = rig.wait_for_edge("lose the first subflow", |status| {
        let connection = &status["connections"][0]["onward"];
        let subflows = connection["subflows"].as_array().unwrap();
        subflows
            .iter()
            .filter(|it| it["state"] == "established")
            .count()
            == 1
    });
    run("nft delete table ip cut");
    status.unwrap();
}

#[test]
fn a_subflow_that_a_router_resets_is_opened_again() {
    let rig = Rig::up(spec()).unwrap();
    let first = rig.lab().link(Uplink::FIRST);
    // Beside the download: what nobody reads is not sent, and so not reset.
    let (transfer, before) = thread::scope(|scope| {
        let mut resetting = None;
        let transfer = disturbed(&rig, 50_000_000, |tenth| {
            if tenth == 2 {
                resetting = Some(scope.spawn(|| {
                    reset_first(&rig);
                    first.counters().down.bytes
                }));
            }
        });
        (transfer, resetting.unwrap().join().unwrap())
    });
    assert!(transfer.intact);
    let since = first.counters().down.bytes - before;
    assert!(since > 3_000_000, "{since} bytes");
}

#[test]
fn an_upload_survives_the_loss_of_its_first_link() {
    let rig = Rig::up(spec()).unwrap();
    let mut client = rig.connect(LIMIT).unwrap();
    let link = rig.lab().link(Uplink::FIRST);
    let (mut sent, mut pulled) = (0, false);
    let transfer = client.upload(6_000_000, |more| {
        sent += more;
        if sent > 1_500_000 && !pulled {
            pulled = true;
            assert_goes_by_hub(&rig);
            link.carrier(false).unwrap();
        }
    });
    assert!(transfer.unwrap().intact);
}

#[test]
fn links_that_flap_settle() {
    let rig = Rig::up(spec()).unwrap();
    let transfer = disturbed(&rig, 6_000_000, |_| {
        let link = rig.lab().link(Uplink::FIRST);
        for _ in 0..10 {
            link.carrier(false).unwrap();
            link.carrier(true).unwrap();
        }
    });
    assert!(transfer.intact);
    wait_for_uplinks(&rig, 2);
    assert_eq!(endpoints(&rig).len(), 2);
    assert_eq!(
        rig.edge_status().unwrap()["problems"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

/// Both are up, so it is settled who has the address that both are given.
fn two_modems() -> Rig {
    let mut spec = spec();
    spec.lab = LabSpec {
        same_subnet: true,
        ..LabSpec::default()
    };
    let rig = Rig::up(spec).unwrap();
    rig.wait_for_edge("have both modems", |status| {
        let mut uplinks = status["uplinks"].as_array().unwrap().iter();
        uplinks.all(|uplink| uplink["link"] == "up")
    })
    .unwrap();
    rig
}

#[test]
fn two_modems_of_one_make_have_one_subnet() {
    let rig = two_modems();
    // Both servers give the same address, as such modems do: of one address there is one endpoint.
    let mut bytes = 0;
    let transfer = disturbed(&rig, 3_000_000, |_| bytes += 1);
    assert!(transfer.intact);
    let carried = |uplink| rig.lab().link(uplink).counters().down.bytes;
    let (one, two) = (carried(Uplink::FIRST), carried(Uplink::SECOND));
    assert!(one + two > 3_000_000, "{one} {two}");
}

#[test]
fn an_address_of_two_modems_goes_over_with_its_connections() {
    let rig = two_modems();
    // The one whose cable is pulled may have the address or not.
    let mut pulled = [Uplink::FIRST, Uplink::SECOND].into_iter().cycle();
    let transfer = disturbed(&rig, 6_000_000, |_| {
        let link = rig.lab().link(pulled.next().expect("it is a cycle"));
        link.carrier(false).unwrap();
        link.carrier(true).unwrap();
    });
    assert!(transfer.intact);
}
