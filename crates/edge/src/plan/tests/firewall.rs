//! What the nftables table says of DNS, QUIC and the rules for traffic.

use netcfg::{Address, Scope};

use super::*;

/// The table, with addresses of all kinds on the host's side.
fn table(more: &str) -> String {
    let settings = settings(more);
    let mut observed = observed();
    for (address, scope, tentative) in [
        ("172.22.0.1/24", Scope::Global, false),
        ("fd22::1/64", Scope::Global, true),
        ("fe80::1/64", Scope::Link, false),
    ] {
        observed.addresses.push(Address {
            scope,
            tentative,
            ..Address::new(InterfaceIndex(HOST), address.parse().unwrap())
        });
    }
    installed(&settings, &observed)
}

/// The table that is installed.
fn installed(settings: &Settings, observed: &Observed) -> String {
    let steps = plan(settings, observed).into_iter();
    let mut tables = steps.filter_map(|step| match step {
        Step::InstallFirewall(table) => Some(table.to_string()),
        _ => None,
    });
    tables.next().unwrap()
}

#[test]
fn dns_is_for_the_hosts_side_alone() {
    let on = table("");
    for (address, transport) in [
        ("ip daddr 172.22.0.1", "udp"),
        ("ip daddr 172.22.0.1", "tcp"),
        ("ip6 daddr fd22::1", "udp"),
        ("ip6 daddr fd22::1", "tcp"),
    ] {
        let rule = format!("{address} {transport} dport 53 iifname != {{ \"eth0\", \"lo\" }} drop");
        assert!(on.contains(&rule), "{rule}\n{on}");
    }
    assert!(!on.contains("fe80::1"), "{on}");
    let off = table("[dns]\nmode = 'off'\ncapture = true");
    assert!(!off.contains("dport 53"), "{off}");
}

#[test]
fn what_is_asked_of_others_is_captured_only_if_wanted() {
    let rule = "udp dport 53 redirect to :53";
    assert!(!table("").contains(rule));
    let captured = table("[bypass]\nnetworks = ['192.0.2.0/24']\n[dns]\ncapture = true");
    let (_, chain) = captured.split_once("chain names").unwrap();
    let (bypass, redirect) = (chain.find("192.0.2.0/24 return"), chain.find(rule));
    assert!(bypass.unwrap() < redirect.unwrap(), "{captured}");
}

#[test]
fn quic_is_refused_only_if_wanted_and_the_kernel_says_so_each_time() {
    let rule = "iifname \"eth0\" oifname { \"eth1\", \"eth2\" } udp dport { 80, 443 } counter \
                reject with icmpx port-unreachable";
    assert!(!table("").contains("reject"));
    let refused = table("[out]\nquic = 'refuse'");
    assert!(refused.contains(rule), "{refused}");
    let steps = |more| {
        let mut observed = observed();
        for name in ["net.ipv4.icmp_ratemask", "net.ipv6.icmp.ratemask"] {
            observed.sysctls.insert(key(name), "as it was".to_owned());
        }
        let steps = plan(&settings(more), &observed).into_iter();
        let of_icmp = |step: &Step| step.to_string().contains("ratemask");
        steps.filter(of_icmp).count()
    };
    assert_eq!((steps("[out]\nquic = 'refuse'"), steps("")), (2, 0));
}

#[test]
fn what_passes_to_and_from_the_internet_is_counted_for_each_uplink() {
    let table = table("[out]\nudp = 'off'");
    let (before, chain) = table.split_once("chain passing {").unwrap();
    assert!(
        before.contains("chain datagrams"),
        "what is refused does not pass"
    );
    let (chain, _) = chain.split_once('}').unwrap_or((chain, ""));
    assert!(chain.contains("hook forward priority 1"), "{chain}");
    for (name, index) in [("eth1", WIFI), ("eth2", LTE)] {
        for (ways, address, comment) in [
            (
                format!("iifname \"eth0\" oifname \"{name}\""),
                "daddr",
                "sent",
            ),
            (
                format!("iifname \"{name}\" oifname \"eth0\""),
                "saddr",
                "came",
            ),
        ] {
            let counts = |line: &&str| {
                line.contains(&ways)
                    && line.contains(&format!("{address} != {{"))
                    && line.ends_with(&format!("counter comment \"{comment} by {index}\""))
            };
            assert_eq!(table.lines().filter(counts).count(), 2, "{table}");
        }
    }
}

const RULES: &str = "[[rule]]\nto = ['a.test']\naction = 'block'\n\
    [[rule]]\nprotocol = 'tcp'\naction = 'block'\n\
    [[rule]]\nto = ['192.0.2.0/24', '2001:db8::/32', 'b.test']\nports = [53]\naction = 'uplink lte'\n\
    [[rule]]\nto = ['198.51.100.0/24']\naction = 'direct'\n\
    [[rule]]\nprotocol = 'udp'\nports = ['6000-6010']\naction = 'uplink gone'\n\
    [[rule]]\naction = 'block'\n";

#[test]
fn rules_for_what_is_forwarded_are_in_their_order_and_know_no_names() {
    let table = table(RULES);
    let chain = |name: &str| {
        let (_, chain) = table.split_once(&format!("chain {name} {{")).unwrap();
        let (chain, _) = chain.split_once('}').unwrap();
        let lines = chain.lines().map(str::trim).filter(|it| !it.is_empty());
        lines.skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let refused = "counter reject with icmpx admin-prohibited";
    assert_eq!(
        chain("refused"),
        [
            "iifname != \"eth0\" return".to_owned(),
            "udp dport 53 ip daddr 192.0.2.0/24 return".to_owned(),
            "udp dport 53 ip6 daddr 2001:db8::/32 return".to_owned(),
            "meta l4proto != tcp ip daddr 198.51.100.0/24 return".to_owned(),
            format!("udp dport 6000-6010 {refused}"),
            format!("meta l4proto != tcp {refused}"),
        ]
    );
    let mark = format!(
        "meta mark set {:#010x} return",
        numbers::steer_mark(InterfaceIndex(LTE))
    );
    assert_eq!(
        chain("steered")[2],
        format!("udp dport 53 ip daddr 192.0.2.0/24 {mark}")
    );
    let settings = settings(RULES);
    let observed = observed();
    let uplinks = uplinks(&settings, &observed);
    let rules = routing::rules(&settings, None, &uplinks);
    let steered = rules.iter().filter(|rule| rule.fwmark.is_some());
    let tables: Vec<TableId> = steered.map(|rule| rule.table).collect();
    assert_eq!(tables, [numbers::table_of(InterfaceIndex(LTE)); 2]);
    assert!(
        notes(&settings, &observed)
            .iter()
            .any(|note| note.contains("rule 5") && note.contains("gone"))
    );
}

#[test]
fn without_rules_there_are_no_chains_for_them() {
    for rules in [
        "",
        "[[rule]]\nto = ['a.test']\naction = 'block'\n",
        "[[rule]]\naction = 'direct'\n",
    ] {
        let table = table(rules);
        assert!(
            !table.contains("refused") && !table.contains("steered"),
            "{table}"
        );
    }
}

/// The table while the hub takes UDP.
fn table_with_udp(more: &str) -> String {
    let settings = settings(more);
    let mut observed = observed();
    observed.udp_port = Some(41_000);
    installed(&settings, &observed)
}

#[test]
fn udp_is_taken_in_while_the_hub_carries_it() {
    let rule = "meta l4proto udp meta mark set 0x00004d50 tproxy to :41000";
    let hub = table_with_udp("[out]\nudp = 'hub'");
    let (_, chain) = hub.split_once("chain datagrams ").unwrap();
    let (near, takes) = (chain.find("192.168.0.0/16"), chain.find(rule));
    assert_eq!(hub.matches("notrack").count(), 2, "{hub}");
    assert!(near.unwrap() < takes.unwrap(), "{hub}");
    assert!(
        hub.contains("udp dport 41000 meta mark != 0x00004d50 drop"),
        "{hub}"
    );
    assert!(
        !table("[out]\nudp = 'hub'").contains("tproxy"),
        "without a port"
    );
    assert!(!table_with_udp("").contains("tproxy"));
    let quic = table_with_udp("[out]\nudp = 'hub'\nquic = 'refuse'");
    let (_, chain) = quic.split_once("chain datagrams ").unwrap();
    let leaves = chain.find("udp dport { 80, 443 } return");
    assert!(leaves.unwrap() < chain.find(rule).unwrap(), "{quic}");
}

#[test]
fn udp_goes_by_rules_before_the_hub_has_it() {
    let rules = "[out]\nudp = 'hub'\n[[rule]]\nto = ['192.0.2.0/25']\naction = 'hub'\n\
        [[rule]]\nto = ['192.0.2.0/24']\nprotocol = 'udp'\naction = 'block'\n";
    let table = table_with_udp(rules);
    let (_, chain) = table.split_once("chain datagrams ").unwrap();
    let at = |rule: &str| {
        chain
            .find(rule)
            .unwrap_or_else(|| panic!("{rule}: {table}"))
    };
    let taken = at("ip daddr 192.0.2.0/25 meta mark set 0x00004d50 tproxy to :41000");
    let left = at("ip daddr 192.0.2.0/24 return");
    let others = at("meta l4proto udp meta mark set 0x00004d50 tproxy to :41000");
    assert!(taken < left && left < others, "{table}");
}

#[test]
fn udp_is_refused_only_if_wanted() {
    let rule = "iifname \"eth0\" oifname { \"eth1\", \"eth2\" } meta l4proto udp counter reject";
    assert!(table("[out]\nudp = 'off'").contains(rule));
    assert!(!table("").contains(rule));
}
