use super::*;

/// A PC where everything is as it should be.
fn good() -> Facts {
    let card = |alias: &str| Card {
        alias: alias.to_owned(),
        wanted: true,
        connected: true,
        switch: Some(format!("MPTCP - {alias}")),
        problem: None,
    };
    let uplink = |name: &str| Uplink {
        name: name.to_owned(),
        answers: true,
        reason: "15 ms to the hub".to_owned(),
    };
    Facts {
        windows: Windows {
            name: "Windows 11 Home".to_owned(),
            build: 22631,
            has_vm_platform: true,
        },
        wsl: Some(Wsl {
            version: "2.6.1.0".to_owned(),
            wanted_mode: "nat".to_owned(),
        }),
        policies: vec![("AllowWSL".to_owned(), 1)],
        cards: vec![card("Wi-Fi"), card("Ethernet")],
        minimizes_connections: false,
        connections_are_forced: false,
        service: Some(Service {
            running: true,
            up: true,
            user: Some("PC\\ann".to_owned()),
            trouble: None,
            edge: Some(Edge {
                kernel: "6.18.20.1-manypath".to_owned(),
                wanted_kernel: Some("6.18.20.1-manypath".to_owned()),
                has_mptcp: true,
                mode: Some("nat".to_owned()),
                hub: Some("hub.test:443".to_owned()),
                uplinks: vec![uplink("Wi-Fi"), uplink("Ethernet")],
            }),
        }),
    }
}

fn wsl(facts: &mut Facts) -> &mut Wsl {
    facts.wsl.as_mut().unwrap()
}

fn service(facts: &mut Facts) -> &mut Service {
    facts.service.as_mut().unwrap()
}

fn edge(facts: &mut Facts) -> &mut Edge {
    service(facts).edge.as_mut().unwrap()
}

/// The one finding that is not "ok" after a change to the good PC.
#[track_caller]
fn only(change: impl FnOnce(&mut Facts)) -> Finding {
    let mut facts = good();
    change(&mut facts);
    let mut bad = examine(&facts);
    bad.retain(|finding| finding.verdict != Verdict::Ok);
    assert_eq!(bad.len(), 1, "{bad:#?}");
    bad.remove(0)
}

#[test]
fn nothing_is_wrong_with_a_good_pc() {
    let findings = examine(&good());
    assert!(
        findings.iter().all(|it| it.verdict == Verdict::Ok),
        "{findings:#?}"
    );
    assert!(findings.len() > 8);
}

#[test]
fn each_prerequisite_has_a_finding_of_its_own() {
    type Change = fn(&mut Facts);
    let cases: [(&str, &str, Change); 16] = [
        ("Windows", "build 18363", |it| it.windows.build = 18363),
        ("Virtual Machine Platform", "off", |it| {
            it.windows.has_vm_platform = false
        }),
        ("WSL", "older than 2.4.4", |it| {
            wsl(it).version = "2.3.26.0".to_owned()
        }),
        ("WSL", "came with Windows", |it| {
            wsl(it).version = String::new()
        }),
        ("Policies", "AllowKernelUserSetting is 0", |it| {
            it.policies.push(("AllowKernelUserSetting".to_owned(), 0));
        }),
        ("Networking mode", "fell back from nat to consomme", |it| {
            edge(it).mode = Some("consomme".to_owned());
        }),
        ("Wi-Fi beside Ethernet", "fMinimizeConnections", |it| {
            it.minimizes_connections = true
        }),
        ("Wi-Fi beside Ethernet", "fMinimizeConnections", |it| {
            (it.minimizes_connections, it.connections_are_forced) = (true, true);
        }),
        ("Kernel", "and not 6.18.40.1", |it| {
            edge(it).wanted_kernel = Some("6.18.40.1".to_owned());
        }),
        ("Internet connections", "one", |it| {
            it.cards.pop();
        }),
        ("Service", "not installed", |it| it.service = None),
        ("Service", "does not run", |it| service(it).running = false),
        ("Service", "switched off", |it| service(it).up = false),
        ("Kernel", "no Multipath TCP", |it| {
            edge(it).has_mptcp = false
        }),
        ("Hub", "none", |it| edge(it).hub = None),
        ("Hub hub.test:443 by Ethernet", "no answer", |it| {
            edge(it).uplinks[1].answers = false;
            edge(it).uplinks[1].reason = "no answer".to_owned();
        }),
    ];
    for (subject, words, change) in cases {
        let finding = only(change);
        assert_eq!(finding.subject, subject);
        assert!(finding.text.contains(words), "{finding:?}");
        assert!(finding.advice.is_some(), "{finding:?}");
    }
}

#[test]
fn a_pc_without_wsl_is_told_to_install_it() {
    let finding = only(|facts| facts.wsl = None);
    assert_eq!(finding.fix, Some(Fix::InstallWsl));
}

#[test]
fn a_card_that_refuses_its_switch_says_why() {
    let finding = only(|facts| {
        facts.cards[0].switch = None;
        facts.cards[0].problem = Some("0x803B0006: the adapter was not found".to_owned());
    });
    assert_eq!(finding.subject, "Card Wi-Fi");
    assert!(finding.text.contains("0x803B0006"));
}

#[test]
fn an_edge_that_does_not_run_says_why() {
    let down = |facts: &mut Facts, user: Option<&str>, trouble: Option<&str>| {
        service(facts).edge = None;
        service(facts).user = user.map(str::to_owned);
        service(facts).trouble = trouble.map(str::to_owned);
    };
    let finding = only(|it| down(it, None, None));
    assert_eq!(finding.verdict, Verdict::Unknown);
    assert!(finding.text.contains("nobody is logged on"));
    let finding = only(|it| down(it, Some("ann"), Some("WSL says no")));
    assert_eq!(
        (finding.verdict, finding.text.as_str()),
        (Verdict::Problem, "WSL says no")
    );
}

#[test]
fn facts_are_what_they_were_after_a_recording() {
    let text = serde_json::to_string(&good()).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), good());
    // A recording of an older version has fewer of them.
    assert!(serde_json::from_str::<Facts>("{\"windows\": {\"build\": 1}}").is_ok());
}
