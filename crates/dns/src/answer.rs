//! What a server has said, and how long it may be kept.

use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::request::Question;

/// The longest that an answer is kept, whatever its server says.
const LONGEST: u32 = 24 * 60 * 60;

/// The longest that it is kept that there is nothing (RFC 2308 section 5 finds one to three hours good).
const LONGEST_NOTHING: u32 = 60 * 60;

/// The records that answer a question.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) code: ResponseCode,
    records: [Vec<Record>; 3],
    /// For how long it may be kept, in seconds; 0: for this once.
    pub(crate) lifetime: u32,
    /// As it came, in bytes.
    size: usize,
}

impl Answer {
    /// An answer without records, such as that a name is not there.
    pub(crate) fn of(code: ResponseCode) -> Self {
        Self {
            code,
            records: Default::default(),
            lifetime: 0,
            size: 0,
        }
    }

    /// An answer of our own with one record.
    pub(crate) fn with(name: Name, data: RData, lifetime: u32) -> Self {
        let record = Record::from_rdata(name, lifetime, data);
        Self {
            records: [vec![record], Vec::new(), Vec::new()],
            ..Self::of(ResponseCode::NoError)
        }
    }

    /// What `message` says to `question`.
    pub(crate) fn new(message: Message, question: &Question, size: usize) -> Self {
        let code = message.metadata.response_code;
        let mut records = [message.answers, message.authorities, message.additionals];
        for record in records.iter_mut().flatten() {
            record.ttl = ttl(record);
        }
        let lifetime = lifetime(code, &mut records, question);
        Self {
            code,
            records,
            lifetime,
            size,
        }
    }

    /// The addresses in it, whatever aliases lead there.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let [answers, ..] = &self.records;
        answers.iter().filter_map(|record| match &record.data {
            RData::A(ip) => Some(IpAddr::from(ip.0)),
            RData::AAAA(ip) => Some(IpAddr::from(ip.0)),
            _ => None,
        })
    }

    /// About how much memory it takes, in bytes: records are many times larger than they may be written.
    pub(crate) fn weight(&self) -> usize {
        let records = self.records.iter().map(Vec::len).sum::<usize>();
        size_of::<Self>() + self.size + records * size_of::<Record>()
    }

    /// Whether it says something of the name, rather than that the server can't or won't.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.code, ResponseCode::NoError | ResponseCode::NXDomain)
    }

    /// Puts the records into `message`, for a client that wrote the question's name as `name`: by the
    /// capitals of the answer's, which are those that the server was asked with, others must not be
    /// confused.
    pub(crate) fn fill(&self, message: &mut Message, name: &Name, age: Duration) {
        let age = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
        let as_asked = |record: &Record| {
            let mut record = record.clone();
            if record.name == *name {
                record.name = name.clone();
            }
            record.ttl = record.ttl.saturating_sub(age);
            record
        };
        let [answers, authorities, additionals] = &self.records;
        message.add_answers(answers.iter().map(as_asked));
        message.add_authorities(authorities.iter().map(as_asked));
        message.add_additionals(additionals.iter().map(as_asked));
    }
}

/// Whether `message` answers `asked`, as far as can be seen: the number, and the question with its very
/// capitals. Anything else may be somebody's attempt to have us believe it.
pub(crate) fn answers(message: &Message, asked: &Message) -> bool {
    let (theirs, ours) = (&message.metadata, &asked.metadata);
    theirs.message_type == MessageType::Response
        && theirs.id == ours.id
        && match (&message.queries[..], &asked.queries[..]) {
            ([theirs], [ours]) => {
                theirs.name().eq_case(ours.name())
                    && theirs.query_type() == ours.query_type()
                    && theirs.query_class() == ours.query_class()
            }
            // A server that has not understood the question may leave it out.
            ([], _) => message.metadata.response_code != ResponseCode::NoError,
            _ => false,
        }
}

/// In seconds. What a client is to keep no longer either is shortened in the records.
fn lifetime(code: ResponseCode, records: &mut [Vec<Record>; 3], question: &Question) -> u32 {
    let [answers, authorities, _] = records;
    let shortest = answers.iter().map(|it| it.ttl).min();
    let has_what_was_asked = || {
        question.kind == RecordType::ANY
            || answers.iter().any(|it| it.record_type() == question.kind)
    };
    match code {
        ResponseCode::NoError if has_what_was_asked() => shortest.unwrap_or(0),
        ResponseCode::NoError | ResponseCode::NXDomain => {
            // That there is nothing is known for as long as the zone's SOA says, and not without one
            // (RFC 2308 section 5); of a chain of aliases to nothing no longer than any of them.
            let nothing = authorities
                .iter_mut()
                .find_map(|record| match &record.data {
                    RData::SOA(soa) => {
                        record.ttl = record.ttl.min(soa.minimum).min(LONGEST_NOTHING);
                        Some(record.ttl)
                    }
                    _ => None,
                });
            nothing.unwrap_or(0).min(shortest.unwrap_or(LONGEST))
        }
        _ => 0,
    }
}

/// A time with the highest bit set counts as none (RFC 2181 section 8).
fn ttl(record: &Record) -> u32 {
    match record.ttl {
        it if it > i32::MAX as u32 => 0,
        it => it.min(LONGEST),
    }
}
