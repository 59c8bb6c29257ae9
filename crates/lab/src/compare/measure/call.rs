//! What a call feels when its link fails: small datagrams, both ways.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::super::contender::Contender;
use super::fault::wait_until_usable;
use super::median;
use crate::faults::round::{Failed, Fault, InUse, LONGEST_PAUSE};
use crate::topology::addresses;
use crate::traffic::Direction;

const ROUNDS: usize = 3;
const EVERY: Duration = Duration::from_millis(20);
const BEFORE: Duration = Duration::from_secs(1);
const AFTER: Duration = Duration::from_secs(2);
const PORT: u16 = 5004;

/// How long the way through the hub may take to be there.
const READY: Duration = Duration::from_secs(10);

/// Median in milliseconds of the longest silence at the client after its link went silent.
pub(super) fn gap_ms(contender: &Contender) -> anyhow::Result<f64> {
    let round = |_| gap(contender).map(|gap| gap.as_secs_f64() * 1e3);
    median((0..ROUNDS).map(round).collect::<anyhow::Result<_>>()?)
}

fn gap(contender: &Contender) -> anyhow::Result<Duration> {
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let origin = SocketAddr::from((addresses::ORIGIN.ipv4(), PORT));
    let server = contender.place.origin.run(|| UdpSocket::bind(origin))?;
    let client = contender.client().run(|| UdpSocket::bind(any))?;
    for socket in [&server, &client] {
        socket.set_read_timeout(Some(EVERY))?;
    }
    let caller = by_hub(&client, &server, origin)?;
    let (one, other) = contender.place.two_links()?;
    let in_use = InUse::watch([one, other], Direction::Down);
    let end = Instant::now() + BEFORE + AFTER;
    let (failing, gap) = std::thread::scope(|scope| {
        scope.spawn(|| talk(&client, origin, end));
        scope.spawn(|| talk(&server, caller, end));
        let listening = scope.spawn(|| listen(&client, end));
        std::thread::sleep(BEFORE);
        let link = in_use.busier();
        let at = Instant::now();
        let failed = Failed::new(link, Fault::Silence)?;
        let arrivals = listening
            .join()
            .unwrap_or_else(|cause| std::panic::resume_unwind(cause));
        drop(failed);
        anyhow::Ok((link, longest_since(&arrivals, at, end)))
    })?;
    wait_until_usable(contender, failing)?;
    Ok(gap.min(LONGEST_PAUSE))
}

/// Whom the origin sees, once that is the hub.
fn by_hub(
    client: &UdpSocket,
    server: &UdpSocket,
    origin: SocketAddr,
) -> anyhow::Result<SocketAddr> {
    let deadline = Instant::now() + READY;
    while Instant::now() < deadline {
        client.send_to(b"hello", origin)?;
        if let Ok((_, from)) = server.recv_from(&mut [0; 64])
            && from.ip() == IpAddr::from(addresses::HUB.ipv4())
        {
            return Ok(from);
        }
    }
    None.context("UDP does not go through the hub")
}

fn talk(socket: &UdpSocket, to: SocketAddr, end: Instant) {
    while Instant::now() < end {
        // While the network is down it is lost, as on the way.
        let _lost = socket.send_to(&[0; 200], to);
        std::thread::sleep(EVERY);
    }
}

fn listen(socket: &UdpSocket, end: Instant) -> Vec<Instant> {
    let mut arrivals = Vec::new();
    while Instant::now() < end {
        if socket.recv_from(&mut [0; 256]).is_ok() {
            arrivals.push(Instant::now());
        }
    }
    arrivals
}

fn longest_since(arrivals: &[Instant], at: Instant, end: Instant) -> Duration {
    let before = arrivals.iter().copied().rfind(|it| *it < at).unwrap_or(at);
    let after = arrivals.iter().copied().filter(|it| *it >= at);
    let times: Vec<Instant> = [before].into_iter().chain(after).chain([end]).collect();
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    gaps.max().unwrap_or_default()
}
