//! The table, its chains and its rules.

use std::fmt;
use std::str::FromStr;

use super::{Match, Statement};

/// One table of family `inet` (IPv4 and IPv6 together), the unit that is replaced atomically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Whatever has this name in family `inet` is ours and is replaced.
    pub name: Name,
    /// In any order: a jump may lead to a chain further down.
    pub chains: Vec<Chain>,
}

impl Table {
    /// A table without chains.
    pub fn new(name: Name) -> Self {
        Self {
            name,
            chains: Vec::new(),
        }
    }

    /// Adds a chain.
    #[must_use]
    pub fn with(mut self, chain: Chain) -> Self {
        self.chains.push(chain);
        self
    }
}

/// A list of rules, run from a hook of the network stack or by a jump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Unique in the table.
    pub name: Name,
    /// Where packets enter; `None` is a chain that others jump to.
    pub base: Option<Base>,
    /// Tried in this order.
    pub rules: Vec<Rule>,
}

impl Chain {
    /// A chain that packets enter at a hook.
    pub fn base(name: Name, base: Base) -> Self {
        Self {
            name,
            base: Some(base),
            rules: Vec::new(),
        }
    }

    /// A chain that packets enter by [`Statement::Jump`].
    pub fn regular(name: Name) -> Self {
        Self {
            name,
            base: None,
            rules: Vec::new(),
        }
    }

    /// Adds a rule at the end.
    #[must_use]
    pub fn with(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }
}

/// How a base chain is attached to the network stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// What the chain may do.
    pub kind: ChainKind,
    /// Where packets enter.
    pub hook: Hook,
    /// Order among the chains of one hook, lowest first. The customary numbers are the constants
    /// of this type.
    pub priority: i32,
    /// What happens to a packet that no rule decided on.
    pub policy: Policy,
}

impl Base {
    /// Before connection tracking (`enum nf_ip_hook_priorities`).
    pub const RAW: i32 = -300;
    /// Packet marks and transparent proxying; after connection tracking.
    pub const MANGLE: i32 = -150;
    /// Destination NAT and redirects.
    pub const DSTNAT: i32 = -100;
    /// Accepting and dropping.
    pub const FILTER: i32 = 0;
    /// Source NAT.
    pub const SRCNAT: i32 = 100;
}

/// What a base chain may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainKind {
    /// Decide, mark, transparent proxying. All hooks.
    Filter,
    /// Address translation; sees the first packet of each connection only. Not at
    /// [`Hook::Forward`].
    Nat,
    /// As `Filter`, and a changed mark routes the packet again. [`Hook::Output`] only.
    Route,
}

/// A place in the network stack (`enum nf_inet_hooks`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Everything that comes in, before it is routed.
    Prerouting,
    /// What is for this machine.
    Input,
    /// What goes through this machine.
    Forward,
    /// What this machine sends.
    Output,
    /// Everything that goes out, after it was routed.
    Postrouting,
}

/// What happens to a packet that no rule of a base chain decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It goes on.
    Accept,
    /// It vanishes.
    Drop,
}

/// If all matches hold, the statements run in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// All must hold; an empty list always holds.
    pub matches: Vec<Match>,
    /// Run in order. One that ends the packet's way through the chain comes last.
    pub statements: Vec<Statement>,
    /// Shown by `nft list`.
    pub comment: Option<Comment>,
}

impl Rule {
    /// A rule that does `statements` to every packet, until matches are added.
    pub fn new(statements: impl IntoIterator<Item = Statement>) -> Self {
        Self {
            statements: statements.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Adds a condition.
    #[must_use]
    pub fn when(mut self, condition: Match) -> Self {
        self.matches.push(condition);
        self
    }

    /// Sets the comment.
    #[must_use]
    pub fn comment(mut self, comment: Comment) -> Self {
        self.comment = Some(comment);
        self
    }
}

/// The name of a table or chain: a letter, then letters, digits, `_`, `-`, `.`; at most 64 bytes.
///
/// The kernel takes more (255 bytes, any of them); these can be written in nft syntax. A keyword
/// of nft (`accept`, `ip`, `redirect`) installs, but its text cannot be fed to `nft`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let ok = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::Object(text.to_owned()))
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A remark on a rule: 1 to 120 printable bytes of ASCII without `"` and `\`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment(String);

impl Comment {
    /// The remark as text, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Comment {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        // 128 is the limit of nft (NFTNL_UDATA_COMMENT_MAXLEN), with the closing NUL.
        let ok = (1..=120).contains(&text.len())
            && text
                .bytes()
                .all(|b| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\');
        if ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::Comment(text.to_owned()))
        }
    }
}

impl fmt::Display for Comment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot stand where it was put.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// See [`Name`].
    #[error(
        "{0:?} cannot name a table or chain: use a letter, then letters, digits, '_', '-', '.', \
         64 at most"
    )]
    Object(String),
    /// See [`Comment`].
    #[error(
        "{0:?} cannot be a comment: use 1 to 120 printable ASCII characters without '\"', '\\'"
    )]
    Comment(String),
    /// See [`InterfacePattern`](super::InterfacePattern).
    #[error(
        "{0:?} cannot name an interface: use 1 to 15 characters without '/', ':', quotes or spaces, \
         and '*' at the end only"
    )]
    Interface(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nft::InterfacePattern;

    #[test]
    fn names_and_comments_can_be_written_in_nft_syntax() {
        for good in ["a", "manypath", "pre-routing_2.b"] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in ["", "1a", "-a", "a b", "a;", "a\"", "é", &"a".repeat(65)] {
            assert_eq!(bad.parse::<Name>(), Err(InvalidName::Object(bad.into())));
        }
        assert!("to the proxy (v2)".parse::<Comment>().is_ok());
        for bad in ["", "a\"b", "a\\", "a\nb", "é", &"a".repeat(121)] {
            assert_eq!(
                bad.parse::<Comment>(),
                Err(InvalidName::Comment(bad.into()))
            );
        }
    }

    #[test]
    fn a_star_is_allowed_at_the_end_of_an_interface_only() {
        for good in ["eth0", "eth*", "e*", "exactly15bytes0", "exactly14bytes*"] {
            assert!(good.parse::<InterfacePattern>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "e*h",
            "e**",
            "a b",
            "a/b",
            "a:1",
            "a\"",
            "sixteen-bytes-xx",
        ] {
            assert!(bad.parse::<InterfacePattern>().is_err(), "{bad}");
        }
    }
}
