//! What it takes to look a name up, and what becomes of queries when a link fails.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Context;
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};

use super::super::contender::Contender;
use super::super::peer::Peer;
use super::fault::wait_until_usable;
use super::median;
use crate::faults::round::{Failed, Fault, InUse};
use crate::topology::addresses;
use crate::traffic::{Direction, NameServer};

const PORT: u16 = 53;

/// How many names are asked for one after another.
const ONE_BY_ONE: u16 = 100;

/// How many are asked for while a link fails, and how often.
const STEADY: u16 = 500;
const EVERY: Duration = Duration::from_millis(10);

/// How long an answer is waited for, as `dig` does.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the way to the name server may take to be there, and how often it is tried.
const READY: Duration = Duration::from_secs(10);
const ATTEMPT: Duration = Duration::from_millis(500);

/// Median in milliseconds of the time that a name takes which nobody has asked for before.
pub(super) fn answer_ms(contender: &Contender) -> anyhow::Result<f64> {
    let client = Client::start(contender, "once")?;
    let time = |number| {
        let asked = Instant::now();
        client.ask(number)?;
        while client.answered()? != number {}
        anyhow::Ok(asked.elapsed().as_secs_f64() * 1e3)
    };
    median(
        (0..ONE_BY_ONE)
            .map(time)
            .collect::<anyhow::Result<_>>()
            .context("a name had no answer")?,
    )
}

/// How many of many queries have no answer, when the link that carries them is pulled among them.
pub(super) fn lost(contender: &Contender) -> anyhow::Result<f64> {
    let client = Client::start(contender, "steady")?;
    let (one, other) = contender.place.two_links()?;
    let in_use = InUse::watch([one, other], Direction::Down);
    let start = Instant::now();
    let asked_at = |number: u16| start + EVERY * number.into();
    let (failing, answered) = std::thread::scope(|scope| {
        let answers = scope.spawn(|| client.answers(STEADY, asked_at));
        let mut failed = None;
        for number in 0..STEADY {
            std::thread::sleep(asked_at(number).saturating_duration_since(Instant::now()));
            if number == STEADY / 3 {
                let link = in_use.busier();
                failed = Some((link, Failed::new(link, Fault::Carrier)?));
            }
            client.ask(number)?;
        }
        let answered = answers
            .join()
            .unwrap_or_else(|cause| std::panic::resume_unwind(cause));
        let (link, _) = failed.context("no link has failed")?;
        anyhow::Ok((link, answered))
    })?;
    wait_until_usable(contender, failing)?;
    Ok(f64::from(STEADY) - answered.len() as f64)
}

/// A program that asks for names, each another one, and the server that knows them.
struct Client {
    socket: UdpSocket,
    /// Of what it asks for.
    domain: &'static str,
    _server: NameServer,
}

impl Client {
    /// Returns when the first name has been answered.
    fn start(contender: &Contender, domain: &'static str) -> anyhow::Result<Self> {
        let origin = SocketAddr::from((addresses::ORIGIN.ipv4(), PORT));
        let server = NameServer::start(&contender.place.origin, origin)?;
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let socket = contender.client().run(|| UdpSocket::bind(any))?;
        socket.connect(match contender.peer {
            Peer::Direct => origin,
            _ => SocketAddr::new(IpAddr::V4(addresses::GUEST.ipv4()), PORT),
        })?;
        let client = Self {
            socket,
            domain,
            _server: server,
        };
        client.wait()?;
        client.socket.set_read_timeout(Some(PATIENCE))?;
        Ok(client)
    }

    fn wait(&self) -> anyhow::Result<()> {
        self.socket.set_read_timeout(Some(ATTEMPT))?;
        let deadline = Instant::now() + READY;
        loop {
            let answered = self.ask(u16::MAX).and_then(|()| self.answered());
            match answered {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    return Err(error).context("no name is answered");
                }
                // Where nobody listens yet it fails at once.
                Err(_) => std::thread::sleep(EVERY),
            }
        }
    }

    fn ask(&self, number: u16) -> io::Result<()> {
        let name = format!("n{number}.{}.test.", self.domain);
        let name = Name::from_ascii(name).map_err(io::Error::other)?;
        let mut query = Message::query();
        query.metadata.id = number;
        query.metadata.recursion_desired = true;
        query.add_query(Query::query(name, RecordType::A));
        let bytes = query.to_vec().map_err(io::Error::other)?;
        self.socket.send(&bytes).map(drop)
    }

    /// The number of the next query that is answered with an address.
    fn answered(&self) -> io::Result<u16> {
        let mut buffer = [0; 1500];
        loop {
            let length = self.socket.recv(&mut buffer)?;
            let answer = Message::from_vec(&buffer[..length]).map_err(io::Error::other)?;
            let is_good = answer.metadata.response_code == ResponseCode::NoError;
            if is_good && answer.answers.len() == 1 {
                return Ok(answer.metadata.id);
            }
        }
    }

    /// Which of the first `count` are answered in time; ends when all are, or when nothing comes any more.
    fn answers(&self, count: u16, asked_at: impl Fn(u16) -> Instant) -> BTreeSet<u16> {
        let mut answered = BTreeSet::new();
        while answered.len() < count.into()
            && let Ok(number) = self.answered()
        {
            if number < count && asked_at(number).elapsed() <= PATIENCE {
                answered.insert(number);
            }
        }
        answered
    }
}
