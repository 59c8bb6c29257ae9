//! Routes: list, add, replace, delete.

mod message;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{RouteMessage, RouteScope};

use message::{message, put_table, routes};

use super::{Changed, Failure, Netlink, address_family};
use crate::error::Error;
use crate::model::Route;
use crate::types::{Family, TableId};

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

    /// Deletes the route with the same table, destination, kind, gateway, interface, metric, MTU
    /// and protocol.
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
            mtu,
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
            mtu,
        )
    };
    key(one) == key(other)
}

/// The route is not there, or its interface is not.
fn is_gone(failure: &Failure) -> bool {
    matches!(failure.errno(), Some(libc::ESRCH | libc::ENODEV))
}
