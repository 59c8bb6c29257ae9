use netcfg::{Changed, Error, Family, Rule, RulePriority, TableId};
use serde_json::Value;

use crate::{Namespace, name};

const TABLE: TableId = TableId(7_800_003);
const PRIORITY: RulePriority = RulePriority(1234);

fn shown(namespace: &Namespace, family: Family) -> Vec<Value> {
    let option = if family == Family::V4 { "-4" } else { "-6" };
    let list = namespace.ip_list(&format!("-N -d {option} rule show"));
    list.into_iter()
        .filter(|rule| rule["priority"] == PRIORITY.0)
        .collect()
}

#[tokio::test]
async fn rules_are_added_once_and_deleted_once() {
    let namespace = Namespace::new();
    let netlink = &namespace.netlink;
    for (family, from) in [(Family::V4, "192.0.2.0/24"), (Family::V6, "2001:db8::/64")] {
        let rule = Rule {
            from: Some(from.parse().unwrap()),
            fwmark: Some((0x10, 0xf0)),
            iif: Some(name("lo")),
            protocol: 77,
            ..Rule::new(family, PRIORITY, TABLE)
        };
        assert_eq!(netlink.add_rule(&rule).await.unwrap(), Changed(true));
        assert_eq!(netlink.add_rule(&rule).await.unwrap(), Changed(false));
        let list = shown(&namespace, family);
        assert_eq!(list.len(), 1, "{list:?}");
        let (address, length) = from.split_once('/').unwrap();
        assert_eq!(list[0]["src"], address);
        assert_eq!(list[0]["srclen"], length.parse::<u32>().unwrap());
        assert_eq!(
            (&list[0]["fwmark"], &list[0]["fwmask"]),
            (&"0x10".into(), &"0xf0".into())
        );
        assert_eq!(list[0]["iif"], "lo");
        assert_eq!(list[0]["table"], TABLE.to_string());
        assert_eq!(list[0]["protocol"], "77");
        assert!(netlink.rules().await.unwrap().contains(&rule));

        assert_eq!(netlink.delete_rule(&rule).await.unwrap(), Changed(true));
        assert_eq!(netlink.delete_rule(&rule).await.unwrap(), Changed(false));
        assert!(shown(&namespace, family).is_empty());
    }
}

#[tokio::test]
async fn a_rule_may_be_for_every_packet() {
    let namespace = Namespace::new();
    let rule = Rule::new(Family::V4, PRIORITY, TableId::MAIN);
    namespace.netlink.add_rule(&rule).await.unwrap();
    let list = shown(&namespace, Family::V4);
    assert_eq!(
        (&list[0]["src"], &list[0]["table"]),
        (&"all".into(), &"254".into())
    );
    assert!(namespace.netlink.rules().await.unwrap().contains(&rule));
}

#[tokio::test]
async fn a_rule_may_look_past_short_prefixes() {
    let namespace = Namespace::new();
    for family in [Family::V4, Family::V6] {
        let rule = Rule {
            suppress_prefix_length: Some(0),
            ..Rule::new(family, PRIORITY, TableId::MAIN)
        };
        assert_eq!(
            namespace.netlink.add_rule(&rule).await.unwrap(),
            Changed(true)
        );
        assert_eq!(shown(&namespace, family)[0]["suppress_prefixlen"], 0);
        assert!(namespace.netlink.rules().await.unwrap().contains(&rule));
        assert_eq!(
            namespace.netlink.delete_rule(&rule).await.unwrap(),
            Changed(true)
        );
    }
}

#[tokio::test]
async fn the_kernels_own_rules_are_listed() {
    let rules = Namespace::new().netlink.rules().await.unwrap();
    let listed: Vec<_> = rules
        .iter()
        .map(|rule| (rule.family, rule.priority, rule.table))
        .collect();
    let own = [
        (Family::V4, RulePriority(0), TableId::LOCAL),
        (Family::V4, RulePriority(32766), TableId::MAIN),
        (Family::V4, RulePriority(32767), TableId::DEFAULT),
        (Family::V6, RulePriority(0), TableId::LOCAL),
        (Family::V6, RulePriority(32766), TableId::MAIN),
    ];
    assert_eq!(listed, own);
    assert!(
        rules
            .iter()
            .all(|rule| !rule.opaque && rule.from.is_none() && rule.protocol == 2)
    );
}

#[tokio::test]
async fn only_the_very_rule_is_deleted() {
    let namespace = Namespace::new();
    namespace.ip("rule add from 192.0.2.5 priority 1234 table 7800003");
    // The kernel by itself takes a missing source for "any".
    let any_source = Rule {
        protocol: 0,
        ..Rule::new(Family::V4, PRIORITY, TABLE)
    };
    assert_eq!(
        namespace.netlink.delete_rule(&any_source).await.unwrap(),
        Changed(false)
    );
    assert_eq!(shown(&namespace, Family::V4).len(), 1);
    let it = Rule {
        from: Some("192.0.2.5/32".parse().unwrap()),
        ..any_source
    };
    assert_eq!(
        namespace.netlink.delete_rule(&it).await.unwrap(),
        Changed(true)
    );
}

#[tokio::test]
async fn a_rule_with_more_to_it_is_left_alone() {
    for more in [
        "not from 192.0.2.5 table 9",
        "to 192.0.2.5 table 9",
        "oif lo table 9",
        "ipproto tcp table 9",
        "table 9 suppress_ifgroup 1",
        "tos 0x10 table 9",
        "unreachable",
        "goto 32766",
    ] {
        let namespace = Namespace::new();
        namespace.ip(&format!("rule add priority 1234 {more}"));
        let rules = namespace.netlink.rules().await.unwrap();
        let rule = rules.iter().find(|rule| rule.priority == PRIORITY).unwrap();
        assert!(rule.opaque, "{more}");
        let error = namespace.netlink.delete_rule(rule).await.unwrap_err();
        assert!(matches!(error, Error::Opaque { .. }), "{error}");
        let error = namespace.netlink.add_rule(rule).await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot add rule IPv4 1234: from"),
            "{error}"
        );
        assert_eq!(shown(&namespace, Family::V4).len(), 1);
    }
}
