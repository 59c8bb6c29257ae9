use super::*;

fn check(step: &'static str, took: u64, result: Result<&str, &str>) -> Check {
    Check {
        step,
        took: Duration::from_micros(took),
        result: result.map(str::to_owned).map_err(str::to_owned),
    }
}

fn report() -> Report {
    let way = |uplink: &str, interface: &str, checks| Way {
        uplink: uplink.to_owned(),
        interface: Some(interface.to_owned()),
        local: None,
        checks,
    };
    Report {
        hub: "hub.example:443".to_owned(),
        name: Some(check("name", 812, Ok("203.0.113.2"))),
        ways: vec![
            way(
                "wifi",
                "eth1",
                vec![
                    check("TCP", 15_160, Ok("from 10.0.1.2")),
                    check(Check::MPTCP, 0, Ok("spoken")),
                    check("TLS", 16_000, Ok("the right key")),
                    check(Check::SECRET, 15_900, Ok("known")),
                ],
            ),
            way(
                "eth2",
                "eth2",
                vec![check("TCP", 10_000_000, Err("it is silent"))],
            ),
        ],
        outcome: Outcome::Written {
            file: "/etc/manypath/edge.toml".into(),
            before: Some("old.example:1080".to_owned()),
            edge: Edge::Connected {
                after: Duration::from_millis(340),
            },
        },
    }
}

#[test]
fn people_read_a_line_for_each_step() {
    insta::assert_snapshot!(report(), @r"
    hub hub.example:443
      name     ok          0.8 ms  203.0.113.2
    wifi (eth1)
      TCP      ok         15.2 ms  from 10.0.1.2
      MPTCP    ok                  spoken
      TLS      ok         16.0 ms  the right key
      secret   ok         15.9 ms  known
    eth2
      TCP      FAILED  10000.0 ms  it is silent
    warning: eth2 does not reach the hub
    wrote the link into /etc/manypath/edge.toml
    it replaces the hub old.example:1080
    the edge uses it: connected to the hub after 0.3 s
    ");
}

#[test]
fn programs_read_the_same() {
    let json = report().json();
    let wifi = &json["ways"][0];
    assert_eq!(json["ways"][1]["checks"][0]["text"], "it is silent");
    assert_eq!(
        (&wifi["works"], &wifi["mptcp"]),
        (&true.into(), &true.into())
    );
    assert_eq!(json["ways"][1]["works"], false);
    assert_eq!(wifi["checks"][0]["milliseconds"], 15.2);
    assert_eq!(wifi["checks"][1]["milliseconds"], Value::Null);
    let keys: Vec<&str> = json
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let wanted = [
        "edge", "file", "good", "hub", "name", "outcome", "warnings", "ways",
    ];
    assert_eq!(keys, wanted);
    assert_eq!(json["edge"]["state"], "connected");
}

#[test]
fn it_is_said_when_mptcp_is_spoken_nowhere() {
    let mut report = report();
    report.ways[0].checks[1].result = Err("plain TCP".to_owned());
    assert!(report.is_good());
    assert!(
        report
            .to_string()
            .contains("warning: MPTCP is spoken nowhere")
    );
}

#[test]
fn without_a_way_that_passes_the_last_step_it_is_not_good() {
    let mut report = report();
    report.ways[0].checks.pop();
    assert!(!report.is_good());
    assert_eq!(report.json()["good"], false);
    assert_eq!(report.warnings(), [""; 0]);
}
