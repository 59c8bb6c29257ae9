//! Namespaces with `nft` and `ip` in them, and short ways to write tables.

use std::io::Write;
use std::process::{Command, Stdio};

use netcfg::NetNs;
use netcfg::nft::{Base, Chain, ChainKind, Hook, Name, OneOf, Policy, Rule, Statement, Table};

/// A fresh namespace. Fails without root.
pub fn namespace() -> NetNs {
    NetNs::new().expect("tests of nftables need root")
}

/// Runs a program in the namespace with `input` and returns what it printed.
pub fn run(netns: &NetNs, program: &str, arguments: &[&str], input: &str) -> String {
    let mut command: Command = netns.command(program);
    command.args(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {complaint}\n{input}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs `ip` once for each line.
pub fn ip(netns: &NetNs, lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        run(netns, "ip", &line.split(' ').collect::<Vec<_>>(), "");
    }
}

/// What `nft list ruleset` says.
pub fn ruleset(netns: &NetNs) -> String {
    run(netns, "nft", &["list", "ruleset"], "")
}

/// Installs by netlink, as the product does.
pub fn install(netns: &NetNs, table: &Table) {
    netns.run(|| table.install()).unwrap_or_else(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        panic!("{error}: {}\n{table}", source.unwrap_or_default())
    });
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn table(chains: impl IntoIterator<Item = Chain>) -> Table {
    chains
        .into_iter()
        .fold(Table::new(name("manypath")), Table::with)
}

pub fn chain(kind: ChainKind, hook: Hook, rules: impl IntoIterator<Item = Rule>) -> Chain {
    let priority = match (kind, hook) {
        (ChainKind::Nat, Hook::Prerouting | Hook::Output) => Base::DSTNAT,
        (ChainKind::Nat, _) => Base::SRCNAT,
        (ChainKind::Filter, Hook::Prerouting) => Base::MANGLE,
        _ => Base::FILTER,
    };
    let base = Base {
        kind,
        hook,
        priority,
        policy: Policy::Accept,
    };
    let chain = Chain::base(name(&format!("{kind:?}-{hook:?}")), base);
    rules.into_iter().fold(chain, Chain::with)
}

pub fn rule(statement: Statement) -> Rule {
    Rule::new([statement])
}

/// Any of the values that these texts stand for.
pub fn texts<T: std::str::FromStr>(values: &[&str]) -> OneOf<T> {
    OneOf::any(
        values
            .iter()
            .map(|text| text.parse().ok().expect("a valid text")),
    )
    .unwrap()
}
