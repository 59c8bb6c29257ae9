//! Everything that the edge may change in the guest, as text.

use std::collections::BTreeSet;

use lab::topology::{Lab, Node};

use super::shell;

/// Times that run down are left out, and counters, and what other namespaces change.
const DUMP: &str = r#"
for _ in $(seq 100); do
    # The kernel still makes sure that nobody else has them.
    [ -z "$(ip -o addr show tentative)" ] && break
    sleep 0.05
done
ip -o link | sed -E 's/^/link /; s/ qdisc [^ ]+//'
ip -o addr | sed -E 's/ +/ /g; s/^/addr /; s/valid_lft [0-9]+sec preferred_lft [0-9]+sec/valid for a while/'
ip rule | sed 's/^/rule4 /'
ip -6 rule | sed 's/^/rule6 /'
ip -4 route show table all | sed -E 's/^/route4 /'
ip -6 route show table all | sed -E 's/^/route6 /; s/ expires [0-9]+sec//'
ip mptcp endpoint | sed -E 's/^/endpoint /'
ip mptcp limits | sed -E 's/^/limits /'
nft list ruleset | sed 's/^/nft /'
cd /proc/sys/net
grep -rs '' ipv4 ipv6 mptcp | grep -vE 'fastopen_key|flush|stable_secret|/route/|tcp_available|nf_conntrack|tcp_mem|udp_mem' | sort | sed 's/^/sysctl /'
"#;

/// The guest's state, a line for each object.
pub fn state(lab: &Lab) -> BTreeSet<String> {
    let text = shell(lab, Node::Guest, DUMP).ok();
    text.lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Nothing is more, less, or other than it was.
#[track_caller]
pub fn assert_same(before: &BTreeSet<String>, after: &BTreeSet<String>) {
    let gone: Vec<_> = before.difference(after).collect();
    let new: Vec<_> = after.difference(before).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "gone: {gone:#?}\nnew: {new:#?}"
    );
}
