//! What ends MPTCP for the edge.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use wire::Destination;

use crate::errors::Problem;
use crate::hub_link::{self, HubLink};
use crate::proxy_url::ProxyUrl;
use crate::reader::Item;

/// Where connections go before they go to the origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Hub {
    /// Nowhere: straight to the origin (single mode).
    #[default]
    None,
    /// To a hub, by its own protocol.
    Manypath(HubLink),
    /// Through SOCKS5 servers one after the other, at least one.
    Socks5(Vec<ProxyUrl>),
}

impl Hub {
    /// Whether connections go straight to the origin.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Whether there is a user's secret or a password in it.
    pub fn has_secrets(&self) -> bool {
        match self {
            Self::None => false,
            Self::Manypath(_) => true,
            Self::Socks5(chain) => chain.iter().any(|proxy| proxy.credentials.is_some()),
        }
    }

    /// The servers that connections pass, in their order.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        let (link, chain) = match self {
            Self::None => (None, &[][..]),
            Self::Manypath(link) => (Some(&link.destination), &[][..]),
            Self::Socks5(chain) => (None, &chain[..]),
        };
        link.into_iter()
            .chain(chain.iter().map(|proxy| &proxy.destination))
    }

    /// As it is written in a file, with its secrets.
    pub(super) fn expose(&self) -> Option<toml::Value> {
        match self {
            Self::None => None,
            Self::Manypath(link) => Some(link.expose().as_str().into()),
            Self::Socks5(chain) => {
                let urls = chain.iter().map(|proxy| proxy.expose().as_str().into());
                Some(toml::Value::Array(urls.collect()))
            }
        }
    }

    /// Reads a link, a URL or a list of URLs.
    pub(super) fn read(item: &Item<'_>) -> Self {
        if item.is_list() {
            let items = item.list("a list").into_iter().flatten();
            let chain: Vec<_> = items.filter_map(|item| link_of_chain(&item)).collect();
            return match chain.is_empty() {
                true => Self::None,
                false => Self::Socks5(chain),
            };
        }
        let read = item.value(|text| -> Result<Self, Problem> {
            if hub_link::has_scheme(text) {
                return Ok(Self::Manypath(text.parse()?));
            }
            Ok(Self::Socks5(vec![text.parse()?]))
        });
        read.map(|placed| placed.value).unwrap_or_default()
    }
}

fn link_of_chain(item: &Item<'_>) -> Option<ProxyUrl> {
    let read = item.value(|text| match hub_link::has_scheme(text) {
        true => Err(Problem::LinkInList),
        false => Ok(text.parse()?),
    });
    read.map(|placed| placed.value)
}

/// Without secrets.
impl Serialize for Hub {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_none(),
            Self::Manypath(link) => link.serialize(serializer),
            Self::Socks5(chain) => match &chain[..] {
                [one] => one.serialize(serializer),
                many => many.serialize(serializer),
            },
        }
    }
}

impl JsonSchema for Hub {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hub".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let link = generator.subschema_for::<HubLink>();
        let url = generator.subschema_for::<ProxyUrl>();
        json_schema!({
            "description": "A hub's link, the URL of a SOCKS5 server, or a list of such URLs.",
            "oneOf": [link, url, { "type": "array", "items": url }],
        })
    }
}
