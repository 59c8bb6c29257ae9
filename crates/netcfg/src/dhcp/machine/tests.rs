//! The state machine against a server made of single answers, on a clock that the test moves.

mod properties;

use super::*;

const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const SERVER_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 0xfe]);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 50);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 60);
const LEASE: Duration = Duration::from_secs(3600);

/// A machine, its clock and its timer.
struct Bench {
    machine: Machine,
    start: Instant,
    now: Instant,
    timer: Option<Instant>,
}

impl Bench {
    fn new(previous: Option<Ipv4Addr>) -> Self {
        let identity = Identity {
            mac: MAC,
            host_name: None,
        };
        let start = Instant::now();
        Self {
            machine: Machine::new(identity, previous, 7),
            start,
            now: start,
            timer: None,
        }
    }

    /// Bound to `ADDRESS` for `LEASE`, at the time 0.
    fn bound() -> Self {
        let mut bench = Self::new(None);
        let discover = sent(&bench.event(Event::CarrierUp));
        let request = sent(&bench.receive(&offer(&discover, ADDRESS)));
        let actions = bench.receive(&ack(&request, ADDRESS));
        assert!(matches!(
            &actions[..],
            [Action::Gained(_), Action::SetTimer(Some(_))]
        ));
        bench
    }

    fn event(&mut self, event: Event<'_>) -> Vec<Action> {
        let actions = self.machine.handle(event, self.now);
        for action in &actions {
            if let Action::SetTimer(time) = action {
                self.timer = *time;
            }
        }
        actions
    }

    fn receive(&mut self, message: &Message) -> Vec<Action> {
        self.event(Event::Received(message, SERVER_MAC))
    }

    /// Moves the clock to the timer and lets it strike.
    fn strike(&mut self) -> Vec<Action> {
        self.now = self.timer.expect("a timer is set");
        self.event(Event::Timer)
    }

    fn elapsed(&self) -> f64 {
        (self.now - self.start).as_secs_f64()
    }
}

fn reply(to: &Message, kind: MessageType, address: Ipv4Addr) -> Message {
    let mut reply = to.reply(kind);
    reply.your_address = address;
    reply
        .options
        .set_address(OptionCode::SERVER_ID, SERVER)
        .set_address(OptionCode::SUBNET_MASK, Ipv4Addr::new(255, 255, 255, 0))
        .set_seconds(OptionCode::LEASE_TIME, LEASE);
    reply
}

fn offer(to: &Message, address: Ipv4Addr) -> Message {
    reply(to, MessageType::Offer, address)
}

fn ack(to: &Message, address: Ipv4Addr) -> Message {
    reply(to, MessageType::Ack, address)
}

fn nak(to: &Message) -> Message {
    reply(to, MessageType::Nak, Ipv4Addr::UNSPECIFIED)
}

fn sends(actions: &[Action]) -> Vec<(&Message, Target)> {
    let send = |action| match action {
        &Action::Send(ref message, target) => Some((&**message, target)),
        _ => None,
    };
    actions.iter().filter_map(send).collect()
}

/// The one message among the actions.
fn sent(actions: &[Action]) -> Message {
    match sends(actions)[..] {
        [(message, _)] => message.clone(),
        _ => panic!("not one message: {actions:?}"),
    }
}

fn kinds(actions: &[Action]) -> Vec<MessageType> {
    sends(actions)
        .iter()
        .map(|(message, _)| message.kind)
        .collect()
}

fn loses(actions: &[Action]) -> bool {
    actions.contains(&Action::Lost)
}

#[test]
fn a_lease_takes_discover_and_request() {
    let mut bench = Bench::new(None);
    let discover = sent(&bench.event(Event::CarrierUp));
    assert_eq!(discover.kind, MessageType::Discover);
    assert_eq!(discover.client_address, Ipv4Addr::UNSPECIFIED);
    assert_eq!(
        discover.options.get(OptionCode::CLIENT_ID),
        Some(&[1, 2, 0, 0, 0, 0, 1][..])
    );

    let actions = bench.receive(&offer(&discover, ADDRESS));
    let request = sent(&actions);
    assert_eq!(request.kind, MessageType::Request);
    assert_eq!(request.transaction, discover.transaction);
    assert_eq!(
        request.options.address(OptionCode::REQUESTED_ADDRESS),
        Some(ADDRESS)
    );
    assert_eq!(request.options.address(OptionCode::SERVER_ID), Some(SERVER));
    assert_eq!(sends(&actions)[0].1.destination, Ipv4Addr::BROADCAST);

    match &bench.receive(&ack(&request, ADDRESS))[..] {
        [Action::Gained(lease), Action::SetTimer(Some(time))] => {
            assert_eq!(lease.address.addr(), ADDRESS);
            assert_eq!(*time, bench.start + LEASE / 2);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn lost_discovers_are_repeated_early_then_slower_and_the_broadcast_flag_toggles() {
    let mut bench = Bench::new(None);
    let first = sent(&bench.event(Event::CarrierUp));
    assert!(first.broadcast);
    let mut flag = true;
    let mut before = bench.elapsed();
    for nominal in [0.25, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0] {
        let again = sent(&bench.strike());
        let wait = bench.elapsed() - before;
        assert!(
            (nominal * 0.9..=nominal * 1.1).contains(&wait),
            "{wait} is not about {nominal}"
        );
        before = bench.elapsed();
        flag = !flag;
        assert_eq!((again.kind, again.broadcast), (MessageType::Discover, flag));
        assert_eq!(again.transaction, first.transaction);
        assert_eq!(f64::from(again.elapsed_seconds), before.floor());
    }
}

#[test]
fn an_offer_that_nobody_confirms_leads_to_a_new_search() {
    let mut bench = Bench::new(None);
    let discover = sent(&bench.event(Event::CarrierUp));
    bench.receive(&offer(&discover, ADDRESS));
    for _ in 1..REQUEST_ATTEMPTS {
        assert_eq!(kinds(&bench.strike()), [MessageType::Request]);
    }
    let again = sent(&bench.strike());
    assert_eq!(again.kind, MessageType::Discover);
    assert_ne!(again.transaction, discover.transaction);
    assert!(bench.elapsed() < 10.0);
}

#[test]
fn the_lease_is_renewed_at_t1_with_the_server_that_gave_it() {
    let mut bench = Bench::bound();
    let actions = bench.strike();
    assert_eq!(bench.now, bench.start + LEASE / 2);
    let [(request, target)] = sends(&actions)[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(request.client_address, ADDRESS);
    assert_eq!(
        request.options.get(OptionCode::SERVER_ID),
        None,
        "RFC 2131 4.3.6"
    );
    assert_eq!(
        request.options.get(OptionCode::REQUESTED_ADDRESS),
        None,
        "RFC 2131 4.3.6"
    );
    assert_eq!(
        target,
        Target {
            source: ADDRESS,
            destination: SERVER,
            mac: SERVER_MAC
        }
    );
    let request = request.clone();
    let actions = bench.receive(&ack(&request, ADDRESS));
    let [Action::Changed(lease), Action::SetTimer(Some(time))] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(lease.obtained, bench.now);
    assert_eq!(*time, bench.now + LEASE / 2);
}

#[test]
fn a_server_that_vanished_costs_the_lease_only_at_its_end() {
    let mut bench = Bench::bound();
    let (mut unicast, mut broadcast) = (0, 0);
    let end = bench.start + LEASE;
    let rebind = bench.start + LEASE * 7 / 8;
    let actions = loop {
        let actions = bench.strike();
        if bench.now >= end {
            break actions;
        }
        assert!(!loses(&actions), "lost at {}", bench.elapsed());
        for (request, target) in sends(&actions) {
            assert_eq!(
                (request.kind, request.client_address),
                (MessageType::Request, ADDRESS)
            );
            if target.destination == Ipv4Addr::BROADCAST {
                assert!(bench.now >= rebind, "rebinds early, at {}", bench.elapsed());
                assert_eq!(target.source, ADDRESS);
                broadcast += 1;
            } else {
                assert!(bench.now < rebind, "renews late, at {}", bench.elapsed());
                unicast += 1;
            }
        }
    };
    assert_eq!(bench.now, end);
    assert!(loses(&actions), "{actions:?}");
    assert_eq!(kinds(&actions), [MessageType::Discover]);
    assert!((3..12).contains(&unicast), "{unicast} renewals");
    assert!((3..12).contains(&broadcast), "{broadcast} rebinds");
}

#[test]
fn any_server_may_grant_a_rebind() {
    let mut bench = Bench::bound();
    bench.now = bench.start + LEASE * 7 / 8;
    let request = sent(&bench.event(Event::Timer));
    let mut answer = ack(&request, ADDRESS);
    answer.options.set_address(OptionCode::SERVER_ID, OTHER);
    let actions = bench.receive(&answer);
    assert!(
        matches!(&actions[0], Action::Changed(lease) if lease.server == OTHER),
        "{actions:?}"
    );
}

#[test]
fn a_refused_renewal_or_rebind_loses_the_address_and_searches_at_once() {
    for phase in [LEASE / 2, LEASE * 7 / 8] {
        let mut bench = Bench::bound();
        bench.now = bench.start + phase;
        let request = sent(&bench.event(Event::Timer));
        let actions = bench.receive(&nak(&request));
        assert!(loses(&actions));
        let discover = sent(&actions);
        assert_eq!(discover.kind, MessageType::Discover);
        assert_eq!(discover.options.get(OptionCode::REQUESTED_ADDRESS), None);
    }
}

#[test]
fn a_server_that_refuses_what_it_offers_is_asked_at_growing_intervals() {
    let mut bench = Bench::new(None);
    let mut actions = bench.event(Event::CarrierUp);
    let mut pauses = Vec::new();
    for _ in 0..5 {
        if sends(&actions).is_empty() {
            let before = bench.elapsed();
            actions = bench.strike();
            pauses.push((bench.elapsed() - before).round());
        }
        let request = sent(&bench.receive(&offer(&sent(&actions), ADDRESS)));
        actions = bench.receive(&nak(&request));
        assert!(!loses(&actions), "there was no lease");
    }
    assert_eq!(pauses, [1.0, 2.0, 4.0]);
}

#[test]
fn a_nak_without_a_question_and_one_of_a_foreign_server_are_ignored() {
    let mut bench = Bench::new(None);
    let discover = sent(&bench.event(Event::CarrierUp));
    assert_eq!(bench.receive(&nak(&discover)), [], "while selecting");
    let request = sent(&bench.receive(&offer(&discover, ADDRESS)));
    let mut foreign = nak(&request);
    foreign.options.set_address(OptionCode::SERVER_ID, OTHER);
    assert_eq!(bench.receive(&foreign), [], "while requesting");
    bench.receive(&ack(&request, ADDRESS));
    assert_eq!(bench.receive(&nak(&request)), [], "while bound");
    let renewal = sent(&bench.strike());
    let mut foreign = nak(&renewal);
    foreign.options.set_address(OptionCode::SERVER_ID, OTHER);
    assert_eq!(bench.receive(&foreign), [], "while renewing");
}

#[test]
fn replies_to_others_are_ignored() {
    let mut bench = Bench::new(None);
    let discover = sent(&bench.event(Event::CarrierUp));
    let good = offer(&discover, ADDRESS);
    let spoil: [fn(&mut Message); 6] = [
        |message| message.transaction ^= 1,
        |message| message.client_mac = SERVER_MAC,
        |message| message.operation = Operation::Request,
        |message| message.your_address = Ipv4Addr::BROADCAST,
        |message| {
            message.options.set(OptionCode::SERVER_ID, []);
        },
        |message| message.kind = MessageType::Ack,
    ];
    for (number, spoil) in spoil.iter().enumerate() {
        let mut message = good.clone();
        spoil(&mut message);
        assert_eq!(bench.receive(&message), [], "number {number}");
    }
    assert_eq!(kinds(&bench.receive(&good)), [MessageType::Request]);
}

#[test]
fn an_ack_without_a_lease_time_is_no_answer() {
    let mut bench = Bench::new(None);
    let discover = sent(&bench.event(Event::CarrierUp));
    let request = sent(&bench.receive(&offer(&discover, ADDRESS)));
    let mut bad = ack(&request, ADDRESS);
    bad.options.set(OptionCode::LEASE_TIME, []);
    assert_eq!(bench.receive(&bad), []);
    assert_eq!(
        kinds(&bench.strike()),
        [MessageType::Request],
        "it goes on asking"
    );
}

#[test]
fn after_a_link_flap_the_same_address_is_confirmed() {
    let mut bench = Bench::bound();
    let actions = bench.event(Event::CarrierDown);
    assert_eq!(
        actions,
        [Action::SetTimer(Some(bench.start + LEASE))],
        "the lease is kept"
    );
    bench.now += Duration::from_secs(5);
    let request = sent(&bench.event(Event::CarrierUp));
    assert_eq!(request.kind, MessageType::Request);
    assert_eq!(request.client_address, Ipv4Addr::UNSPECIFIED);
    assert_eq!(
        request.options.address(OptionCode::REQUESTED_ADDRESS),
        Some(ADDRESS)
    );
    assert_eq!(
        request.options.get(OptionCode::SERVER_ID),
        None,
        "RFC 2131 4.3.2"
    );
    assert_eq!(
        bench.event(Event::CarrierUp),
        [],
        "saying it twice changes nothing"
    );
    assert!(matches!(
        bench.receive(&ack(&request, ADDRESS))[0],
        Action::Changed(_)
    ));
}

#[test]
fn after_a_move_to_another_network_the_refusal_leads_to_a_new_address() {
    let mut bench = Bench::bound();
    bench.event(Event::CarrierDown);
    let request = sent(&bench.event(Event::CarrierUp));
    let actions = bench.receive(&nak(&request));
    assert!(loses(&actions));
    let request = sent(&bench.receive(&offer(&sent(&actions), OTHER)));
    assert!(matches!(
        bench.receive(&ack(&request, OTHER))[0],
        Action::Gained(_)
    ));
    assert_eq!(bench.now, bench.start, "no wait in between");
}

#[test]
fn a_network_whose_server_does_not_know_the_client_costs_half_a_second() {
    let mut bench = Bench::bound();
    bench.event(Event::CarrierDown);
    bench.event(Event::CarrierUp);
    assert_eq!(kinds(&bench.strike()), [MessageType::Request]);
    let actions = bench.strike();
    let discover = sent(&actions);
    assert_eq!(discover.kind, MessageType::Discover);
    assert_eq!(
        discover.options.address(OptionCode::REQUESTED_ADDRESS),
        Some(ADDRESS)
    );
    assert!(bench.elapsed() < 0.6, "{}", bench.elapsed());
    assert!(!loses(&actions), "the lease still counts (RFC 2131 3.2)");
    let request = sent(&bench.receive(&offer(&discover, OTHER)));
    let actions = bench.receive(&ack(&request, OTHER));
    assert!(matches!(&actions[0], Action::Changed(lease) if lease.address.addr() == OTHER));
}

#[test]
fn a_lease_expires_without_carrier_too() {
    let mut bench = Bench::bound();
    bench.event(Event::CarrierDown);
    let actions = bench.strike();
    assert_eq!(bench.now, bench.start + LEASE);
    assert_eq!(actions, [Action::Lost, Action::SetTimer(None)]);
}

#[test]
fn an_address_of_an_earlier_run_is_asked_for_first() {
    let mut bench = Bench::new(Some(ADDRESS));
    let request = sent(&bench.event(Event::CarrierUp));
    assert_eq!(request.kind, MessageType::Request);
    assert!(matches!(
        bench.receive(&ack(&request, ADDRESS))[0],
        Action::Gained(_)
    ));
}

#[test]
fn a_release_tells_the_server_and_ends_everything() {
    let mut bench = Bench::bound();
    let actions = bench.event(Event::Release);
    let [(release, target)] = sends(&actions)[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(
        (release.kind, release.client_address),
        (MessageType::Release, ADDRESS)
    );
    assert_eq!((target.destination, target.mac), (SERVER, SERVER_MAC));
    assert!(loses(&actions));
    assert_eq!(bench.timer, None);
    assert_eq!(bench.event(Event::Release), []);
}

#[test]
fn a_lease_without_end_sets_no_timer() {
    let mut bench = Bench::new(None);
    let discover = sent(&bench.event(Event::CarrierUp));
    let request = sent(&bench.receive(&offer(&discover, ADDRESS)));
    let mut answer = ack(&request, ADDRESS);
    answer.options.set(OptionCode::LEASE_TIME, [255; 4]);
    bench.receive(&answer);
    assert_eq!(bench.timer, None);
    bench.now += LEASE * 1000;
    assert_eq!(bench.event(Event::Timer), []);
}

#[test]
fn a_clock_that_jumped_over_the_whole_lease_ends_it() {
    let mut bench = Bench::bound();
    bench.now += LEASE * 2;
    let actions = bench.event(Event::Timer);
    assert!(loses(&actions));
    assert_eq!(kinds(&actions), [MessageType::Discover]);
}
