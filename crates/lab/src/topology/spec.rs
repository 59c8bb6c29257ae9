use super::node::Uplink;
use crate::link::Profile;

/// What a lab is made from. `LabSpec::default()` is the standard one: uplinks `vdsl` and `lte`,
/// DHCP and router advertisements on both.
#[derive(Debug, Clone, PartialEq)]
pub struct LabSpec {
    /// The emulated links, the first is `eth1`'s. At most [`Uplink::MOST`].
    pub uplinks: Vec<UplinkSpec>,
    /// Access routers run a DHCP server.
    pub dhcp: bool,
    /// Access routers send router advertisements.
    pub ra: bool,
    /// The guest's uplinks are up and have static addresses of both families, a routing table
    /// (100 + uplink) and a source rule each, and default routes in the main table with the
    /// uplink's number as metric: plain MPTCP works without the edge.
    pub static_uplinks: bool,
    /// All access networks use 192.168.8.0/24, as two modems of one make do.
    pub same_subnet: bool,
}

/// One uplink of a lab.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UplinkSpec {
    /// How the emulated link behaves at first.
    pub profile: Profile,
    /// Largest IP packet in bytes.
    pub mtu: u16,
}

impl UplinkSpec {
    /// A link with the usual MTU of 1500 bytes.
    #[must_use]
    pub const fn new(profile: Profile) -> Self {
        Self { profile, mtu: 1500 }
    }
}

impl LabSpec {
    /// A lab with these links, DHCP and router advertisements.
    #[must_use]
    pub fn with_links(profiles: impl IntoIterator<Item = Profile>) -> Self {
        Self {
            uplinks: profiles.into_iter().map(UplinkSpec::new).collect(),
            dhcp: true,
            ra: true,
            static_uplinks: false,
            same_subnet: false,
        }
    }

    /// The same lab with static addresses on the guest's uplinks, without DHCP and router
    /// advertisements.
    #[must_use]
    pub fn with_static_uplinks(self) -> Self {
        Self {
            dhcp: false,
            ra: false,
            static_uplinks: true,
            ..self
        }
    }

    /// The numbers of the uplinks.
    pub fn uplinks(&self) -> impl Iterator<Item = Uplink> + use<> {
        (1..=self.uplinks.len().min(usize::from(u8::MAX)) as u8).filter_map(Uplink::new)
    }
}

impl Default for LabSpec {
    fn default() -> Self {
        Self::with_links([Profile::vdsl(), Profile::lte()])
    }
}
