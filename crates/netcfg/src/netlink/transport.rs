//! One request at a time over a netlink socket, up to its acknowledgement.
//!
//! `rtnetlink`'s own connection is not used: it drops an answer that it cannot decode, so that an
//! interface would be missing from a list without an error, and it takes a closed socket for
//! success.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer,
    NetlinkHeader, NetlinkMessage, NetlinkPayload, NlasIterator,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::error::{Error, KernelError};
use crate::netns::NetNs;

#[cfg(test)]
mod tests;

/// A list is read anew when it changed meanwhile. Each attempt takes less than a millisecond.
const DUMP_ATTEMPTS: u32 = 20;
/// `NLMSGERR_ATTR_MSG`: the kernel's sentence about an error.
const ATTRIBUTE_MESSAGE: u16 = 1;

/// A failed request, before it is known what it was for.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(KernelError),
    Socket(io::Error),
    Answer(String),
    Unsteady,
}

impl Failure {
    pub(super) fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused(error) => Some(error.errno),
            _ => None,
        }
    }

    /// Names what the request was for: `add route default via 192.168.1.1 dev eth1 table 78`.
    pub(super) fn during(self, operation: impl Into<String>) -> Error {
        let operation = operation.into();
        match self {
            Self::Refused(source) => Error::Refused { operation, source },
            Self::Socket(source) => Error::Socket { operation, source },
            Self::Answer(reason) => Error::Answer { operation, reason },
            Self::Unsteady => Error::Unsteady {
                operation,
                attempts: DUMP_ATTEMPTS,
            },
        }
    }
}

/// A netlink socket and the number of its last request.
pub(super) struct Transport {
    socket: AsyncFd<Socket>,
    sequence: u32,
    /// The answer to the last request was not read to its end: its future was dropped.
    unread: bool,
}

impl Transport {
    pub(super) fn open(netns: &NetNs) -> Result<Self, Error> {
        let socket = open_socket(
            netns,
            NETLINK_ROUTE,
            "open a socket for requests",
            |socket| {
                // Strict: a filter that the kernel does not know is an error and not an endless list.
                socket.set_netlink_get_strict_chk(true)?;
                socket.set_ext_ack(true)?;
                // An error then quotes no more than the header of the request, so that its sentence
                // has a known place.
                socket.set_cap_ack(true)
            },
        )?;
        Ok(Self {
            socket,
            sequence: 0,
            unread: false,
        })
    }

    /// Sends a request that changes something, and waits until it is done.
    pub(super) async fn change(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<(), Failure> {
        self.exchange(message, NLM_F_ACK | flags).await.map(drop)
    }

    /// Asks for one object.
    pub(super) async fn get(
        &mut self,
        message: RouteNetlinkMessage,
    ) -> Result<Option<RouteNetlinkMessage>, Failure> {
        Ok(self.exchange(message, NLM_F_ACK).await?.messages.pop())
    }

    /// Asks for a list, until it is a consistent one.
    pub(super) async fn dump(
        &mut self,
        message: RouteNetlinkMessage,
    ) -> Result<Vec<RouteNetlinkMessage>, Failure> {
        for _ in 0..DUMP_ATTEMPTS {
            let answer = self.exchange(message.clone(), NLM_F_DUMP).await?;
            if !answer.interrupted {
                return Ok(answer.messages);
            }
        }
        Err(Failure::Unsteady)
    }

    async fn exchange(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<Answer, Failure> {
        if self.unread {
            // The kernel refuses a second list while the first one waits to be read.
            let _ = self.receive().await;
        }
        self.send(message, flags).await?;
        self.receive().await
    }

    async fn send(&mut self, message: RouteNetlinkMessage, flags: u16) -> Result<(), Failure> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = encode(message, NLM_F_REQUEST | flags, self.sequence);
        self.socket
            .async_io(Interest::WRITABLE, |it| {
                it.send_to(&request, &SocketAddr::new(0, 0), 0)
            })
            .await
            .map_err(Failure::Socket)?;
        self.unread = true;
        Ok(())
    }

    /// Reads the answer to the last request to its end.
    async fn receive(&mut self) -> Result<Answer, Failure> {
        let mut answer = Answer::default();
        loop {
            let received = self
                .socket
                .async_io(Interest::READABLE, |socket| socket.recv_from_full())
                .await;
            let (datagram, _) = match received {
                Ok(received) => received,
                Err(error) => {
                    // The end of the answer may be what was lost: do not wait for it again.
                    self.unread = false;
                    return Err(Failure::Socket(error));
                }
            };
            if let Some(end) = answer.take(&datagram, self.sequence) {
                self.unread = false;
                end?;
                return match answer.undecodable.take() {
                    None => Ok(answer),
                    Some(reason) => Err(Failure::Answer(reason)),
                };
            }
        }
    }
}

#[derive(Default)]
struct Answer {
    messages: Vec<RouteNetlinkMessage>,
    /// The list changed while it was read: it may lack objects or hold some twice.
    interrupted: bool,
    undecodable: Option<String>,
}

impl Answer {
    /// Takes the messages of a datagram; `Some` at the end of the answer.
    fn take(&mut self, mut datagram: &[u8], sequence: u32) -> Option<Result<(), Failure>> {
        while !datagram.is_empty() {
            let Ok(length) = NetlinkBuffer::new_checked(datagram).map(|m| m.length() as usize)
            else {
                return Some(Err(Failure::Answer("a message is cut short".to_owned())));
            };
            let (message, rest) = datagram.split_at(length);
            // Messages begin at multiples of four (NLMSG_ALIGN).
            datagram = rest
                .get(length.next_multiple_of(4) - length..)
                .unwrap_or_default();
            // What belongs to a request whose future was dropped is of no interest.
            if NetlinkBuffer::new(message).sequence_number() != sequence {
                continue;
            }
            match NetlinkMessage::deserialize(message) {
                Ok(message) => {
                    if let Some(end) = self.take_message(message) {
                        return Some(end);
                    }
                }
                Err(error) => self.undecodable = Some(error.to_string()),
            }
        }
        None
    }

    fn take_message(
        &mut self,
        message: NetlinkMessage<RouteNetlinkMessage>,
    ) -> Option<Result<(), Failure>> {
        let (header, payload) = message.into_parts();
        self.interrupted |= header.flags & NLM_F_DUMP_INTR != 0;
        match payload {
            NetlinkPayload::InnerMessage(message) => {
                self.messages.push(message);
                None
            }
            NetlinkPayload::Error(error) => {
                // The quoted header of the request comes first (NLM_F_CAPPED).
                let attributes = error.header.get(size_of::<NetlinkHeader>()..);
                let has_text = header.flags & NLM_F_ACK_TLVS != 0;
                let text = attributes.filter(|_| has_text).and_then(sentence);
                Some(result(error.raw_code(), text))
            }
            NetlinkPayload::Done(done) => Some(result(done.code, sentence(&done.extended_ack))),
            NetlinkPayload::Overrun(_) => {
                Some(Err(Failure::Answer("messages were lost".to_owned())))
            }
            _ => None,
        }
    }
}

/// The kernel's error numbers are negative; 0 acknowledges, and ends a list.
fn result(code: i32, message: Option<String>) -> Result<(), Failure> {
    match code {
        0.. => Ok(()),
        _ => Err(Failure::Refused(KernelError {
            errno: code.saturating_neg(),
            message,
        })),
    }
}

fn sentence(attributes: &[u8]) -> Option<String> {
    NlasIterator::new(attributes)
        .filter_map(Result::ok)
        .find(|attribute| attribute.kind() == ATTRIBUTE_MESSAGE)
        .map(|attribute| {
            String::from_utf8_lossy(attribute.value())
                .trim_end_matches('\0')
                .to_owned()
        })
}

fn encode(message: RouteNetlinkMessage, flags: u16, sequence: u32) -> Vec<u8> {
    let mut message = NetlinkMessage::from(message);
    message.header.flags = flags;
    message.header.sequence_number = sequence;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// A socket belongs to the namespace of the thread that makes it, wherever it is used later.
pub(crate) fn open_socket(
    netns: &NetNs,
    protocol: isize,
    operation: &str,
    set_up: impl FnOnce(&mut Socket) -> io::Result<()>,
) -> Result<AsyncFd<Socket>, Error> {
    let failed = |source| Error::Socket {
        operation: operation.to_owned(),
        source,
    };
    let mut socket = netns.try_run(|| Socket::new(protocol))?.map_err(failed)?;
    socket
        .set_non_blocking(true)
        .and_then(|()| set_up(&mut socket))
        .map_err(failed)?;
    register(socket).map_err(failed)
}

#[expect(
    unsafe_code,
    reason = "tokio cannot know that a foreign type keeps its descriptor"
)]
fn register(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: a `Socket` owns one descriptor, keeps it open and returns no other until it is
    // dropped. It is moved into the `AsyncFd`, which never gives it out by value or `&mut`.
    unsafe { AsyncFd::register(socket) }.map_err(io::Error::from)
}
