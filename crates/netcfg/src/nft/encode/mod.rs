//! A table as netlink messages (`linux/netfilter/nf_tables.h`).

mod expr;
mod rule;
mod set;
pub(super) mod uapi;

use self::uapi::*;
use super::{Chain, Hook, Name, Policy, Table};
use crate::netfilter::attrs::Attrs;

/// One message of a transaction, without the netlink header.
#[derive(Debug)]
pub(super) struct Message {
    /// `NFT_MSG_*`.
    pub kind: libc::c_int,
    /// `NLM_F_*` beyond `NLM_F_REQUEST`.
    pub flags: libc::c_int,
    pub attrs: Vec<u8>,
}

impl Message {
    fn new(kind: libc::c_int, flags: libc::c_int, attrs: Attrs) -> Self {
        Self {
            kind,
            flags,
            attrs: attrs.into_bytes(),
        }
    }

    fn create(kind: libc::c_int, attrs: Attrs) -> Self {
        Self::new(kind, libc::NLM_F_CREATE, attrs)
    }

    fn append(kind: libc::c_int, attrs: Attrs) -> Self {
        Self::new(kind, libc::NLM_F_CREATE | libc::NLM_F_APPEND, attrs)
    }
}

/// A message and what to call it when the kernel refuses it.
#[derive(Debug)]
pub(super) struct Step {
    pub message: Message,
    pub does: String,
}

/// Makes the table if it is not there, so that the next step can remove it whatever was there.
pub(super) fn ensure_table(name: &Name) -> Step {
    let attrs = Attrs::new().text(NFTA_TABLE_NAME, name.as_str());
    Step {
        message: Message::create(libc::NFT_MSG_NEWTABLE, attrs),
        does: "add the table".to_owned(),
    }
}

/// Removes the table with all that is in it.
pub(super) fn delete_table(name: &Name) -> Step {
    let attrs = Attrs::new().text(NFTA_TABLE_NAME, name.as_str());
    Step {
        message: Message::new(libc::NFT_MSG_DELTABLE, 0, attrs),
        does: "delete the table as it was".to_owned(),
    }
}

/// Makes the table, which must not be there, with a comment.
pub(super) fn new_table(name: &Name, comment: &str) -> Step {
    let comment = format!("{comment}\0");
    let attrs = Attrs::new().text(NFTA_TABLE_NAME, name.as_str()).bytes(
        NFTA_TABLE_USERDATA,
        &userdata(UDATA_COMMENT, comment.as_bytes()),
    );
    Step {
        message: Message::create(libc::NFT_MSG_NEWTABLE, attrs),
        does: "add the table with its comment".to_owned(),
    }
}

/// Makes all that is in the table: chains first, since rules may jump to any of them.
pub(super) fn contents(table: &Table) -> Vec<Step> {
    let mut steps: Vec<Step> = table
        .chains
        .iter()
        .map(|chain| new_chain(&table.name, chain))
        .collect();
    let mut next_set = 1;
    for chain in &table.chains {
        for (index, rule) in chain.rules.iter().enumerate() {
            let does = format!("add rule {} of chain {} ({rule})", index + 1, chain.name);
            let messages = rule::messages(&table.name, &chain.name, rule, &mut next_set);
            steps.extend(messages.into_iter().map(|message| Step {
                message,
                does: does.clone(),
            }));
        }
    }
    steps
}

fn new_chain(table: &Name, chain: &Chain) -> Step {
    let mut attrs = Attrs::new()
        .text(NFTA_CHAIN_TABLE, table.as_str())
        .text(NFTA_CHAIN_NAME, chain.name.as_str());
    let mut does = format!("add chain {}", chain.name);
    if let Some(base) = chain.base {
        let hook = Attrs::new()
            .u32(NFTA_HOOK_HOOKNUM, hook_number(base.hook) as u32)
            .u32(NFTA_HOOK_PRIORITY, base.priority as u32);
        let policy = match base.policy {
            Policy::Accept => libc::NF_ACCEPT,
            Policy::Drop => libc::NF_DROP,
        };
        attrs = attrs
            .nest(NFTA_CHAIN_HOOK, hook)
            .u32(NFTA_CHAIN_POLICY, policy as u32)
            .text(NFTA_CHAIN_TYPE, base.kind.name());
        does = format!("{does} ({base})");
    }
    Step {
        message: Message::create(libc::NFT_MSG_NEWCHAIN, attrs),
        does,
    }
}

fn hook_number(hook: Hook) -> libc::c_int {
    match hook {
        Hook::Prerouting => libc::NF_INET_PRE_ROUTING,
        Hook::Input => libc::NF_INET_LOCAL_IN,
        Hook::Forward => libc::NF_INET_FORWARD,
        Hook::Output => libc::NF_INET_LOCAL_OUT,
        Hook::Postrouting => libc::NF_INET_POST_ROUTING,
    }
}

/// User data in the form of libnftnl: type, length, value.
fn userdata(kind: u8, value: &[u8]) -> Vec<u8> {
    let len = u8::try_from(value.len()).expect("comments are limited to 120 bytes");
    [&[kind, len], value].concat()
}
