//! What the command line and the service say to each other over the service's pipe: one line of JSON
//! each way.

use channel::SecretText;
use kernelpack::FileName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::recording::ServiceRecording;

/// The pipe's name.
pub const PIPE: &str = "manypath";

/// The longest line that is read: a status with thousands of connections.
pub const LONGEST_LINE: usize = 16 << 20;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// The status as JSON.
    Status,
    /// What was seen, to be replayed elsewhere.
    Record,
    /// Bring every connection into use, also after the next start of the PC.
    Up,
    /// Give Windows its network back, also after the next start of the PC.
    Down,
    /// Take everything away that was made on this PC, as `manypath uninstall` does.
    Remove,
    /// Take the hub of this link.
    Connect {
        /// The link.
        link: SecretText,
    },
    /// Take back the last `Connect`, unless the settings have changed since.
    Disconnect,
    /// Try an installed kernel, and keep it if WSL comes up with it. Ends the user's VM.
    TryKernel {
        /// Its folder on the shelf.
        id: FileName,
    },
    /// Change what an uplink is used for.
    SetRole {
        /// The uplink's name.
        uplink: String,
        /// `active`, `backup` or `off`.
        role: String,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// It is done, or under way. With what there is to be said about it.
    Done(String),
    /// What was asked for.
    Status(Value),
    /// Likewise.
    Recorded(Box<ServiceRecording>),
    /// It can't be done, or not for you. Nothing has changed.
    Refused(String),
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The security identifier, as text.
    pub sid: String,
    /// Whether it is a member of Administrators with its rights in force.
    pub is_administrator: bool,
}

impl Request {
    /// Whether somebody may ask this: administrators, and the user whose WSL is used, may change things and
    /// see what there is of other users; everybody may see the status.
    ///
    /// # Errors
    /// What to tell those who may not.
    pub fn permit(&self, asker: &Asker, owner: Option<&str>) -> Result<(), String> {
        let is_owner = owner.is_some_and(|owner| owner == asker.sid);
        if *self == Self::Status || asker.is_administrator || is_owner {
            return Ok(());
        }
        Err(
            "only administrators, and the user whose WSL Manypath uses, may do that; \
             run this in a terminal that was started as administrator"
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_owner_and_administrators_change_things() {
        let asker = |sid: &str, is_administrator| Asker {
            sid: sid.to_owned(),
            is_administrator,
        };
        let (ann, bob, admin) = (
            asker("S-1-5-21-1", false),
            asker("S-1-5-21-2", false),
            asker("S-1-5-21-3", true),
        );
        let owner = Some("S-1-5-21-1");
        for request in [Request::Up, Request::Down] {
            assert!(request.permit(&ann, owner).is_ok());
            assert!(request.permit(&admin, owner).is_ok());
            assert!(
                request
                    .permit(&bob, owner)
                    .unwrap_err()
                    .contains("administrator")
            );
            assert!(request.permit(&ann, None).is_err(), "nobody owns it");
        }
        assert!(Request::Status.permit(&bob, owner).is_ok());
        assert!(Request::Record.permit(&bob, owner).is_err());
    }

    #[test]
    fn lines_are_what_they_say() {
        let text = serde_json::to_string(&Request::SetRole {
            uplink: "Wi-Fi".to_owned(),
            role: "backup".to_owned(),
        });
        let expected = r#"{"ask":"set_role","uplink":"Wi-Fi","role":"backup"}"#;
        assert_eq!(text.unwrap(), expected);
        assert!(serde_json::from_str::<Request>(r#"{"ask":"format","drive":"C"}"#).is_err());
        let answer = Answer::Refused("no".to_owned());
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"refused":"no"}"#
        );
    }
}
