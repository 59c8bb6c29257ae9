//! Seeing whether a table is there and as it was installed.

use std::fmt;
use std::io;
use std::str::FromStr;

use super::encode::{self, uapi::*};
use super::netlink::push_message;
use super::transaction::open;
use super::{Error, Name, Table};
use crate::netfilter::attrs::{self, Attrs};
use crate::netfilter::{Answer, Meaning};

/// Stands for the contents of a table: equal for equal tables, and different for different ones
/// (FNV-1a of 64 bits over the messages that make the contents, so also different after a change
/// of how they are made).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(u64);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The comment of an installed table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    digest: Digest,
    chains: usize,
    rules: usize,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "digest {} chains {} rules {}",
            self.digest, self.chains, self.rules
        )
    }
}

impl FromStr for Stamp {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split(' ').collect();
        let ["digest", digest, "chains", chains, "rules", rules] = words[..] else {
            return Err(());
        };
        Ok(Self {
            digest: Digest(u64::from_str_radix(digest, 16).map_err(|_| ())?),
            chains: chains.parse().map_err(|_| ())?,
            rules: rules.parse().map_err(|_| ())?,
        })
    }
}

impl Table {
    /// What [`installed`] returns while this table is installed.
    pub fn digest(&self) -> Digest {
        self.stamp().digest
    }

    pub(super) fn stamp(&self) -> Stamp {
        let hash = encode::contents(self)
            .iter()
            .fold(FNV_OFFSET, |hash, step| {
                let kind = (step.message.kind as u32).to_be_bytes();
                kind.iter()
                    .chain(&step.message.attrs)
                    .fold(hash, |hash, &byte| {
                        (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
                    })
            });
        Stamp {
            digest: Digest(hash),
            chains: self.chains.len(),
            rules: self.chains.iter().map(|chain| chain.rules.len()).sum(),
        }
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// The digest of the table of this name in family `inet`, in the network namespace of the calling
/// thread. `None` if there is no such table, if [`Table::install`] did not make it, or if chains
/// or rules were added or removed since.
///
/// # Errors
/// See [`Error`]. Needs `CAP_NET_ADMIN`.
pub fn installed(name: &Name) -> Result<Option<Digest>, Error> {
    let named = Attrs::new().text(NFTA_TABLE_NAME, name.as_str());
    let tables = match get(name, libc::NFT_MSG_GETTABLE, 0, named) {
        Err(Error::Refused { source, .. }) if source.raw_os_error() == Some(libc::ENOENT) => {
            return Ok(None);
        }
        result => result?,
    };
    let Some(stamp) = tables.first().and_then(|table| stamp_of(table)) else {
        return Ok(None);
    };
    let chains = count(name, libc::NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE)?;
    let rules = count(name, libc::NFT_MSG_GETRULE, NFTA_RULE_TABLE)?;
    Ok(((chains, rules) == (stamp.chains, stamp.rules)).then_some(stamp.digest))
}

fn stamp_of(table: &[u8]) -> Option<Stamp> {
    let data = attrs::find(table, NFTA_TABLE_USERDATA)?;
    comment(data)?.parse().ok()
}

/// The comment in the user data of a table or rule.
pub(super) fn comment(userdata: &[u8]) -> Option<&str> {
    let &[UDATA_COMMENT, len, ref rest @ ..] = userdata else {
        return None;
    };
    let text = std::str::from_utf8(rest.get(..usize::from(len))?).ok()?;
    Some(text.trim_end_matches('\0'))
}

fn count(table: &Name, kind: libc::c_int, name_kind: u16) -> Result<usize, Error> {
    let named = Attrs::new().text(name_kind, table.as_str());
    let objects = get(table, kind, libc::NLM_F_DUMP, named)?;
    // Kernels list the chains of all tables, whatever was asked.
    let ours = |object: &&Vec<u8>| attrs::find_text(object, name_kind) == Some(table.as_str());
    Ok(objects.iter().filter(ours).count())
}

/// The attributes of the objects that the kernel answers with.
pub(super) fn get(
    table: &Name,
    kind: libc::c_int,
    flags: libc::c_int,
    which: Attrs,
) -> Result<Vec<Vec<u8>>, Error> {
    let which = which.into_bytes();
    // A list during which something changed is asked for again; without end would be starvation.
    for _ in 0..10 {
        if let Some(objects) = get_once(table, kind, flags, &which)? {
            return Ok(objects);
        }
    }
    Err(failed(table, io::ErrorKind::Interrupted.into()))
}

fn get_once(
    table: &Name,
    kind: libc::c_int,
    flags: libc::c_int,
    which: &[u8],
) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let socket = open(table, READ)?;
    let mut request = Vec::new();
    push_message(&mut request, kind, flags, 1, which);
    socket
        .send(&request)
        .map_err(|source| failed(table, source))?;

    let mut objects = Vec::new();
    while let Some(datagram) = socket.receive().map_err(|source| failed(table, source))? {
        for answer in Answer::all(&datagram) {
            if answer.interrupted() {
                return Ok(None);
            }
            match answer.meaning() {
                Meaning::Object(attrs) => objects.push(attrs.to_vec()),
                Meaning::Success => return Ok(Some(objects)),
                Meaning::Failure(complaint) => return Err(refusal(table, complaint.errno)),
            }
        }
    }
    // The answer about one object has no end; a list that stops without one is incomplete.
    if flags == 0 && !objects.is_empty() {
        return Ok(Some(objects));
    }
    Err(failed(table, io::ErrorKind::UnexpectedEof.into()))
}

const READ: &str = "read it";

fn failed(table: &Name, source: io::Error) -> Error {
    Error::Netlink {
        table: table.clone(),
        does: READ,
        source,
    }
}

fn refusal(table: &Name, errno: i32) -> Error {
    let source = io::Error::from_raw_os_error(errno);
    match errno {
        libc::EPERM => Error::NotPermitted(source),
        // What nfnetlink answers outside of a batch when nf_tables is not there.
        libc::EINVAL | libc::EOPNOTSUPP => Error::NoNfTables(source),
        _ => Error::Refused {
            table: table.clone(),
            does: READ.to_owned(),
            hint: String::new(),
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nft::{Base, Chain, ChainKind, Hook, Policy, Rule, Statement};

    #[test]
    fn the_stamp_survives_its_text() {
        let stamp = Stamp {
            digest: Digest(0x0123_4567_89ab_cdef),
            chains: 4,
            rules: 12,
        };
        assert_eq!(
            stamp.to_string(),
            "digest 0123456789abcdef chains 4 rules 12"
        );
        assert_eq!(stamp.to_string().parse(), Ok(stamp));
        assert_eq!("my table".parse::<Stamp>(), Err(()));
    }

    #[test]
    fn the_digest_tells_tables_apart() {
        let base = Base {
            kind: ChainKind::Filter,
            hook: Hook::Input,
            priority: Base::FILTER,
            policy: Policy::Accept,
        };
        let table = |base, statement| {
            let chain = Chain::base("c".parse().unwrap(), base).with(Rule::new([statement]));
            Table::new("t".parse().unwrap()).with(chain).digest()
        };
        let dropping = Base {
            policy: Policy::Drop,
            ..base
        };
        assert_eq!(
            table(base, Statement::Accept),
            table(base, Statement::Accept)
        );
        assert_ne!(table(base, Statement::Accept), table(base, Statement::Drop));
        assert_ne!(
            table(base, Statement::Accept),
            table(dropping, Statement::Accept)
        );
    }
}
