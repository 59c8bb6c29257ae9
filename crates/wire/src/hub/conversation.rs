//! The order of frames on one connection, as each end sees it.
//!
//! Frames cross each other on their way, so the two ends may be in different states at the same time.
//! The rules are such that a frame which was right to send is right to receive.

use std::fmt;

use super::frame::{Frame, Kind};

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It opens.
    Edge,
    /// It answers.
    Hub,
}

/// Keeps to the order of frames on one connection: every frame that this end sends or receives is to
/// be told here. Between HELLO and the end it carries any number of user connections, one at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conversation {
    role: Role,
    state: State,
    /// The hub has sent GOAWAY.
    going_away: bool,
    /// A PING has no PONG yet.
    ping: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    /// Nothing was said.
    Start,
    /// There was a HELLO, and no WELCOME yet. The edge may have opened already.
    Greeting(User),
    /// There was a WELCOME.
    Welcomed(User),
    /// REFUSED, ABORT, or GOAWAY and the end of the user connection: what still comes is void.
    Over,
}

/// The user connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum User {
    None,
    /// OPEN without answer.
    Opening {
        edge_fin: bool,
    },
    /// OPENED.
    Open {
        edge_fin: bool,
        hub_fin: bool,
    },
    /// OPEN_REFUSED, and no FIN of the edge's yet.
    Refused,
}

/// A frame that is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{by} sent {kind} when {when}")]
pub struct Violation {
    /// Who sent it.
    pub by: Role,
    /// What it sent.
    pub kind: Kind,
    when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    NothingSaid,
    NotWelcomed,
    Idle,
    Opening,
    Open,
    OpenAfterFin,
    OpenRefused,
    GoingAway,
    Ping,
    NoPing,
    NotItsFrame,
    Over,
}

impl Conversation {
    /// A connection on which nothing was said yet.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            state: State::Start,
            going_away: false,
            ping: false,
        }
    }

    /// Tells that this end sends a frame.
    ///
    /// # Errors
    /// If it may not, now: a fault of the caller's. Nothing has changed then.
    pub fn sent(&mut self, kind: Kind) -> Result<(), Violation> {
        self.pass(self.role, kind)
    }

    /// Tells that a frame came from the other end. When [`Self::is_over`], it is void and not looked at.
    ///
    /// # Errors
    /// If the other end broke the protocol: the connection is to be ended.
    pub fn received(&mut self, frame: &Frame<'_>) -> Result<(), Violation> {
        if self.is_over() {
            return Ok(());
        }
        self.pass(self.role.other(), frame.kind())
    }

    /// Whether the hub has agreed and no user connection is under way: the next OPEN may go.
    pub fn is_idle(&self) -> bool {
        self.state == State::Welcomed(User::None) && !self.going_away
    }

    /// Whether there is a user connection that the hub has opened and that is not over.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Welcomed(User::Open { .. }))
    }

    /// Whether an OPEN is without answer.
    pub fn is_opening(&self) -> bool {
        matches!(
            self.state,
            State::Greeting(User::Opening { .. }) | State::Welcomed(User::Opening { .. })
        )
    }

    /// Whether the connection is good for nothing more: after REFUSED, after ABORT, and after GOAWAY as
    /// soon as no user connection is open.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    fn pass(&mut self, by: Role, kind: Kind) -> Result<(), Violation> {
        let refuse = |when| Violation { by, kind, when };
        if sender(kind).is_some_and(|sender| sender != by) {
            return Err(refuse(When::NotItsFrame));
        }
        let state = match self.state {
            State::Start => match kind {
                Kind::Hello => State::Greeting(User::None),
                _ => return Err(refuse(When::NothingSaid)),
            },
            State::Greeting(user) => match kind {
                Kind::Welcome => State::Welcomed(user),
                Kind::Refused => State::Over,
                // Only the edge may go on before it has the hub's word.
                Kind::Abort if by == Role::Edge => State::Over,
                Kind::Open | Kind::Data | Kind::Fin if by == Role::Edge => {
                    State::Greeting(user.pass(by, kind).map_err(refuse)?)
                }
                _ => return Err(refuse(When::NotWelcomed)),
            },
            State::Welcomed(user) => self.welcomed(user, by, kind).map_err(refuse)?,
            State::Over => return Err(refuse(When::Over)),
        };
        self.state = match state {
            State::Welcomed(User::None) if self.going_away => State::Over,
            state => state,
        };
        Ok(())
    }

    fn welcomed(&mut self, user: User, by: Role, kind: Kind) -> Result<State, When> {
        match kind {
            Kind::Abort | Kind::GoAway if by == Role::Hub && self.owes_answer(user) => {
                return Err(When::Opening);
            }
            // The user connection may be over for the receiver already: its last FIN was on the way
            // when ABORT was sent.
            Kind::Abort => return Ok(State::Over),
            Kind::Ping if user != User::None => return Err(user.when(by)),
            Kind::Ping if self.ping => return Err(When::Ping),
            Kind::Ping => self.ping = true,
            Kind::Pong if !self.ping => return Err(When::NoPing),
            Kind::Pong => self.ping = false,
            Kind::GoAway if self.going_away => return Err(When::GoingAway),
            Kind::GoAway => {
                self.going_away = true;
                // An OPEN that crosses GOAWAY is void.
                if matches!(user, User::Opening { .. }) {
                    return Ok(State::Over);
                }
            }
            Kind::Open if self.going_away => return Err(When::GoingAway),
            kind => return user.pass(by, kind).map(State::Welcomed),
        }
        Ok(State::Welcomed(user))
    }

    /// Whether this is the hub and it has taken an OPEN. It answers that before it says GOAWAY or ABORT,
    /// so that the edge knows: an OPEN that sees one of these come was not acted upon.
    fn owes_answer(&self, user: User) -> bool {
        self.role == Role::Hub && matches!(user, User::Opening { .. })
    }
}

impl User {
    fn pass(self, by: Role, kind: Kind) -> Result<Self, When> {
        Ok(match (self, kind) {
            (Self::None, Kind::Open) => Self::Opening { edge_fin: false },
            (Self::Opening { edge_fin: false }, Kind::Data) if by == Role::Edge => self,
            (Self::Opening { edge_fin: false }, Kind::Fin) if by == Role::Edge => {
                Self::Opening { edge_fin: true }
            }
            (Self::Opening { edge_fin }, Kind::Opened) => Self::Open {
                edge_fin,
                hub_fin: false,
            },
            (Self::Opening { edge_fin: true }, Kind::OpenRefused) => Self::None,
            (Self::Opening { edge_fin: false }, Kind::OpenRefused) => Self::Refused,
            (Self::Open { edge_fin, hub_fin }, Kind::Data | Kind::Fin) => {
                return Self::pass_open(edge_fin, hub_fin, by, kind);
            }
            // What the edge had sent before it knew is dropped by the hub.
            (Self::Refused, Kind::Data) if by == Role::Edge => self,
            (Self::Refused, Kind::Fin) if by == Role::Edge => Self::None,
            _ => return Err(self.when(by)),
        })
    }

    fn pass_open(edge_fin: bool, hub_fin: bool, by: Role, kind: Kind) -> Result<Self, When> {
        let (edge_fin, hub_fin) = match (by, kind) {
            (Role::Edge, _) if edge_fin => return Err(When::OpenAfterFin),
            (Role::Hub, _) if hub_fin => return Err(When::OpenAfterFin),
            (Role::Edge, Kind::Fin) => (true, hub_fin),
            (Role::Hub, Kind::Fin) => (edge_fin, true),
            _ => (edge_fin, hub_fin),
        };
        Ok(match (edge_fin, hub_fin) {
            (true, true) => Self::None,
            _ => Self::Open { edge_fin, hub_fin },
        })
    }

    fn when(self, by: Role) -> When {
        match (self, by) {
            (Self::None, _) => When::Idle,
            (Self::Opening { edge_fin: true }, Role::Edge) => When::OpenAfterFin,
            (Self::Opening { .. }, _) => When::Opening,
            (Self::Open { .. }, _) => When::Open,
            (Self::Refused, _) => When::OpenRefused,
        }
    }
}

/// Who alone may send it; `None`: both.
fn sender(kind: Kind) -> Option<Role> {
    match kind {
        Kind::Hello | Kind::Open | Kind::Ping => Some(Role::Edge),
        Kind::Welcome | Kind::Refused | Kind::Opened | Kind::OpenRefused => Some(Role::Hub),
        Kind::Pong | Kind::GoAway => Some(Role::Hub),
        Kind::Data | Kind::Fin | Kind::Abort => None,
    }
}

impl Role {
    fn other(self) -> Self {
        match self {
            Self::Edge => Self::Hub,
            Self::Hub => Self::Edge,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Edge => "the edge",
            Self::Hub => "the hub",
        })
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingSaid => "nothing was said yet (HELLO comes first)",
            Self::NotWelcomed => "the hub had not said WELCOME",
            Self::Idle => "no user connection was open",
            Self::Opening => "an OPEN had no answer yet",
            Self::Open => "a user connection was open",
            Self::OpenAfterFin => "it had sent FIN",
            Self::OpenRefused => "the OPEN was refused",
            Self::GoingAway => "the hub had said GOAWAY",
            Self::Ping => "a PING had no answer yet",
            Self::NoPing => "no PING was without answer",
            Self::NotItsFrame => "only the other end may",
            Self::Over => "the connection was at its end",
        })
    }
}
