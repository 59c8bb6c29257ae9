//! A reconciler must see whether its table is there, and as it left it.

use netcfg::NetNs;
use netcfg::nft::{self, Chain, ChainKind, Digest, Hook, Match, OneOf, Rule, Statement, Table};

use crate::support::{chain, install, name, namespace, rule, ruleset, run, table, texts};

fn sample() -> Table {
    let jump =
        rule(Statement::Jump(name("other"))).when(Match::InputInterface(texts(&["eth0", "wl*"])));
    table([
        chain(
            ChainKind::Filter,
            Hook::Input,
            [jump, rule(Statement::Drop)],
        ),
        Chain::regular(name("other")).with(rule(Statement::Accept)),
    ])
}

fn installed(netns: &NetNs) -> Option<Digest> {
    netns.run(|| nft::installed(&name("manypath"))).unwrap()
}

#[test]
fn an_installed_table_is_recognised() {
    let netns = namespace();
    assert_eq!(installed(&netns), None);
    install(&netns, &sample());
    assert_eq!(installed(&netns), Some(sample().digest()));

    let mut other = sample();
    other.chains[1].rules.clear();
    assert_ne!(other.digest(), sample().digest());
    install(&netns, &other);
    assert_eq!(installed(&netns), Some(other.digest()));
}

#[test]
fn a_table_that_someone_changed_is_not_recognised() {
    let changes = [
        "flush table inet manypath",
        "flush chain inet manypath other",
        "add rule inet manypath other accept",
        "add chain inet manypath third",
        "delete table inet manypath",
        "flush ruleset",
    ];
    for change in changes {
        let netns = namespace();
        install(&netns, &sample());
        run(&netns, "nft", &["-f", "-"], change);
        assert_eq!(installed(&netns), None, "{change}");
        install(&netns, &sample());
        assert_eq!(installed(&netns), Some(sample().digest()), "after {change}");
    }
}

#[test]
fn the_table_of_another_is_not_taken_for_ours() {
    let netns = namespace();
    run(
        &netns,
        "nft",
        &["-f", "-"],
        "table inet manypath { comment \"mine\"; chain x { }; }",
    );
    assert_eq!(installed(&netns), None);
    run(
        &netns,
        "nft",
        &["-f", "-"],
        "table ip manypath { chain x { }; }",
    );
    assert_eq!(installed(&netns), None);
}

/// The kernel lists what belongs to other tables too.
#[test]
fn other_tables_do_not_count_and_are_not_touched() {
    let netns = namespace();
    let foreign = "table inet docker {\n\tchain a {\n\t\taccept\n\t}\n}\n";
    run(&netns, "nft", &["-f", "-"], foreign);
    install(&netns, &sample());
    assert_eq!(installed(&netns), Some(sample().digest()));
    netns.run(|| nft::delete(&name("manypath"))).unwrap();
    assert_eq!(ruleset(&netns), foreign);
}

#[test]
fn installing_and_deleting_may_be_repeated() {
    let netns = namespace();
    let delete = || netns.run(|| nft::delete(&name("manypath"))).unwrap();
    delete();
    run(
        &netns,
        "nft",
        &["-f", "-"],
        "table inet manypath { set s { type mark; }; chain x { }; }",
    );
    install(&netns, &sample());
    let once = ruleset(&netns);
    install(&netns, &sample());
    assert_eq!(ruleset(&netns), once);
    delete();
    delete();
    assert_eq!(ruleset(&netns), "");
}

/// More than one message of elements, more than the default socket buffer, and a dump of many
/// datagrams.
#[test]
fn large_tables() {
    let netns = namespace();
    let nets = (0..=u16::MAX).step_by(4).map(|n| {
        let [high, low] = n.to_be_bytes();
        format!("10.{high}.{low}.0/24").parse().unwrap()
    });
    let many = Match::Destination4(OneOf::any(nets).unwrap());
    let rules = (0..2000).map(|n| rule(Statement::SetMark(n)));
    let last: [Rule; 1] = [rule(Statement::Counter).when(many)];
    let table = table([chain(ChainKind::Filter, Hook::Input, rules.chain(last))]);
    install(&netns, &table);
    assert_eq!(installed(&netns), Some(table.digest()));
    assert_eq!(ruleset(&netns).matches("/24").count(), 65536 / 4);
}
