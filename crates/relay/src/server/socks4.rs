//! SOCKS 4 and 4a.

use tokio::time::timeout_at;
use wire::socks4::{Reply, Request};

use super::session::{NoOnward, Session};
use crate::Kind;
use crate::connect::with_causes;
use crate::handshake::{Inbox, MessageError};

pub(super) async fn serve(session: Session) {
    let mut inbox = Inbox::new(&session.stream);
    let request = match timeout_at(session.deadline, inbox.message(Request::parse)).await {
        Ok(Ok(request)) => request,
        Ok(Err(MessageError::Wrong(error))) => {
            tracing::debug!(client = %session.client, error = with_causes(&error), "bad request");
            return session.dismiss(&Reply::Rejected.encode()).await;
        }
        Ok(Err(MessageError::Broken(_))) | Err(_) => {
            tracing::debug!(client = %session.client, "no complete SOCKS4 request came in time");
            return;
        }
    };
    if session.shared.users().is_some() {
        tracing::debug!(client = %session.client, "SOCKS4 has no passwords; use SOCKS5 or HTTP");
        return session.dismiss(&Reply::Rejected.encode()).await;
    }
    match session.connect(&request.dest).await {
        Ok(onward) => {
            if inbox.send(&Reply::Granted.encode()).await.is_ok() {
                let early = inbox.into_early();
                session
                    .relay(Kind::Socks4, &request.dest, onward, early)
                    .await;
            }
        }
        Err(NoOnward::Failed(_)) => session.dismiss(&Reply::Rejected.encode()).await,
        Err(NoOnward::ClientGone) => {}
    }
}
