//! Page loads: many connections at once.

use std::sync::Barrier;

use lab::rig::Rig;

use super::{count, hub, ready, wait_for_hub};
use crate::support::{LIMIT, spec};

/// Six connections to each of some hosts.
const PAGE: usize = 40;

/// Downloads over as many connections at once, all open at the same time.
fn load(rig: &Rig) {
    let all_open = Barrier::new(PAGE);
    let get = |bytes| {
        let client = rig.connect(LIMIT);
        let gotten = client.and_then(|mut client| {
            let transfer = client.download(bytes, |_| {})?;
            Ok((client, transfer))
        });
        // Also without a connection: the others wait.
        all_open.wait();
        gotten
    };
    let results = std::thread::scope(|scope| {
        let sizes = (0..PAGE as u64).map(|number| 5_000 + 1_000 * number);
        let getting: Vec<_> = sizes.map(|bytes| scope.spawn(move || get(bytes))).collect();
        let joined = getting.into_iter().map(|it| it.join().unwrap());
        joined.collect::<Vec<_>>()
    });
    for result in results {
        let (_client, transfer) = result.unwrap();
        assert!(transfer.intact);
    }
}

#[test]
fn the_second_page_costs_no_new_connection() {
    let rig = ready(spec());
    let page = PAGE as u64;
    load(&rig);
    wait_for_hub(&rig, "take all connections back", |hub| {
        hub["in_use"] == 0 && hub["idle"].as_u64() >= Some(page)
    });
    let before = hub(&rig);
    load(&rig);
    let after = hub(&rig);
    let made = |what| count(&after, what) - count(&before, what);
    assert_eq!(
        (made("requests"), made("reused")),
        (page, page),
        "{after:#}"
    );
}
