use super::*;
use crate::goal::Goal;

const WIFI: Uuid = Uuid::from_u128(1);
const LTE: Uuid = Uuid::from_u128(2);

fn card(guid: Uuid, alias: &str) -> Card {
    Card {
        guid,
        alias: alias.to_owned(),
        mac: MacAddress([
            0x00,
            0x1b,
            0x21,
            0,
            0,
            u8::try_from(guid.as_u128()).unwrap(),
        ]),
        wanted: true,
    }
}

fn network(id: NetworkId, name: &str, nic: Option<&str>) -> Network {
    Network {
        id,
        name: name.to_owned(),
        kind: "Transparent".to_owned(),
        nic: nic.map(str::to_owned),
    }
}

fn endpoint(card: &Card, network: NetworkId, vm: Option<&Vm>) -> Endpoint {
    Endpoint {
        id: card.endpoint(),
        network: Some(network),
        mac: Some(card.mac.locally_administered()),
        system: vm.map(|vm| vm.system.clone()),
    }
}

fn vm(number: u128) -> Vm {
    Vm {
        system: SystemId::new(format!("VM-{number}")),
        runtime: Some(Uuid::from_u128(0x1000 + number)),
    }
}

/// Two cards and a VM, and nothing made yet.
fn fresh() -> Observed {
    Observed {
        cards: vec![card(WIFI, "Wi-Fi"), card(LTE, "Ethernet 2")],
        vms: vec![vm(1)],
        chosen: Some(vm(1).system),
        ..Observed::default()
    }
}

/// Both cards are in the VM, on switches of ours.
fn complete() -> Observed {
    let mut observed = fresh();
    for card in &fresh().cards {
        let id = NetworkId::for_nic(card.guid);
        let name = switch_name(card.guid, &card.alias);
        observed
            .networks
            .push(network(id, &name, Some(&card.alias)));
        observed.endpoints.push(endpoint(card, id, Some(&vm(1))));
        observed.record.cards.push(Trace::new(card, Switch::Ours));
    }
    observed
}

fn words(goal: Goal, observed: &Observed) -> Vec<String> {
    plan(goal, observed).iter().map(Step::to_string).collect()
}

#[test]
fn one_switch_is_made_at_a_time() {
    let expected = [
        "Wi-Fi: write down what is made",
        "Wi-Fi: make the switch \"MPTCP - Wi-Fi\"",
    ];
    assert_eq!(words(Goal::Up, &fresh()), expected);
    // It refuses: the next one has its turn.
    let observed = Observed {
        on_hold: vec![WIFI],
        ..fresh()
    };
    assert_eq!(
        words(Goal::Up, &observed)[1],
        "Ethernet 2: make the switch \"MPTCP - Ethernet 2\""
    );
}

#[test]
fn a_card_with_a_switch_is_plugged_in_while_another_gets_its_switch() {
    let mut observed = complete();
    observed.networks.pop();
    observed.endpoints.clear();
    let expected = [
        "Wi-Fi: make its endpoint",
        "Wi-Fi: plug it into VM VM-1",
        "Ethernet 2: write down what is made",
        "Ethernet 2: make the switch \"MPTCP - Ethernet 2\"",
    ];
    assert_eq!(words(Goal::Up, &observed), expected);
}

#[test]
fn a_switch_that_is_there_is_used_whoever_made_it() {
    let mut observed = fresh();
    let theirs = NetworkId(Uuid::from_u128(77));
    observed.cards.truncate(1);
    observed.networks = vec![network(theirs, "Lab", Some("Wi-Fi"))];
    let steps = plan(Goal::Up, &observed);
    let foreign = Trace::new(&observed.cards[0], Switch::Foreign);
    assert_eq!(steps[0], Step::Remember(foreign.clone()));
    assert!(
        matches!(&steps[1], Step::CreateEndpoint { endpoint, .. } if endpoint.network == theirs)
    );
    assert!(matches!(&steps[2], Step::AddAdapter { adapter, .. } if adapter.id == AdapterId(WIFI)));
    // And it stays when everything of ours goes.
    observed.record.cards.push(foreign);
    assert_eq!(
        words(Goal::Gone, &observed),
        ["Wi-Fi: nothing of it is left"]
    );
}

#[test]
fn a_name_that_another_name_begins_with_is_another_card() {
    let mut observed = fresh();
    observed.cards = vec![card(WIFI, "Ethernet"), card(LTE, "Ethernet 2")];
    let id = NetworkId::for_nic(LTE);
    observed.networks = vec![network(id, "MPTCP - Ethernet 2", Some("Ethernet 2"))];
    let words = words(Goal::Up, &observed);
    assert!(
        words.contains(&"Ethernet: make the switch \"MPTCP - Ethernet\"".to_owned()),
        "{words:?}"
    );
}

#[test]
fn nothing_is_done_when_all_is_as_it_should_be() {
    assert_eq!(plan(Goal::Up, &complete()), []);
    // Without the edge nobody knows which VM, but what is plugged in may stay for when it is back.
    let observed = Observed {
        chosen: None,
        ..complete()
    };
    assert_eq!(plan(Goal::Up, &observed), []);
}

#[test]
fn what_was_just_plugged_in_is_not_plugged_in_again() {
    let mut observed = complete();
    observed.endpoints[0].system = None;
    let again = words(Goal::Up, &observed);
    assert_eq!(
        again[0], "Wi-Fi: delete its endpoint",
        "somebody has unplugged it: {again:?}"
    );
    observed.plugged = vec![(observed.cards[0].endpoint(), vm(1).system)];
    assert_eq!(plan(Goal::Up, &observed), []);
}

#[test]
fn a_vm_is_known_by_both_of_its_ids() {
    let mut observed = complete();
    let runtime = vm(1).runtime.unwrap();
    observed.endpoints[0].system = Some(SystemId::new(runtime.to_string().to_uppercase()));
    assert_eq!(plan(Goal::Up, &observed), []);
}

#[test]
fn a_new_vm_gets_all_cards() {
    let observed = Observed {
        vms: vec![vm(2)],
        chosen: Some(vm(2).system),
        ..complete()
    };
    let expected = [
        "Wi-Fi: delete its endpoint",
        "Ethernet 2: delete its endpoint",
        "Wi-Fi: make its endpoint",
        "Wi-Fi: plug it into VM VM-2",
        "Ethernet 2: make its endpoint",
        "Ethernet 2: plug it into VM VM-2",
    ];
    assert_eq!(words(Goal::Up, &observed), expected);
}

#[test]
fn an_endpoint_does_not_outlive_its_vm() {
    let observed = Observed {
        vms: vec![],
        chosen: None,
        ..complete()
    };
    let expected = [
        "Wi-Fi: delete its endpoint",
        "Ethernet 2: delete its endpoint",
    ];
    assert_eq!(words(Goal::Up, &observed), expected);
}

#[test]
fn cards_move_from_one_users_vm_to_anothers() {
    let observed = Observed {
        vms: vec![vm(1), vm(2)],
        chosen: Some(vm(2).system),
        ..complete()
    };
    let expected = [
        "Wi-Fi: unplug it from VM VM-1",
        "Wi-Fi: delete its endpoint",
        "Wi-Fi: make its endpoint",
        "Wi-Fi: plug it into VM VM-2",
    ];
    assert_eq!(words(Goal::Up, &observed)[..4], expected);
}

#[test]
fn a_card_that_goes_is_unplugged_and_comes_back_as_it_was() {
    let mut observed = complete();
    let lte = observed.cards.pop().unwrap();
    let expected = [
        "Ethernet 2: unplug it from VM VM-1",
        "Ethernet 2: delete its endpoint",
    ];
    assert_eq!(words(Goal::Up, &observed), expected);
    observed.endpoints.pop();
    assert_eq!(plan(Goal::Up, &observed), [], "its switch waits for it");
    observed.cards.push(lte);
    let expected = [
        "Ethernet 2: make its endpoint",
        "Ethernet 2: plug it into VM VM-1",
    ];
    assert_eq!(words(Goal::Up, &observed), expected);
}

#[test]
fn a_card_that_is_not_wanted_is_unplugged() {
    let mut observed = complete();
    observed.cards[0].wanted = false;
    let expected = [
        "Wi-Fi: unplug it from VM VM-1",
        "Wi-Fi: delete its endpoint",
    ];
    assert_eq!(words(Goal::Up, &observed), expected);
}

#[test]
fn a_renamed_card_is_the_same_card() {
    let mut observed = complete();
    observed.cards[0].alias = "WLAN".to_owned();
    // HCN may say the old name or the new one.
    assert_eq!(plan(Goal::Up, &observed), []);
    observed.networks[0].nic = Some("WLAN".to_owned());
    assert_eq!(plan(Goal::Up, &observed), []);
}

#[test]
fn down_keeps_the_switches_and_gone_deletes_ours() {
    let expected = [
        "Wi-Fi: unplug it from VM VM-1",
        "Wi-Fi: delete its endpoint",
        "Ethernet 2: unplug it from VM VM-1",
        "Ethernet 2: delete its endpoint",
    ];
    let observed = complete();
    assert_eq!(words(Goal::Down, &observed), expected);
    let gone = words(Goal::Gone, &observed);
    assert_eq!(gone[..4], expected);
    let expected = [
        "Wi-Fi: delete its switch",
        "Wi-Fi: nothing of it is left",
        "Ethernet 2: delete its switch",
        "Ethernet 2: nothing of it is left",
    ];
    assert_eq!(gone[4..], expected);
}

#[test]
fn a_switch_of_ours_that_somebody_else_uses_stays() {
    let mut observed = complete();
    observed.endpoints.push(Endpoint {
        id: EndpointId(Uuid::from_u128(99)),
        network: Some(observed.networks[0].id),
        mac: None,
        system: None,
    });
    let gone = words(Goal::Gone, &observed);
    assert!(
        !gone
            .iter()
            .any(|step| step.starts_with("Wi-Fi: delete its switch")),
        "{gone:?}"
    );
    assert!(gone.contains(&"Ethernet 2: delete its switch".to_owned()));
}

#[test]
fn endpoints_of_others_are_left_alone() {
    let mut observed = fresh();
    let docker = EndpointId(Uuid::from_u128(5));
    observed.endpoints = vec![Endpoint {
        id: docker,
        network: Some(NetworkId(Uuid::from_u128(6))),
        mac: None,
        system: Some(SystemId::new("another")),
    }];
    for goal in [Goal::Up, Goal::Down, Goal::Gone] {
        let about_it = |step: &Step| matches!(step, Step::DeleteEndpoint { .. });
        assert!(!plan(goal, &observed).iter().any(about_it));
    }
}
