use proptest::prelude::*;

use super::super::config::tests::{config, configs};
use super::*;

const FRAGMENT: &str = include_str!("../../../../guest/kernel/manypath.config");

/// The findings where the base is settled already.
fn findings(base: &Config, fragment: &Config, result: &Config) -> Vec<Finding> {
    check(&Configs {
        base,
        settled: base,
        fragment,
        result,
    })
}

/// A configuration without the lines of an option.
fn without(text: &str, option: &str) -> Config {
    let is_other = |line: &&str| !line.starts_with(&format!("{option}="));
    config(&text.lines().filter(is_other).collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_fragment_has_everything_that_is_needed() {
    let fragment = config(FRAGMENT);
    assert_eq!(findings(&Config::default(), &fragment, &fragment), []);
}

#[test]
fn without_any_needed_option_the_check_fails() {
    assert!(needs().count() > 40);
    for (option, why) in needs() {
        let less = without(FRAGMENT, option);
        let missing = Finding::Missing {
            option: option.to_owned(),
            why,
            is: Value::No,
        };
        assert_eq!(findings(&Config::default(), &less, &less), [missing]);
        let module = config(&format!("{less}{option}=m\n"));
        let found = findings(&Config::default(), &less, &module);
        assert!(
            matches!(
                &found[..],
                [Finding::Missing {
                    is: Value::Module,
                    ..
                }]
            ),
            "{found:?}"
        );
    }
}

#[test]
fn every_option_of_the_fragment_must_take_effect() {
    let fragment = config(FRAGMENT);
    for (option, wanted) in fragment.options() {
        let found = findings(&Config::default(), &fragment, &without(FRAGMENT, option));
        let no_effect = Finding::NoEffect {
            option: option.to_owned(),
            wanted: wanted.clone(),
            is: Value::No,
        };
        assert!(found.contains(&no_effect), "{option}: {found:?}");
    }
}

#[test]
fn nothing_of_the_base_may_be_lost() {
    let base = config("CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=y\nCONFIG_HZ=250\n# CONFIG_D is not set\n");
    let result = config(&format!(
        "{FRAGMENT}CONFIG_A=m\nCONFIG_C=y\nCONFIG_HZ=100\nCONFIG_D=y\n"
    ));
    let found = findings(&base, &config(FRAGMENT), &result);
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    let lost = |text: &str| format!("CONFIG_{text} now: the fragment has cost it");
    assert_eq!(
        texts,
        [
            lost("A was y in the base and is m"),
            lost("B was m in the base and is n"),
            lost("HZ was 250 in the base and is 100"),
        ]
    );
}

#[test]
fn what_the_tree_does_not_know_is_told_apart_and_the_compiler_forgiven() {
    let base = config("CONFIG_NEW=y\nCONFIG_CC_HAS_IBT=y\nCONFIG_GCC_VERSION=130200\n");
    let settled = config("CONFIG_GCC_VERSION=120200\n");
    let fragment = config(FRAGMENT);
    let result = config(&format!("{FRAGMENT}{settled}"));
    let found = check(&Configs {
        base: &base,
        settled: &settled,
        fragment: &fragment,
        result: &result,
    });
    let unknown = Change {
        option: "CONFIG_NEW".to_owned(),
        was: Value::Yes,
        is: Value::No,
    };
    assert_eq!(found, [Finding::Unknown(unknown)]);
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::No => 0,
        Value::Module => 1,
        Value::Yes => 2,
        Value::Other(_) => 3,
    }
}

proptest! {
    #[test]
    fn a_configuration_loses_nothing_against_itself(config in configs()) {
        prop_assert_eq!(lost(&config, &config).count(), 0);
    }

    /// Every option that sinks is found, and no other.
    #[test]
    fn what_sinks_is_found(before in configs(), after in configs()) {
        let found: Vec<String> = lost(&before, &after).map(|it| it.option).collect();
        for (option, was) in before.options() {
            let is = after.get(option);
            let switches = !matches!((was, is), (Value::Other(_), _) | (_, Value::Other(_)));
            let sinks = if switches { rank(is) < rank(was) } else { was != is && *was != Value::No };
            prop_assert_eq!(found.iter().any(|it| it == option), sinks, "{}", option);
        }
    }
}
