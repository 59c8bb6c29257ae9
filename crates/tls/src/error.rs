//! What can go wrong in TLS, in words for users.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};
use wire::hub::Pin;

/// Why a [`Channel`](crate::Channel) came to its end. The other end gets an alert where TLS has one:
/// `outgoing` holds it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TlsError {
    /// The edge found another hub than its link names.
    #[error(
        "the hub's key has another pin ({found}) than the link; either the hub has a new key, and \
         you need its new link, or somebody between here and there pretends to be it"
    )]
    WrongPin {
        /// The pin of the key that was shown.
        found: Pin,
    },
    /// The hub's key is not the one that the edge's link names.
    #[error("the edge expects a hub with another key: its link has another pin")]
    PinRefused,
    /// What came is no TLS.
    #[error("the other end does not speak TLS, so it is no manypath; are host and port right?")]
    NotTls(#[source] Error),
    /// TLS, but another version of it, or with certificates, or without key.
    #[error("the other end speaks TLS but is no manypath; are host and port right?")]
    NotManypath(#[source] Error),
    /// TLS with another protocol inside.
    #[error("the other end speaks TLS but not the protocol \"manypath\"; are host and port right?")]
    OtherProtocol,
    /// The other end showed a key that is not its own.
    #[error("the other end could not prove that the key it shows is its own")]
    BadSignature(#[source] Error),
    /// The other end ended TLS with an alert.
    #[error("the other end ended TLS with an alert ({0:?})")]
    Alert(AlertDescription),
    /// Bytes that are not what was sent, or that nobody should send.
    #[error("what came was damaged or tampered with on its way")]
    BadRecord(#[source] Error),
    /// More bytes than [`MAX_INCOMING`](crate::MAX_INCOMING) and no message in them.
    #[error("a TLS message is too long")]
    TooLong,
    /// The channel is not yet, or no more, able to do this.
    #[error("TLS is not established, or at its end already")]
    NotOpen,
    /// Neither end's fault, for example no random numbers.
    #[error("TLS failed")]
    Internal(#[source] Error),
}

/// Carries the pin that was found through rustls.
#[derive(Debug, thiserror::Error)]
#[error("the key has the pin {0}")]
pub(crate) struct OtherPin(pub(crate) Pin);

impl TlsError {
    /// For what rustls lets pass.
    pub(crate) fn bad_record() -> Self {
        Self::BadRecord(InvalidMessage::UnexpectedMessage("record").into())
    }

    /// For bytes that need not be shown to rustls.
    pub(crate) fn not_tls() -> Self {
        Self::NotTls(InvalidMessage::InvalidContentType.into())
    }

    /// Sorts what rustls says during the handshake.
    pub(crate) fn in_handshake(error: Error) -> Self {
        match error {
            Error::PeerIncompatible(_) | Error::NoCertificatesPresented => Self::NotManypath(error),
            Error::AlertReceived(AlertDescription::NoApplicationProtocol)
            | Error::NoApplicationProtocol => Self::OtherProtocol,
            Error::AlertReceived(
                AlertDescription::ProtocolVersion
                | AlertDescription::HandshakeFailure
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::MissingExtension
                | AlertDescription::UnrecognisedName,
            ) => Self::NotManypath(error),
            Error::InvalidCertificate(reason) => Self::of_key(reason),
            error => Self::in_traffic(error),
        }
    }

    /// Sorts what rustls says when the handshake is over.
    pub(crate) fn in_traffic(error: Error) -> Self {
        match error {
            Error::AlertReceived(AlertDescription::CertificateUnknown) => Self::PinRefused,
            Error::AlertReceived(description) => Self::Alert(description),
            Error::DecryptError
            | Error::InvalidMessage(_)
            | Error::InappropriateMessage { .. }
            | Error::InappropriateHandshakeMessage { .. }
            | Error::PeerMisbehaved(_)
            | Error::PeerSentOversizedRecord => Self::BadRecord(error),
            error => Self::Internal(error),
        }
    }

    fn of_key(reason: CertificateError) -> Self {
        if let CertificateError::Other(other) = &reason
            && let Some(OtherPin(found)) = other.0.downcast_ref()
        {
            return Self::WrongPin { found: *found };
        }
        match reason {
            CertificateError::BadEncoding => Self::NotManypath(reason.into()),
            reason => Self::BadSignature(reason.into()),
        }
    }
}
