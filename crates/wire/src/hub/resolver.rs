//! The destination that stands for the name server of a hub.

use crate::{Destination, Host};

/// In a domain that is never looked up (RFC 9476), so that a hub that knows nothing of it says that there is
/// no such name.
const NAME: &str = "resolver.manypath.alt";

/// DNS over TCP (RFC 7766).
const PORT: u16 = 53;

/// The name server of whatever hub is asked to connect to this.
pub fn resolver() -> Destination {
    Destination {
        host: NAME.try_into().map(Host::Name).expect("it is a name"),
        port: PORT,
    }
}

/// Whether a destination is [`resolver`]'s.
pub fn is_resolver(destination: &Destination) -> bool {
    let is_it = |host: &Host| matches!(host, Host::Name(name) if name.as_str() == NAME);
    destination.port == PORT && is_it(&destination.host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_else_is_the_name_server() {
        assert!(is_resolver(&resolver()));
        for other in [
            "resolver.manypath.alt:54",
            "a.resolver.manypath.alt:53",
            "192.0.2.1:53",
        ] {
            assert!(!is_resolver(&other.parse().unwrap()), "{other}");
        }
    }
}
