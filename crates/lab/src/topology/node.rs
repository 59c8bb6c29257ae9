use std::fmt;

/// A machine of the lab: one network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// The PC's Windows side.
    Windows,
    /// The Linux where the edge runs.
    Guest,
    /// The router (home router, mobile phone) that an uplink leads to.
    Access(Uplink),
    /// The Internet between the access networks and the servers.
    Core,
    /// The server where MPTCP ends.
    Hub,
    /// The server that the user's program wants to reach.
    Origin,
}

/// The number of an uplink: 1 for `eth1` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uplink(u8);

impl Uplink {
    /// `eth1`.
    pub const FIRST: Self = Self(1);
    /// `eth2`.
    pub const SECOND: Self = Self(2);
    /// `eth3`.
    pub const THIRD: Self = Self(3);
    /// The lab's addresses are enough for this many.
    pub const MOST: u8 = 60;

    /// The uplink of that number; `None` unless 1 ≤ `number` ≤ [`Uplink::MOST`].
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 1 && number <= Self::MOST {
            Some(Self(number))
        } else {
            None
        }
    }

    /// 1 for `eth1` and so on.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its place in a list of uplinks: 0 for `eth1`.
    #[must_use]
    pub const fn position(self) -> usize {
        self.0 as usize - 1
    }
}

impl fmt::Display for Uplink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Windows => f.pad("windows"),
            Self::Guest => f.pad("guest"),
            Self::Access(uplink) => f.pad(&format!("access{uplink}")),
            Self::Core => f.pad("core"),
            Self::Hub => f.pad("hub"),
            Self::Origin => f.pad("origin"),
        }
    }
}
