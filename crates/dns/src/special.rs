//! Names that are no matter of name servers.

use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{Name, RData, RecordType};
use ipnet::IpNet;

use crate::answer::Answer;
use crate::request::Question;

/// Top-level domains that exist elsewhere than in the DNS, and must not be asked for there: multicast DNS
/// (RFC 6762 section 22.1), Tor (RFC 7686), names that are wrong on purpose (RFC 6761 section 6.4), and
/// other naming systems (RFC 9476).
const ELSEWHERE: [&[u8]; 4] = [b"local", b"onion", b"invalid", b"alt"];

/// For how long we answer for this machine.
const LIFETIME: u32 = 60 * 60;

/// The answer to what nobody is asked; `None` where somebody is to be. The names of a network of ours are
/// looked for before, so a network may have `corp.local` if it likes.
pub(crate) fn answer(question: &Question) -> Option<Answer> {
    let name = &question.name;
    if name.is_localhost() {
        return Some(localhost(name, question.kind));
    }
    let top = name.iter().next_back()?;
    let is_elsewhere = ELSEWHERE.contains(&top) || is_private_reverse(name);
    is_elsewhere.then(|| Answer::of(ResponseCode::NXDomain))
}

/// Always this machine's own, which for a client is its own machine (RFC 6761 section 6.3).
fn localhost(name: &Name, kind: RecordType) -> Answer {
    let data = match kind {
        RecordType::A => RData::A(A(Ipv4Addr::LOCALHOST)),
        RecordType::AAAA => RData::AAAA(AAAA(Ipv6Addr::LOCALHOST)),
        _ => return Answer::of(ResponseCode::NoError),
    };
    Answer::with(name.clone(), data, LIFETIME)
}

/// The name of an address that means something in one network only: nobody outside of it can tell
/// (RFC 6303 sections 4.1 and 4.4).
fn is_private_reverse(name: &Name) -> bool {
    address(name).is_some_and(|net| match net {
        IpNet::V4(net) => {
            let ip = net.addr();
            net.prefix_len() >= 8 && ip.is_private() && is_whole(net.prefix_len(), ip)
                || net.prefix_len() >= 16 && ip.is_link_local()
        }
        IpNet::V6(net) => {
            net.prefix_len() >= 8 && net.addr().is_unique_local()
                || net.prefix_len() >= 12 && net.addr().is_unicast_link_local()
        }
    })
}

/// Whether a prefix that begins with `ip` lies within the private network that `ip` is in (RFC 1918).
fn is_whole(prefix: u8, ip: Ipv4Addr) -> bool {
    match ip.octets() {
        [10, ..] => true,
        _ => prefix >= 16,
    }
}

/// The network whose name for reverse lookups this is.
pub(crate) fn address(name: &Name) -> Option<IpNet> {
    // Costs nothing for all others.
    name.iter().next_back().filter(|top| *top == b"arpa")?;
    name.parse_arpa_name().ok()
}
