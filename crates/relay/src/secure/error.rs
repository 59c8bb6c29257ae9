//! What can go wrong on a connection between edge and hub.

use std::io;

use tls::TlsError;
use wire::hub::{FrameError, Violation};

/// Why a connection between edge and hub is at its end. Who knows which connection it was says so.
#[derive(Debug, thiserror::Error)]
pub enum SecureError {
    /// TCP failed.
    #[error("the connection broke")]
    Io(#[source] io::Error),
    /// TCP came to its end and TLS did not: something may be missing.
    #[error("the connection was cut off")]
    Cut,
    /// The other end has closed it in an orderly way: nothing is missing, and nothing more comes.
    #[error("the other end has closed the connection")]
    Closed,
    /// The other end gave the user connection up.
    #[error("the other end has aborted the user connection")]
    Aborted,
    /// TLS failed: no hub, the wrong hub, or somebody changes bytes.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// What came is no frame.
    #[error("the other end does not keep to the protocol")]
    Frame(#[from] FrameError),
    /// A frame at the wrong time.
    #[error("the protocol was broken")]
    Violation(#[from] Violation),
}

impl SecureError {
    /// Whether it is no error, but the orderly end.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// Whether the other end, or the way to it, is gone without a word.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Cut | Self::Aborted)
    }
}

/// For whoever sees a stream of bytes only: an end that is not that of the stream is a reset.
impl From<SecureError> for io::Error {
    fn from(error: SecureError) -> Self {
        let kind = match error {
            SecureError::Io(error) => return error,
            SecureError::Cut | SecureError::Closed | SecureError::Aborted => {
                io::ErrorKind::ConnectionReset
            }
            SecureError::Tls(_) | SecureError::Frame(_) | SecureError::Violation(_) => {
                io::ErrorKind::InvalidData
            }
        };
        Self::new(kind, error)
    }
}
