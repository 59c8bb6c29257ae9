//! The calls of the DLL, marshalled: rows, tables, callbacks, and what fails how.
//!
//! Under Wine, with the stand-in in system32 (`need_fakes`), in a network namespace that has nothing but
//! loopback and is the test's own (`windows_test`). One machine answers the whole process; each test has
//! it for itself. On a real Windows they would meet its own DLL, so they aren't built for it.
#![cfg(all(windows, not(target_env = "msvc")))]

use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use fakes::ip::{self as model, Ip, Topic, code};
use fakes::{Event, Machine, Reply, Request};
use ipnet::IpNet;
use winnet::{
    Address, Change, DadState, Interface, IpHelper, Kind, Luid, Net, NewAddress, NewRoute, Route,
    RouteProtocol,
};

/// Longer than any machine is busy.
const LONG: Duration = Duration::from_secs(30);
const CARD: &str = "ethernet-1";
const OTHER: &str = "wifi-1";
const MAC: &str = "02:11:22:33:44:5a";

/// Is emptied for each test, and keeps those who listen.
#[derive(Default)]
struct World {
    ip: Ip,
    listeners: Vec<mpsc::Sender<Event>>,
}

impl Machine for World {
    fn call(&mut self, request: &Request) -> Reply {
        self.ip.call(request)
    }

    fn tell(&mut self, listener: mpsc::Sender<Event>) {
        self.listeners.push(listener.clone());
        self.ip.tell(listener);
    }
}

static WORLD: LazyLock<Arc<Mutex<World>>> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound").to_string();
    #[expect(unsafe_code, reason = "the stand-in looks there")]
    // SAFETY: on Windows this is always safe.
    unsafe {
        std::env::set_var("MANYPATH_FAKES", address);
    }
    let world = Arc::<Mutex<World>>::default();
    let machine = world.clone();
    thread::spawn(move || fakes::serve(&listener, &machine));
    world
});

static TURN: Mutex<()> = Mutex::new(());

fn world() -> MutexGuard<'static, World> {
    WORLD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A PC with two cards, which the machine knows, too.
struct Pc {
    net: Net,
    card: Interface,
    other: Interface,
    _turn: MutexGuard<'static, ()>,
}

impl Pc {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let net = Net::new(Arc::new(IpHelper::load().expect("it is part of Windows")));
        // What a test before has pulled out is not listed.
        world().ip = Ip::default();
        let found = net.interfaces().expect("interfaces");
        if !found.iter().any(|it| it.alias == CARD) {
            let loopback = found.iter().all(|it| it.kind == Kind::Loopback);
            assert!(loopback, "run this with windows_test (scripts/windows)");
            // Wine keeps the MAC address that it has seen first.
            ip(&[
                format!("link add {CARD} address {MAC} mtu 1400 type veth peer name {OTHER}"),
                format!("link set {CARD} up"),
                format!("link set {OTHER} up"),
            ]);
        }
        let card = wait_for(&net, CARD, |it| it.oper_up);
        let other = wait_for(&net, OTHER, |it| it.oper_up);
        let mut world = world();
        for interface in [&card, &other] {
            world.ip.add_interface(model::Interface {
                luid: interface.luid.0,
                index: interface.index.0,
                name: interface.alias.clone(),
            });
        }
        for listener in world.listeners.clone() {
            world.ip.tell(listener);
        }
        drop(world);
        Self {
            net,
            card,
            other,
            _turn: turn,
        }
    }
}

/// Runs Linux' `ip`, once for each. Wine doesn't say when and how that ends, so whoever calls waits for
/// what it does.
fn ip(commands: &[String]) {
    let commands: Vec<_> = commands.iter().map(|it| format!("ip {it}")).collect();
    let shell = Command::new(r"Z:\bin\sh")
        .args(["-c", &commands.join(" && ")])
        .spawn();
    // There is nothing to wait for.
    let _ = shell.expect("every Linux has one").wait();
}

fn wait_for(net: &Net, alias: &str, is_so: impl Fn(&Interface) -> bool) -> Interface {
    let end = Instant::now() + LONG;
    loop {
        let interfaces = net.interfaces().expect("interfaces");
        let mut found = interfaces.iter().filter(|it| it.alias == alias);
        match found.next() {
            Some(interface) if is_so(interface) => return interface.clone(),
            // Wine tells of no change; it has to be looked for.
            _ => thread::yield_now(),
        }
        assert!(Instant::now() < end, "{interfaces:#?}");
    }
}

fn half(pc: &Pc) -> NewRoute {
    NewRoute {
        interface: pc.card.luid,
        destination: net("128.0.0.0/1"),
        gateway: [172, 20, 5, 6].into(),
        metric: 7,
    }
}

fn own(pc: &Pc) -> NewAddress {
    NewAddress {
        interface: pc.card.luid,
        net: net("fd00:1:2:3::9/64"),
        skip_as_source: true,
    }
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a network")
}

#[test]
fn cards_are_listed_as_they_are() {
    let pc = Pc::new();
    let Interface { mac, kind, .. } = &pc.card;
    let mac = mac.unwrap().to_string();
    assert_eq!(mac.to_lowercase().replace('-', ":"), MAC);
    assert_eq!(*kind, Kind::Ethernet);
    assert_eq!(pc.card.mtu, 1400);
    assert!(pc.card.present && pc.card.admin_up && pc.card.media_connected);
    assert!(pc.card.is_physical() && pc.other.is_physical());
    assert!(pc.card.id != pc.other.id && pc.card.luid != pc.other.luid);
    // The twin's models know LUIDs by this.
    let known = model::Interface::ethernet(pc.card.index.0, CARD);
    assert_eq!(pc.card.luid, Luid(known.luid));

    let all = pc.net.interfaces().unwrap();
    let loopback = all.iter().find(|it| it.kind == Kind::Loopback).unwrap();
    assert!(!loopback.is_physical());
    assert_eq!(all.len(), 3);
}

#[test]
fn a_card_goes_down_and_up() {
    let pc = Pc::new();
    ip(&[format!("link set {OTHER} down")]);
    wait_for(&pc.net, OTHER, |it| !it.oper_up);
    ip(&[format!("link set {OTHER} up")]);
    wait_for(&pc.net, OTHER, |it| it.oper_up);
}

#[test]
fn addresses_and_routes_are_listed_as_they_are() {
    let pc = Pc::new();
    ip(&[
        format!("address replace 192.0.2.1/24 dev {CARD}"),
        format!("route replace 198.51.100.0/24 via 192.0.2.7 dev {CARD}"),
    ]);
    let wanted = Route {
        interface: pc.card.luid,
        destination: net("198.51.100.0/24"),
        gateway: Some([192, 0, 2, 7].into()),
        metric: 0,
        protocol: RouteProtocol::NetMgmt,
    };
    let is_it = |it: &&Route| it.destination == wanted.destination;
    let end = Instant::now() + LONG;
    let found = loop {
        let routes = pc.net.routes().unwrap();
        if let Some(route) = routes.iter().find(is_it) {
            break route.clone();
        }
        assert!(Instant::now() < end, "{routes:#?}");
        thread::yield_now();
    };
    assert_eq!(
        (found.interface, found.gateway),
        (wanted.interface, wanted.gateway)
    );
    let addresses = pc.net.addresses().unwrap();
    let address = |interface, net| Address {
        interface,
        net,
        dad: DadState::Preferred,
    };
    assert!(
        addresses.contains(&address(pc.card.luid, net("192.0.2.1/24"))),
        "{addresses:#?}"
    );
    assert!(
        addresses.iter().any(|it| it.net.addr().is_ipv6()),
        "{addresses:#?}"
    );
}

#[test]
fn routes_arrive_as_they_were_meant() {
    let pc = Pc::new();
    let v6 = NewRoute {
        destination: net("8000::/1"),
        gateway: "fd00:1:2:3::5".parse().unwrap(),
        ..half(&pc)
    };
    for route in [half(&pc), v6] {
        pc.net.add_route(&route).unwrap();
        pc.net.add_route(&route).unwrap();
        let expected = model::Route {
            interface: pc.card.luid.0,
            destination: route.destination.addr(),
            prefix_length: 1,
            next_hop: route.gateway,
            metric: 7,
            protocol: 3,
        };
        assert_eq!(world().ip.routes(), [expected]);
        let route = Route {
            interface: route.interface,
            destination: route.destination,
            gateway: Some(route.gateway),
            metric: 7,
            protocol: RouteProtocol::NetMgmt,
        };
        pc.net.delete_route(&route).unwrap();
        pc.net.delete_route(&route).unwrap();
        assert_eq!(world().ip.routes(), []);
    }
}

#[test]
fn routes_that_are_on_link_are_found_again() {
    let pc = Pc::new();
    for (destination, next_hop) in [("10.0.0.0/8", "0.0.0.0"), ("fd00::/8", "::")] {
        world().ip.add_route(model::Route {
            interface: pc.card.luid.0,
            destination: net(destination).addr(),
            prefix_length: 8,
            next_hop: next_hop.parse().unwrap(),
            metric: 256,
            protocol: 2,
        });
        let route = Route {
            interface: pc.card.luid,
            destination: net(destination),
            gateway: None,
            metric: 256,
            protocol: RouteProtocol::Local,
        };
        pc.net.delete_route(&route).unwrap();
        assert_eq!(world().ip.routes(), []);
    }
}

#[test]
fn addresses_arrive_as_they_were_meant() {
    let pc = Pc::new();
    let v4 = NewAddress {
        net: net("10.9.8.7/30"),
        skip_as_source: false,
        ..own(&pc)
    };
    for new in [own(&pc), v4] {
        pc.net.add_address(&new).unwrap();
        pc.net.add_address(&new).unwrap();
        let expected = model::Address {
            interface: pc.card.luid.0,
            address: new.net.addr(),
            prefix_length: new.net.prefix_len(),
            skip_as_source: new.skip_as_source,
        };
        assert_eq!(world().ip.addresses(), [expected]);
        let address = Address {
            interface: new.interface,
            net: new.net,
            dad: DadState::Preferred,
        };
        pc.net.delete_address(&address).unwrap();
        pc.net.delete_address(&address).unwrap();
        assert_eq!(world().ip.addresses(), []);
    }
    let preferred = |call: &&Request| call.arguments["dad_state"] == 4;
    assert_eq!(world().ip.calls().iter().filter(preferred).count(), 4);
}

#[test]
fn name_servers_are_set_and_read() {
    let pc = Pc::new();
    assert_eq!(pc.net.name_servers(pc.card.id).unwrap(), "");
    for servers in ["172.20.5.6,9.9.9.9", ""] {
        pc.net.set_name_servers(pc.card.id, servers).unwrap();
        assert_eq!(pc.net.name_servers(pc.card.id).unwrap(), servers);
        assert_eq!(world().ip.name_servers(pc.card.id.0), servers);
    }
    let refused = pc.net.set_name_servers(pc.other.id, "fd00::1").unwrap_err();
    assert!(refused.to_string().contains("name servers"), "{refused}");
}

#[test]
fn failures_carry_what_windows_gives() {
    let pc = Pc::new();
    world()
        .ip
        .fail_next("CreateIpForwardEntry2", 1, code::ACCESS_DENIED);
    let error = pc.net.add_route(&half(&pc)).unwrap_err();
    assert_eq!(error.code().0, code::ACCESS_DENIED);
    world()
        .ip
        .fail_next("NotifyRouteChange2", 1, code::ACCESS_DENIED);
    let error = pc.net.watch(|_| ()).unwrap_err();
    assert_eq!(error.code().0, code::ACCESS_DENIED);
    assert_eq!(world().ip.subscriptions(), 0);
    world().ip.remove_interface(pc.card.luid.0);
    let error = pc.net.add_address(&own(&pc)).unwrap_err();
    assert_eq!(error.code().0, code::NOT_FOUND);
}

#[test]
fn changes_are_told_until_the_watch_is_dropped() {
    let pc = Pc::new();
    let (sender, changes) = mpsc::channel();
    let watch = pc.net.watch(move |change| sender.send(change).unwrap());
    let watch = watch.unwrap();
    pc.net.add_route(&half(&pc)).unwrap();
    assert_eq!(changes.recv_timeout(LONG), Ok(Change::Routes));
    pc.net.add_address(&own(&pc)).unwrap();
    assert_eq!(changes.recv_timeout(LONG), Ok(Change::Addresses));
    world().ip.announce(Topic::Interface, pc.card.luid.0);
    assert_eq!(changes.recv_timeout(LONG), Ok(Change::Interfaces));
    drop(watch);
    assert_eq!(world().ip.subscriptions(), 0);
    world().ip.announce(Topic::Interface, pc.card.luid.0);
    assert!(changes.recv().is_err());
}

#[test]
fn two_watches_are_told_and_one_goes_on() {
    let pc = Pc::new();
    let (sender, changes) = mpsc::channel();
    let watch = |name: &'static str| {
        let sender = sender.clone();
        let watch = pc.net.watch(move |_| sender.send(name).unwrap());
        watch.unwrap()
    };
    let (first, second) = (watch("first"), watch("second"));
    assert_eq!(world().ip.subscriptions(), 6);
    world().ip.announce(Topic::Route, pc.card.luid.0);
    let mut told = [(); 2].map(|()| changes.recv_timeout(LONG).unwrap());
    told.sort_unstable();
    assert_eq!(told, ["first", "second"]);
    drop(first);
    world().ip.announce(Topic::Route, pc.card.luid.0);
    assert_eq!(changes.recv_timeout(LONG), Ok("second"));
    drop(second);
    drop(sender);
    assert!(changes.recv().is_err());
}

#[test]
fn whoever_is_told_may_drop_the_watch() {
    let pc = Pc::new();
    let (sender, watches) = mpsc::channel();
    let (done, dropped) = mpsc::channel();
    let watch = pc.net.watch(move |_| {
        drop(watches.recv_timeout(LONG).unwrap());
        done.send(()).unwrap();
    });
    sender.send(watch.unwrap()).unwrap();
    world().ip.announce(Topic::Route, pc.card.luid.0);
    dropped.recv_timeout(LONG).unwrap();
    assert_eq!(world().ip.subscriptions(), 0);
}
