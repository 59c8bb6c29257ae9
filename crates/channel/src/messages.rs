//! The messages.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroize;

use crate::Mac;

/// The version of this protocol. Image and service come together, so there is no older one to speak.
pub const PROTOCOL: u32 = 2;

/// From host to edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToEdge {
    /// The first message.
    Hello(HostHello),
    /// The edge's settings, as its settings file would have them. May come again at any time.
    Settings(SecretText),
    /// The uplinks whose card is not connected to anything, whatever their interface shows: a virtual switch in
    /// between goes on. Replaces what was said before.
    Unplugged(Vec<Mac>),
    /// Send the status.
    Status,
    /// Put everything back and end. The end of the input says the same.
    Stop,
}

/// From edge to host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToHost {
    /// The first message.
    Hello(EdgeHello),
    /// What has become of the settings.
    Applied(Applied),
    /// Where traffic can be sent to, whenever that changes.
    Ready(Ready),
    /// Nothing, every [`ToHost::EVERY`]: the edge is alive.
    Alive,
    /// What was asked for, the JSON of `manypath status --json`.
    Status(Value),
    /// The last message of an edge that can't go on: why, and what to do.
    Fatal(String),
}

impl ToHost {
    /// The pause between signs of life.
    pub const EVERY: Duration = Duration::from_secs(1);
}

/// How the host greets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostHello {
    /// See [`PROTOCOL`].
    pub protocol: u32,
    /// Of the program, such as "0.1.0".
    pub version: String,
}

/// How the edge greets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeHello {
    /// See [`PROTOCOL`].
    pub protocol: u32,
    /// Of the program, such as "0.1.0".
    pub version: String,
    /// The kernel's release, as `uname -r` has it.
    pub kernel: String,
    /// Whether that kernel can do Multipath TCP.
    pub mptcp: Mptcp,
    /// The VM, as WSL knows it (`wslinfo --vm-id`); `None` outside WSL.
    pub vm: Option<String>,
    /// How WSL has connected the VM (`wslinfo --networking-mode`); `None` outside WSL.
    pub networking: Option<String>,
}

/// Whether a kernel can do Multipath TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mptcp {
    /// It can.
    Available,
    /// It was built without.
    Missing,
}

/// What has become of settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// They are in force, except for these keys, which need another start.
    Taken {
        /// Such as `mptcp`.
        need_restart: Vec<String>,
    },
    /// They are wrong: each error with line and key. The edge goes on as before.
    Refused {
        /// One a line.
        errors: String,
    },
}

/// Whether traffic can be sent to the edge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// Addresses of the edge that the host reaches, at which it takes traffic in. None while it does not.
    pub gateways: Vec<IpAddr>,
    /// Whether at least one uplink works.
    pub online: bool,
}

/// A text that holds secrets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(pub String);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The other end speaks another version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the other end is manypath {version} and speaks version {protocol} of the protocol between host and edge, this is manypath {} with version {PROTOCOL}; install the same version on both ends (manypath install)",
    env!("CARGO_PKG_VERSION")
)]
pub struct VersionError {
    /// The other end's protocol.
    pub protocol: u32,
    /// The other end's program.
    pub version: String,
}

/// Whether the other end can be understood.
///
/// # Errors
/// When it speaks another version.
pub fn check_protocol(protocol: u32, version: &str) -> Result<(), VersionError> {
    if protocol == PROTOCOL {
        return Ok(());
    }
    Err(VersionError {
        protocol,
        version: version.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &impl Serialize) -> String {
        serde_json::to_string(message).unwrap()
    }

    // Whoever changes these changes the protocol, and its version.
    #[test]
    fn messages_are_written_like_this() {
        let hello = ToEdge::Hello(HostHello {
            protocol: 2,
            version: "0.1.0".to_owned(),
        });
        assert_eq!(
            text(&hello),
            r#"{"hello":{"protocol":2,"version":"0.1.0"}}"#
        );
        let settings = ToEdge::Settings(SecretText("[out]\n".to_owned()));
        assert_eq!(text(&settings), r#"{"settings":"[out]\n"}"#);
        let unplugged = ToEdge::Unplugged(vec![Mac([2, 0x15, 0x5d, 1, 2, 3])]);
        assert_eq!(text(&unplugged), r#"{"unplugged":["02:15:5d:01:02:03"]}"#);
        assert_eq!(text(&ToEdge::Stop), r#""stop""#);
        let taken = ToHost::Applied(Applied::Taken {
            need_restart: vec!["mptcp".to_owned()],
        });
        assert_eq!(
            text(&taken),
            r#"{"applied":{"taken":{"need_restart":["mptcp"]}}}"#
        );
        let ready = ToHost::Ready(Ready {
            gateways: vec!["172.20.5.6".parse().unwrap()],
            online: true,
        });
        assert_eq!(
            text(&ready),
            r#"{"ready":{"gateways":["172.20.5.6"],"online":true}}"#
        );
        assert_eq!(text(&ToHost::Alive), r#""alive""#);
    }

    #[test]
    fn no_log_shows_settings() {
        let settings = ToEdge::Settings(SecretText("secret".to_owned()));
        assert_eq!(format!("{settings:?}"), "Settings((secret))");
    }

    #[test]
    fn another_protocol_names_both_versions() {
        assert!(check_protocol(PROTOCOL, "0.1.0").is_ok());
        let error = check_protocol(7, "9.9.9").unwrap_err().to_string();
        assert!(
            error.contains("9.9.9") && error.contains("version 7"),
            "{error}"
        );
        assert!(error.contains(env!("CARGO_PKG_VERSION")), "{error}");
    }
}
