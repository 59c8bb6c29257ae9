//! SOCKS 5 (RFC 1928), with user and password (RFC 1929).

use std::io;

use tokio::time::timeout_at;
use wire::Destination;
use wire::socks5::{
    self, AuthStatus, Command, Method, MethodOffer, MethodSelection, Reply, ReplyCode, Request,
    UserPassAuth,
};

use super::session::{NoOnward, Session};
use crate::connect::with_causes;
use crate::handshake::{Inbox, MessageError};
use crate::{Kind, Users};

pub(super) async fn serve(session: Session) {
    let mut inbox = Inbox::new(&session.stream);
    let users = session.shared.options.users.as_ref();
    let request = match timeout_at(session.deadline, negotiate(&mut inbox, users)).await {
        Ok(Ok(request)) => request,
        Ok(Err(Refusal { answer, reason })) => {
            tracing::debug!(client = %session.client, reason, "SOCKS5 handshake failed");
            return session.dismiss(&answer).await;
        }
        Err(_elapsed) => {
            tracing::debug!(client = %session.client, "no complete SOCKS5 request came in time");
            return;
        }
    };
    match session.connect(&request).await {
        Ok(onward) => {
            let reply = Reply {
                code: ReplyCode::Succeeded,
                bound: onward.bound,
            };
            if inbox.send(&reply.encode()).await.is_ok() {
                let early = inbox.into_early();
                session
                    .relay(Kind::Socks5, &request, onward.leg, early)
                    .await;
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
}

/// Everything up to the request for a connection.
async fn negotiate(inbox: &mut Inbox<'_>, users: Option<&Users>) -> Result<Destination, Refusal> {
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
        });
    }
    inbox.send(&MethodSelection(wanted).encode()).await?;
    if let Some(users) = users {
        authenticate(inbox, users).await?;
    }
    let request = inbox
        .message(Request::parse)
        .await
        .map_err(Refusal::of_request)?;
    match request.command {
        Command::Connect => Ok(request.dest),
        other => Err(Refusal {
            answer: Reply::unbound(ReplyCode::CommandNotSupported).encode(),
            reason: format!("{other:?} is not supported"),
        }),
    }
}

async fn authenticate(inbox: &mut Inbox<'_>, users: &Users) -> Result<(), Refusal> {
    let UserPassAuth(given) = inbox
        .message(UserPassAuth::parse)
        .await
        .map_err(Refusal::silent)?;
    if !users.accept(&given) {
        return Err(Refusal {
            answer: AuthStatus::Refused.encode().into(),
            reason: format!("wrong user or password (user {})", given.user),
        });
    }
    Ok(inbox.send(&AuthStatus::Accepted.encode()).await?)
}

impl Refusal {
    /// Before the request there is no code for "I don't understand you".
    fn silent(error: MessageError<socks5::Error>) -> Self {
        Self {
            answer: Vec::new(),
            reason: with_causes(&error),
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
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::silent(error.into())
    }
}
