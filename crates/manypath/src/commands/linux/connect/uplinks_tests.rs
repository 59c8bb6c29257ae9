use netcfg::InterfaceIndex;

use super::*;
use crate::commands::linux::sample::link;

fn address(index: u32, net: &str) -> Address {
    Address::new(InterfaceIndex(index), net.parse().expect("a network"))
}

fn default_route(index: u32, table: TableId) -> Route {
    let mut route = Route::default_of(Family::V4, table);
    route.interface = Some(InterfaceIndex(index));
    route
}

fn machine() -> Machine {
    let tunnel = Link {
        mac: None,
        ..link(5, "tun0")
    };
    Machine {
        links: vec![
            link(1, "lo"),
            link(2, "eth0"),
            link(3, "eth1"),
            link(4, "eth2"),
            tunnel,
        ],
        addresses: vec![
            address(2, "192.168.1.2/24"),
            address(3, "10.0.1.2/24"),
            address(3, "fd00::2/64"),
            Address {
                temporary: true,
                ..address(3, "2001:db8:1::99/64")
            },
            address(3, "2001:db8:1::2/64"),
            Address {
                deprecated: true,
                ..address(4, "10.0.9.2/24")
            },
            address(4, "10.0.2.2/24"),
        ],
        routes: vec![
            default_route(3, TableId::MAIN),
            default_route(4, TableId(77)),
            default_route(5, TableId::MAIN),
        ],
    }
}

fn with_settings(text: &str) -> Vec<(String, Option<String>, Vec<String>)> {
    let settings = Settings::parse(text, "edge.toml").expect("right settings");
    plain(find(Some(&settings), &machine()))
}

fn plain(uplinks: Vec<Uplink>) -> Vec<(String, Option<String>, Vec<String>)> {
    let words = |it: Uplink| {
        let addresses = it.addresses.iter().map(ToString::to_string).collect();
        (it.name, it.interface, addresses)
    };
    uplinks.into_iter().map(words).collect()
}

fn uplink(
    name: &str,
    interface: &str,
    addresses: &[&str],
) -> (String, Option<String>, Vec<String>) {
    let addresses = addresses.iter().map(ToString::to_string).collect();
    (name.to_owned(), Some(interface.to_owned()), addresses)
}

#[test]
fn the_settings_say_what_is_an_uplink() {
    let found = with_settings(
        "[host]\ninterface = \"eth0\"\n\
         [[uplink]]\nname = \"wifi\"\nmac = \"02:00:00:00:00:03\"\n\
         [[uplink]]\ninterface = \"eth*\"\nipv6 = false\n\
         [[uplink]]\nname = \"lte\"\ninterface = \"wwan0\"\n",
    );
    assert_eq!(
        found,
        [
            uplink("wifi", "eth1", &["10.0.1.2", "2001:db8:1::2"]),
            uplink("eth2", "eth2", &["10.0.2.2"]),
            ("lte".to_owned(), None, Vec::new()),
        ]
    );
}

#[test]
fn a_pattern_that_fits_nothing_is_no_error() {
    assert_eq!(with_settings("[[uplink]]\ninterface = \"wwan*\"\n"), []);
}

#[test]
fn without_settings_a_card_with_a_default_route_is_an_uplink() {
    let found = plain(find(None, &machine()));
    assert_eq!(
        found,
        [uplink("eth1", "eth1", &["10.0.1.2", "2001:db8:1::2"])]
    );
}
