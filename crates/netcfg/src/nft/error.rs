//! What can go wrong, and what to do about it.

use std::io;

use super::Name;
use super::encode::uapi::{NFTA_EXPR_NAME, NFTA_LIST_ELEM};
use crate::netfilter::{Complaint, attrs};

/// Why a table could not be read, replaced or deleted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel cannot do nftables at all.
    #[error(
        "this kernel has no nftables: load the module nf_tables, or use a kernel with \
         CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET"
    )]
    NoNfTables(#[source] io::Error),

    /// The process may not use nftables in this network namespace.
    #[error("no permission to use nftables: run as root or with the capability CAP_NET_ADMIN")]
    NotPermitted(#[source] io::Error),

    /// The model contradicts itself; the kernel was not asked.
    #[error("nftables table {table}: {place}: {problem}")]
    Invalid {
        /// Name of the table.
        table: Name,
        /// The chain or rule.
        place: String,
        /// What is wrong with it.
        problem: Problem,
    },

    /// The kernel refused a part of the table, and so all of it.
    #[error("nftables table {table}: cannot {does}{hint}")]
    Refused {
        /// Name of the table.
        table: Name,
        /// The step that failed: what is done to which chain or rule.
        does: String,
        /// What is known beyond the error number, beginning with a separator; may be empty.
        hint: String,
        /// The kernel's error.
        source: io::Error,
    },

    /// No usable answer came from the kernel.
    #[error("nftables table {table}: no answer from the kernel when asked to {does}")]
    Netlink {
        /// Name of the table.
        table: Name,
        /// What was asked.
        does: &'static str,
        /// The error of the netlink socket.
        source: io::Error,
    },
}

/// A contradiction in a [`Table`](super::Table).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Two chains have this name.
    #[error("there is another chain of this name: rename one")]
    DuplicateChain,
    /// Jumps to nowhere.
    #[error("it jumps to {0}, which is no chain without hook of this table: add it")]
    NoSuchChain(Name),
    /// No statements.
    #[error("it does nothing: add a statement")]
    NoStatement,
    /// Statements that are never reached.
    #[error("nothing after \"{0}\" is ever done: put it last")]
    AfterTheEnd(String),
    /// A statement about ports on packets that may have none.
    #[error("\"{0}\" works on ports: add a match on TCP, UDP or one of their ports")]
    NeedsTransport(String),
    /// A statement about TCP on packets of any kind.
    #[error("\"{0}\" works on TCP only: add a match on TCP or a TCP port")]
    NeedsTcp(String),
    /// A match on IPv4 after one on IPv6, on a UDP port after one on TCP, and the like; also a
    /// translation to an address of the other family.
    #[error("\"{0}\" does not go with an earlier match on another family or protocol: drop one")]
    Conflict(String),
    /// Bits that the mask hides.
    #[error("mark {value:#x} has bits outside mask {mask:#x}, so the test never holds")]
    MarkOutsideMask {
        /// The wanted value.
        value: u32,
        /// The mask.
        mask: u32,
    },
}

/// The sentence that explains a refusal, for appending to "cannot …"; empty if nothing is known.
pub(super) fn hint(kind: libc::c_int, message: &[u8], complaint: &Complaint) -> String {
    let known = match (kind, complaint.errno) {
        (libc::NFT_MSG_NEWTABLE, libc::EAFNOSUPPORT | libc::EOPNOTSUPP) => {
            Some("this kernel has no table family inet; enable CONFIG_NF_TABLES_INET".to_owned())
        }
        (libc::NFT_MSG_DELTABLE, libc::EPERM) => {
            Some("another program owns a table of this name; rename one".to_owned())
        }
        (libc::NFT_MSG_NEWCHAIN, libc::ENOENT) => {
            Some("this kernel has no chains of this type; enable CONFIG_NFT_NAT for NAT".to_owned())
        }
        (libc::NFT_MSG_NEWCHAIN, libc::EOPNOTSUPP) => {
            Some("this type of chain does not exist at this hook".to_owned())
        }
        (libc::NFT_MSG_NEWRULE, libc::EOPNOTSUPP) => {
            Some("part of it does not work in a chain of this type or at this hook".to_owned())
        }
        (libc::NFT_MSG_NEWRULE, libc::ENOENT) => {
            culprit(message, complaint.offset).and_then(missing)
        }
        _ => None,
    };
    [
        known,
        complaint
            .says
            .as_ref()
            .map(|says| format!("the kernel says \"{says}\"")),
    ]
    .into_iter()
    .flatten()
    .map(|part| format!(": {part}"))
    .collect()
}

/// The name of the expression that begins at `offset`.
pub(super) fn culprit(message: &[u8], offset: Option<usize>) -> Option<&str> {
    let expression = attrs::find(message.get(offset?..)?, NFTA_LIST_ELEM)?;
    attrs::find_text(expression, NFTA_EXPR_NAME)
}

fn missing(expression: &str) -> Option<String> {
    // Expressions that are not part of nf_tables itself, as of kernel 6.18.
    let option = match expression {
        "ct" | "notrack" => "CONFIG_NFT_CT",
        "fib" => "CONFIG_NFT_FIB_INET",
        "masq" => "CONFIG_NFT_MASQ",
        "nat" => "CONFIG_NFT_NAT",
        "redir" => "CONFIG_NFT_REDIR",
        "reject" => "CONFIG_NFT_REJECT_INET",
        "socket" => "CONFIG_NFT_SOCKET",
        "tproxy" => "CONFIG_NFT_TPROXY",
        _ => return None,
    };
    Some(format!(
        "this kernel has no nft_{expression}; enable {option}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netfilter::attrs::Attrs;

    fn complaint(errno: i32, offset: Option<usize>) -> Complaint {
        Complaint {
            errno,
            says: None,
            offset,
        }
    }

    #[test]
    fn a_missing_expression_names_the_kernel_option() {
        let expr = |name| Attrs::new().text(NFTA_EXPR_NAME, name);
        let message = Attrs::new()
            .nest(NFTA_LIST_ELEM, expr("meta"))
            .nest(NFTA_LIST_ELEM, expr("redir"))
            .into_bytes();
        // The first expression takes 4 bytes and an attribute of 4 + 5 bytes, padded to 12.
        let missing = complaint(libc::ENOENT, Some(16));
        assert_eq!(
            hint(libc::NFT_MSG_NEWRULE, &message, &missing),
            ": this kernel has no nft_redir; enable CONFIG_NFT_REDIR"
        );
    }

    #[test]
    fn an_offset_outside_the_message_explains_nothing() {
        for offset in [None, Some(0), Some(3), Some(4000)] {
            let complaint = complaint(libc::ENOENT, offset);
            assert_eq!(hint(libc::NFT_MSG_NEWRULE, &[1, 2, 3], &complaint), "");
        }
    }

    #[test]
    fn the_words_of_the_kernel_are_passed_on() {
        let complaint = Complaint {
            says: Some("no".into()),
            ..complaint(libc::EINVAL, None)
        };
        assert_eq!(
            hint(libc::NFT_MSG_NEWSET, &[], &complaint),
            ": the kernel says \"no\""
        );
    }
}
