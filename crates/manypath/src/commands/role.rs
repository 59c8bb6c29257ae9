//! Roles of uplinks on the command line.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use settings::edge::Role;

/// The words of the settings file.
pub fn roles() -> impl TypedValueParser<Value = Role> {
    let words = PossibleValuesParser::new(Role::WORDS.map(|(word, _)| word));
    words.try_map(|text| {
        let found = Role::WORDS.into_iter().find(|(word, _)| *word == text);
        found.map(|(_, role)| role).ok_or("it is no role")
    })
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::*;

    fn parse(word: &str) -> Option<Role> {
        let command = Command::new("set").arg(Arg::new("role").value_parser(roles()));
        let found = command.try_get_matches_from(["set", word]).ok()?;
        found.get_one("role").copied()
    }

    #[test]
    fn the_words_are_those_of_the_settings() {
        for role in [Role::Active, Role::Backup, Role::Off] {
            assert_eq!(parse(&role.to_string()), Some(role));
        }
        assert_eq!(parse("Active"), None);
    }
}
