//! A snapshot as text in the OpenMetrics format, with names by Prometheus' conventions.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::snapshot::{AccountSnapshot, Snapshot};

/// What `Content-Type` says of it.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The whole answer.
pub(super) fn of(snapshot: Snapshot) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Collected(snapshot)));
    let mut text = String::new();
    text::encode(&mut text, &registry).expect("a string takes everything");
    text
}

#[derive(Debug)]
struct Collected(Snapshot);

impl Collector for Collected {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut sheet = Sheet(encoder);
        self.process(&mut sheet)?;
        self.hub(&mut sheet)?;
        self.users(&mut sheet)
    }
}

impl Collected {
    fn process(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let (version, started) = (self.0.version, self.0.started_unix_seconds);
        let (name, help) = ("manypath_build", "The program's version, as a label");
        let mut build = sheet
            .0
            .encode_descriptor(name, help, None, MetricType::Info)?;
        build.encode_info(&[("version", version)])?;
        // The name that Prometheus' own libraries give it, without a prefix.
        sheet.gauge(
            "process_start_time_seconds",
            "When the hub began to serve, in seconds since 1970",
            started,
        )
    }

    fn hub(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let connections = self.0.connections;
        let states = [
            ("handshaking", connections.handshaking),
            ("idle", connections.idle),
            ("open", connections.open),
        ];
        sheet.gauges(
            "manypath_hub_connections",
            "Connections of edges now, by state: not known whose yet, ready, carrying a user connection",
            states.map(|(state, count)| ([("state", state)], count)),
        )?;
        let refusals = self.0.refusals.iter();
        sheet.counters(
            "manypath_hub_refusals",
            "What was refused since the start, by cause",
            refusals.map(|it| ([("cause", it.cause)], it.count)),
        )?;
        let pool = &self.0.pool;
        let buffers = [
            ("small", "in_use", pool.small_out),
            ("small", "kept", pool.small_kept),
            ("large", "in_use", pool.large_out),
            ("large", "kept", pool.large_kept),
            ("pipe", "in_use", pool.pipes_out),
            ("pipe", "kept", pool.pipes_kept),
        ];
        sheet.gauges(
            "manypath_hub_buffers",
            "Buffers and pipes of the relay now: holding data, or kept for the next data",
            buffers.map(|(size, state, count)| ([("size", size), ("state", state)], count as u64)),
        )
    }

    fn users(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let users = &self.0.accounts;
        let each = |value: fn(&AccountSnapshot) -> u64| {
            users.iter().map(move |user| (labels(user), value(user)))
        };
        sheet.counters(
            "manypath_hub_user_bytes",
            "Payload of user connections, up (to origins) and down; goes on over restarts",
            users.iter().flat_map(|user| {
                let [name, kind] = labels(user);
                let directions = [("up", user.bytes_up), ("down", user.bytes_down)];
                directions.map(|(way, bytes)| ([name, kind, ("direction", way)], bytes))
            }),
        )?;
        sheet.gauges(
            "manypath_hub_user_connections",
            "User connections that live now",
            each(|user| user.open),
        )?;
        let limited = users.iter();
        sheet.gauges(
            "manypath_hub_user_connections_max",
            "How many user connections may live at once, for users with a limit",
            limited.filter_map(|user| Some((labels(user), user.max_connections?))),
        )?;
        sheet.gauges(
            "manypath_hub_user_edge_connections",
            "Connections of the user's edges that live now, ready ones included",
            each(|user| user.hub_connections),
        )?;
        sheet.counters(
            "manypath_hub_user_connections_opened",
            "User connections that were opened; goes on over restarts",
            each(|user| user.connections),
        )?;
        sheet.counters(
            "manypath_hub_user_connections_refused",
            "User connections that were refused, for whatever cause; goes on over restarts",
            each(|user| user.refused),
        )
    }
}

type Labels<'a, const N: usize> = [(&'static str, &'a str); N];

fn labels(user: &AccountSnapshot) -> Labels<'_, 2> {
    [("user", &user.name), ("kind", user.kind.as_str())]
}

/// Writes families of metrics.
struct Sheet<'a>(DescriptorEncoder<'a>);

impl Sheet<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let gauge = ConstGauge::new(value);
        gauge.encode(
            self.0
                .encode_descriptor(name, help, None, gauge.metric_type())?,
        )
    }

    fn gauges<'v, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'v, N>, u64)>,
    ) -> fmt::Result {
        self.family(name, help, values, ConstGauge::new)
    }

    /// `name` without `_total`, which the format's encoder puts behind it.
    fn counters<'v, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'v, N>, u64)>,
    ) -> fmt::Result {
        self.family(name, help, values, ConstCounter::new)
    }

    fn family<'v, M: EncodeMetric, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'v, N>, u64)>,
        metric: fn(u64) -> M,
    ) -> fmt::Result {
        let kind = metric(0).metric_type();
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in values {
            metric(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
