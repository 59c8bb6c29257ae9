//! The parts of a running hub, put together.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use datagrams::DatagramHub;
use relay::{Account, HubIntake, HubOptions, Intake, Protocols, Server, ServerOptions, Users};
use rustix::process::{Resource, getrlimit};
use settings::hub::{Settings, UserFile};
use tls::{HubConfig, HubKey};

use crate::accounts::{Book, connector};
use crate::filter::Destinations;
use crate::server::HubError;
use crate::snapshot::{AccountKind, AccountSnapshot, Connections, Refusals, Snapshot};
use crate::socks5::Socks5Book;
use crate::usage::UsageTable;

/// How many connections may wait at once until it is known whose they are, at most.
const MOST_HANDSHAKES: usize = 4096;

/// A hub that serves. Clones are the same hub.
#[derive(Clone, Debug)]
pub struct Hub {
    server: Server,
    destinations: Destinations,
    book: Book,
    /// Without a listener for edges there is none.
    intake: Option<HubIntake>,
    socks5: Socks5Book,
    started: SystemTime,
    /// Likewise.
    datagrams: Option<(DatagramHub, HubConfig)>,
}

impl Hub {
    /// Reads key and users. `usage` is what users have done before.
    pub(crate) fn new(settings: &Settings, usage: UsageTable) -> Result<Self, HubError> {
        let destinations = Destinations::new(settings.allow.clone());
        let book = Book::new(destinations.clone(), settings.connect_timeout, usage.hub);
        let (mut intake, mut datagrams) = (None, None);
        if !settings.listen.is_empty() {
            book.update(&UserFile::load(&settings.users)?);
            let config = hub_config(&settings.key)?;
            datagrams = Some((DatagramHub::new(Arc::new(book.clone())), config.clone()));
            intake = Some(hub_intake(config, &book));
        }
        let socks5 = Socks5Book::new(destinations.clone(), settings.connect_timeout, usage.socks5);
        let users = socks5_users(settings, &socks5)?;
        let filter = Arc::new(destinations.clone());
        let server = Server::new(
            connector(filter, settings.connect_timeout),
            ServerOptions {
                protocols: Protocols::SOCKS5,
                users: Some(users),
                idle_timeout: settings.idle_timeout.duration(),
                log_destinations: settings.log_destinations,
                drain: settings.drain,
                ..ServerOptions::default()
            },
        );
        Ok(Self {
            server,
            destinations,
            book,
            intake,
            socks5,
            started: SystemTime::now(),
            datagrams,
        })
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn destinations(&self) -> &Destinations {
        &self.destinations
    }

    pub(crate) fn book(&self) -> &Book {
        &self.book
    }

    pub(crate) fn socks5(&self) -> &Socks5Book {
        &self.socks5
    }

    /// How edges are served.
    pub(crate) fn intake(&self) -> Option<Intake> {
        self.intake.clone().map(Intake::Hub)
    }

    /// What carries edges' datagrams, and what its sockets need.
    pub(crate) fn datagrams(&self) -> Option<&(DatagramHub, HubConfig)> {
        self.datagrams.as_ref()
    }

    /// What users have done in all.
    pub(crate) fn usage(&self) -> UsageTable {
        UsageTable {
            hub: self.book.usage(),
            socks5: self.socks5.usage(),
        }
    }

    /// What the hub does at this moment.
    pub fn snapshot(&self) -> Snapshot {
        let of = |kind| move |account: &Arc<Account>| account_snapshot(kind, account);
        let (hub, socks5) = (self.book.accounts(), self.socks5.accounts());
        let hub = hub.iter().map(of(AccountKind::Hub));
        let socks5 = socks5.iter().map(of(AccountKind::Socks5));
        let connections = self.intake.as_ref().map(HubIntake::connections);
        let connections = connections.unwrap_or_default();
        let refusals = self.server.refusals().counts();
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            started_unix_seconds: started.as_secs(),
            accounts: hub.chain(socks5).collect(),
            connections: Connections {
                handshaking: connections.handshaking as u64,
                idle: connections.idle as u64,
                open: connections.open as u64,
            },
            refusals: refusals
                .map(|(cause, count)| Refusals {
                    cause: cause.as_str(),
                    count,
                })
                .collect(),
            pool: self.server.pool().usage(),
        }
    }
}

fn account_snapshot(kind: AccountKind, account: &Account) -> AccountSnapshot {
    let usage = account.usage();
    AccountSnapshot {
        name: account.name().to_string(),
        kind,
        hub_connections: account.hub_connections() as u64,
        open: account.open() as u64,
        max_connections: account.terms().max_connections.map(|most| most as u64),
        bytes_up: usage.bytes_up,
        bytes_down: usage.bytes_down,
        connections: usage.connections,
        refused: usage.refused,
    }
}

fn hub_config(key: &Path) -> Result<HubConfig, HubError> {
    let pem = std::fs::read(key).map(zeroize::Zeroizing::new);
    let pem = pem.map_err(|source| HubError::KeyFile {
        path: key.to_owned(),
        source,
    })?;
    let key = HubKey::from_pem(&pem).map_err(|source| HubError::Key {
        path: key.to_owned(),
        source,
    })?;
    Ok(HubConfig::new(&key))
}

fn hub_intake(config: HubConfig, book: &Book) -> HubIntake {
    let options = HubOptions {
        max_handshakes: max_handshakes(),
        ..HubOptions::default()
    };
    HubIntake::new(config, Arc::new(book.clone()), options)
}

/// Whom nobody knows must leave files to those who are known.
fn max_handshakes() -> usize {
    let files = getrlimit(Resource::Nofile).current;
    let files = files.and_then(|files| usize::try_from(files).ok());
    files.map_or(MOST_HANDSHAKES, |files| MOST_HANDSHAKES.min(files / 4))
}

/// Nobody may use SOCKS5 where it is not served.
fn socks5_users(settings: &Settings, book: &Socks5Book) -> Result<Users, HubError> {
    match &settings.socks5 {
        Some(socks5) => Ok(book.update(&settings::hub::Users::load(&socks5.users)?).0),
        None => Ok(Users::from_iter([])),
    }
}
