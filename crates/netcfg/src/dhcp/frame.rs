//! IPv4 and UDP around a DHCP message, for a socket that works below IP.

use std::net::{Ipv4Addr, SocketAddrV4};

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};

const TIME_TO_LIVE: u8 = 64;

/// An IPv4 packet with one UDP datagram. `None` if `payload` is too long for one.
pub(super) fn wrap(
    source: SocketAddrV4,
    destination: SocketAddrV4,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let builder = PacketBuilder::ipv4(
        source.ip().octets(),
        destination.ip().octets(),
        TIME_TO_LIVE,
    )
    .udp(source.port(), destination.port());
    let mut packet = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut packet, payload).ok()?;
    Some(packet)
}

/// Source, destination and payload of an unfragmented IPv4 packet with UDP inside.
///
/// Checksums are not looked at: the UDP checksum of a packet from the same machine (veth, a VM's
/// switch) is partial, because the kernel expects a network card to finish it. Bytes behind the IP
/// packet (Ethernet padding) are ignored.
pub(super) fn unwrap(packet: &[u8]) -> Option<(SocketAddrV4, SocketAddrV4, &[u8])> {
    let sliced = SlicedPacket::from_ip(packet).ok()?;
    let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Udp(udp))) = (sliced.net, sliced.transport)
    else {
        return None;
    };
    let source = SocketAddrV4::new(Ipv4Addr::from(ip.header().source()), udp.source_port());
    let destination = SocketAddrV4::new(
        Ipv4Addr::from(ip.header().destination()),
        udp.destination_port(),
    );
    Some((source, destination, udp.payload()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_comes_back_also_with_padding_and_a_partial_checksum() {
        let [source, destination] =
            ["0.0.0.0:68", "255.255.255.255:67"].map(|text| text.parse().unwrap());
        let mut packet = wrap(source, destination, b"message").unwrap();
        packet[26..28].copy_from_slice(&[0xde, 0xad]);
        packet.extend([0; 11]);
        assert_eq!(
            unwrap(&packet),
            Some((source, destination, &b"message"[..]))
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = unwrap(&bytes);
            if let Some(first) = bytes.first_mut() {
                *first = 0x45;
            }
            let _ = unwrap(&bytes);
        }
    }
}
