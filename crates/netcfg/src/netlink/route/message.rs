//! Routes in the kernel's words.

use std::net::IpAddr;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteNextHop,
    RouteNextHopFlags, RouteScope, RouteType, RouteVia,
};

use crate::model::{Route, RouteKind};
use crate::netlink::{address_family, prefix, split_table};
use crate::types::{Family, InterfaceIndex, TableId};

pub(super) fn message(route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = address_family(route.family());
    message.header.destination_prefix_length = route.destination.prefix_len();
    message.header.protocol = route.protocol.into();
    message.header.kind = u8::from(route.kind).into();
    message.header.scope = scope(route);
    message.header.flags.set(RouteFlags::Onlink, route.onlink);
    put_table(route.table, &mut message);
    let attributes = &mut message.attributes;
    if !route.is_default() {
        attributes.push(RouteAttribute::Destination(
            route.destination.network().into(),
        ));
    }
    if let Some(gateway) = route.gateway {
        attributes.push(match (route.family(), gateway) {
            (Family::V4, IpAddr::V6(router)) => RouteAttribute::Via(RouteVia::Inet6(router)),
            _ => RouteAttribute::Gateway(gateway.into()),
        });
    }
    attributes.extend(route.interface.map(|index| RouteAttribute::Oif(index.0)));
    attributes.extend(
        route
            .prefsrc
            .map(|source| RouteAttribute::PrefSource(source.into())),
    );
    if route.metric != 0 {
        attributes.push(RouteAttribute::Priority(route.metric));
    }
    attributes.extend(
        route
            .mtu
            .map(|mtu| RouteAttribute::Metrics(vec![RouteMetric::Mtu(mtu)])),
    );
    message
}

pub(super) fn put_table(table: TableId, message: &mut RouteMessage) {
    let (small, large) = split_table(table);
    message.header.table = small;
    message.attributes.extend(large.map(RouteAttribute::Table));
}

/// The kernel refuses an IPv4 route whose scope is not narrower than that of what it leads to.
fn scope(route: &Route) -> RouteScope {
    match route.kind {
        RouteKind::Local => RouteScope::Host,
        RouteKind::Unicast if route.gateway.is_some() => RouteScope::Universe,
        RouteKind::Unicast | RouteKind::Broadcast | RouteKind::Anycast | RouteKind::Multicast => {
            RouteScope::Link
        }
        _ => RouteScope::Universe,
    }
}

/// The routes of one message: one for each next hop; none if it is of another family, which the
/// kernel answers with if it was built without the one asked for.
pub(super) fn routes(message: RouteNetlinkMessage, family: Family) -> Vec<Route> {
    let RouteNetlinkMessage::NewRoute(RouteMessage {
        header, attributes, ..
    }) = message
    else {
        return Vec::new();
    };
    let ours = header.address_family == address_family(family);
    if !ours || header.flags.contains(RouteFlags::Cloned) {
        return Vec::new();
    }
    let mut route = Route::new(TableId(header.table.into()), family.everything());
    route.protocol = header.protocol.into();
    route.kind = RouteKind::from(u8::from(header.kind));
    route.onlink = header.flags.contains(RouteFlags::Onlink);
    route.metric = 0;
    let mut hops = Vec::new();
    for attribute in attributes {
        match attribute {
            RouteAttribute::Table(number) => route.table = TableId(number),
            RouteAttribute::Destination(to) => {
                let to = ip(to).and_then(|ip| prefix(ip, header.destination_prefix_length));
                route.destination = to.unwrap_or(route.destination);
            }
            RouteAttribute::Priority(metric) => route.metric = metric,
            RouteAttribute::PrefSource(source) => route.prefsrc = ip(source),
            RouteAttribute::Metrics(metrics) => route.mtu = metrics.iter().find_map(mtu),
            RouteAttribute::MultiPath(all) => hops = all,
            other => next_hop(&mut route, other),
        }
    }
    if !uses_interface(route.kind) {
        // IPv6 shows such a route on the loopback.
        route.interface = None;
    }
    match hops.is_empty() {
        true => vec![route],
        false => hops
            .into_iter()
            .map(|hop| through(route.clone(), hop))
            .collect(),
    }
}

fn mtu(metric: &RouteMetric) -> Option<u32> {
    match metric {
        RouteMetric::Mtu(mtu) => Some(*mtu),
        _ => None,
    }
}

fn next_hop(route: &mut Route, attribute: RouteAttribute) {
    match attribute {
        RouteAttribute::Oif(index) => route.interface = Some(InterfaceIndex(index)),
        RouteAttribute::Gateway(gateway) => route.gateway = ip(gateway),
        RouteAttribute::Via(RouteVia::Inet6(router)) => route.gateway = Some(router.into()),
        _ => {}
    }
}

fn through(mut route: Route, hop: RouteNextHop) -> Route {
    route.interface = Some(InterfaceIndex(hop.interface_index));
    route.onlink = hop.flags.contains(RouteNextHopFlags::Onlink);
    for attribute in hop.attributes {
        next_hop(&mut route, attribute);
    }
    route
}

fn uses_interface(kind: RouteKind) -> bool {
    use RouteKind::{Blackhole, Prohibit, Throw, Unreachable};
    !matches!(kind, Blackhole | Unreachable | Prohibit | Throw)
}

fn ip(address: RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(address.into()),
        RouteAddress::Inet6(address) => Some(address.into()),
        _ => None,
    }
}

impl From<u8> for RouteKind {
    fn from(number: u8) -> Self {
        match RouteType::from(number) {
            RouteType::Unicast => Self::Unicast,
            RouteType::Local => Self::Local,
            RouteType::Broadcast => Self::Broadcast,
            RouteType::Anycast => Self::Anycast,
            RouteType::Multicast => Self::Multicast,
            RouteType::BlackHole => Self::Blackhole,
            RouteType::Unreachable => Self::Unreachable,
            RouteType::Prohibit => Self::Prohibit,
            RouteType::Throw => Self::Throw,
            _ => Self::Other(number),
        }
    }
}

impl From<RouteKind> for u8 {
    fn from(kind: RouteKind) -> Self {
        match kind {
            RouteKind::Unicast => RouteType::Unicast.into(),
            RouteKind::Local => RouteType::Local.into(),
            RouteKind::Broadcast => RouteType::Broadcast.into(),
            RouteKind::Anycast => RouteType::Anycast.into(),
            RouteKind::Multicast => RouteType::Multicast.into(),
            RouteKind::Blackhole => RouteType::BlackHole.into(),
            RouteKind::Unreachable => RouteType::Unreachable.into(),
            RouteKind::Prohibit => RouteType::Prohibit.into(),
            RouteKind::Throw => RouteType::Throw.into(),
            RouteKind::Other(number) => number,
        }
    }
}
