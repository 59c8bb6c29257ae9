//! Changing tables: one batch of messages, of which the kernel does all or nothing.

use std::io;

use super::encode::{self, Step};
use super::error::hint;
use super::netlink::{push_batch_mark, push_message};
use super::{Error, Name, Table};
use crate::netfilter::{Answer, Complaint, Meaning, NetfilterSocket};

impl Table {
    /// Puts this table in place of whatever has its name in family `inet`, in the network
    /// namespace of the calling thread. Atomic: each packet meets either the old table or the new
    /// one. Open connections stay translated as long as the namespace has a NAT chain and a rule
    /// that uses connection tracking (NAT, a redirect, a `ct` match): with the last of either the
    /// kernel stops it for all, and those connections stall.
    ///
    /// # Errors
    /// See [`Error`]. The old table is then still there. Needs `CAP_NET_ADMIN`.
    pub fn install(&self) -> Result<(), Error> {
        self.check()?;
        let mut steps = vec![
            encode::ensure_table(&self.name),
            encode::delete_table(&self.name),
            encode::new_table(&self.name, &self.stamp().to_string()),
        ];
        steps.extend(encode::contents(self));
        run(&self.name, &steps)
    }
}

/// Deletes the table of this name in family `inet`, in the network namespace of the calling
/// thread. A table that is not there is success, and so is a kernel without nftables.
///
/// Open connections that it translates stall, unless other tables keep that going: see
/// [`Table::install`].
///
/// # Errors
/// See [`Error`]. Needs `CAP_NET_ADMIN`.
pub fn delete(name: &Name) -> Result<(), Error> {
    match run(
        name,
        &[encode::ensure_table(name), encode::delete_table(name)],
    ) {
        Err(Error::NoNfTables(_)) => Ok(()),
        result => result,
    }
}

fn run(table: &Name, steps: &[Step]) -> Result<(), Error> {
    match submit(table, steps)? {
        Ok(()) => Ok(()),
        Err((seq, complaint)) => Err(refusal(table, steps, seq, &complaint)),
    }
}

/// Sends the steps. The inner error is the kernel's first complaint, and the message it is about.
fn submit(table: &Name, steps: &[Step]) -> Result<Result<(), (u32, Complaint)>, Error> {
    let failed = |source| Error::Netlink {
        table: table.clone(),
        does: "change it",
        source,
    };
    let socket = open(table, "change it")?;
    socket.send(&batch(steps)).map_err(failed)?;

    let mut confirmed = false;
    while let Some(datagram) = socket.receive().map_err(failed)? {
        for answer in Answer::all(&datagram) {
            match answer.meaning() {
                // Later ones may only follow from it.
                Meaning::Failure(complaint) => return Ok(Err((answer.seq, complaint))),
                Meaning::Success => confirmed |= answer.seq as usize == steps.len(),
                Meaning::Object(_) => {}
            }
        }
    }
    if confirmed {
        Ok(Ok(()))
    } else {
        Err(failed(io::ErrorKind::UnexpectedEof.into()))
    }
}

/// Opens the socket; the kernel says here if it has no netfilter netlink.
pub(super) fn open(table: &Name, does: &'static str) -> Result<NetfilterSocket, Error> {
    NetfilterSocket::open().map_err(|source| match source.raw_os_error() {
        Some(libc::EPROTONOSUPPORT | libc::EAFNOSUPPORT) => Error::NoNfTables(source),
        _ => Error::Netlink {
            table: table.clone(),
            does,
            source,
        },
    })
}

/// Sequence number 0 is the beginning of the batch, then one for each step from 1.
fn batch(steps: &[Step]) -> Vec<u8> {
    let mut buffer = Vec::new();
    push_batch_mark(&mut buffer, libc::NFNL_MSG_BATCH_BEGIN, 0);
    for (seq, step) in (1..).zip(steps) {
        // Errors come in any case. Kernels before 6.10 do not answer the end of a batch, so the
        // last step is asked to confirm.
        let confirm = if seq as usize == steps.len() {
            libc::NLM_F_ACK
        } else {
            0
        };
        let message = &step.message;
        push_message(
            &mut buffer,
            message.kind,
            message.flags | confirm,
            seq,
            &message.attrs,
        );
    }
    push_batch_mark(
        &mut buffer,
        libc::NFNL_MSG_BATCH_END,
        steps.len() as u32 + 1,
    );
    buffer
}

fn refusal(table: &Name, steps: &[Step], seq: u32, complaint: &Complaint) -> Error {
    let source = io::Error::from_raw_os_error(complaint.errno);
    let step = (seq as usize)
        .checked_sub(1)
        .and_then(|index| steps.get(index));
    match (step, complaint.errno) {
        // About the batch as such: no permission, or nobody there to take it.
        (None, libc::EPERM) => Error::NotPermitted(source),
        (None, libc::EOPNOTSUPP) => Error::NoNfTables(source),
        (None, _) => Error::Refused {
            table: table.clone(),
            does: "commit the transaction".to_owned(),
            hint: String::new(),
            source,
        },
        (Some(step), _) => Error::Refused {
            table: table.clone(),
            does: shortened(&step.does),
            hint: hint(step.message.kind, &step.message.attrs, complaint),
            source,
        },
    }
}

/// A rule with hundreds of addresses is no use in a message.
fn shortened(text: &str) -> String {
    const ENOUGH: usize = 300;
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{} …)", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NetNs;
    use crate::nft::error::culprit;
    use crate::nft::{Base, Chain, ChainKind, Hook, Match, Policy, Protocol, Rule, Statement};

    /// The kernel has all our expressions, so one is misspelt to see how it complains.
    #[test]
    fn the_kernel_points_at_the_expression_that_it_lacks() {
        let base = Base {
            kind: ChainKind::Nat,
            hook: Hook::Prerouting,
            priority: Base::DSTNAT,
            policy: Policy::Accept,
        };
        let rule = Rule::new([Statement::Redirect(1081.try_into().unwrap())])
            .when(Match::Protocol(Protocol::Tcp.into()));
        let chain = Chain::base("c".parse().unwrap(), base).with(rule);
        let table = Table::new("t".parse().unwrap()).with(chain);
        let mut steps = vec![encode::ensure_table(&table.name)];
        steps.extend(encode::contents(&table));
        let attrs = &mut steps.last_mut().unwrap().message.attrs;
        let place = attrs
            .windows(5)
            .position(|window| window == b"redir")
            .unwrap();
        attrs[place..place + 5].copy_from_slice(b"reder");

        let netns = NetNs::new().expect("needs root");
        let (seq, complaint) = netns
            .run(|| submit(&table.name, &steps))
            .unwrap()
            .unwrap_err();
        let message = &steps[seq as usize - 1].message;
        assert_eq!(complaint.errno, libc::ENOENT);
        assert_eq!(culprit(&message.attrs, complaint.offset), Some("reder"));
    }
}
