//! What the kernel of the guest says.

use std::collections::BTreeSet;

use lab::topology::{Lab, Node};
use mptcp::PathManager;
use netcfg::{InterfaceIndex, Netlink, Scope, Sysctl, TableId};

/// The edge marks its routes and rules with this protocol.
const OURS: u8 = 77;

/// What NetworkManager is responsible for on the uplinks.
#[derive(Debug, PartialEq, Eq)]
pub struct Managed {
    pub addresses: BTreeSet<String>,
    pub routes: BTreeSet<String>,
    pub router_advertisements: Vec<String>,
}

/// One endpoint, in words: `192.168.11.100 eth1 subflow,fullmesh`.
pub type Endpoints = Vec<String>;

/// What NetworkManager has set up.
pub fn managed(lab: &Lab) -> Managed {
    lab.namespace(Node::Guest).run(|| {
        block_on(async {
            let netlink = Netlink::new().expect("netlink");
            let uplinks = uplinks(&netlink).await;
            let is_uplink = |index: InterfaceIndex| uplinks.iter().any(|it| it.0 == index);
            let addresses = netlink.addresses().await.expect("addresses");
            let routes = netlink.routes().await.expect("routes");
            Managed {
                addresses: addresses
                    .iter()
                    .filter(|it| is_uplink(it.index) && it.scope == Scope::Global)
                    .map(ToString::to_string)
                    .collect(),
                routes: routes
                    .iter()
                    // The kernel's own, of the table `local`, change with forwarding.
                    .filter(|it| it.table == TableId::MAIN && it.protocol != OURS)
                    .filter(|it| it.interface.is_some_and(is_uplink))
                    .map(ToString::to_string)
                    .collect(),
                router_advertisements: ["accept_ra", "autoconf"]
                    .iter()
                    .flat_map(|knob| ["eth1", "eth2"].map(|name| (knob, name)))
                    .map(|(knob, name)| read(&format!("net.ipv6.conf.{name}.{knob}")))
                    .collect(),
            }
        })
    })
}

/// The endpoints, sorted; without their ids, which change whenever one is added anew.
pub fn endpoints(lab: &Lab) -> Endpoints {
    lab.namespace(Node::Guest).run(|| {
        block_on(async {
            let uplinks = uplinks(&Netlink::new().expect("netlink")).await;
            let path_manager = PathManager::new().expect("a path manager");
            let endpoints = path_manager.endpoints().await.expect("endpoints");
            let mut words: Endpoints = endpoints
                .iter()
                .map(|it| {
                    let name = uplinks
                        .iter()
                        .find(|(index, _)| Some(index.0) == it.interface);
                    let name = name.map_or("none", |(_, name)| name);
                    format!("{} {name} {}", it.address, it.flags)
                })
                .collect();
            words.sort();
            words
        })
    })
}

/// One endpoint for each address that the uplinks have now, with these flags.
pub fn one_each(lab: &Lab, flags: &str) -> Endpoints {
    lab.namespace(Node::Guest).run(|| {
        block_on(async {
            let netlink = Netlink::new().expect("netlink");
            let uplinks = uplinks(&netlink).await;
            let addresses = netlink.addresses().await.expect("addresses");
            let mut words = Endpoints::new();
            for address in addresses.iter().filter(|it| it.scope == Scope::Global) {
                if let Some((_, name)) = uplinks.iter().find(|it| it.0 == address.index) {
                    words.push(format!("{} {name} {flags}", address.net.addr()));
                }
            }
            words.sort();
            words
        })
    })
}

/// Routes, rules and nftables tables of the edge.
pub fn ours(lab: &Lab) -> Vec<String> {
    lab.namespace(Node::Guest).run(|| {
        block_on(async {
            let netlink = Netlink::new().expect("netlink");
            let routes = netlink.routes().await.expect("routes");
            let rules = netlink.rules().await.expect("rules");
            let table = "manypath".parse().expect("a name");
            let table = netcfg::nft::installed(&table).expect("nftables");
            let routes = routes.iter().filter(|it| it.protocol == OURS);
            let rules = rules.iter().filter(|it| it.protocol == OURS);
            routes
                .map(ToString::to_string)
                .chain(rules.map(ToString::to_string))
                .chain(table.map(|it| format!("{it:?}")))
                .collect()
        })
    })
}

async fn uplinks(netlink: &Netlink) -> Vec<(InterfaceIndex, String)> {
    let links = netlink.links().await.expect("links");
    links
        .iter()
        .map(|it| (it.index, it.name.to_string()))
        .filter(|(_, name)| ["eth1", "eth2"].contains(&name.as_str()))
        .collect()
}

fn read(key: &str) -> String {
    let key = Sysctl::new(key).expect("a key");
    format!("{key} = {}", key.read().expect("a value"))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}
