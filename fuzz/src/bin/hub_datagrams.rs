//! Users' datagrams and the orders beside them, as either end reads them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::hub::datagram::{Content, Order, Packet};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(packet) = Packet::parse(bytes) {
        assert_eq!(packet.encode(), bytes);
        if let Packet::Once { content, .. } | Packet::Twice { content, .. } = packet
            && let Ok(content) = Content::parse(content)
        {
            assert_eq!(Content::parse(&content.encode()), Ok(content));
        }
    }
    if let Ok(order) = Order::parse(bytes) {
        let mut again = Vec::new();
        order.encode(&mut again);
        assert_eq!(again, bytes);
    }
});
