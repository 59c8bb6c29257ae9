//! SOCKS 5 (RFC 1928), with user and password (RFC 1929).

use std::io;
use std::sync::Arc;

use tokio::time::timeout_at;
use wire::UserName;
use wire::socks5::{
    self, AuthStatus, Command, Method, MethodOffer, MethodSelection, Reply, ReplyCode, Request,
    UserPassAuth,
};

use super::associate;
use super::session::{NoOnward, Session};
use crate::connect::with_causes;
use crate::handshake::{Inbox, MessageError};
use crate::refusals::LeftOut;
use crate::{Cause, Kind, Users};

pub(super) async fn serve(mut session: Session) {
    let stream = Arc::clone(&session.stream);
    let mut inbox = Inbox::new(&stream);
    let users = session.shared.users();
    let users = users.as_deref();
    let request = match timeout_at(session.deadline, negotiate(&mut inbox, users)).await {
        Ok(Ok((request, user))) => {
            session.account = user.and_then(|user| users?.account(&user));
            request
        }
        Ok(Err(refusal)) => {
            refusal.report(&session);
            return session.dismiss(&refusal.answer).await;
        }
        Err(_elapsed) => {
            tracing::debug!(client = %session.client, "no complete SOCKS5 request came in time");
            return;
        }
    };
    if request.command == Command::UdpAssociate {
        return associate::serve(&session, inbox).await;
    }
    let request = request.dest;
    match session.connect(&request).await {
        Ok(onward) => {
            let reply = Reply {
                code: ReplyCode::Succeeded,
                bound: onward.bound,
            };
            if inbox.send(&reply.encode()).await.is_ok() {
                let early = inbox.into_early();
                session.relay(Kind::Socks5, &request, onward, early).await;
            }
        }
        Err(NoOnward::Failed(error)) => {
            session
                .dismiss(&Reply::unbound(error.reply_code()).encode())
                .await;
        }
        Err(NoOnward::ClientGone) => {}
    }
}

/// Why a handshake came to nothing, and what the client is told.
struct Refusal {
    answer: Vec<u8>,
    reason: String,
    /// Somebody may be trying passwords.
    is_password: bool,
}

/// Everything up to the request, which is for a connection or for datagrams.
async fn negotiate(
    inbox: &mut Inbox<'_>,
    users: Option<&Users>,
) -> Result<(Request, Option<UserName>), Refusal> {
    let offer = inbox
        .message(MethodOffer::parse)
        .await
        .map_err(Refusal::silent)?;
    let wanted = if users.is_some() {
        Method::UserPass
    } else {
        Method::NoAuth
    };
    if !offer.has(wanted) {
        return Err(Refusal {
            answer: MethodSelection(Method::NoneAcceptable).encode().into(),
            reason: format!("the client does not offer {wanted:?}"),
            is_password: false,
        });
    }
    inbox.send(&MethodSelection(wanted).encode()).await?;
    let user = match users {
        Some(users) => Some(authenticate(inbox, users).await?),
        None => None,
    };
    let request = inbox
        .message(Request::parse)
        .await
        .map_err(Refusal::of_request)?;
    match request.command {
        Command::Connect | Command::UdpAssociate => Ok((request, user)),
        other @ Command::Bind => Err(Refusal {
            answer: Reply::unbound(ReplyCode::CommandNotSupported).encode(),
            reason: format!("{other:?} is not supported"),
            is_password: false,
        }),
    }
}

async fn authenticate(inbox: &mut Inbox<'_>, users: &Users) -> Result<UserName, Refusal> {
    let UserPassAuth(given) = inbox
        .message(UserPassAuth::parse)
        .await
        .map_err(Refusal::silent)?;
    if !users.accept(&given) {
        return Err(Refusal {
            answer: AuthStatus::Refused.encode().into(),
            reason: format!("wrong user or password (user {})", given.user),
            is_password: true,
        });
    }
    inbox.send(&AuthStatus::Accepted.encode()).await?;
    Ok(given.user)
}

impl Refusal {
    /// Says it in the log; a wrong password not only to those who debug, but once for each address.
    fn report(&self, session: &Session) {
        let (client, reason) = (session.client, &self.reason);
        let refusals = &session.shared.refusals;
        if self.is_password
            && let Some(LeftOut(left_out)) =
                refusals.is_news(Cause::Password, client.socket_addr().ip())
        {
            tracing::info!(%client, reason, left_out, "a SOCKS5 client was refused");
        } else {
            tracing::debug!(%client, reason, "SOCKS5 handshake failed");
        }
    }

    /// Before the request there is no code for "I don't understand you".
    fn silent(error: MessageError<socks5::Error>) -> Self {
        Self {
            answer: Vec::new(),
            reason: with_causes(&error),
            is_password: false,
        }
    }

    fn of_request(error: MessageError<socks5::Error>) -> Self {
        let answer = match &error {
            MessageError::Wrong(error) => Reply::unbound(error.reply_code()).encode(),
            MessageError::Broken(_) => Vec::new(),
        };
        Self {
            answer,
            reason: with_causes(&error),
            is_password: false,
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::silent(error.into())
    }
}
