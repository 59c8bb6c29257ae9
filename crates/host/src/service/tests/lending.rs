//! What of Windows' settings is ours for a while: addresses, name servers, the user's proxy.

use std::net::{IpAddr, SocketAddr};

use channel::{Ready, ToHost};
use settings::edge::LinkNetwork;

use super::pc::{ANN, BOB, Pc};
use super::{GATEWAY, ready, running};
use crate::control::Request;
use crate::proxy::ProxySetting;

/// An edge whose uplinks have IPv6.
fn ready_with_v6() -> ToHost {
    let own = LinkNetwork::WINDOWS.edge([2, 0, 0, 0, 0, 2]).addr();
    ToHost::Ready(Ready {
        gateways: vec![GATEWAY.parse().unwrap(), IpAddr::V6(own)],
        online: true,
    })
}

#[test]
fn ipv6_comes_with_an_uplink_that_has_it_and_goes_with_the_edge() {
    let pc = running();
    assert_eq!(pc.v6(), (0, 0));
    assert!(
        pc.edge.settings().contains("network = "),
        "it has an address, too"
    );
    pc.edge.say(ready_with_v6());
    pc.until("it is routed", |pc| pc.v6() == (2, 1));
    pc.edge.say(ready());
    pc.until("the routes go, the address stays", |pc| pc.v6() == (0, 1));
    pc.edge.say(ready_with_v6());
    pc.until("it is routed again", |pc| pc.v6() == (2, 1));
    pc.ask(Request::Down);
    pc.until("nothing is left", |pc| pc.v6() == (0, 0));
}

#[test]
fn windows_asks_the_edge_for_names_while_traffic_goes_there() {
    let pc = Pc::new();
    pc.set_names("9.9.9.9");
    pc.log_on(ANN);
    for _ in 0..2 {
        pc.edge.say(ready());
        pc.until("the edge is asked", |pc| pc.names() == GATEWAY);
        pc.edge.say(ToHost::Ready(Ready::default()));
        pc.until("it is as before", |pc| pc.names() == "9.9.9.9");
    }
    pc.write_settings("[dns]\nmode = \"off\"\n");
    pc.until("the settings count", |pc| {
        pc.edge.settings().contains("mode = \"off\"")
    });
    pc.edge.say(ready());
    pc.until("it captures", |pc| pc.status()["captures"] == true);
    assert_eq!(pc.names(), "9.9.9.9");
}

const WITH_PROXY: &str = "capture = \"proxy\"\nset_proxy = true\n";

fn ours(before: &ProxySetting) -> ProxySetting {
    let edge: IpAddr = GATEWAY.parse().unwrap();
    before.with(SocketAddr::new(edge, 1080))
}

/// A PC whose user's proxy is the edge's, and what it was before.
fn with_proxy() -> (Pc, ProxySetting) {
    let pc = Pc::new();
    pc.write_settings(WITH_PROXY);
    pc.log_on(ANN);
    let before = pc.proxy(ANN);
    pc.edge.say(ready());
    pc.until("the proxy is set", |pc| pc.proxy(ANN) == ours(&before));
    (pc, before)
}

#[test]
fn the_users_proxy_is_the_edges_while_that_is_ready() {
    let (pc, before) = with_proxy();
    assert!(pc.routes().is_empty() && pc.names().is_empty());
    pc.until("programs know", |pc| pc.proxies_told(ANN) == 1);
    pc.edge.die();
    pc.until("it is as before", |pc| pc.proxy(ANN) == before);
    pc.until("programs know", |pc| pc.proxies_told(ANN) == 2);
    pc.edge.say(ready());
    pc.until("it is set again", |pc| pc.proxy(ANN) == ours(&before));
    pc.ask(Request::Down);
    pc.until("it is as before", |pc| pc.proxy(ANN) == before);
    pc.ask(Request::Up);
    pc.edge.say(ready());
    pc.until("it is set again", |pc| pc.proxy(ANN) == ours(&before));
    pc.ask(Request::Remove);
    assert_eq!(pc.proxy(ANN), before);
}

#[test]
fn a_proxy_that_the_user_has_set_meanwhile_stays() {
    let (pc, before) = with_proxy();
    let theirs = before.with("192.0.2.1:3128".parse().unwrap());
    pc.set_proxy(ANN, &theirs);
    let is_said = |pc: &Pc| {
        pc.status()["problems"]
            .to_string()
            .contains("proxy setting")
    };
    pc.until("it is said", is_said);
    pc.edge.die();
    pc.until("the next one runs", |pc| pc.edge.starts() == 2);
    pc.edge.say(ready());
    pc.until("it is said again", is_said);
    pc.ask(Request::Down);
    pc.until("it is down", |pc| pc.status()["phase"] == "idle");
    assert_eq!(pc.proxy(ANN), theirs);
}

#[test]
fn the_end_of_the_service_gives_the_proxy_back() {
    let (mut pc, before) = with_proxy();
    pc.stop();
    assert_eq!(pc.proxy(ANN), before);
    assert_eq!(pc.proxies_told(ANN), 2);
}

#[test]
fn a_user_who_has_gone_gets_theirs_back() {
    let (pc, before) = with_proxy();
    pc.log_off(ANN);
    pc.log_on(BOB);
    pc.until("it is as before", |pc| pc.proxy(ANN) == before);
}
