use std::collections::{HashSet, VecDeque};

use proptest::prelude::*;

use crate::hub::*;

const ALL: [Kind; 12] = [
    Kind::Hello,
    Kind::Welcome,
    Kind::Refused,
    Kind::Open,
    Kind::Opened,
    Kind::OpenRefused,
    Kind::Data,
    Kind::Fin,
    Kind::Abort,
    Kind::Ping,
    Kind::Pong,
    Kind::GoAway,
];

/// A frame of that kind; what is in it does not matter here.
fn frame(kind: Kind) -> Frame<'static> {
    let text = String::new();
    match kind {
        Kind::Hello => Frame::Hello(Hello {
            versions: 1..=1,
            software: text,
        }),
        Kind::Welcome => Frame::Welcome(Welcome {
            version: 1,
            software: text,
        }),
        Kind::Refused => Frame::Refused(Refused {
            code: Refusal::Busy,
            versions: 1..=1,
            text,
        }),
        Kind::Open => Frame::Open(Open {
            destination: "a.example:1".parse().unwrap(),
        }),
        Kind::Opened => Frame::Opened(Opened {
            bound: "192.0.2.1:1".parse().unwrap(),
        }),
        Kind::OpenRefused => Frame::OpenRefused(OpenRefused {
            code: OpenRefusal::TimedOut,
            text,
        }),
        Kind::Data => Frame::Data(b"x"),
        Kind::Fin => Frame::Fin,
        Kind::Abort => Frame::Abort,
        Kind::Ping => Frame::Ping([0; 8]),
        Kind::Pong => Frame::Pong([0; 8]),
        Kind::GoAway => Frame::GoAway,
    }
}

/// Both ends and what is on its way between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pair {
    edge: Conversation,
    hub: Conversation,
    to_hub: VecDeque<Kind>,
    to_edge: VecDeque<Kind>,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    EdgeSends(Kind),
    HubSends(Kind),
    HubReceives,
    EdgeReceives,
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

    /// Does it, if it can happen at all. What an end was allowed to send must be right to receive.
    #[track_caller]
    fn happens(&mut self, event: Event) -> bool {
        match event {
            Event::EdgeSends(kind) => {
                let sent = self.edge.sent(kind).is_ok();
                self.to_hub.extend(sent.then_some(kind));
                sent
            }
            Event::HubSends(kind) => {
                let sent = self.hub.sent(kind).is_ok();
                self.to_edge.extend(sent.then_some(kind));
                sent
            }
            Event::HubReceives => deliver(&mut self.to_hub, &mut self.hub),
            Event::EdgeReceives => deliver(&mut self.to_edge, &mut self.edge),
        }
    }

    /// When nothing is on its way, both ends see the same.
    #[track_caller]
    fn check(&self) {
        if self.to_hub.is_empty() && self.to_edge.is_empty() {
            let view = |end: &Conversation| {
                (
                    end.is_idle(),
                    end.is_opening(),
                    end.is_open(),
                    end.is_over(),
                )
            };
            assert_eq!(view(&self.edge), view(&self.hub), "{self:?}");
        }
    }
}

#[track_caller]
fn deliver(queue: &mut VecDeque<Kind>, end: &mut Conversation) -> bool {
    let Some(kind) = queue.pop_front() else {
        return false;
    };
    if let Err(violation) = end.received(&frame(kind)) {
        panic!("{violation}");
    }
    true
}

fn all_events() -> impl Iterator<Item = Event> {
    let sent = ALL.into_iter();
    sent.flat_map(|kind| [Event::EdgeSends(kind), Event::HubSends(kind)])
        .chain([Event::HubReceives, Event::EdgeReceives])
}

/// Every state that two ends can get into with up to 5 frames on the way in each direction.
#[test]
fn what_is_right_to_send_is_right_to_receive() {
    let mut seen = HashSet::from([Pair::new()]);
    let mut next = vec![Pair::new()];
    while let Some(pair) = next.pop() {
        pair.check();
        for event in all_events() {
            let mut after = pair.clone();
            let happened = after.happens(event);
            let short = after.to_hub.len() <= 5 && after.to_edge.len() <= 5;
            if happened && short && seen.insert(after.clone()) {
                next.push(after);
            }
        }
    }
    assert!(seen.len() > 10_000, "only {} states", seen.len());
}

/// A connection with HELLO and WELCOME said, as one end sees it.
fn welcomed(role: Role) -> Conversation {
    after(
        role,
        &[(Role::Edge, Kind::Hello), (Role::Hub, Kind::Welcome)],
    )
    .unwrap()
}

fn after(role: Role, said: &[(Role, Kind)]) -> Result<Conversation, Violation> {
    let mut conversation = Conversation::new(role);
    for (by, kind) in said {
        pass(&mut conversation, role, *by, *kind)?;
    }
    Ok(conversation)
}

fn pass(end: &mut Conversation, role: Role, by: Role, kind: Kind) -> Result<(), Violation> {
    if by == role {
        end.sent(kind)
    } else {
        end.received(&frame(kind))
    }
}

/// Which frames may come next, for both ends: those of the edge, then those of the hub.
#[track_caller]
fn check_next(said: &[(Role, Kind)], edge: &[Kind], hub: &[Kind]) {
    for role in [Role::Edge, Role::Hub] {
        let before = after(role, said).unwrap();
        for (by, expected) in [(Role::Edge, edge), (Role::Hub, hub)] {
            for kind in ALL {
                let mut end = before.clone();
                let passed = pass(&mut end, role, by, kind).is_ok();
                assert_eq!(
                    passed,
                    expected.contains(&kind),
                    "{by} sends {kind} to {role}"
                );
                assert!(passed || end == before, "an error changes nothing");
            }
        }
    }
}

#[test]
fn each_state_takes_its_frames_and_no_others() {
    use Kind::*;
    let mut said = vec![];
    let mut say = |frames: &[(Role, Kind)], edge: &[Kind], hub: &[Kind]| {
        said.extend_from_slice(frames);
        check_next(&said, edge, hub);
    };
    let (edge, hub) = (Role::Edge, Role::Hub);
    say(&[], &[Hello], &[]);
    say(&[(edge, Hello)], &[Open, Abort], &[Welcome, Refused]);
    say(&[(hub, Welcome)], &[Open, Ping, Abort], &[GoAway, Abort]);
    say(&[(edge, Ping)], &[Open, Abort], &[Pong, GoAway, Abort]);
    say(&[(hub, Pong)], &[Open, Ping, Abort], &[GoAway, Abort]);
    // The first user connection is closed by the edge first.
    let open = [Data, Fin, Abort];
    let opened = [(edge, Open), (hub, Opened)];
    say(&opened, &open, &[Data, Fin, Abort, GoAway]);
    say(
        &[(edge, Data), (hub, Data)],
        &open,
        &[Data, Fin, Abort, GoAway],
    );
    say(&[(edge, Fin)], &[Abort], &[Data, Fin, Abort, GoAway]);
    say(&[(hub, Fin)], &[Open, Ping, Abort], &[GoAway, Abort]);
    // The second by the hub first.
    say(&[opened[0], opened[1], (hub, Fin)], &open, &[Abort, GoAway]);
    say(&[(edge, Fin)], &[Open, Ping, Abort], &[GoAway, Abort]);
    // The third is refused before the edge's FIN, the fourth behind it.
    let refused = [(edge, Open), (hub, OpenRefused)];
    say(&refused, &open, &[GoAway, Abort]);
    say(&[(edge, Fin)], &[Open, Ping, Abort], &[GoAway, Abort]);
    let refused = [(edge, Open), (edge, Data), (edge, Fin), (hub, OpenRefused)];
    say(&refused, &[Open, Ping, Abort], &[GoAway, Abort]);
    // The last one ends after GOAWAY.
    say(
        &[opened[0], opened[1], (hub, GoAway)],
        &open,
        &[Data, Fin, Abort],
    );
    say(&[(hub, Fin)], &open, &[Abort]);
}

#[test]
fn a_hub_answers_an_open_that_it_has_taken() {
    let mut hub = welcomed(Role::Hub);
    hub.received(&frame(Kind::Open)).unwrap();
    assert!(hub.is_opening());
    for kind in ALL {
        let answer = matches!(kind, Kind::Opened | Kind::OpenRefused);
        assert_eq!(hub.clone().sent(kind).is_ok(), answer, "{kind}");
    }
}

#[test]
fn an_open_that_crosses_the_end_is_void() {
    for (last, over) in [
        (Kind::GoAway, true),
        (Kind::Abort, true),
        (Kind::Opened, false),
    ] {
        let mut edge = welcomed(Role::Edge);
        edge.sent(Kind::Open).unwrap();
        edge.received(&frame(last)).unwrap();
        assert_eq!((edge.is_over(), edge.is_open()), (over, !over), "{last}");
    }
    let mut hub = welcomed(Role::Hub);
    hub.sent(Kind::GoAway).unwrap();
    for kind in [Kind::Open, Kind::Data, Kind::Fin] {
        hub.received(&frame(kind)).unwrap();
        assert!(hub.is_over() && !hub.is_opening());
    }
}

#[test]
fn the_edge_need_not_wait_for_welcome() {
    let said = [Kind::Hello, Kind::Open, Kind::Data, Kind::Fin];
    let mut hub = Conversation::new(Role::Hub);
    for kind in said {
        hub.received(&frame(kind)).unwrap();
    }
    assert!(hub.is_opening() && !hub.is_idle());
    for kind in [Kind::Welcome, Kind::Opened] {
        hub.sent(kind).unwrap();
    }
    assert!(hub.is_open());
    hub.sent(Kind::Fin).unwrap();
    assert!(hub.is_idle());
}

#[test]
fn violations_say_who_did_what() {
    let mut hub = welcomed(Role::Hub);
    let violation = hub.received(&Frame::Data(b"x")).unwrap_err();
    assert_eq!(
        violation.to_string(),
        "the edge sent DATA when no user connection was open"
    );
    let violation = hub.received(&Frame::GoAway).unwrap_err();
    assert_eq!(
        violation.to_string(),
        "the edge sent GOAWAY when only the other end may"
    );
}

proptest! {
    /// Longer histories than the exhaustive test has, with longer queues.
    #[test]
    fn long_conversations(choices: Vec<prop::sample::Index>) {
        let events: Vec<_> = all_events().collect();
        let mut pair = Pair::new();
        pair.happens(Event::EdgeSends(Kind::Hello));
        for choice in choices {
            // What ends it at once would make most histories short.
            let event = *choice.get(&events);
            let last = matches!(
                event,
                Event::EdgeSends(Kind::Abort) | Event::HubSends(Kind::Abort | Kind::Refused)
            );
            if !last {
                pair.happens(event);
            }
        }
        while pair.happens(Event::HubReceives) || pair.happens(Event::EdgeReceives) {}
        pair.check();
    }

    #[test]
    fn any_frames_keep_it_in_order(kinds in prop::collection::vec(prop::sample::select(&ALL[..]), 0..40)) {
        for role in [Role::Edge, Role::Hub] {
            let mut end = Conversation::new(role);
            for kind in &kinds {
                let before = end.clone();
                if end.received(&frame(*kind)).is_err() {
                    prop_assert_eq!(&end, &before);
                }
                let states = [end.is_idle(), end.is_opening(), end.is_open(), end.is_over()];
                prop_assert!(states.into_iter().filter(|state| *state).count() <= 1);
            }
        }
    }
}
