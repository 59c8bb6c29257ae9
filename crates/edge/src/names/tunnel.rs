//! The way to a name server through the hub.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dns::{Opened, Tunnel};
use relay::{Server, with_causes};
use settings::edge::{DnsMode, Hub, Settings};
use wire::hub::resolver;
use wire::{Destination, Host};

/// `None`: there is no hub, or none that names could be asked through.
pub(super) fn new(settings: &Settings, server: Server) -> Option<Tunnel> {
    if settings.dns.mode != DnsMode::Hub {
        return None;
    }
    let named = settings.dns.servers.iter().copied().map(destination);
    let named: Vec<Destination> = named.collect();
    let destinations = match (&settings.out.hub, named.is_empty()) {
        (Hub::None, _) | (Hub::Socks5(_), true) => return None,
        (_, false) => named,
        (Hub::Manypath(_), true) => vec![resolver()],
    };
    Some(through(server, destinations))
}

/// Servers are taken in turn, the next after one that could not be reached. The bytes leave together with
/// the request to the hub, so that a question costs one round trip to it, and no handshake.
fn through(server: Server, destinations: Vec<Destination>) -> Tunnel {
    let destinations: Arc<[Destination]> = destinations.into();
    let turn = Arc::new(AtomicUsize::new(0));
    Tunnel::new("hub", move |first| {
        let (server, destinations) = (server.clone(), Arc::clone(&destinations));
        let turn = Arc::clone(&turn);
        Box::pin(async move {
            let place = turn.load(Ordering::Relaxed);
            let connector = server.connector();
            let destination = &destinations[place % destinations.len()];
            match connector.connect_saying(destination, &first).await {
                Ok(onward) => Ok(Opened {
                    sent: onward.sent,
                    stream: Box::new(onward.into_stream()),
                }),
                Err(error) => {
                    turn.store(place.wrapping_add(1), Ordering::Relaxed);
                    Err(io::Error::other(with_causes(&error)))
                }
            }
        })
    })
}

fn destination(server: IpAddr) -> Destination {
    Destination {
        host: Host::Ip(server),
        port: dns::PORT,
    }
}
