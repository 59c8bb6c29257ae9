//! A channel that nothing goes through.

use crate::pair::{Pair, receive, sealed};

#[test]
fn holds_no_buffer() {
    let Pair { mut edge, mut hub } = Pair::established();
    assert_eq!(
        (edge.outgoing().capacity(), hub.outgoing().capacity()),
        (0, 0)
    );
    for _ in 0..3 {
        let mut bytes = sealed(&mut edge, &[1; 16384]);
        assert_eq!(receive(&mut hub, &mut bytes).unwrap().len(), 1);
        assert_eq!(
            (edge.outgoing().capacity(), hub.outgoing().capacity()),
            (0, 0)
        );
    }
}

#[test]
fn gives_back_what_the_handshake_took() {
    let Pair { mut edge, mut hub } = Pair::new();
    // As a caller does that writes from the front and leaves the rest.
    let mut hello = edge.outgoing().clone();
    let len = edge.outgoing().len();
    edge.outgoing().drain(..len);
    assert_eq!(edge.outgoing().capacity(), 0);
    receive(&mut hub, &mut hello).unwrap();
    hub.outgoing().clear();
    assert_eq!(hub.outgoing().capacity(), 0);
}
