//! Queries while links come and go.

use super::servers::World;
use crate::support::ask_while_links_flap;

fn none_lost(settings: &str) {
    let world = World::up(settings);
    let lost = ask_while_links_flap(&world.rig);
    println!("{settings:?}: {}", world.rig.edge_status().unwrap()["dns"]);
    assert_eq!(lost, [0; 0]);
}

#[test]
fn of_a_thousand_none_is_lost_through_the_hub() {
    none_lost("");
}

#[test]
fn of_a_thousand_none_is_lost_over_the_uplinks_alone() {
    none_lost("[dns]\nmode = \"direct\"\n");
}
