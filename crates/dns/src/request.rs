//! What a client wants to know.

use std::time::Duration;

use hickory_proto::op::{Edns, Message, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};

use crate::answer::Answer;

/// The most that is said in a datagram: what passes everywhere without fragments (DNS flag day 2020).
pub(crate) const MOST_UDP: u16 = 1232;

/// The most that a datagram without EDNS holds (RFC 1035 section 4.2.1).
const MOST_PLAIN: u16 = 512;

/// A question as the cache and other servers know it: without what differs between clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    /// In lower case.
    pub(crate) name: Name,
    pub(crate) kind: RecordType,
    /// DNSSEC records are wanted (DO, RFC 3225).
    pub(crate) dnssec: bool,
    /// The client validates by itself (CD, RFC 4035 section 3.2.2).
    pub(crate) unchecked: bool,
}

/// A query that can be answered.
#[derive(Clone, Debug)]
pub struct Request {
    id: u16,
    /// With the client's own capitals, which it may go by.
    query: Query,
    recursion_desired: bool,
    /// Whether the client speaks EDNS (RFC 6891), and how much it takes in a datagram then.
    edns: Option<u16>,
    question: Question,
}

/// Bytes that are not answered with records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not even a query: an answer to it could go round in circles.
    Silent,
    /// The message to answer with.
    Answer(Vec<u8>),
}

impl Request {
    /// Reads a query.
    ///
    /// # Errors
    /// What is to be said to bytes that are none, or one that is not served here: FORMERR, NOTIMP, REFUSED
    /// or BADVERS.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        // Before anything else: an answer must never be answered.
        let [id_high, id_low, flags, ..] = *bytes else {
            return Err(Refusal::Silent);
        };
        if bytes.len() < HEADER || flags & RESPONSE != 0 {
            return Err(Refusal::Silent);
        }
        let id = u16::from_be_bytes([id_high, id_low]);
        let refuse = |code| Refusal::new(id, OpCode::Query, code);
        let message = Message::from_vec(bytes).map_err(|_| refuse(ResponseCode::FormErr))?;
        if message.metadata.op_code != OpCode::Query {
            return Err(Refusal::new(
                id,
                message.metadata.op_code,
                ResponseCode::NotImp,
            ));
        }
        if message.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
            return Err(Refusal::bad_version(id));
        }
        let [query] = &message.queries[..] else {
            return Err(refuse(ResponseCode::FormErr));
        };
        let is_served = query.query_class() == DNSClass::IN && is_served(query.query_type());
        if !is_served {
            return Err(refuse(ResponseCode::Refused));
        }
        let dnssec = message
            .edns
            .as_ref()
            .is_some_and(|edns| edns.flags().dnssec_ok);
        Ok(Self {
            id,
            recursion_desired: message.metadata.recursion_desired,
            edns: message.edns.as_ref().map(Edns::max_payload),
            question: Question {
                name: query.name().to_lowercase(),
                kind: query.query_type(),
                dnssec,
                unchecked: message.metadata.checking_disabled,
            },
            query: query.clone(),
        })
    }

    pub(crate) fn question(&self) -> &Question {
        &self.question
    }

    /// How long an answer by UDP may be, in bytes.
    pub(crate) fn most_by_udp(&self) -> usize {
        let most = self.edns.unwrap_or(MOST_PLAIN).clamp(MOST_PLAIN, MOST_UDP);
        most.into()
    }

    /// The message with `answer`, which is that old. One of more than `most` bytes is cut to nothing but
    /// the flag that says so (TC), and the client asks again by TCP.
    pub(crate) fn reply(&self, answer: &Answer, age: Duration, most: usize) -> Vec<u8> {
        let mut message = self.message(answer.code);
        answer.fill(&mut message, self.query.name(), age);
        match message.to_vec() {
            Ok(bytes) if bytes.len() <= most => bytes,
            Ok(_) => written(&message.truncate()),
            Err(error) => {
                tracing::debug!(%error, "an answer can't be written again");
                self.failure()
            }
        }
    }

    /// The message that says that nobody could be asked.
    pub(crate) fn failure(&self) -> Vec<u8> {
        written(&self.message(ResponseCode::ServFail))
    }

    fn message(&self, code: ResponseCode) -> Message {
        let mut message = Message::response(self.id, OpCode::Query);
        let header: &mut Metadata = &mut message.metadata;
        header.response_code = code;
        header.recursion_desired = self.recursion_desired;
        header.recursion_available = true;
        header.checking_disabled = self.question.unchecked;
        message.add_query(self.query.clone());
        if self.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(MOST_UDP);
            edns.set_dnssec_ok(self.question.dnssec);
            message.set_edns(edns);
        }
        message
    }
}

impl Question {
    /// The message that asks another server, with a number that cannot be guessed and, if `shuffled`,
    /// capitals that cannot either (draft-vixie-dnsext-dns0x20): who sees neither can't forge an answer.
    pub(crate) fn message(&self, shuffled: bool) -> Message {
        let mut name = self.name.clone();
        if shuffled {
            name.randomize_label_case();
        }
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        message.metadata.checking_disabled = self.unchecked;
        message.add_query(Query::query(name, self.kind));
        let mut edns = Edns::new();
        edns.set_max_payload(MOST_UDP);
        edns.set_dnssec_ok(self.dnssec);
        message.set_edns(edns);
        message
    }
}

impl Refusal {
    fn new(id: u16, op_code: OpCode, code: ResponseCode) -> Self {
        Self::Answer(written(&Message::error_msg(id, op_code, code)))
    }

    /// The version that is spoken here is in the answer (RFC 6891 section 6.1.3).
    fn bad_version(id: u16) -> Self {
        let mut message = Message::error_msg(id, OpCode::Query, ResponseCode::BADVERS);
        let mut edns = Edns::new();
        edns.set_max_payload(MOST_UDP);
        edns.set_rcode_high(ResponseCode::BADVERS.high());
        message.set_edns(edns);
        Self::Answer(written(&message))
    }
}

/// Whole zones are for secondary servers, which don't ask here.
fn is_served(kind: RecordType) -> bool {
    !matches!(kind, RecordType::AXFR | RecordType::IXFR)
}

fn written(message: &Message) -> Vec<u8> {
    message
        .to_vec()
        .expect("a header with a question that was read is written again")
}

/// Bytes of a header, and the flag QR in it (RFC 1035 section 4.1.1).
const HEADER: usize = 12;
const RESPONSE: u8 = 0x80;
