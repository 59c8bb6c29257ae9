//! Which uplink a name is of, and where the settings say its role.

use netcfg::Link;
use settings::edge::Settings;
use settings::edit::RulePlace;

use crate::Failure;
use crate::commands::linux::uplinks::{Found, find};

/// The uplink that a name is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What status calls it.
    pub uplink: String,
    /// Which rule says its role.
    pub place: RulePlace,
}

impl Target {
    /// The uplink of that name, or else the one with an interface of that name.
    ///
    /// # Errors
    /// When there is none; those that are there are named.
    pub fn find(name: &str, settings: &Settings, links: &[Link]) -> Result<Self, Failure> {
        let uplinks = find(settings, links);
        let interface = |link: &Option<&Link>| link.map(|link| link.name.to_string());
        let by_name = uplinks.iter().find(|it| it.name == name);
        let named = by_name.or_else(|| {
            let mut uplinks = uplinks.iter();
            uplinks.find(|it| interface(&it.link).as_deref() == Some(name))
        });
        let found = named.ok_or_else(|| unknown(name, &uplinks))?;
        let rule = found.rule;
        let is_pattern = settings.uplinks[rule].interface.is_pattern();
        Ok(Self {
            uplink: found.name.clone(),
            place: match interface(&found.link) {
                Some(only) if is_pattern => RulePlace::Before { rule, only },
                _ => RulePlace::Rule(rule),
            },
        })
    }
}

fn unknown(name: &str, uplinks: &[Found<'_>]) -> Failure {
    let known: Vec<&str> = uplinks.iter().map(|it| it.name.as_str()).collect();
    let known = match known.as_slice() {
        [] => "no interface of this machine fits the settings".to_owned(),
        some => format!("the uplinks are {}", some.join(", ")),
    };
    Failure::Settings(format!("there is no uplink {name:?}; {known}"))
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
