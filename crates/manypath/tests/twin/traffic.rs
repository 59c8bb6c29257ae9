//! Everything else that a PC does while all that it sends goes into the VM: programs that know nothing of us work
//! as they do without, and what is under way outlives a link.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use lab::topology::{Node, Uplink, addresses};
use lab::traffic::Direction;
use serde_json::Value;

use crate::common::{
    Browser, By, TimeServer, ask_while_links_flap, call, clock_error, eventually, iperf3, output,
    ping, seen_as, shell, traceroute,
};
use crate::pc::{CARDS, Pc};
use crate::{MUCH, SOON, cards};

/// How long a call is, and how long its longest silence may be: twice what a machine that does nothing else needs
/// at most.
const CALL: Duration = Duration::from_millis(2400);
const SILENCE: Duration = Duration::from_millis(600);

#[test]
fn a_pc_and_all_its_traffic() {
    let pc = installed(Pc::up());
    pc.until("both uplinks have IPv6", |status| {
        let uplinks = status["edge"]["uplinks"].to_string();
        ["2001:db8:11", "2001:db8:12"]
            .iter()
            .all(|net| uplinks.contains(net))
    });
    programs(&pc);
    names(&pc);
    browser(&pc);
    pc.with_out("udp = \"hub\"", calls);
    pc.manypath(&["uninstall"]).expect("it goes");
}

/// One with IPv6 and small packets, one with IPv4 and large ones.
#[test]
fn a_pc_whose_links_have_little_in_common() {
    let pc = installed(Pc::up_with_unlike_links());
    let download = pc.flow(Direction::Down);
    pc.until_more("both links carry", [MUCH, MUCH]);
    download.finish().expect("every byte is right");
    let upload = pc.flow(Direction::Up);
    pc.until_more("both links carry what goes up", [MUCH / 100, MUCH / 100]);
    upload.finish().expect("every byte is right");
    // Each family of the origin, whatever the links have.
    for client in [&mut pc.connect(SOON), &mut pc.connect_v6(SOON)] {
        assert!(client.download(100_000, |_| {}).expect("it comes").intact);
    }
    let server = format!("@{}", addresses::GUEST.ipv4());
    let said = output(
        pc.rig(),
        Node::Windows,
        "dig",
        &[&server, "+short", "www.test"],
    );
    assert_eq!(said.trim(), "127.0.0.1");
    pc.manypath(&["uninstall"]).expect("it goes");
}

/// The PC, when all it sends goes into the VM.
fn installed(pc: Pc) -> Pc {
    pc.manypath(&["install", "--keep-connections", "no"])
        .expect("it is installed");
    pc.until("both cards are in the VM", |status| {
        cards(status) == [true, true]
    });
    pc.manypath(&["connect", &pc.link()])
        .expect("the hub is there");
    pc.until("it captures", |status| status["captures"] == true);
    pc.until_v6(true);
    pc.until_names(true);
    pc
}

/// Ping, traceroute, a clock and a stream of datagrams, by both families.
fn programs(pc: &Pc) {
    let rig = pc.rig();
    let _time = TimeServer::start(rig.lab());
    for origin in addresses::ORIGIN.both() {
        eventually("all pings come back", || ping(rig, origin).then_some(()));
        // As Windows' tracert does it, and as others do.
        for how in [&["-I"][..], &[][..]] {
            let hops = traceroute(rig, origin, how);
            let ways = CARDS.map(|(_, uplink)| beyond_the_vm(uplink, origin));
            assert!(ways.contains(&hops[1..].to_vec()), "{how:?}: {hops:?}");
        }
        let error = clock_error(rig, origin);
        // It is one clock; what it takes for the other is made on the way.
        assert!(error.abs() < 0.5, "{origin}: {error} s");
        let (rate, lost) = iperf3(rig, origin, &[]);
        assert!(rate > 2e6 && lost < 30.0, "{rate} bit/s, {lost} % lost");
    }
}

/// Whom a packet meets on its way to the origin, but for the VM.
fn beyond_the_vm(uplink: Uplink, to: IpAddr) -> Vec<String> {
    let hops = [
        addresses::access(uplink, false),
        addresses::core_to_access(uplink),
        addresses::ORIGIN,
    ];
    let of_family = |hop: addresses::Pair| hop.both()[usize::from(to.is_ipv6())].to_string();
    hops.map(of_family).to_vec()
}

fn names(pc: &Pc) {
    let server = format!("@{}", addresses::GUEST.ipv4());
    for how in ["+notcp", "+tcp"] {
        let asked = [&server, how, "+short", "+tries=1", "www.test"];
        let said = output(pc.rig(), Node::Windows, "dig", &asked);
        assert_eq!(said.trim(), "127.0.0.1", "{how}");
    }
    assert_eq!(ask_while_links_flap(pc.rig()), [0; 0]);
    pc.until("both links are back", |status| up(status) == 2);
}

/// HTTP/3 passes, and where it is refused the browser goes on by TCP.
fn browser(pc: &Pc) {
    let browser = Browser::open(pc.rig().lab());
    let straight = CARDS.map(|(_, uplink)| seen_as(uplink));
    for asked in browser.wait_for_downloads(By::Quic) {
        let from = asked.from.to_string();
        let wanted = match asked.by {
            By::Quic => straight.contains(&from),
            By::Tcp => from == addresses::HUB.ipv4().to_string(),
        };
        assert!(wanted, "{asked:?}");
    }
    pc.with_out("quic = \"refuse\"", |_| {
        browser.wait_for_downloads(By::Tcp);
    });
}

/// The other side of a call hears of no change when its link is pulled.
fn calls(pc: &Pc) {
    let rig = pc.rig();
    let windows = rig.lab().namespace(Node::Windows);
    for to in addresses::ORIGIN.both() {
        pc.until("UDP goes through the hub over both links", |status| {
            let links = status["edge"]["udp"]["links"].as_array();
            links.is_some_and(|it| it.len() == 2 && it.iter().all(|it| it["connected"] == true))
        });
        eventually("nftables hands UDP over", || {
            let chain = "nft list chain inet manypath datagrams";
            let listed = shell(rig.lab(), Node::Guest, chain).text();
            listed.contains("tproxy").then_some(())
        });
        // The nearer link is the one that is used, if only there is something to use it for.
        let socket = windows.run(|| UdpSocket::bind("0.0.0.0:0"));
        let socket = socket.expect("a socket");
        pc.until("the nearer link is used", |status| {
            let sent = socket.send_to(b"anybody there?", (addresses::ORIGIN.ipv4(), 9));
            sent.is_ok() && used(status) == ["wifi"]
        });
        let link = rig.lab().link(Uplink::FIRST);
        let heard = call(rig, to, CALL, || link.carrier(false).expect("a link"));
        link.carrier(true).expect("a link");
        println!("{to}: {heard:?}");
        for heard in &heard {
            assert!(heard.silence <= SILENCE, "{heard:?}");
            assert_eq!((heard.sources.len(), heard.again), (1, 0), "{heard:?}");
        }
        pc.until("both links are back", |status| up(status) == 2);
    }
}

fn up(status: &Value) -> usize {
    let uplinks = status["edge"]["uplinks"].as_array().into_iter().flatten();
    uplinks.filter(|it| it["state"] == "up").count()
}

/// The uplinks that UDP goes by.
fn used(status: &Value) -> Vec<&str> {
    let links = status["edge"]["udp"]["links"]
        .as_array()
        .into_iter()
        .flatten();
    let used = links.filter(|link| link["used"] == true);
    used.filter_map(|link| link["uplink"].as_str()).collect()
}
