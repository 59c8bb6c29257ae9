//! How captive portals are noticed. The edge's file and that of Windows' service have it.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::Scheme;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use wire::{Destination, Host};

use crate::reader::Table;

/// How captive portals are noticed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Portal {
    /// What is fetched by an uplink over which the hub does not answer.
    pub check: PortalCheck,
}

/// What is fetched to see whether somebody else answers in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortalCheck {
    /// Nothing: portals are not noticed.
    Off,
    /// A page whose server answers with status 204, or with plain text.
    Fetch(CheckUrl),
}

/// The URL of such a page. Never with TLS, which a portal could only break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckUrl {
    /// Its server.
    pub server: Destination,
    /// The path with the query.
    pub path: String,
}

/// The text is no URL that can be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} can't be fetched in clear; write a URL such as \"http://www.msftconnecttest.com/connecttest.txt\", or \"off\""
)]
pub struct PortalCheckError(String);

/// What Windows fetches for the same reason, so nobody else learns that this PC is there.
const WINDOWS: &str = "http://www.msftconnecttest.com/connecttest.txt";

const OFF: &str = "off";

impl Portal {
    /// Reads the table `[portal]`.
    pub(crate) fn read(root: &Table<'_>) -> Self {
        let table = root.table("portal");
        let check = table.parsed("check").unwrap_or_default();
        table.finish();
        Self { check }
    }
}

impl Default for PortalCheck {
    fn default() -> Self {
        WINDOWS.parse().expect("it is a URL")
    }
}

impl FromStr for PortalCheck {
    type Err = PortalCheckError;

    fn from_str(text: &str) -> Result<Self, PortalCheckError> {
        if text == OFF {
            return Ok(Self::Off);
        }
        let wrong = || PortalCheckError(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let is_plain = uri.scheme() == Some(&Scheme::HTTP) && !authority.as_str().contains('@');
        if !is_plain {
            return Err(wrong());
        }
        let host = authority.host();
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host: Host = inner.unwrap_or(host).parse().map_err(|_| wrong())?;
        let port = authority.port_u16().unwrap_or(80);
        if port == 0 {
            return Err(wrong());
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self::Fetch(CheckUrl {
            server: Destination { host, port },
            path: path.to_owned(),
        }))
    }
}

impl fmt::Display for PortalCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str(OFF),
            Self::Fetch(url) => write!(f, "http://{}{}", url.authority(), url.path),
        }
    }
}

impl CheckUrl {
    /// As it stands in a Host field: without port 80.
    pub fn authority(&self) -> String {
        let whole = self.server.to_string();
        match whole.strip_suffix(":80") {
            Some(host) if self.server.port == 80 => host.to_owned(),
            _ => whole,
        }
    }
}

impl Serialize for PortalCheck {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for PortalCheck {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PortalCheck".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "\"off\", or the URL of a page whose server answers with status 204 or with plain text, such as \"http://www.msftconnecttest.com/connecttest.txt\".",
            "type": "string",
            "pattern": "^(off|http://.+)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_written_alike() {
        for text in [
            WINDOWS,
            OFF,
            "http://192.0.2.1:8080/generate_204?x=1",
            "http://[2001:db8::1]/",
            "http://[2001:db8::80]:81/",
        ] {
            let check: PortalCheck = text.parse().unwrap();
            assert_eq!(check.to_string(), text);
        }
        let short: PortalCheck = "http://check.example:80".parse().unwrap();
        assert_eq!(short.to_string(), "http://check.example/");
    }

    #[test]
    fn what_can_not_be_fetched_in_clear() {
        for text in [
            "",
            "on",
            "https://check.example/",
            "check.example/204",
            "http:///x",
            "http://user@check.example/",
            "http://check.example:0/",
            "http://1.2.3/",
        ] {
            assert!(text.parse::<PortalCheck>().is_err(), "{text}");
        }
    }
}
