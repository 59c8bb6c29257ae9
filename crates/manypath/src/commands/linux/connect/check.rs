//! Tries a hub by each uplink.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use mptcp::{ConnectOptions, KernelSupport, Transport};
use relay::warm::{HubAddress, HubError, Passed, ProbeError, Stage, probe};
use settings::HubLink;
use wire::{Destination, Host};

use super::report::{Check, Report, Way};
use super::uplinks::Uplink;

/// For each way to the hub, and for its name.
const LIMIT: Duration = Duration::from_secs(10);

/// Tries the link's hub by all uplinks at once. Without a usable uplink it is tried once, by whatever way the
/// kernel takes.
pub async fn check(link: &HubLink, uplinks: &[Uplink]) -> Report {
    let mut report = Report::new(link.destination.to_string());
    let hub = match resolve(link, &mut report).await {
        Some(hub) => hub,
        None => return report,
    };
    let ways = uplinks.iter().flat_map(|uplink| ways(uplink, &hub));
    let mut ways: Vec<(Way, Option<SocketAddr>)> = ways.collect();
    if ways.iter().all(|(_, hub)| hub.is_none()) {
        ways.extend(hub.first().map(|hub| (Way::any(), Some(*hub))));
    }
    let config = tls::EdgeConfig::new(&link.pin, &link.secret);
    let tried = ways
        .into_iter()
        .map(|(way, hub)| attempt(way, hub, &config));
    report.ways = futures_util::future::join_all(tried).await;
    report
}

/// The hub's addresses; none when that has failed, which the report then says.
async fn resolve(link: &HubLink, report: &mut Report) -> Option<Vec<SocketAddr>> {
    let hub = &link.destination;
    let name = &hub.host;
    let known = hub.addresses(link.also);
    if known.is_some() {
        return known;
    }
    let began = Instant::now();
    let found = tokio::time::timeout(LIMIT, tokio::net::lookup_host(hub.to_string()));
    let result = match found.await {
        Ok(Ok(found)) => Ok(found.collect::<Vec<_>>()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    };
    let result = result.map_err(|why| {
        format!("{name} is not found ({why}); check the link's host, and this machine's DNS")
    });
    let words = |found: &Vec<SocketAddr>| {
        let all: Vec<String> = found.iter().map(|it| it.ip().to_string()).collect();
        all.join(", ")
    };
    report.name = Some(Check {
        step: "name",
        took: began.elapsed(),
        result: result.as_ref().map(words).map_err(Clone::clone),
    });
    result.ok()
}

/// An uplink's addresses, each with the hub's address to try from it; or why there is none.
fn ways(uplink: &Uplink, hub: &[SocketAddr]) -> Vec<(Way, Option<SocketAddr>)> {
    let way = |local| Way {
        uplink: uplink.name.clone(),
        interface: uplink.interface.clone(),
        local,
        checks: Vec::new(),
    };
    let of_family = |local: IpAddr| hub.iter().find(|it| it.is_ipv4() == local.is_ipv4());
    let addresses = uplink.addresses.iter();
    let fitting = addresses.filter_map(|it| Some((way(Some(*it)), Some(*of_family(*it)?))));
    let mut ways: Vec<_> = fitting.collect();
    if ways.is_empty() {
        let why = match (&uplink.interface, uplink.addresses.is_empty()) {
            (None, _) => "there is no such interface; plug the card in, or correct the settings",
            (_, true) => {
                "it has no address (yet). If the edge is to get one by DHCP, start the edge and run this again"
            }
            (_, false) => {
                "the hub has no address of the families (IPv4, IPv6) that this uplink has"
            }
        };
        let mut way = way(None);
        way.checks.push(Check {
            step: "address",
            took: Duration::ZERO,
            result: Err(why.to_owned()),
        });
        ways.push((way, None));
    }
    ways
}

async fn attempt(mut way: Way, hub: Option<SocketAddr>, config: &tls::EdgeConfig) -> Way {
    let Some(hub) = hub else { return way };
    let hub = HubAddress {
        also: None,
        destination: Destination {
            host: Host::Ip(hub.ip()),
            port: hub.port(),
        },
        config: config.clone(),
    };
    // Without the interface, a machine on which no edge runs sends everything by its first default route,
    // whatever address it comes from.
    let from = ConnectOptions {
        local: way.local,
        interface: way.interface.clone(),
        mark: None,
    };
    let checks = &mut way.checks;
    let probed = probe(&hub, &from, LIMIT, |passed, took| {
        note(checks, passed, took)
    })
    .await;
    if let Err(error) = probed {
        way.checks.push(failed(error));
    }
    way
}

fn note(checks: &mut Vec<Check>, passed: Passed, took: Duration) {
    let mut good = |step, words| {
        checks.push(Check {
            step,
            took,
            result: Ok(words),
        });
    };
    match passed {
        Passed::Resolved(_) => {}
        Passed::Connected {
            local,
            remote,
            transport,
        } => {
            good(
                "TCP",
                format!("from {} to {remote}, in one round trip", local.ip()),
            );
            checks.push(Check {
                step: Check::MPTCP,
                took: Duration::ZERO,
                result: spoken(transport),
            });
        }
        Passed::Secured => good("TLS", "the hub's key is the one of the link".to_owned()),
        Passed::Welcome(welcome) => good(
            Check::SECRET,
            format!(
                "the hub knows it (and runs {}, version {} of the protocol)",
                welcome.software, welcome.version
            ),
        ),
    }
}

/// Not fatal: everything works over plain TCP, by one uplink at a time.
fn spoken(transport: Transport) -> Result<String, String> {
    match (transport, mptcp::probe()) {
        (Transport::Mptcp, _) => Ok("spoken".to_owned()),
        (Transport::Tcp, Ok(missing @ (KernelSupport::Disabled | KernelSupport::NotBuilt))) => {
            Err(missing.to_string())
        }
        (Transport::Tcp, _) => Err(
            "plain TCP is spoken instead: the hub's kernel has no MPTCP, or something on this way takes \
             it out. This uplink can't be joined with others"
                .to_owned(),
        ),
    }
}

fn failed(error: ProbeError) -> Check {
    let step = match (error.stage, &error.source) {
        (_, HubError::WrongPin { .. }) => "pin",
        (Stage::Resolve, _) => "name",
        (Stage::Connect, _) => "TCP",
        (Stage::Secure, _) => "TLS",
        (Stage::Greet, HubError::UnknownUser { .. }) => Check::SECRET,
        (Stage::Greet, _) => "greeting",
    };
    Check {
        step,
        took: error.after,
        result: Err(format!("{:#}", anyhow::Error::from(error.source))),
    }
}
