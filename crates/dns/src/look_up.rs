//! Looking a name up at one server, past the cache: for whoever wants to know what that very server says.

use std::io;
use std::net::IpAddr;

use hickory_proto::rr::{Name, RecordType};

use crate::ask::ask;
use crate::request::Question;
use crate::ways::Upstream;

/// The addresses that `server` gives for `name`, of the family that it is asked from. Waits for as long as the
/// answer takes.
///
/// # Errors
/// When the name is none, or the server can't be reached or speaks no DNS.
pub async fn look_up(name: &str, server: &Upstream) -> io::Result<Vec<IpAddr>> {
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
    let mut name = Name::from_ascii(name).map_err(invalid)?.to_lowercase();
    name.set_fqdn(true);
    let question = Question {
        name,
        kind: match server.server.ip() {
            IpAddr::V4(_) => RecordType::A,
            IpAddr::V6(_) => RecordType::AAAA,
        },
        dnssec: false,
        unchecked: false,
    };
    let answer = ask(server, &question).await?;
    Ok(answer.addresses().collect())
}
