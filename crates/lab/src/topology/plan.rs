//! What a lab consists of, as plain data: cables, addresses, routes, rules, kernel settings.

use std::net::IpAddr;

use ipnet::IpNet;
use netcfg::{Family, InterfaceName, RulePriority, TableId};

use super::addresses::{self, Pair};
use super::node::{Node, Uplink};
use super::spec::LabSpec;

/// Tables and rules of static uplinks: this and the uplink's number.
const STATIC_BASE: u32 = 100;

/// A veth pair.
pub(super) struct Cable {
    pub(super) one: (Node, InterfaceName),
    pub(super) other: (Node, InterfaceName),
}

/// What one node gets once its interfaces exist.
pub(super) struct NodePlan {
    pub(super) node: Node,
    /// Set before there are interfaces, so that `default` holds for all of them.
    pub(super) settings: &'static [(&'static str, &'static str)],
    /// These are set up; others are left down.
    pub(super) interfaces: Vec<(InterfaceName, Vec<Pair>)>,
    pub(super) routes: Vec<RoutePlan>,
    pub(super) rules: Vec<RulePlan>,
    /// IPv4 that leaves by this interface gets its address.
    pub(super) masquerade: Option<InterfaceName>,
}

pub(super) struct RoutePlan {
    pub(super) table: TableId,
    pub(super) destination: IpNet,
    pub(super) gateway: Option<IpAddr>,
    pub(super) interface: InterfaceName,
    /// `None` is the kernel's default.
    pub(super) metric: Option<u32>,
}

pub(super) struct RulePlan {
    pub(super) priority: RulePriority,
    pub(super) from: IpNet,
    pub(super) table: TableId,
}

/// Nothing waits for duplicate address detection, and answers may leave another way than questions
/// came: a machine with several uplinks needs that.
const SERVER: &[(&str, &str)] = &[
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv4.conf.default.rp_filter", "0"),
    ("net.ipv6.conf.all.accept_dad", "0"),
    ("net.ipv6.conf.default.accept_dad", "0"),
];

const ROUTER: &[(&str, &str)] = &[
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv4.conf.default.rp_filter", "0"),
    ("net.ipv6.conf.all.accept_dad", "0"),
    ("net.ipv6.conf.default.accept_dad", "0"),
    ("net.ipv4.ip_forward", "1"),
    ("net.ipv6.conf.all.forwarding", "1"),
    ("net.ipv6.conf.default.forwarding", "1"),
];

/// The guest is as a distribution leaves it: the edge must cope with that.
const UNTOUCHED: &[(&str, &str)] = &[];

impl LabSpec {
    pub(super) fn cables(&self) -> Vec<Cable> {
        let cable = |one, other| Cable { one, other };
        let eth0 = addresses::eth0;
        let mut cables = vec![
            cable((Node::Windows, eth0()), (Node::Guest, eth0())),
            cable((Node::Core, core_to(Node::Hub)), (Node::Hub, eth0())),
            cable((Node::Core, core_to(Node::Origin)), (Node::Origin, eth0())),
        ];
        cables.extend(self.uplinks().map(|uplink| {
            let access = Node::Access(uplink);
            cable(
                (access, addresses::access_wan()),
                (Node::Core, core_to(access)),
            )
        }));
        cables
    }

    pub(super) fn node_plans(&self) -> Vec<NodePlan> {
        let mut plans = vec![self.windows(), self.guest(), self.core(), hub(), origin()];
        plans.extend(self.uplinks().map(|uplink| self.access(uplink)));
        plans
    }

    fn windows(&self) -> NodePlan {
        server(Node::Windows, vec![addresses::WINDOWS], addresses::GUEST)
    }

    fn guest(&self) -> NodePlan {
        let mut plan = NodePlan {
            node: Node::Guest,
            settings: if self.static_uplinks {
                SERVER
            } else {
                UNTOUCHED
            },
            interfaces: vec![(addresses::eth0(), vec![addresses::GUEST])],
            routes: Vec::new(),
            rules: Vec::new(),
            masquerade: None,
        };
        if self.static_uplinks {
            for uplink in self.uplinks() {
                self.add_static_uplink(&mut plan, uplink);
            }
        }
        plan
    }

    fn add_static_uplink(&self, plan: &mut NodePlan, uplink: Uplink) {
        let number = u32::from(uplink.number());
        let interface = addresses::uplink_interface(uplink);
        let own = addresses::guest_uplink(uplink, self.same_subnet);
        let gateway = addresses::access(uplink, self.same_subnet);
        let table = TableId(STATIC_BASE + number);
        for (address, gateway) in [own.v4.into(), own.v6.into()]
            .into_iter()
            .zip(gateway.both())
        {
            let address: IpNet = address;
            plan.rules.push(RulePlan {
                priority: RulePriority(STATIC_BASE + number),
                from: IpNet::from(address.addr()),
                table,
            });
            let route = |table, destination, gateway, metric| RoutePlan {
                table,
                destination,
                gateway,
                interface: interface.clone(),
                metric,
            };
            let default = Family::of(gateway).everything();
            plan.routes.push(route(table, address.trunc(), None, None));
            plan.routes.push(route(table, default, Some(gateway), None));
            plan.routes
                .push(route(TableId::MAIN, default, Some(gateway), Some(number)));
        }
        plan.interfaces.push((interface, vec![own]));
    }

    fn core(&self) -> NodePlan {
        let mut interfaces = vec![
            (core_to(Node::Hub), vec![addresses::CORE_TO_HUB]),
            (core_to(Node::Origin), vec![addresses::CORE_TO_ORIGIN]),
        ];
        let mut routes = Vec::new();
        for uplink in self.uplinks() {
            let interface = core_to(Node::Access(uplink));
            // IPv4 needs no route back: the access routers translate it.
            routes.push(RoutePlan {
                table: TableId::MAIN,
                destination: IpNet::from(addresses::access(uplink, self.same_subnet).v6).trunc(),
                gateway: Some(addresses::access_to_core(uplink).ipv6().into()),
                interface: interface.clone(),
                metric: None,
            });
            interfaces.push((interface, vec![addresses::core_to_access(uplink)]));
        }
        NodePlan {
            node: Node::Core,
            settings: ROUTER,
            interfaces,
            routes,
            rules: Vec::new(),
            masquerade: None,
        }
    }

    fn access(&self, uplink: Uplink) -> NodePlan {
        let wan = addresses::access_wan();
        NodePlan {
            node: Node::Access(uplink),
            settings: ROUTER,
            interfaces: vec![
                (
                    addresses::access_lan(),
                    vec![addresses::access(uplink, self.same_subnet)],
                ),
                (wan.clone(), vec![addresses::access_to_core(uplink)]),
            ],
            routes: defaults(&wan, addresses::core_to_access(uplink)),
            rules: Vec::new(),
            masquerade: Some(wan),
        }
    }
}

fn hub() -> NodePlan {
    server(
        Node::Hub,
        vec![addresses::HUB, addresses::HUB_SECOND],
        addresses::CORE_TO_HUB,
    )
}

fn origin() -> NodePlan {
    server(
        Node::Origin,
        vec![addresses::ORIGIN],
        addresses::CORE_TO_ORIGIN,
    )
}

/// A node with one interface and default routes.
fn server(node: Node, own: Vec<Pair>, gateway: Pair) -> NodePlan {
    let eth0 = addresses::eth0();
    NodePlan {
        node,
        settings: SERVER,
        routes: defaults(&eth0, gateway),
        interfaces: vec![(eth0, own)],
        rules: Vec::new(),
        masquerade: None,
    }
}

fn defaults(interface: &InterfaceName, gateway: Pair) -> Vec<RoutePlan> {
    let default = |gateway: IpAddr| RoutePlan {
        table: TableId::MAIN,
        destination: Family::of(gateway).everything(),
        gateway: Some(gateway),
        interface: interface.clone(),
        metric: None,
    };
    gateway.both().map(default).into()
}

/// The core's interface towards a node is called as the node.
fn core_to(node: Node) -> InterfaceName {
    addresses::interface(&node.to_string())
}
