//! Routes: list, add, replace, delete.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteNextHop, RouteNextHopFlags,
    RouteScope, RouteType, RouteVia,
};

use super::{Changed, Failure, Netlink, address_family, prefix, split_table};
use crate::error::Error;
use crate::model::{Route, RouteKind};
use crate::types::{Family, InterfaceIndex, TableId};

impl Netlink {
    /// Every route of every table, without the entries that the kernel caches.
    pub async fn routes(&self) -> Result<Vec<Route>, Error> {
        self.read_all_routes()
            .await
            .map_err(|failure| failure.during("list routes"))
    }

    /// Adds a route.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the table has another route with the same destination and metric.
    pub async fn add_route(&self, route: &Route) -> Result<Changed, Error> {
        match self.put_route(route, NLM_F_CREATE | NLM_F_EXCL).await {
            Ok(()) => Ok(Changed(true)),
            Err(failure) if failure.errno() == Some(libc::EEXIST) => {
                self.route_is_there(route).await
            }
            Err(failure) => Err(self.route_error("add", route, failure).await),
        }
    }

    /// Adds a route, in the place of the one with the same table, destination and metric if there
    /// is one. Nothing is sent, and so nobody is notified, if the very same route is there.
    pub async fn replace_route(&self, route: &Route) -> Result<Changed, Error> {
        match self.put_route_in_place(route).await {
            Ok(changed) => Ok(changed),
            Err(failure) => Err(self.route_error("replace", route, failure).await),
        }
    }

    /// Deletes the route with the same table, destination, kind, gateway, interface, metric and
    /// protocol.
    pub async fn delete_route(&self, route: &Route) -> Result<Changed, Error> {
        match self.delete_route_if_there(route).await {
            Ok(changed) => Ok(changed),
            Err(failure) if is_gone(&failure) => Ok(Changed(false)),
            Err(failure) => Err(self.route_error("delete", route, failure).await),
        }
    }

    async fn put_route_in_place(&self, route: &Route) -> Result<Changed, Failure> {
        if self
            .read_routes(route.family(), Some(route.table))
            .await?
            .contains(route)
        {
            return Ok(Changed(false));
        }
        self.put_route(route, NLM_F_CREATE | NLM_F_REPLACE).await?;
        Ok(Changed(true))
    }

    async fn delete_route_if_there(&self, route: &Route) -> Result<Changed, Failure> {
        let there = self.read_routes(route.family(), Some(route.table)).await?;
        if !there.iter().any(|other| is_same(route, other)) {
            return Ok(Changed(false));
        }
        let mut message = message(route);
        // For IPv4 the scope must match, or be "nowhere" to match every one.
        message.header.scope = RouteScope::NoWhere;
        self.change(RouteNetlinkMessage::DelRoute(message), 0)
            .await?;
        Ok(Changed(true))
    }

    async fn route_is_there(&self, route: &Route) -> Result<Changed, Error> {
        let there = self.read_routes(route.family(), Some(route.table)).await;
        let there = match there {
            Ok(there) => there,
            Err(failure) => return Err(self.route_error("add", route, failure).await),
        };
        if there.contains(route) {
            return Ok(Changed(false));
        }
        let in_place =
            |other: &&Route| other.destination == route.destination && other.metric == route.metric;
        let present = match there.iter().find(in_place) {
            Some(other) => self.describe_route(other).await,
            None => "it is gone by now".to_owned(),
        };
        let operation = format!("add route {}", self.describe_route(route).await);
        Err(Error::Conflict { operation, present })
    }

    async fn put_route(&self, route: &Route, flags: u16) -> Result<(), Failure> {
        self.change(RouteNetlinkMessage::NewRoute(message(route)), flags)
            .await
    }

    async fn read_all_routes(&self) -> Result<Vec<Route>, Failure> {
        let mut routes = self.read_routes(Family::V4, None).await?;
        routes.extend(self.read_routes(Family::V6, None).await?);
        Ok(routes)
    }

    async fn read_routes(
        &self,
        family: Family,
        table: Option<TableId>,
    ) -> Result<Vec<Route>, Failure> {
        let mut request = RouteMessage::default();
        request.header.address_family = address_family(family);
        if let Some(table) = table {
            put_table(table, &mut request);
        }
        match self.dump(RouteNetlinkMessage::GetRoute(request)).await {
            Ok(answer) => Ok(answer
                .into_iter()
                .flat_map(|it| routes(it, family))
                .collect()),
            // A table that never had a route does not exist.
            Err(failure) if failure.errno() == Some(libc::ENOENT) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }

    async fn route_error(&self, verb: &str, route: &Route, failure: Failure) -> Error {
        failure.during(format!("{verb} route {}", self.describe_route(route).await))
    }

    async fn describe_route(&self, route: &Route) -> String {
        match route.interface {
            Some(index) => route.describe(&self.name_of(index).await),
            None => route.to_string(),
        }
    }
}

fn is_same(one: &Route, other: &Route) -> bool {
    let key = |route: &Route| {
        let Route {
            table,
            destination,
            kind,
            gateway,
            interface,
            metric,
            protocol,
            ..
        } = *route;
        (
            table,
            destination,
            kind,
            gateway,
            interface,
            metric,
            protocol,
        )
    };
    key(one) == key(other)
}

/// The route is not there, or its interface is not.
fn is_gone(failure: &Failure) -> bool {
    matches!(failure.errno(), Some(libc::ESRCH | libc::ENODEV))
}

fn message(route: &Route) -> RouteMessage {
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
    message
}

fn put_table(table: TableId, message: &mut RouteMessage) {
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
fn routes(message: RouteNetlinkMessage, family: Family) -> Vec<Route> {
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
