//! Addresses: list, add, replace, delete.

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope};

use super::{Changed, Failure, Netlink, address_family, prefix};
use crate::error::Error;
use crate::model::{Address, Scope};
use crate::types::{Family, InterfaceIndex};

impl Netlink {
    /// Every address of the namespace.
    pub async fn addresses(&self) -> Result<Vec<Address>, Error> {
        self.read_addresses()
            .await
            .map_err(|failure| failure.during("list addresses"))
    }

    /// Adds an address. IPv6 takes each address once per link, whatever its prefix.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the address is there with another prefix.
    pub async fn add_address(&self, address: &Address) -> Result<Changed, Error> {
        match self.put_address(address, NLM_F_CREATE | NLM_F_EXCL).await {
            Ok(()) => Ok(Changed(true)),
            Err(failure) if failure.errno() == Some(libc::EEXIST) => {
                self.address_is_there(address).await
            }
            Err(failure) => Err(self.address_error("add", address, failure).await),
        }
    }

    /// Adds an address, or makes the one that is there permanent and gives it the protocol.
    /// The kernel keeps the scope of one that is there, and for IPv4 its flags.
    pub async fn replace_address(&self, address: &Address) -> Result<Changed, Error> {
        let there = self.addresses().await?;
        let same = |other: &Address| {
            is_same(address, other) && !other.dynamic && other.protocol == address.protocol
        };
        if there.iter().any(same) {
            return Ok(Changed(false));
        }
        match self
            .put_address(address, NLM_F_CREATE | NLM_F_REPLACE)
            .await
        {
            Ok(()) => Ok(Changed(true)),
            Err(failure) => Err(self.address_error("replace", address, failure).await),
        }
    }

    /// Deletes the address with the same interface, address and prefix.
    ///
    /// With the first IPv4 address of a prefix go the others of that prefix, unless the sysctl
    /// `promote_secondaries` of the interface is 1.
    pub async fn delete_address(&self, address: &Address) -> Result<Changed, Error> {
        match self
            .change(RouteNetlinkMessage::DelAddress(message(address)), 0)
            .await
        {
            Ok(()) => Ok(Changed(true)),
            Err(failure) if is_gone(&failure) => Ok(Changed(false)),
            Err(failure) => Err(self.address_error("delete", address, failure).await),
        }
    }

    async fn address_is_there(&self, address: &Address) -> Result<Changed, Error> {
        let there = self.addresses().await?;
        if there.iter().any(|other| is_same(address, other)) {
            return Ok(Changed(false));
        }
        let on_link = |other: &&Address| {
            other.index == address.index && other.net.addr() == address.net.addr()
        };
        let present = there
            .iter()
            .find(on_link)
            .map_or("it is gone by now".into(), |other| other.net.to_string());
        let operation = self.describe_address("add", address).await;
        Err(Error::Conflict { operation, present })
    }

    async fn put_address(&self, address: &Address, flags: u16) -> Result<(), Failure> {
        let mut message = message(address);
        message.header.scope = u8::from(address.scope).into();
        let mut wanted = AddressFlags::empty();
        wanted.set(AddressFlags::Noprefixroute, address.no_prefix_route);
        wanted.set(AddressFlags::Nodad, address.no_dad);
        message.attributes.push(AddressAttribute::Flags(wanted));
        if let Some(protocol) = address.protocol {
            message
                .attributes
                .push(AddressAttribute::Protocol(protocol.into()));
        }
        self.change(RouteNetlinkMessage::NewAddress(message), flags)
            .await
    }

    async fn read_addresses(&self) -> Result<Vec<Address>, Failure> {
        let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        let answer = self.dump(request).await?;
        Ok(answer.into_iter().filter_map(address).collect())
    }

    async fn address_error(&self, verb: &str, address: &Address, failure: Failure) -> Error {
        failure.during(self.describe_address(verb, address).await)
    }

    async fn describe_address(&self, verb: &str, address: &Address) -> String {
        format!(
            "{verb} address {} dev {}",
            address.net,
            self.name_of(address.index).await
        )
    }
}

fn is_same(one: &Address, other: &Address) -> bool {
    one.index == other.index && one.net == other.net
}

/// The address is not there, or its interface is not.
fn is_gone(failure: &Failure) -> bool {
    matches!(failure.errno(), Some(libc::EADDRNOTAVAIL | libc::ENODEV))
}

/// What says which address is meant.
fn message(address: &Address) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = address_family(Family::of(address.net.addr()));
    message.header.prefix_len = address.net.prefix_len();
    message.header.index = address.index.0;
    // The kernel's "address" is the far end of a point-to-point link, else the same as "local".
    message.attributes = vec![
        AddressAttribute::Local(address.net.addr()),
        AddressAttribute::Address(address.net.addr()),
    ];
    message
}

/// `None` for what is no IP address (MCTP has some in the same list).
fn address(message: RouteNetlinkMessage) -> Option<Address> {
    let RouteNetlinkMessage::NewAddress(AddressMessage {
        header, attributes, ..
    }) = message
    else {
        return None;
    };
    let (mut local, mut far, mut protocol) = (None, None, None);
    let mut flags = AddressFlags::from_bits_retain(header.flags.bits().into());
    for attribute in attributes {
        match attribute {
            AddressAttribute::Local(address) => local = Some(address),
            AddressAttribute::Address(address) => far = Some(address),
            AddressAttribute::Flags(all) => flags = all,
            AddressAttribute::Protocol(number) => protocol = Some(number.into()),
            _ => {}
        }
    }
    let net = prefix(local.or(far)?, header.prefix_len)?;
    let mut address = Address::new(InterfaceIndex(header.index), net);
    address.scope = Scope::from(u8::from(header.scope));
    address.dynamic = !flags.contains(AddressFlags::Permanent);
    // The bit means "secondary" for IPv4.
    address.temporary = net.addr().is_ipv6() && flags.contains(AddressFlags::Secondary);
    address.tentative = flags.contains(AddressFlags::Tentative);
    address.deprecated = flags.contains(AddressFlags::Deprecated);
    address.no_prefix_route = flags.contains(AddressFlags::Noprefixroute);
    address.no_dad = flags.contains(AddressFlags::Nodad);
    address.protocol = protocol;
    Some(address)
}

impl From<u8> for Scope {
    fn from(number: u8) -> Self {
        match AddressScope::from(number) {
            AddressScope::Universe => Self::Global,
            AddressScope::Site => Self::Site,
            AddressScope::Link => Self::Link,
            AddressScope::Host => Self::Host,
            _ => Self::Other(number),
        }
    }
}

impl From<Scope> for u8 {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Global => AddressScope::Universe.into(),
            Scope::Site => AddressScope::Site.into(),
            Scope::Link => AddressScope::Link.into(),
            Scope::Host => AddressScope::Host.into(),
            Scope::Other(number) => number,
        }
    }
}
