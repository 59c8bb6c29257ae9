//! How long the records are that a relay makes.

use mptcp::{Transport, connection_info};
use relay::Rates;
use relay::copy::Leg;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::hostile::RawEdge;
use super::{Bench, Peer, plain_leg};
use crate::support::{in_netns, pattern, until};

#[test]
fn records_are_short_at_first_and_full_in_bulk() {
    in_netns(async || {
        let (mut edge, hub) = RawEdge::open().await;
        let (origin, onward) = plain_leg(Transport::Tcp).await;
        let (unused, _) = plain_leg(Transport::Tcp).await;
        let bench = Bench::relaying(
            (unused, Leg::Secure(Box::new(hub))),
            (origin, onward),
            Rates::default(),
        );
        let Peer::Plain(mut origin) = bench.origin else {
            panic!("it is plain")
        };
        let sending = tokio::spawn(async move {
            origin.write_all(&pattern(4 << 20)).await.unwrap();
            origin
        });
        let (mut bytes, mut records) = (Vec::new(), Vec::new());
        while bytes.len() < 4 << 20 {
            assert_ne!(edge.tcp.read_buf(&mut bytes).await.unwrap(), 0);
        }
        let mut rest = &bytes[..];
        while let Some([_, _, _, high, low]) = rest.first_chunk() {
            let len = 5 + usize::from(u16::from_be_bytes([*high, *low]));
            records.push(len);
            rest = rest.get(len..).unwrap_or_default();
        }
        let first: usize = records.iter().take_while(|len| **len < 1400).sum();
        assert!((60_000..100_000).contains(&first), "{first} in short ones");
        let full = records.iter().filter(|len| **len == 5 + 16384 + 17).count();
        assert!(full > 150, "{full} full records of {}", records.len());
        drop(sending.await.unwrap());
    });
}

/// MPTCP's scheduler may choose another path for each write.
#[test]
fn what_has_come_together_is_written_at_once() {
    in_netns(async || {
        const BYTES: usize = 30_000;
        let (mut edge, hub) = RawEdge::open().await;
        let (origin, onward) = plain_leg(Transport::Tcp).await;
        let Peer::Plain(mut origin) = origin else {
            panic!("it is plain")
        };
        origin.write_all(&pattern(BYTES)).await.unwrap();
        let Leg::Plain { stream, .. } = &onward else {
            panic!("it is plain")
        };
        let waiting = || rustix::io::ioctl_fionread(&**stream).unwrap();
        until("all has come", || waiting() == BYTES as u64).await;
        // While something is under way TCP may put two writes into one segment.
        let under_way = || connection_info(hub.tcp()).unwrap().subflows[0].unacked;
        until("nothing is under way", || under_way() == 0).await;
        let (unused, _) = plain_leg(Transport::Tcp).await;
        let before = segments_in(&edge);
        let _bench = Bench::relaying(
            (unused, Leg::Secure(Box::new(hub))),
            (Peer::Plain(origin), onward),
            Rates::default(),
        );
        let mut bytes = Vec::new();
        while bytes.len() < BYTES {
            assert_ne!(edge.tcp.read_buf(&mut bytes).await.unwrap(), 0);
        }
        // On loopback a packet takes half of the first window, 32 KiB.
        assert_eq!(segments_in(&edge) - before, 1);
    });
}

fn segments_in(edge: &RawEdge) -> u32 {
    connection_info(&edge.tcp).unwrap().subflows[0].segments_in
}
