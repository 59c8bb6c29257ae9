//! Opening a connection to the hub, step by step.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mptcp::{ConnectOptions, Transport};
use tls::TlsError;
use tokio::net::TcpStream;
use tokio::time::Instant;
use wire::Destination;
use wire::hub::{Frame, Hello, VERSIONS, Welcome};

use super::HubError;
use crate::address::canonical;
use crate::connect::{Direct, Lookups};
use crate::secure::{Message, SecureError, SecureStream};

/// A hub, and what is needed to prove oneself to it.
#[derive(Clone, Debug)]
pub struct HubAddress {
    /// Where it listens.
    pub destination: Destination,
    /// Its address of the other family, if `destination` is an address.
    pub also: Option<IpAddr>,
    /// Its pin and the user's secret.
    pub config: tls::EdgeConfig,
}

/// One step of opening a connection to the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding the addresses of its name.
    Resolve,
    /// The TCP connection.
    Connect,
    /// TLS, in which both ends prove who they are.
    Secure,
    /// The protocol's version, and whether the user may use the hub.
    Greet,
}

/// A step that went well.
#[derive(Clone, Debug)]
pub enum Passed {
    /// The hub has these addresses.
    Resolved(Vec<SocketAddr>),
    /// There is a TCP connection.
    Connected {
        /// Our end.
        local: SocketAddr,
        /// The hub's end.
        remote: SocketAddr,
        /// Whether it speaks MPTCP.
        transport: Transport,
    },
    /// The hub has the right key.
    Secured,
    /// The user may use the hub.
    Welcome(Welcome),
}

/// Why a connection to the hub could not be opened, and in which step.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct ProbeError {
    /// The step that failed.
    pub stage: Stage,
    /// How long it took to fail.
    pub after: Duration,
    /// Why.
    pub source: HubError,
}

/// Opens one connection to the hub and closes it again. `passed` is told each step that went well and
/// how long it took. `from` may name an uplink's address, to find out whether the hub can be reached
/// by this uplink; its `interface` would keep MPTCP from using others, which does no harm here.
///
/// # Errors
/// The first step that failed, or took longer than `limit`.
pub async fn probe(
    hub: &HubAddress,
    from: &ConnectOptions,
    limit: Duration,
    passed: impl FnMut(Passed, Duration),
) -> Result<(), ProbeError> {
    let mut dial = Dial {
        hub,
        from,
        limit,
        passed,
    };
    let (stream, _) = dial.run().await?;
    stream.close().await;
    Ok(())
}

/// A connection that can take a user connection, and what the hub says of itself.
pub(super) async fn dial(
    hub: &HubAddress,
    limit: Duration,
) -> Result<(SecureStream, Welcome), HubError> {
    let mut dial = Dial {
        hub,
        from: &ConnectOptions::default(),
        limit,
        passed: |_, _| {},
    };
    dial.run().await.map_err(|error| error.source)
}

struct Dial<'a, F> {
    hub: &'a HubAddress,
    from: &'a ConnectOptions,
    limit: Duration,
    passed: F,
}

impl<F: FnMut(Passed, Duration)> Dial<'_, F> {
    async fn run(&mut self) -> Result<(SecureStream, Welcome), ProbeError> {
        let deadline = Instant::now() + self.limit;
        let hub = &self.hub.destination;
        let direct = Direct {
            transport: Transport::Mptcp,
            filter: None,
            from: vec![self.from.clone()],
            lookups: Lookups::default(),
        };
        let unreachable = |source| HubError::Unreachable {
            hub: hub.clone(),
            source: Box::new(source),
        };
        let known = hub.addresses(self.hub.also);
        let resolving = async {
            let addresses = match known {
                Some(addresses) => direct.usable(hub, addresses),
                None => direct.addresses(hub).await,
            };
            addresses.map_err(unreachable)
        };
        let resolved = |addresses: &Vec<SocketAddr>| Passed::Resolved(addresses.clone());
        let addresses = self
            .step(Stage::Resolve, deadline, resolving, resolved)
            .await?;
        let connecting = async { direct.reach(hub, addresses).await.map_err(unreachable) };
        let (tcp, _) = self
            .step(Stage::Connect, deadline, connecting, |(tcp, local)| {
                connected(tcp, *local)
            })
            .await?;
        let securing = secure(self.hub, tcp);
        let mut stream = self
            .step(Stage::Secure, deadline, securing, |_| Passed::Secured)
            .await?;
        let greeting = greet(hub, &mut stream);
        let welcome = self
            .step(Stage::Greet, deadline, greeting, |welcome| {
                Passed::Welcome(welcome.clone())
            })
            .await?;
        Ok((stream, welcome))
    }

    async fn step<T>(
        &mut self,
        stage: Stage,
        deadline: Instant,
        step: impl Future<Output = Result<T, HubError>>,
        passed: impl FnOnce(&T) -> Passed,
    ) -> Result<T, ProbeError> {
        let began = Instant::now();
        let result = tokio::time::timeout_at(deadline, step).await;
        let result = result.unwrap_or_else(|_| {
            Err(HubError::Silent {
                hub: self.hub.destination.clone(),
                after: self.limit,
            })
        });
        let after = began.elapsed();
        match result {
            Ok(value) => {
                (self.passed)(passed(&value), after);
                Ok(value)
            }
            Err(source) => Err(ProbeError {
                stage,
                after,
                source,
            }),
        }
    }
}

fn connected(tcp: &TcpStream, local: SocketAddr) -> Passed {
    Passed::Connected {
        local,
        remote: tcp.peer_addr().map_or(local, canonical),
        transport: mptcp::negotiated(tcp).unwrap_or(Transport::Tcp),
    }
}

pub(super) async fn secure(hub: &HubAddress, tcp: TcpStream) -> Result<SecureStream, HubError> {
    SecureStream::connect(tcp, &hub.config)
        .await
        .map_err(|source| {
            let (hub, source) = (hub.destination.clone(), Box::new(source));
            match *source {
                SecureError::Tls(TlsError::WrongPin { found }) => HubError::WrongPin { hub, found },
                SecureError::Tls(
                    TlsError::NotTls(_) | TlsError::NotManypath(_) | TlsError::OtherProtocol,
                ) => HubError::NotAHub { hub, source },
                _ => HubError::Broke { hub, source },
            }
        })
}

pub(super) async fn greet(
    hub: &Destination,
    stream: &mut SecureStream,
) -> Result<Welcome, HubError> {
    let broke = |source| HubError::Broke {
        hub: hub.clone(),
        source: Box::new(source),
    };
    let hello = Hello {
        versions: VERSIONS,
        software: SOFTWARE.to_owned(),
    };
    stream.send(&[Frame::Hello(hello)]).await.map_err(broke)?;
    match stream.receive().await.map_err(broke)? {
        Message::Welcome(welcome) if VERSIONS.contains(&welcome.version) => Ok(welcome),
        // It was not offered.
        Message::Welcome(Welcome { version, .. }) => Err(HubError::Version {
            hub: hub.clone(),
            ours: VERSIONS,
            theirs: version..=version,
        }),
        Message::Refused(refused) => Err(HubError::of_refusal(hub.clone(), refused)),
        message => unreachable!("{message:?} can't be the first frame of a hub"),
    }
}

const SOFTWARE: &str = concat!("manypath ", env!("CARGO_PKG_VERSION"));
