//! Puts datagrams together that were too large for one QUIC datagram.

use std::collections::VecDeque;

use wire::hub::datagram::FlowId;

/// How many datagrams may be waiting for parts at once, of all flows of a session.
const MOST_WAITING: usize = 32;

/// The most bytes of a user's datagram (UDP over IPv4) and the address before it.
const MOST_BYTES: usize = 65_507 + 3 + 256;

/// Datagrams that lack parts, the oldest first.
#[derive(Debug, Default)]
pub struct Parts(VecDeque<Waiting>);

#[derive(Debug)]
struct Waiting {
    flow: FlowId,
    number: u32,
    parts: Vec<Option<Box<[u8]>>>,
}

impl Parts {
    /// Takes a part; gives the whole with the last one that was missing. Parts of a datagram that don't fit
    /// together are dropped with it, and so is what waits for longest when there is too much.
    pub fn add(
        &mut self,
        (flow, number): (FlowId, u32),
        (index, last): (u8, u8),
        bytes: &[u8],
    ) -> Option<Vec<u8>> {
        let count = usize::from(last) + 1;
        let is_it = |it: &Waiting| (it.flow, it.number, it.parts.len()) == (flow, number, count);
        let at = match self.0.iter().position(is_it) {
            Some(at) => at,
            None => {
                if self.0.len() == MOST_WAITING {
                    self.0.pop_front();
                }
                self.0.push_back(Waiting {
                    flow,
                    number,
                    parts: vec![None; count],
                });
                self.0.len() - 1
            }
        };
        let parts = &mut self.0[at].parts;
        *parts.get_mut(usize::from(index))? = Some(bytes.into());
        if parts.iter().any(Option::is_none) {
            return None;
        }
        let whole = self.0.remove(at)?.parts.into_iter().flatten();
        let whole: Vec<u8> = whole.flatten().collect();
        (whole.len() <= MOST_BYTES).then_some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: FlowId = FlowId(1);

    #[test]
    fn parts_come_in_any_order_and_more_than_once() {
        let mut parts = Parts::default();
        assert_eq!(parts.add((FLOW, 1), (1, 2), b"b"), None);
        assert_eq!(parts.add((FLOW, 2), (0, 1), b"x"), None);
        assert_eq!(parts.add((FLOW, 1), (1, 2), b"b"), None);
        assert_eq!(parts.add((FLOW, 1), (2, 2), b"c"), None);
        assert_eq!(parts.add((FlowId(2), 1), (0, 2), b"-"), None);
        let whole = parts.add((FLOW, 1), (0, 2), b"a");
        assert_eq!(whole.as_deref(), Some(&b"abc"[..]));
        let whole = parts.add((FLOW, 2), (1, 1), b"y");
        assert_eq!(whole.as_deref(), Some(&b"xy"[..]));
    }

    #[test]
    fn what_never_becomes_whole_makes_room() {
        let mut parts = Parts::default();
        for number in 0..1000 {
            assert_eq!(parts.add((FLOW, number), (0, 1), &[0; 1200]), None);
        }
        assert_eq!(parts.0.len(), MOST_WAITING);
        assert!(parts.add((FLOW, 999), (1, 1), b"y").is_some());
        assert_eq!(parts.add((FLOW, 0), (1, 1), b"y"), None);
    }

    #[test]
    fn nothing_is_larger_than_a_datagram_can_be() {
        let mut parts = Parts::default();
        let half = vec![0; 40_000];
        assert_eq!(parts.add((FLOW, 1), (0, 1), &half), None);
        assert_eq!(parts.add((FLOW, 1), (1, 1), &half), None);
    }
}
