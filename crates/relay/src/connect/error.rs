//! Why there is no onward connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;
use wire::hub::OpenRefusal;
use wire::socks5::{self, ReplyCode};
use wire::{Destination, DomainName};

use crate::warm::{HubError, in_brackets};

/// Why there is no onward connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A host answered that nobody listens there.
    #[error("{destination} refused the connection; is the service running there?")]
    Refused {
        /// The destination.
        destination: Destination,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// No answer.
    #[error("{destination} did not answer within {} s", after.as_secs_f32())]
    Timeout {
        /// The destination.
        destination: Destination,
        /// How long it was waited for.
        after: Duration,
    },
    /// The network answered that the host can't be reached.
    #[error("{destination} can't be reached: its network knows no way to this host")]
    HostUnreachable {
        /// The destination.
        destination: Destination,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// No route.
    #[error("{destination} can't be reached: there is no route to its network")]
    NetworkUnreachable {
        /// The destination.
        destination: Destination,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The name has no address, or no name server answered.
    #[error("the name {name} can't be resolved; check its spelling and the name servers")]
    NameNotFound {
        /// The name.
        name: DomainName,
        /// What the resolver says; absent when it found the name without addresses.
        #[source]
        source: Option<io::Error>,
    },
    /// The address filter forbids every address of the destination.
    #[error("connections to {destination} are not allowed here (address {address})")]
    NotAllowed {
        /// The destination.
        destination: Destination,
        /// The address that was refused.
        address: SocketAddr,
    },
    /// A rule of the user's forbids it.
    #[error("rule {rule} of the settings refuses {destination}; `manypath rules list` shows it")]
    Blocked {
        /// The destination.
        destination: Destination,
        /// Number of the rule, counted from 1.
        rule: usize,
    },
    /// A rule of the user's sends it by one uplink alone, and that can't be used.
    #[error(
        "by a rule of the settings {destination} is reached by uplink {uplink} alone, and {why}"
    )]
    UplinkDown {
        /// The destination.
        destination: Destination,
        /// The uplink.
        uplink: String,
        /// Why it can't be used.
        why: String,
    },
    /// No uplink came up in time.
    #[error(
        "no uplink is up, {destination} was waited for {} s; plug a link in or check `manypath status`",
        waited.as_secs_f32()
    )]
    NoUplink {
        /// The destination.
        destination: Destination,
        /// How long an uplink was waited for.
        waited: Duration,
    },
    /// Anything else that the kernel said, such as too many open files.
    #[error("{destination} can't be connected to")]
    Local {
        /// The destination.
        destination: Destination,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The first proxy of the chain could not be connected to.
    #[error("the proxy {hop} can't be reached; check its address and that it runs")]
    FirstHop {
        /// The proxy.
        hop: Destination,
        /// Why.
        #[source]
        source: Box<ConnectError>,
    },
    /// A proxy of the chain reported that it could not connect to the next one.
    #[error("the proxy {hop} can't reach the next proxy {next}: {code}")]
    NextHop {
        /// The proxy that says so.
        hop: Destination,
        /// The proxy that it was asked for.
        next: Destination,
        /// Its answer.
        code: ReplyCode,
    },
    /// The last proxy of the chain reported that it could not connect to the destination.
    #[error("the proxy {hop} can't reach {destination}: {code}")]
    Upstream {
        /// The proxy.
        hop: Destination,
        /// The destination.
        destination: Destination,
        /// Its answer.
        code: ReplyCode,
    },
    /// The hub reported that it does not, or can't, connect to the destination.
    #[error(
        "the hub {hub} does not connect to {destination}: {code}{}",
        in_brackets(text)
    )]
    RefusedByHub {
        /// The hub.
        hub: Destination,
        /// The destination.
        destination: Destination,
        /// Its reason.
        code: OpenRefusal,
        /// Its reason in words.
        text: String,
    },
    /// The hub can't be used.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// A proxy of the chain wants credentials and there are none, or it wants another method.
    #[error(
        "the proxy {hop} accepts no method of authentication that we have; set user and password"
    )]
    HopMethod {
        /// The proxy.
        hop: Destination,
    },
    /// A proxy of the chain refused the credentials.
    #[error("the proxy {hop} refused the user or the password; check both in the settings")]
    HopCredentials {
        /// The proxy.
        hop: Destination,
    },
    /// A proxy of the chain sent bytes that are no SOCKS5.
    #[error("the proxy {hop} does not speak SOCKS5; check address and port")]
    HopProtocol {
        /// The proxy.
        hop: Destination,
        /// What is wrong with them.
        #[source]
        source: socks5::Error,
    },
    /// The connection to a proxy of the chain broke during its handshake.
    #[error("the proxy {hop} broke the connection off during the handshake")]
    HopBroke {
        /// The proxy.
        hop: Destination,
        /// How.
        #[source]
        source: io::Error,
    },
}

impl ConnectError {
    /// A proxy of the chain or the hub failed, not the destination.
    pub(super) fn is_of_a_proxy(&self) -> bool {
        match self {
            Self::FirstHop { .. }
            | Self::NextHop { .. }
            | Self::HopMethod { .. }
            | Self::HopCredentials { .. }
            | Self::HopProtocol { .. }
            | Self::HopBroke { .. } => true,
            Self::Hub(error) => error.is_trouble(),
            _ => false,
        }
    }

    /// What the kernel's answer to a connect means.
    pub(super) fn from_io(destination: Destination, source: io::Error, after: Duration) -> Self {
        let errno = source.raw_os_error().map(Errno::from_raw_os_error);
        match errno {
            Some(Errno::CONNREFUSED) => Self::Refused {
                destination,
                source,
            },
            Some(Errno::TIMEDOUT) => Self::Timeout { destination, after },
            Some(Errno::HOSTUNREACH | Errno::HOSTDOWN) => Self::HostUnreachable {
                destination,
                source,
            },
            // EADDRNOTAVAIL: no source address of this family, as for IPv6 with link-local ones only.
            Some(Errno::NETUNREACH | Errno::NETDOWN | Errno::ADDRNOTAVAIL) => {
                Self::NetworkUnreachable {
                    destination,
                    source,
                }
            }
            _ => Self::Local {
                destination,
                source,
            },
        }
    }

    /// Which of several attempts' errors tells most: a refusal comes from the host itself, whereas a
    /// family without a route is normal on many networks.
    pub(super) fn significance(&self) -> u8 {
        match self {
            Self::Refused { .. } => 4,
            Self::Timeout { .. } => 3,
            Self::Local { .. } => 2,
            Self::HostUnreachable { .. } => 1,
            _ => 0,
        }
    }

    /// What a SOCKS5 client is told (RFC 1928 section 6).
    ///
    /// The RFC has no code for a timeout. Tor and microsocks answer 6 (TTL expired), so that is what
    /// clients show as one. A name without address is 4 with both of them, too. A broken proxy of our
    /// chain, or a broken hub, is 1: codes 3 to 6 would blame the destination.
    pub fn reply_code(&self) -> ReplyCode {
        match self {
            Self::Refused { .. } => ReplyCode::ConnectionRefused,
            Self::Timeout { .. } => ReplyCode::TtlExpired,
            Self::HostUnreachable { .. } | Self::NameNotFound { .. } => ReplyCode::HostUnreachable,
            Self::NetworkUnreachable { .. } | Self::NoUplink { .. } | Self::UplinkDown { .. } => {
                ReplyCode::NetworkUnreachable
            }
            Self::NotAllowed { .. } | Self::Blocked { .. } => ReplyCode::NotAllowed,
            Self::Upstream { code, .. } => *code,
            Self::RefusedByHub { code, .. } => match code {
                OpenRefusal::Refused => ReplyCode::ConnectionRefused,
                OpenRefusal::TimedOut => ReplyCode::TtlExpired,
                OpenRefusal::HostUnreachable | OpenRefusal::NameNotFound => {
                    ReplyCode::HostUnreachable
                }
                OpenRefusal::NetworkUnreachable => ReplyCode::NetworkUnreachable,
                OpenRefusal::NotAllowed => ReplyCode::NotAllowed,
                OpenRefusal::UserLimit | OpenRefusal::HubFailure | OpenRefusal::Other(_) => {
                    ReplyCode::GeneralFailure
                }
            },
            Self::Hub(_)
            | Self::Local { .. }
            | Self::FirstHop { .. }
            | Self::NextHop { .. }
            | Self::HopMethod { .. }
            | Self::HopCredentials { .. }
            | Self::HopProtocol { .. }
            | Self::HopBroke { .. } => ReplyCode::GeneralFailure,
        }
    }
}

/// An error's text with those of its causes.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
