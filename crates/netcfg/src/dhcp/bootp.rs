//! The DHCP message (RFC 2131 section 2): fixed fields and options, bytes in and out.

#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;

use super::option::{OptionCode, OptionSet};
use crate::MacAddress;

const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];
const ETHERNET: u8 = 1;
const MAC_LENGTH: u8 = 6;
const BROADCAST_FLAG: u16 = 0x8000;
const SERVER_NAME_LENGTH: usize = 64;
const FILE_LENGTH: usize = 128;
/// Some servers and relays drop messages below the size of a BOOTP message (RFC 1542 2.1).
const SMALLEST_MESSAGE: usize = 300;
/// Values of the overload option (RFC 2132 9.3).
const OVERLOADS_FILE: u8 = 1;
const OVERLOADS_SERVER_NAME: u8 = 2;

/// Who speaks: the `op` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Client to server.
    Request,
    /// Server to client.
    Reply,
}

/// The DHCP message type, option 53 (RFC 2132 9.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the RFC")]
pub enum MessageType {
    Discover,
    Offer,
    Request,
    Decline,
    Ack,
    Nak,
    Release,
    Inform,
}

impl MessageType {
    const ALL: [Self; 8] = [
        Self::Discover,
        Self::Offer,
        Self::Request,
        Self::Decline,
        Self::Ack,
        Self::Nak,
        Self::Release,
        Self::Inform,
    ];

    fn number(self) -> u8 {
        self as u8 + 1
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// One DHCP message on Ethernet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub operation: Operation,
    /// What it says.
    pub kind: MessageType,
    /// The client's random number for this exchange.
    pub transaction: u32,
    /// Seconds since the client began the exchange.
    pub elapsed_seconds: u16,
    /// The client asks for replies by broadcast.
    pub broadcast: bool,
    /// `ciaddr`: the address that the client uses, or 0.0.0.0.
    pub client_address: Ipv4Addr,
    /// `yiaddr`: the address that the server offers or grants.
    pub your_address: Ipv4Addr,
    /// `giaddr`: the relay agent, or 0.0.0.0.
    pub relay_address: Ipv4Addr,
    /// `chaddr`: the client's MAC.
    pub client_mac: MacAddress,
    /// All options except the message type, which is `kind`, and overload, which the codec resolves.
    pub options: OptionSet,
}

/// Why bytes are not a DHCP message for Ethernet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The fixed part is cut.
    #[error("the DHCP message is cut short")]
    Truncated,
    /// Plain BOOTP or noise.
    #[error("the message lacks the DHCP magic cookie")]
    NotDhcp,
    /// `op` is neither 1 nor 2.
    #[error("the DHCP message is neither request nor reply")]
    UnknownOperation,
    /// Another hardware type or address length.
    #[error("the DHCP message is not for Ethernet")]
    NotEthernet,
    /// Option 53 is absent or unknown.
    #[error("the DHCP message has no known type")]
    UnknownType,
}

impl Message {
    /// A client's message with no addresses and no options.
    #[must_use]
    pub fn request(kind: MessageType, transaction: u32, client_mac: MacAddress) -> Self {
        Self {
            operation: Operation::Request,
            kind,
            transaction,
            elapsed_seconds: 0,
            broadcast: false,
            client_address: Ipv4Addr::UNSPECIFIED,
            your_address: Ipv4Addr::UNSPECIFIED,
            relay_address: Ipv4Addr::UNSPECIFIED,
            client_mac,
            options: OptionSet::new(),
        }
    }

    /// A server's answer to `self`: what RFC 2131 table 3 copies, and no options.
    #[must_use]
    pub fn reply(&self, kind: MessageType) -> Self {
        Self {
            operation: Operation::Reply,
            kind,
            elapsed_seconds: 0,
            client_address: if kind == MessageType::Ack {
                self.client_address
            } else {
                Ipv4Addr::UNSPECIFIED
            },
            your_address: Ipv4Addr::UNSPECIFIED,
            options: OptionSet::new(),
            ..*self
        }
    }

    /// Reads the payload of a UDP datagram.
    ///
    /// # Errors
    /// Bytes that are not a DHCP message. A malformed option is not an error: it and the rest of
    /// its field are left out.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader(bytes);
        let fixed = Fixed::read(&mut reader).ok_or(ParseError::Truncated)?;
        if fixed.cookie != MAGIC_COOKIE {
            return Err(ParseError::NotDhcp);
        }
        let operation = match fixed.operation {
            1 => Operation::Request,
            2 => Operation::Reply,
            _ => return Err(ParseError::UnknownOperation),
        };
        if (fixed.hardware, fixed.mac_length) != (ETHERNET, MAC_LENGTH) {
            return Err(ParseError::NotEthernet);
        }
        let mut options = fixed.options(reader.0);
        let kind = options
            .byte(OptionCode::MESSAGE_TYPE)
            .and_then(MessageType::from_number);
        options.remove(OptionCode::MESSAGE_TYPE);
        options.remove(OptionCode::OVERLOAD);
        Ok(Self {
            operation,
            kind: kind.ok_or(ParseError::UnknownType)?,
            transaction: fixed.transaction,
            elapsed_seconds: fixed.elapsed_seconds,
            broadcast: fixed.flags & BROADCAST_FLAG != 0,
            client_address: fixed.client_address,
            your_address: fixed.your_address,
            relay_address: fixed.relay_address,
            client_mac: fixed.client_mac,
            options,
        })
    }

    /// The payload of a UDP datagram, at least 300 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let operation = match self.operation {
            Operation::Request => 1,
            Operation::Reply => 2,
        };
        let mut out = vec![operation, ETHERNET, MAC_LENGTH, 0];
        out.extend(self.transaction.to_be_bytes());
        out.extend(self.elapsed_seconds.to_be_bytes());
        out.extend(if self.broadcast { BROADCAST_FLAG } else { 0 }.to_be_bytes());
        // Between yiaddr and giaddr stands siaddr, the next boot server: not used here.
        for address in [
            self.client_address,
            self.your_address,
            Ipv4Addr::UNSPECIFIED,
            self.relay_address,
        ] {
            out.extend(address.octets());
        }
        out.extend(self.client_mac.0);
        out.resize(out.len() + 10 + SERVER_NAME_LENGTH + FILE_LENGTH, 0);
        out.extend(MAGIC_COOKIE);
        out.extend([OptionCode::MESSAGE_TYPE.0, 1, self.kind.number()]);
        self.options.write(&mut out);
        out.resize(out.len().max(SMALLEST_MESSAGE), 0);
        out
    }
}

/// The fixed fields as they are on the wire.
struct Fixed<'a> {
    operation: u8,
    hardware: u8,
    mac_length: u8,
    transaction: u32,
    elapsed_seconds: u16,
    flags: u16,
    client_address: Ipv4Addr,
    your_address: Ipv4Addr,
    relay_address: Ipv4Addr,
    client_mac: MacAddress,
    server_name: &'a [u8],
    file: &'a [u8],
    cookie: [u8; 4],
}

impl<'a> Fixed<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let [operation, hardware, mac_length, _hops] = reader.array()?;
        let transaction = u32::from_be_bytes(reader.array()?);
        let elapsed_seconds = u16::from_be_bytes(reader.array()?);
        let flags = u16::from_be_bytes(reader.array()?);
        let client_address = Ipv4Addr::from(reader.array::<4>()?);
        let your_address = Ipv4Addr::from(reader.array::<4>()?);
        let _next_server = reader.array::<4>()?;
        let relay_address = Ipv4Addr::from(reader.array::<4>()?);
        let client_mac = MacAddress(reader.array()?);
        let _rest_of_hardware_address = reader.array::<10>()?;
        Some(Self {
            operation,
            hardware,
            mac_length,
            transaction,
            elapsed_seconds,
            flags,
            client_address,
            your_address,
            relay_address,
            client_mac,
            server_name: reader.slice(SERVER_NAME_LENGTH)?,
            file: reader.slice(FILE_LENGTH)?,
            cookie: reader.array()?,
        })
    }

    /// The options of the options field and, where it says so, of `file`, then `sname`
    /// (RFC 2131 4.1). Overload inside those two fields has no meaning.
    fn options(&self, field: &[u8]) -> OptionSet {
        let mut options = OptionSet::new();
        options.read(field);
        let overload = options.byte(OptionCode::OVERLOAD).unwrap_or(0);
        if overload & OVERLOADS_FILE != 0 {
            options.read(self.file);
        }
        if overload & OVERLOADS_SERVER_NAME != 0 {
            options.read(self.server_name);
        }
        options
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }
}
