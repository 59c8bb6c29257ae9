//! The order of frames: what both ends of a connection make of it, whatever the frames' order and
//! delay are; and what each makes of an end that keeps to no order.
#![no_main]

use std::collections::VecDeque;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wire::hub::{Conversation, Frame, Kind, Role, frames};

fuzz_target!(|bytes: &[u8]| {
    hostile(bytes);
    Pair::new().play(bytes);
});

/// The bytes are records, each with its length before it, of an end that may send anything.
fn hostile(mut bytes: &[u8]) {
    let mut ends = [Role::Edge, Role::Hub].map(Conversation::new);
    while let Some((len, rest)) = bytes.split_first() {
        let (record, rest) = rest.split_at(rest.len().min((*len).into()));
        bytes = rest;
        for frame in frames(record).map_while(Result::ok) {
            for end in &mut ends {
                let before = end.clone();
                if let Err(violation) = end.received(&frame) {
                    assert_eq!(*end, before, "{violation}");
                }
                check(end);
            }
        }
    }
}

fn check(end: &Conversation) {
    let states = [
        end.is_idle(),
        end.is_opening(),
        end.is_open(),
        end.is_over(),
    ];
    assert!(states.iter().filter(|state| **state).count() <= 1);
}

/// Two ends that send what they may, and what is on its way between them.
struct Pair {
    edge: Conversation,
    hub: Conversation,
    to_hub: VecDeque<Frame<'static>>,
    to_edge: VecDeque<Frame<'static>>,
}

impl Pair {
    fn new() -> Self {
        Self {
            edge: Conversation::new(Role::Edge),
            hub: Conversation::new(Role::Hub),
            to_hub: VecDeque::new(),
            to_edge: VecDeque::new(),
        }
    }

    fn play(mut self, events: &[u8]) {
        for event in events {
            match event {
                0..64 => send(&mut self.edge, &mut self.to_hub, *event),
                64..128 => send(&mut self.hub, &mut self.to_edge, event - 64),
                128..192 => deliver(&mut self.to_hub, &mut self.hub),
                192.. => deliver(&mut self.to_edge, &mut self.edge),
            }
        }
        while !self.to_hub.is_empty() || !self.to_edge.is_empty() {
            deliver(&mut self.to_hub, &mut self.hub);
            deliver(&mut self.to_edge, &mut self.edge);
        }
        let view = |end: &Conversation| {
            (
                end.is_idle(),
                end.is_opening(),
                end.is_open(),
                end.is_over(),
            )
        };
        assert_eq!(view(&self.edge), view(&self.hub));
    }
}

/// Sends the frame with that type, if it may be sent now.
fn send(end: &mut Conversation, queue: &mut VecDeque<Frame<'static>>, number: u8) {
    let Some(frame) = frame(number) else {
        return;
    };
    if end.sent(frame.kind()).is_ok() {
        queue.push_back(frame);
    }
    check(end);
}

fn deliver(queue: &mut VecDeque<Frame<'static>>, end: &mut Conversation) {
    if let Some(frame) = queue.pop_front() {
        end.received(&frame)
            .expect("what may be sent may be received");
        check(end);
    }
}

/// A record for each type of frame.
static RECORDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let payloads: [(Kind, &[u8]); 12] = [
        (Kind::Hello, b"manypath\x01\x01\0"),
        (Kind::Welcome, b"\x01\0"),
        (Kind::Refused, b"\0\x01\x01\x01"),
        (Kind::Open, b"\x01\0\x50\x01\xc0\0\x02\x01"),
        (Kind::Opened, b"\x01\xc0\0\x02\x01\0\x50"),
        (Kind::OpenRefused, b"\0\x01"),
        (Kind::Data, b"x"),
        (Kind::Fin, b""),
        (Kind::Abort, b""),
        (Kind::Ping, &[0; 8]),
        (Kind::Pong, &[0; 8]),
        (Kind::GoAway, b""),
    ];
    let record = |(kind, payload): (Kind, &[u8])| {
        let len = u8::try_from(payload.len()).expect("short");
        [&[kind as u8, 0, len], payload].concat()
    };
    payloads.map(record).to_vec()
});

fn frame(number: u8) -> Option<Frame<'static>> {
    let record = RECORDS.iter().find(|record| record[0] == number)?;
    Some(frames(record).next()?.expect("it is right"))
}
