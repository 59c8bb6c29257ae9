//! The `[mptcp]` table, which both files have.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::quantity::{self, Unit};
use crate::timeout;

/// Most subflows and accepted addresses that the kernel allows (`MPTCP_PM_ADDR_MAX`).
pub const ADDRESS_MAX: u8 = 8;

/// How this machine's kernel treats Multipath TCP. The sender decides, so edge and hub each set their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mptcp {
    /// Most subflows that a connection gets beside its first, 0 to 8.
    #[schemars(range(min = 0, max = 8))]
    pub subflows: u8,
    /// Most addresses announced by the other side that a connection opens subflows to, 0 to 8.
    #[schemars(range(min = 0, max = 8))]
    pub add_addr_accepted: u8,
    /// Retransmission time-outs in a row after which a path counts as stale and others take over (net.mptcp.stale_loss_cnt); 0 means never.
    pub stale_loss_count: u32,
    /// How long MPTCP stays unused after a network has swallowed its SYNs, in whole seconds (net.mptcp.blackhole_timeout, kernel 6.12 and newer); "0s" means that it is always tried again.
    #[serde(serialize_with = "timeout::serialize")]
    #[schemars(schema_with = "timeout::schema")]
    pub blackhole_timeout: Duration,
    /// Congestion control of each subflow, used where the kernel has it.
    pub congestion_control: CongestionControl,
    /// Upper bound of a connection's send and receive buffer (the third figure of tcp_wmem and tcp_rmem), 128KiB to 1GiB.
    pub buffer_max: ByteSize,
}

impl Default for Mptcp {
    fn default() -> Self {
        Self {
            subflows: ADDRESS_MAX,
            add_addr_accepted: ADDRESS_MAX,
            // The edge takes a silent path away after 0.2 s, and the kernel then sends again all that waits. With 1 it
            // has just done so by itself: all of it came twice, and a download stood still for 0.7 s instead of 0.33.
            stale_loss_count: 3,
            // The kernel's hour without MPTCP after one bad network is worse than one SYN tried in vain.
            blackhole_timeout: Duration::ZERO,
            congestion_control: CongestionControl("bbr".to_owned()),
            // 6 MiB lose 3 % at 380 Mb/s over paths of 20 and 60 ms.
            buffer_max: ByteSize(16 << 20),
        }
    }
}

/// Name of a congestion control algorithm as in `net.ipv4.tcp_available_congestion_control`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct CongestionControl(#[schemars(regex(pattern = r"^[A-Za-z0-9_-]{1,15}$"))] String);

/// The text is no name of a congestion control algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no congestion control; write a name as in net.ipv4.tcp_available_congestion_control, such as \"bbr\" or \"cubic\""
)]
pub struct CongestionControlError(String);

impl CongestionControl {
    /// The name for `TCP_CONGESTION` and the sysctl.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CongestionControl {
    type Err = CongestionControlError;

    fn from_str(text: &str) -> Result<Self, CongestionControlError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        // TCP_CA_NAME_MAX is 16 with the closing NUL.
        if (1..=15).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(CongestionControlError(text.to_owned()))
        }
    }
}

/// A number of bytes, written with a unit: `512KiB`, `16MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteSize(u64);

/// Why a text is not a buffer size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ByteSizeError {
    /// Not a whole number with a unit.
    #[error("{0:?} is no size; write a whole number with B, KiB, MiB or GiB, such as \"16MiB\"")]
    Syntax(String),
    /// Outside of what makes sense for a TCP buffer and fits the kernel's signed 32-bit figure.
    #[error("{0} is outside of 128KiB to 1GiB; write a size in between, such as \"16MiB\"")]
    Range(ByteSize),
}

impl ByteSize {
    const UNITS: [Unit; 4] = [
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
        ("B", 1),
    ];

    /// A size in bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let bytes = quantity::parse(text, &Self::UNITS);
        bytes
            .map(Self)
            .ok_or_else(|| ByteSizeError::Syntax(text.to_owned()))
    }
}

/// Reads a size that fits a TCP buffer.
pub(crate) fn buffer_size(text: &str) -> Result<ByteSize, ByteSizeError> {
    match text.parse()? {
        // The lower bound is the kernel's own initial receive buffer: a maximum below it makes no sense.
        size @ ByteSize(bytes) if (128 << 10..=1 << 30).contains(&bytes) => Ok(size),
        size => Err(ByteSizeError::Range(size)),
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quantity::show(self.0, &Self::UNITS))
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes with its unit, such as \"16MiB\".",
            "type": "string",
            "pattern": r"^\d+\s*(B|KiB|MiB|GiB)$",
        })
    }
}
