//! Through SOCKS5 proxies, one after the other.

use mptcp::Transport;
use wire::socks5::{
    AuthStatus, Command, Method, MethodOffer, MethodSelection, Reply, ReplyCode, Request,
    UserPassAuth,
};
use wire::{Credentials, Destination};

use super::direct::Direct;
use super::{ConnectError, Lookups, Onward};
use crate::handshake::{Inbox, MessageError};

/// SOCKS5 proxies in the order in which they are passed.
#[derive(Clone, Debug)]
pub struct Chain {
    first: Hop,
    more: Vec<Hop>,
}

/// One SOCKS5 proxy.
#[derive(Clone, Debug)]
pub struct Hop {
    /// Where it listens. The first hop's name is resolved here, the others' by the hop before.
    pub proxy: Destination,
    /// What to prove to it, if it asks.
    pub credentials: Option<Credentials>,
}

impl Chain {
    /// A chain of `first`, which is reached over MPTCP, and `more`.
    pub fn new(first: Hop, more: Vec<Hop>) -> Self {
        Self { first, more }
    }

    pub(super) async fn connect(&self, destination: &Destination) -> Result<Onward, ConnectError> {
        let direct = Direct {
            transport: Transport::Mptcp,
            filter: None,
            from: vec![mptcp::ConnectOptions::default()],
            lookups: Lookups::default(),
        };
        let (stream, _) =
            direct
                .open(&self.first.proxy)
                .await
                .map_err(|source| ConnectError::FirstHop {
                    hop: self.first.proxy.clone(),
                    source: Box::new(source),
                })?;
        let mut inbox = Inbox::new(&stream);
        let mut hop = &self.first;
        for next in &self.more {
            let reply = hop.request(&mut inbox, &next.proxy).await?;
            if reply.code != ReplyCode::Succeeded {
                return Err(ConnectError::NextHop {
                    hop: hop.proxy.clone(),
                    next: next.proxy.clone(),
                    code: reply.code,
                });
            }
            hop = next;
        }
        let reply = hop.request(&mut inbox, destination).await?;
        if reply.code != ReplyCode::Succeeded {
            return Err(ConnectError::Upstream {
                hop: hop.proxy.clone(),
                destination: destination.clone(),
                code: reply.code,
            });
        }
        let early = inbox.into_early();
        Ok(Onward::new(stream, early, reply.bound))
    }
}

impl Hop {
    /// Asks this proxy, at the other end of `inbox`, to connect to `dest`.
    async fn request(
        &self,
        inbox: &mut Inbox<'_>,
        dest: &Destination,
    ) -> Result<Reply, ConnectError> {
        let offer = MethodOffer::new(self.credentials.is_some());
        self.send(inbox, &offer.encode()).await?;
        let selection = inbox.message(MethodSelection::parse).await;
        match (
            selection.map_err(|error| self.broke(error))?.0,
            &self.credentials,
        ) {
            (Method::NoAuth, _) => {}
            (Method::UserPass, Some(credentials)) => self.prove(inbox, credentials).await?,
            _ => {
                return Err(ConnectError::HopMethod {
                    hop: self.proxy.clone(),
                });
            }
        }
        let request = Request {
            command: Command::Connect,
            dest: dest.clone(),
        };
        self.send(inbox, &request.encode()).await?;
        inbox
            .message(Reply::parse)
            .await
            .map_err(|error| self.broke(error))
    }

    async fn prove(
        &self,
        inbox: &mut Inbox<'_>,
        credentials: &Credentials,
    ) -> Result<(), ConnectError> {
        self.send(inbox, &UserPassAuth(credentials.clone()).encode())
            .await?;
        match inbox
            .message(AuthStatus::parse)
            .await
            .map_err(|error| self.broke(error))?
        {
            AuthStatus::Accepted => Ok(()),
            AuthStatus::Refused => Err(ConnectError::HopCredentials {
                hop: self.proxy.clone(),
            }),
        }
    }

    async fn send(&self, inbox: &Inbox<'_>, bytes: &[u8]) -> Result<(), ConnectError> {
        inbox
            .send(bytes)
            .await
            .map_err(|error| self.broke(error.into()))
    }

    fn broke(&self, error: MessageError<wire::socks5::Error>) -> ConnectError {
        let hop = self.proxy.clone();
        match error {
            MessageError::Broken(source) => ConnectError::HopBroke { hop, source },
            MessageError::Wrong(source) => ConnectError::HopProtocol { hop, source },
        }
    }
}
