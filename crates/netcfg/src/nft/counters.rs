//! Reading what rules have counted.

use super::encode::uapi::*;
use super::readback::{comment, get};
use super::{Error, Name};
use crate::netfilter::attrs::{self, Attrs};

/// What a rule with a [counter](super::Statement::Counter) has counted since its table was installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The rule's comment.
    pub comment: String,
    /// How many packets.
    pub packets: u64,
}

/// The counters of those rules of a chain that have a comment, in their order, in the network
/// namespace of the calling thread. Empty if there is no such table or chain.
///
/// # Errors
/// See [`Error`]. Needs `CAP_NET_ADMIN`.
pub fn counters(table: &Name, chain: &Name) -> Result<Vec<Counted>, Error> {
    let which = Attrs::new()
        .text(NFTA_RULE_TABLE, table.as_str())
        .text(NFTA_RULE_CHAIN, chain.as_str());
    let rules = get(table, libc::NFT_MSG_GETRULE, libc::NLM_F_DUMP, which)?;
    Ok(rules.iter().filter_map(|rule| counted(rule)).collect())
}

fn counted(rule: &[u8]) -> Option<Counted> {
    let comment = comment(attrs::find(rule, NFTA_RULE_USERDATA)?)?.to_owned();
    let mut expressions = attrs::parse(attrs::find(rule, NFTA_RULE_EXPRESSIONS)?);
    let packets = expressions.find_map(|(_, expression)| packets(expression))?;
    Some(Counted { comment, packets })
}

fn packets(expression: &[u8]) -> Option<u64> {
    if attrs::find_text(expression, NFTA_EXPR_NAME) != Some("counter") {
        return None;
    }
    let packets = attrs::find(
        attrs::find(expression, NFTA_EXPR_DATA)?,
        NFTA_COUNTER_PACKETS,
    )?;
    Some(u64::from_be_bytes(*packets.first_chunk()?))
}
