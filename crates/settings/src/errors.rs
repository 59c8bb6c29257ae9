//! What can be wrong with a file, and where.

use std::fmt;
use std::io;

use ipnet::IpNet;

use wire::hub::IdentityError;
use wslconfig::WindowsPathError;

use crate::edge::{LinkNetworkError, UplinkNameError};
use crate::host::{AdapterMatchError, DistributionNameError};
use crate::hub::UserNameError;
use crate::portal::PortalCheckError;
use crate::rule::{ActionError, TargetError};
use crate::{
    ByteSizeError, CongestionControlError, CredentialsError, DataSizeError, DestinationRuleError,
    DurationError, EndpointFlagsError, GuidError, HubLinkError, MacAddressError, NetworkError,
    PatternError, PortRange, PortRangeError, ProxyUrlError, RateError,
};

/// Everything that was found wrong with one file, in the order of the file. `Display` gives a line to each.
#[derive(Debug)]
pub struct Errors(Vec<Error>);

/// One thing that is wrong: `file:line:column: key: what is wrong; what would be right`.
#[derive(Debug)]
pub struct Error {
    /// The file as the caller named it.
    pub file: String,
    /// Where in the file; absent when it could not be read at all.
    pub place: Option<Place>,
    /// The key as a dotted path such as `uplink[1].mac`; empty when it is about the file as a whole.
    pub key: String,
    /// What is wrong.
    pub problem: Problem,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

/// A value elsewhere in the same file that this one does not go with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its key, or the key of the table around it.
    pub key: String,
    /// Its line, counted from 1.
    pub line: usize,
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {})", self.key, self.line)
    }
}

/// What is wrong with a file or a value. No variant holds a password.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "fields are named in the sentence of their variant"
)]
pub enum Problem {
    /// The file is not there, or may not be read.
    #[error("cannot be read: {0}; check the path and that this user may read the file")]
    Unreadable(#[source] io::Error),
    /// The file is not text.
    #[error("is not UTF-8 text; save it as UTF-8")]
    NotUtf8,
    /// The parser of TOML gave up.
    #[error("this is not TOML: {0}")]
    Syntax(String),
    /// A key for the second time in one table, which TOML forbids.
    #[error("the key is in this table already; keep one of the two")]
    DuplicateKey,
    /// A key that means nothing here.
    #[error("there is no such key; {}", instead(.nearest, .known))]
    UnknownKey {
        nearest: Option<&'static str>,
        known: Vec<&'static str>,
    },
    /// A value of another type.
    #[error("{found} is written where {expected} belongs")]
    WrongType {
        found: &'static str,
        expected: &'static str,
    },
    /// A number that is too small or too large.
    #[error("{found} is out of range; write a whole number from {min} to {max}")]
    OutOfRange { found: String, min: u32, max: u32 },
    /// None of the words that are possible.
    #[error("{found:?} is not known here; write {}", alternatives(.allowed))]
    UnknownWord {
        found: String,
        allowed: Vec<&'static str>,
    },
    /// A value twice in one list.
    #[error("{value} is in the list twice; leave one out")]
    Twice { value: String },

    /// No uplink rule at all.
    #[error(
        "there is no uplink, so nothing could leave; add a table [[uplink]] with a line such as interface = \"eth1\""
    )]
    NoUplink,
    /// None of the three ways to say which interface.
    #[error(
        "nothing says which interface this is; add one of interface, mac and vmbus, such as interface = \"eth1\""
    )]
    NoInterface,
    /// More than one of the three ways.
    #[error("the interface is given by {other} already; keep one of the two")]
    InterfaceTwice { other: Other },
    /// The host's interface as a pattern.
    #[error("{0:?} is a pattern, but there is one host; write the interface's full name")]
    HostPattern(String),
    /// A name for what can be several uplinks.
    #[error(
        "{pattern:?} can match several interfaces, which cannot all have this name; leave the name out, or write the interface's full name"
    )]
    NameOfPattern { pattern: String },
    /// A MAC address in two rules.
    #[error("{mac} is the MAC address of {other} too; give each uplink its own")]
    SameMac { mac: String, other: Other },
    /// A VMBus instance in two rules.
    #[error("{guid} is the VMBus instance of {other} too; give each uplink its own")]
    SameVmBus { guid: String, other: Other },
    /// An interface or pattern in two rules.
    #[error("{interface:?} is the interface of {other} too; give each uplink its own")]
    SameInterface { interface: String, other: Other },
    /// A rule that never counts, because of an earlier one.
    #[error(
        "{interface:?} fits the pattern {pattern:?} of {other} already, and the first rule counts; move this uplink before that one"
    )]
    Shadowed {
        interface: String,
        pattern: String,
        other: Other,
    },
    /// Two uplinks of one name.
    #[error("{name:?} is the name of {other} too; give each uplink its own")]
    SameName { name: String, other: Other },
    /// The host's interface as an uplink.
    #[error("{interface} is the host's interface, see {other}; an uplink must be another one")]
    HostIsUplink { interface: String, other: Other },

    /// A rule that does nothing.
    #[error(
        "nothing says what becomes of this traffic; add a line such as action = \"direct\" (or \"hub\", \"block\", \"uplink wifi\")"
    )]
    NoAction,
    /// A rule that holds for nothing.
    #[error(
        "the list is empty, so the rule would never count; leave the key out to have it count for all"
    )]
    NoCondition,
    /// A rule behind one for everything.
    #[error("{other} is for everything, so this rule never counts; move it before that one")]
    NeverReached { other: Other },

    /// Windows' proxy setting while all TCP is taken in anyway.
    #[error(
        "with capture = \"all\" no program needs a proxy; leave this key out, or write capture = \"proxy\""
    )]
    ProxyOfAll,
    /// No rule although only what has one is an uplink.
    #[error(
        "no network adapter is listed, so nothing could leave; add a table [[uplink]] with a line such as adapter = \"Wi-Fi\", or write \"all\""
    )]
    NothingListed,
    /// A rule without an adapter.
    #[error(
        "nothing says which network adapter this is for; add a line such as adapter = \"Wi-Fi\""
    )]
    NoAdapter,
    /// A name for what can be several adapters.
    #[error(
        "{pattern:?} can match several adapters, which cannot all have this name; leave the name out, or write the adapter's full name"
    )]
    NameOfAdapters { pattern: String },
    /// An adapter or pattern in two rules.
    #[error("{adapter:?} is the adapter of {other} too; join the two")]
    SameAdapter { adapter: String, other: Other },
    /// Half of a kernel.
    #[error(
        "WSL needs a kernel and its modules, and {0} is not there; add it, or leave this key out"
    )]
    KernelAlone(&'static str),

    /// `backup` among the flags of an endpoint.
    #[error("that an uplink is a backup is said by its role; write role = \"backup\" instead")]
    BackupIsRole,
    /// A detail of a cap that is not there.
    #[error(
        "there is no monthly_cap that this could be about; add a line such as monthly_cap = \"50GB\", or leave this key out"
    )]
    WithoutCap,

    /// Two networks with addresses in common.
    #[error("{network} overlaps {with} in {other}; keep the larger one, or make them disjoint")]
    NetworksOverlap {
        network: IpNet,
        with: IpNet,
        other: Other,
    },
    /// Two ranges with ports in common.
    #[error("{ports} overlaps {with} in {other}; join them, or make them disjoint")]
    PortsOverlap {
        ports: PortRange,
        with: PortRange,
        other: Other,
    },
    /// A user without name or without password.
    #[error("the user has no {0}; write {{ name = \"…\", password = \"…\" }}")]
    Incomplete(&'static str),
    /// Two users of one name.
    #[error("{name:?} is the name of {other} too; give each user an own name")]
    SameUser { name: String, other: Other },

    /// No address to listen on, and no table `[socks5]` either.
    #[error("the list is empty, so nobody could reach the hub; write [\"[::]:443\"]")]
    NoListen,
    /// A table `[socks5]` without listeners.
    #[error(
        "the list is empty, so nobody could reach the SOCKS5 server; write [\"127.0.0.1:1080\"], or leave out the table [socks5]"
    )]
    NoSocks5Listen,
    /// Not an address with a port.
    #[error(
        "{0:?} is no address with a port; write one such as \"[::]:443\" or \"198.51.100.1:443\""
    )]
    Listen(String),
    /// Not a host with a port.
    #[error(
        "{0:?} is no host with a port; write what edges reach this hub by, such as \"hub.example:443\" or \"198.51.100.9:443\""
    )]
    Public(String),
    /// Two listeners that the kernel would not let be at the same time.
    #[error("{listen} is covered by {other} already; leave one of them out")]
    ListenTwice { listen: String, other: Other },
    /// Not the address of a name server.
    #[error(
        "{0:?} is no address of a name server; write one such as \"9.9.9.9\" or \"2620:fe::fe\""
    )]
    NameServer(String),
    /// Not an IP address.
    #[error("{0:?} is no IP address; write one such as \"198.51.100.9\" or \"2001:db8::9\"")]
    Address(String),
    /// An address that edges cannot connect to.
    #[error("{0} cannot be reached from elsewhere; announce only addresses that edges can reach")]
    AddressUnusable(String),

    /// A path that depends on where the program was started.
    #[error("{0:?} is not an absolute path; write one that starts with /")]
    RelativePath(String),
    /// A path that no Unix socket can have (`sockaddr_un`, 108 bytes with the closing NUL).
    #[error(
        "{0:?} is longer than 107 bytes, more than a Unix socket's path can be; write a shorter one"
    )]
    SocketPath(String),

    /// A line of the users file without ':'.
    #[error("there is no ':' in this line; write name:password, or # before a comment")]
    NoColon,
    /// A users file without users.
    #[error("there is no user in the file, so nobody could use the hub; add a line name:password")]
    NoUser,

    /// A user of the hub without a name.
    #[error("the user has no name; add a line such as name = \"alice\"")]
    NoUserName,
    /// A user of the hub without a key.
    #[error("the user has no key; leave out this table, and run: manypath hub user add NAME")]
    NoUserKey,
    /// Two users with one key, who could not be told apart.
    #[error(
        "the key is that of {other} too; give each user an own one: manypath hub user add NAME"
    )]
    SameKey { other: Other },
    /// `allow = []`
    #[error(
        "the list is empty, so the user could go nowhere; leave the key out to allow everything"
    )]
    NothingAllowed,

    #[error(transparent)]
    UserName(#[from] UserNameError),
    #[error("{0} (manypath hub user add NAME makes a user with a right one)")]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Rate(#[from] RateError),
    #[error(transparent)]
    DestinationRule(#[from] DestinationRuleError),
    #[error(transparent)]
    Action(#[from] ActionError),
    #[error(transparent)]
    PortalCheck(#[from] PortalCheckError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error(transparent)]
    Mac(#[from] MacAddressError),
    #[error(transparent)]
    Guid(#[from] GuidError),
    #[error(transparent)]
    Adapter(#[from] AdapterMatchError),
    #[error(transparent)]
    Distribution(#[from] DistributionNameError),
    // In TOML's double quotes each backslash would have to be written twice.
    #[error("{0}, in single quotes")]
    WindowsPath(#[from] WindowsPathError),
    #[error(transparent)]
    UplinkName(#[from] UplinkNameError),
    #[error(transparent)]
    EndpointFlags(#[from] EndpointFlagsError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    ProxyUrl(#[from] ProxyUrlError),
    #[error(transparent)]
    HubLink(#[from] HubLinkError),
    /// A hub's link among the URLs of SOCKS5 servers.
    #[error("a hub's link stands alone, not in a list; write hub = \"manypath://…\"")]
    LinkInList,
    #[error(transparent)]
    Duration(#[from] DurationError),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    LinkNetwork(#[from] LinkNetworkError),
    #[error(transparent)]
    Ports(#[from] PortRangeError),
    #[error(transparent)]
    CongestionControl(#[from] CongestionControlError),
    #[error(transparent)]
    ByteSize(#[from] ByteSizeError),
    #[error(transparent)]
    DataSize(#[from] DataSizeError),
}

fn instead(nearest: &Option<&'static str>, known: &[&'static str]) -> String {
    match (nearest, known) {
        (Some(nearest), _) => format!("did you mean {nearest}?"),
        (None, [only]) => format!("the only key here is {only}"),
        (None, _) => format!("the keys here are {}", known.join(", ")),
    }
}

fn alternatives(words: &[&'static str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match &quoted[..] {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => quoted.concat(),
    }
}

impl Errors {
    pub(crate) fn new(mut errors: Vec<Error>) -> Self {
        errors.sort_by_key(|error| error.place);
        Self(errors)
    }

    /// The errors in the order of the file; at least one.
    pub fn iter(&self) -> impl Iterator<Item = &Error> {
        self.0.iter()
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Place { line, column }) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}
