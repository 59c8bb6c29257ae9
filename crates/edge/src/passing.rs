//! What passes between the host and the Internet, and not through a socket of ours: UDP and ICMP, and TCP that is
//! bypassed. nftables counts it for each uplink.

use std::collections::BTreeMap;

use netcfg::InterfaceIndex;
use netcfg::nft::{self, Comment, counters};

use crate::numbers::NFT_TABLE;

/// The chain that counts.
pub const CHAIN: &str = "passing";

/// Which way a packet passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards the Internet.
    Sent,
    /// From there.
    Came,
}

/// How many packets have passed by an uplink since the table was installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Towards the Internet.
    pub sent: u64,
    /// From there.
    pub came: u64,
}

/// By which a rule that counts is known.
pub fn comment(direction: Direction, uplink: InterfaceIndex) -> Comment {
    let text = match direction {
        Direction::Sent => format!("{SENT}{uplink}"),
        Direction::Came => format!("{CAME}{uplink}"),
    };
    text.parse().expect("a word and a number")
}

const SENT: &str = "sent by ";
const CAME: &str = "came by ";

/// What has passed by each uplink.
///
/// # Errors
/// When nftables can't be read.
pub fn passed() -> Result<BTreeMap<InterfaceIndex, Passed>, nft::Error> {
    let name = |text: &str| text.parse().expect("a plain name");
    let mut all: BTreeMap<_, Passed> = BTreeMap::new();
    for counted in counters(&name(NFT_TABLE), &name(CHAIN))? {
        if let Some((direction, uplink)) = parse(&counted.comment) {
            let passed = all.entry(uplink).or_default();
            match direction {
                Direction::Sent => passed.sent += counted.packets,
                Direction::Came => passed.came += counted.packets,
            }
        }
    }
    Ok(all)
}

fn parse(comment: &str) -> Option<(Direction, InterfaceIndex)> {
    let of = |direction, prefix| Some((direction, comment.strip_prefix(prefix)?));
    let (direction, index) = of(Direction::Sent, SENT).or_else(|| of(Direction::Came, CAME))?;
    Some((direction, InterfaceIndex(index.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_known_by_its_comment() {
        for direction in [Direction::Sent, Direction::Came] {
            let of = InterfaceIndex(12);
            let comment = comment(direction, of);
            assert_eq!(parse(comment.as_str()), Some((direction, of)));
        }
        for other in ["", "sent by", "came by eth0", "12"] {
            assert_eq!(parse(other), None);
        }
    }
}
