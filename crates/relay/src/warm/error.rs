//! Why the hub can't be used.

use std::ops::RangeInclusive;
use std::time::Duration;

use wire::Destination;
use wire::hub::{Pin, Refusal, VERSIONS};

use crate::ConnectError;
use crate::secure::SecureError;

/// Why the hub can't be used.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// No TCP connection to it.
    #[error("the hub {hub} can't be reached; check its address, that it runs, and its firewall")]
    Unreachable {
        /// The hub.
        hub: Destination,
        /// Why.
        #[source]
        source: Box<ConnectError>,
    },
    /// Who answers there has another key than the link says.
    #[error(
        "the hub {hub} is not the one that the link is for: its key has the pin {found}. If the hub was \
         set up anew, ask for a new link; if not, somebody is between this edge and the hub"
    )]
    WrongPin {
        /// The hub.
        hub: Destination,
        /// The pin of the key that was shown.
        found: Pin,
    },
    /// Who answers there is no hub.
    #[error("{hub} is no manypath hub; check host and port of the link")]
    NotAHub {
        /// Who should have been a hub.
        hub: Destination,
        /// What it did.
        #[source]
        source: Box<SecureError>,
    },
    /// The connection broke, or what came was against the protocol.
    #[error("the hub {hub} broke the connection off")]
    Broke {
        /// The hub.
        hub: Destination,
        /// How.
        #[source]
        source: Box<SecureError>,
    },
    /// The secret is nobody's.
    #[error(
        "the hub {hub} knows no user with the link's secret; ask its owner for a new link \
         (manypath hub user add)"
    )]
    UnknownUser {
        /// The hub.
        hub: Destination,
    },
    /// No common version.
    #[error(
        "the hub {hub} speaks {}, this edge {}; update the {}",
        versions(theirs),
        versions(ours),
        older(ours, theirs)
    )]
    Version {
        /// The hub.
        hub: Destination,
        /// The versions of the protocol that this program speaks.
        ours: RangeInclusive<u8>,
        /// The versions that the hub speaks.
        theirs: RangeInclusive<u8>,
    },
    /// The user has too many connections to the hub.
    #[error(
        "the hub {hub} takes no more connections of this user; end some, or ask its owner for more"
    )]
    UserLimit {
        /// The hub.
        hub: Destination,
    },
    /// The hub is going down.
    #[error("the hub {hub} is about to stop")]
    Stopping {
        /// The hub.
        hub: Destination,
    },
    /// The hub refuses for another reason.
    #[error("the hub {hub} refuses: {code}{}", in_brackets(text))]
    Refused {
        /// The hub.
        hub: Destination,
        /// Its reason.
        code: Refusal,
        /// Its reason in words.
        text: String,
    },
    /// No answer.
    #[error("the hub {hub} did not answer within {} s", after.as_secs_f32())]
    Silent {
        /// The hub.
        hub: Destination,
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection ended, and nobody knows how much of the client's bytes went on.
    #[error(
        "the connection to the hub {hub} was lost while it connected to {destination}; what had been sent \
         is not sent twice"
    )]
    Lost {
        /// The hub.
        hub: Destination,
        /// The destination.
        destination: Destination,
        /// How it ended.
        #[source]
        source: Box<SecureError>,
    },
    /// This program is stopping.
    #[error("this edge is stopping")]
    Closed,
}

impl HubError {
    /// What the hub's refusal of a whole connection means.
    pub(super) fn of_refusal(hub: Destination, refused: wire::hub::Refused) -> Self {
        match refused.code {
            Refusal::Version => Self::Version {
                hub,
                ours: VERSIONS,
                theirs: refused.versions,
            },
            Refusal::UnknownUser => Self::UnknownUser { hub },
            Refusal::UserLimit => Self::UserLimit { hub },
            Refusal::Stopping => Self::Stopping { hub },
            code @ (Refusal::Busy | Refusal::Other(_)) => Self::Refused {
                hub,
                code,
                text: refused.text,
            },
        }
    }

    /// There was no way to it, so nobody has answered.
    pub(super) fn is_without_route(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => {
                matches!(
                    **source,
                    // The second one comes from a route that leads nowhere just now, or from a gateway that is gone.
                    ConnectError::NetworkUnreachable { .. } | ConnectError::HostUnreachable { .. }
                )
            }
            _ => false,
        }
    }

    /// The connection was gone without a word.
    pub(super) fn is_broken_off(&self) -> bool {
        matches!(self, Self::Broke { source, .. } if source.is_gone())
    }

    /// Something is wrong with the hub or the way to it, which its user should know of.
    pub(crate) fn is_trouble(&self) -> bool {
        !matches!(self, Self::Lost { .. } | Self::Closed)
    }
}

pub(crate) fn in_brackets(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(" ({text})")
    }
}

fn versions(versions: &RangeInclusive<u8>) -> String {
    let (lowest, highest) = versions.clone().into_inner();
    if lowest == highest {
        format!("version {lowest} of the protocol")
    } else {
        format!("versions {lowest} to {highest} of the protocol")
    }
}

fn older(ours: &RangeInclusive<u8>, theirs: &RangeInclusive<u8>) -> &'static str {
    if ours.end() < theirs.start() {
        "edge"
    } else {
        "hub"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_version_says_who_is_to_be_updated() {
        let say = |ours, theirs| {
            let hub = "hub.test:443".parse().unwrap();
            HubError::Version { hub, ours, theirs }.to_string()
        };
        assert_eq!(
            say(1..=1, 2..=3),
            "the hub hub.test:443 speaks versions 2 to 3 of the protocol, this edge version 1 of the \
             protocol; update the edge"
        );
        assert!(say(4..=5, 1..=3).ends_with("update the hub"));
    }
}
