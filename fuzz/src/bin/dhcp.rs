//! A DHCP message from anyone on the link, and what the client does with it.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use netcfg::MacAddress;
use netcfg::dhcp::{Action, Event, Identity, Machine, Message};

const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = Message::parse(bytes) else {
        return;
    };
    assert_eq!(Message::parse(&message.encode()), Ok(message.clone()));
    let identity = Identity {
        mac: MAC,
        host_name: None,
    };
    let mut machine = Machine::new(identity, None, 1);
    let now = Instant::now();
    let mut actions = machine.handle(Event::CarrierUp, now);
    // Offer, grant and whatever else the kind says: each as the answer to what was sent last.
    for _ in 0..3 {
        let asked = actions.iter().find_map(|action| match action {
            Action::Send(asked, _) => Some(asked),
            _ => None,
        });
        let Some(asked) = asked else { break };
        let mut answer = message.clone();
        answer.transaction = asked.transaction;
        answer.client_mac = MAC;
        actions = machine.handle(Event::Received(&answer, MAC), now);
    }
});
