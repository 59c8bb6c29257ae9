//! A connection that asks the hub over one path whether it is there.

use std::sync::Arc;

use tokio::net::TcpStream;
use wire::hub::Frame;

use super::dial::{greet, secure};
use super::{HubAddress, HubError};
use crate::secure::{Message, SecureError, SecureStream};

/// A connection to the hub that never carries a user connection. It is plain TCP, so that it keeps to
/// the one path that it was made on: what is asked on it tells about that path.
#[derive(Debug)]
pub struct ProbeLine(SecureStream);

impl ProbeLine {
    /// Proves to the hub who we are, on a TCP connection to it.
    ///
    /// # Errors
    /// As of any connection to the hub. The time that it takes is for the caller to limit.
    pub async fn secure(tcp: TcpStream, hub: &HubAddress) -> Result<Self, HubError> {
        let mut stream = secure(hub, tcp).await?;
        greet(&hub.destination, &mut stream).await?;
        Ok(Self(stream))
    }

    /// Asks (PING). It has to be answered ([`Self::answer`]) before the next question.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn ask(&mut self) -> Result<(), SecureError> {
        self.0
            .send(&[Frame::Ping(fastrand::u64(..).to_be_bytes())])
            .await
    }

    /// Waits for the answer. May be cancelled at any time.
    ///
    /// # Errors
    /// When the connection is over, or the hub wants to be left alone (GOAWAY).
    pub async fn answer(&mut self) -> Result<(), SecureError> {
        match self.0.receive().await? {
            Message::Pong(_) => Ok(()),
            _ => Err(SecureError::Closed),
        }
    }

    /// The socket, for looking at it.
    pub fn tcp(&self) -> &Arc<TcpStream> {
        self.0.tcp()
    }
}
