//! What holds whatever happens.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Input {
    Up,
    Down,
    Strike,
    Later(u32),
    Reply {
        kind: MessageType,
        address: [u8; 4],
        seconds: u32,
    },
}

fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let kinds = prop::sample::select(vec![MessageType::Offer, MessageType::Ack, MessageType::Nak]);
    let input = prop_oneof![
        1 => Just(Input::Up),
        1 => Just(Input::Down),
        4 => Just(Input::Strike),
        1 => any::<u32>().prop_map(Input::Later),
        8 => (kinds, prop_oneof![Just([10, 0, 0, 50]), any::<[u8; 4]>()], any::<u32>())
            .prop_map(|(kind, address, seconds)| Input::Reply { kind, address, seconds }),
    ];
    prop::collection::vec(input, 0..60)
}

proptest! {
    /// Whatever happens: gained and lost alternate, an expired lease is never held on, and
    /// with carrier there is a timer unless the lease has no end.
    #[test]
    fn the_lease_story_is_consistent(inputs in inputs()) {
        let mut bench = Bench::new(None);
        let mut carrier = false;
        let mut held: Option<Lease> = None;
        let mut last = Message::request(MessageType::Discover, 0, MAC);
        for input in inputs {
            let actions = match input {
                Input::Up => { carrier = true; bench.event(Event::CarrierUp) }
                Input::Down => { carrier = false; bench.event(Event::CarrierDown) }
                Input::Strike if bench.timer.is_some() => bench.strike(),
                Input::Strike => bench.event(Event::Timer),
                Input::Later(seconds) => {
                    bench.now += Duration::from_secs(seconds.into());
                    bench.event(Event::Timer)
                }
                Input::Reply { kind, address, seconds } => {
                    let mut message = reply(&last, kind, address.into());
                    message.options.set(OptionCode::LEASE_TIME, seconds.to_be_bytes());
                    bench.receive(&message)
                }
            };
            for action in actions {
                match action {
                    Action::Send(message, _) => { prop_assert!(carrier); last = *message; }
                    Action::Gained(lease) => { prop_assert!(held.is_none()); held = Some(lease); }
                    Action::Changed(lease) => { prop_assert!(held.is_some()); held = Some(lease); }
                    Action::Lost => { prop_assert!(held.is_some()); held = None; }
                    Action::SetTimer(_) => {}
                }
            }
            let expires = held.as_ref().and_then(Lease::expires);
            prop_assert!(expires.is_none_or(|end| end > bench.now || bench.timer == Some(end)));
            let endless = held.as_ref().is_some_and(|lease| lease.duration.is_none());
            prop_assert!(bench.timer.is_some() || !carrier || endless);
        }
    }
}
