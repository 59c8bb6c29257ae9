//! The settings file of the Windows service: the model. [`Settings::parse`] reads it.

mod adapter;
mod capture;
mod guest;
mod read;
mod rules;
mod uplinks;

use schemars::JsonSchema;
use serde::Serialize;

pub use self::adapter::{AdapterMatch, AdapterMatchError, AliasPattern};
pub use self::capture::Capture;
pub use self::guest::{DistributionName, DistributionNameError, Guest, Kernel};
pub use self::uplinks::{Adapter, Uplink};
use crate::edge::{Bypass, Cap, Dns, Out, Portal, Proxy, Role, UplinkName};
use crate::mptcp::Mptcp;

/// Settings of the service on Windows. Everything has a default, so an empty file is right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(
    title = "Manypath host settings",
    extend("unevaluatedProperties" = false)
)]
pub struct Settings {
    /// What is taken in.
    #[serde(flatten)]
    #[schemars(schema_with = "capture::schema")]
    pub capture: Capture,
    /// Which network adapters are uplinks.
    #[serde(rename = "uplinks")]
    pub choice: Choice,
    /// Rules for network adapters. Of several rules that fit one adapter the first counts.
    #[serde(rename = "uplink", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// The proxy that programs can be set to use.
    pub proxy: Proxy,
    /// How connections leave.
    pub out: Out,
    /// What goes straight to its destination, without MPTCP and hub.
    pub bypass: Bypass,
    /// Where traffic goes that is not bypassed: of these rules the first that matches counts.
    #[serde(rename = "rule", skip_serializing_if = "Vec::is_empty")]
    pub traffic: Vec<crate::rule::Rule>,
    /// How names are looked up for Windows.
    pub dns: Dns,
    /// How captive portals are noticed.
    pub portal: Portal,
    /// How the kernel's Multipath TCP is set.
    pub mptcp: Mptcp,
    /// The Linux that does the work, in WSL.
    pub guest: Guest,
}

impl Settings {
    /// Whether the file holds passwords, and so should be readable by administrators alone.
    pub fn has_secrets(&self) -> bool {
        !self.proxy.users.is_empty() || self.out.hub.has_secrets()
    }
}

/// Which network adapters are uplinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Every physical network adapter. One that no rule is for is always active.
    #[default]
    All,
    /// Only those that a rule is for.
    Listed,
}

/// A rule for network adapters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(
    extend("unevaluatedProperties" = false),
    extend("dependentRequired" = { "after_cap": ["monthly_cap"], "cap_resets_on": ["monthly_cap"] })
)]
pub struct Rule {
    /// Which adapters the rule is for.
    pub adapter: AdapterMatch,
    /// What status and messages call the uplink. Absent: the adapter's name in Windows. Not together with a pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UplinkName")]
    pub name: Option<UplinkName>,
    /// When it carries data.
    #[serde(default)]
    pub role: Role,
    /// Whether its data costs, so that as a backup it is not even probed while it is idle.
    #[serde(default)]
    pub metered: bool,
    /// How much it may carry in a month.
    #[serde(flatten)]
    pub cap: Option<Cap>,
    /// Whether router advertisements are accepted and global IPv6 addresses used.
    #[serde(default = "yes")]
    pub ipv6: bool,
}

fn yes() -> bool {
    true
}
