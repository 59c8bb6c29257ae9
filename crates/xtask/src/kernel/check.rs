//! Compares configurations: what is wanted, what there was, what came out. Pure.

use std::fmt;

use super::config::{Config, Value};
use super::needs::needs;

/// Options by which Kconfig writes down what it has found out of compiler and tools. They can't be set,
/// and differ from one builder to the next.
const PROBES: [&str; 11] = [
    "CC_", "GCC", "CLANG_", "AS_", "LD_", "LLD_", "RUSTC_", "PAHOLE_", "TOOLS_", "HAVE_", "ARCH_",
];

/// Something that keeps a configuration from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Something that the edge can't do without is not built in.
    Missing {
        /// The option.
        option: String,
        /// What needs it.
        why: &'static str,
        /// What it is.
        is: Value,
    },
    /// What the fragment says did not take effect.
    NoEffect {
        /// The option.
        option: String,
        /// What the fragment says.
        wanted: Value,
        /// What it is.
        is: Value,
    },
    /// The fragment has cost an option of the base.
    Lost(Change),
    /// This tree, or this compiler, has no such option.
    Unknown(Change),
}

/// An option that is less than it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The option.
    pub option: String,
    /// What it was.
    pub was: Value,
    /// What it is.
    pub is: Value,
}

/// The configurations that are compared.
#[derive(Clone, Copy, Debug)]
pub struct Configs<'a> {
    /// As it came.
    pub base: &'a Config,
    /// The base as Kconfig has it in this tree, with this compiler.
    pub settled: &'a Config,
    /// What is put on top of the base.
    pub fragment: &'a Config,
    /// What came of both.
    pub result: &'a Config,
}

/// Everything that is wrong with what came out.
pub fn check(configs: &Configs<'_>) -> Vec<Finding> {
    let Configs {
        base,
        settled,
        fragment,
        result,
    } = *configs;
    let missing = needs().filter(|(option, _)| *result.get(option) != Value::Yes);
    let missing = missing.map(|(option, why)| Finding::Missing {
        option: option.to_owned(),
        why,
        is: result.get(option).clone(),
    });
    let no_effect = fragment
        .options()
        .filter(|(option, wanted)| result.get(option) != *wanted);
    let no_effect = no_effect.map(|(option, wanted)| Finding::NoEffect {
        option: option.to_owned(),
        wanted: wanted.clone(),
        is: result.get(option).clone(),
    });
    let by_fragment = lost(settled, result).filter(|it| !fragment.names(&it.option));
    let by_tree =
        lost(base, settled).filter(|it| !is_probe(&it.option) && !fragment.names(&it.option));
    missing
        .chain(no_effect)
        .chain(by_fragment.map(Finding::Lost))
        .chain(by_tree.map(Finding::Unknown))
        .collect()
}

/// What of a configuration is less, or other, in the next one.
fn lost(before: &Config, after: &Config) -> impl Iterator<Item = Change> {
    let options = before
        .options()
        .filter(|(option, was)| is_less(was, after.get(option)));
    options.map(|(option, was)| Change {
        option: option.to_owned(),
        was: was.clone(),
        is: after.get(option).clone(),
    })
}

/// More than a module is built in, and more than nothing is anything. Texts and numbers are to stay.
fn is_less(was: &Value, is: &Value) -> bool {
    match (was, is) {
        (Value::No, _) | (Value::Module, Value::Yes) => false,
        _ => was != is,
    }
}

fn is_probe(option: &str) -> bool {
    let name = option.strip_prefix("CONFIG_").unwrap_or(option);
    PROBES.iter().any(|probe| name.starts_with(probe))
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { option, why, is } => {
                write!(f, "{option} is {is}, and {why} needs it built in")
            }
            Self::NoEffect { option, wanted, is } => {
                write!(
                    f,
                    "{option} is {is}, and the fragment says {wanted}: does it depend on something?"
                )
            }
            Self::Lost(Change { option, was, is }) => {
                write!(
                    f,
                    "{option} was {was} in the base and is {is} now: the fragment has cost it"
                )
            }
            Self::Unknown(Change { option, was, is }) => write!(
                f,
                "{option} is {was} in the base and {is} in this tree: is the base of another version, or the compiler too old?"
            ),
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
