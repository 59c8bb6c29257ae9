use serde_json::json;

use super::*;

fn chain(table: &str, policy: &str) -> Value {
    json!({ "chain": { "family": "inet", "table": table, "name": "input", "handle": 1,
        "type": "filter", "hook": "input", "prio": 0, "policy": policy } })
}

fn rule(table: &str, expressions: Value) -> Value {
    json!({ "rule": { "family": "inet", "table": table, "chain": "input", "handle": 2,
        "expr": expressions } })
}

fn match_ssh() -> Value {
    json!({ "match": { "op": "==", "left": { "payload": { "protocol": "tcp", "field": "dport" } },
        "right": 22 } })
}

fn advice(objects: Value) -> Vec<String> {
    match closed_chains(&json!({ "nftables": objects })) {
        chains if chains.is_empty() => Vec::new(),
        chains => commands(&Firewall::Nftables(chains), &BTreeSet::from([443])),
    }
}

const OPEN: [&str; 2] = [
    "nft insert rule inet filter input tcp dport 443 accept",
    "nft insert rule inet filter input udp dport 443 accept",
];

#[test]
fn a_chain_that_drops_by_policy_or_at_its_end_is_closed() {
    assert_eq!(advice(json!([chain("filter", "drop")])), OPEN);
    for last in [
        json!([{ "drop": null }]),
        json!([{ "counter": { "packets": 0, "bytes": 0 } }, { "reject": { "type": "icmpx" } }]),
        json!([{ "log": {} }, { "drop": null }]),
        json!([{ "counter": {} }, { "xt": { "type": "target", "name": "REJECT" } }]),
    ] {
        let rules = json!([chain("filter", "accept"), rule("filter", last)]);
        assert_eq!(advice(rules), OPEN);
    }
}

#[test]
fn a_chain_that_refuses_some_packets_only_is_open() {
    for open in [
        json!([]),
        json!([match_ssh(), { "accept": null }]),
        // fail2ban's are like this.
        json!([match_ssh(), { "reject": null }]),
        json!([{ "counter": {} }]),
    ] {
        let rules = json!([chain("filter", "accept"), rule("filter", open)]);
        assert_eq!(advice(rules), [""; 0]);
    }
    let forward = json!([{ "chain": { "family": "ip", "table": "filter", "name": "FORWARD",
        "type": "filter", "hook": "forward", "prio": 0, "policy": "drop" } }]);
    assert_eq!(advice(forward), [""; 0]);
    assert_eq!(advice(json!([chain("manypath", "drop")])), [""; 0]);
    assert_eq!(closed_chains(&Value::Null), BTreeSet::new());
}

#[test]
fn what_iptables_wrote_is_opened_by_iptables() {
    let input = |family| {
        json!({ "chain": { "family": family, "table": "filter", "name": "INPUT", "type": "filter",
            "hook": "input", "prio": 0, "policy": "drop" } })
    };
    assert_eq!(
        advice(json!([input("ip"), input("ip6")])),
        [
            "iptables -I INPUT -p tcp --dport 443 -j ACCEPT",
            "ip6tables -I INPUT -p tcp --dport 443 -j ACCEPT",
            "iptables -I INPUT -p udp --dport 443 -j ACCEPT",
            "ip6tables -I INPUT -p udp --dport 443 -j ACCEPT"
        ]
    );
}

#[test]
fn ufw_and_firewalld_are_found_by_their_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Root::new(Some(folder.path().to_owned()));
    let write = |path: &str, text: &str| {
        let path = root.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    assert_eq!(observe(&root), Firewall::None);
    write(FIREWALLD, "");
    assert_eq!(observe(&root), Firewall::Firewalld);
    write("/etc/ufw/ufw.conf", "# ENABLED=yes\nENABLED=no\n");
    assert_eq!(observe(&root), Firewall::Firewalld);
    write("/etc/ufw/ufw.conf", "ENABLED=yes\nLOGLEVEL=low\n");
    assert_eq!(observe(&root), Firewall::Ufw);
    let ports = BTreeSet::from([443, 8443]);
    assert_eq!(
        commands(&Firewall::Ufw, &ports),
        [
            "ufw allow 443/tcp",
            "ufw allow 443/udp",
            "ufw allow 8443/tcp",
            "ufw allow 8443/udp"
        ]
    );
    assert_eq!(
        commands(&Firewall::Firewalld, &ports)[0],
        "firewall-cmd --permanent --add-port=443/tcp && firewall-cmd --reload"
    );
}
