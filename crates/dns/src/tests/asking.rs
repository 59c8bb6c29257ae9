//! Whom a question goes to, and whose answer counts.

use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use super::*;
use crate::ways::Zone;

#[tokio::test]
async fn an_answer_is_kept_and_has_the_clients_own_capitals() {
    let server = Fake::start(Says::Address(1)).await;
    let resolver = resolver(&[&server]);
    for text in ["a.test.", "A.tEst."] {
        let answer = ask(&resolver, text).await;
        assert_eq!(addresses(&answer), [ip(1)]);
        assert!(answer.queries[0].name().eq_case(&name(text)));
        assert!(answer.answers[0].name.eq_case(&name(text)));
        assert!((59..=60).contains(&answer.answers[0].ttl), "{answer:?}");
        assert!(answer.metadata.recursion_available && !answer.metadata.authoritative);
    }
    assert_eq!(asked(&server), 1);
    assert_eq!(addresses(&ask(&resolver, "b.test.").await), [ip(1)]);
    let counts = resolver.counts();
    assert_eq!(
        (
            counts.queries,
            counts.from_cache,
            counts.by_servers,
            counts.kept
        ),
        (3, 1, 2, 2)
    );
}

#[tokio::test]
async fn the_same_question_is_asked_once_at_a_time() {
    let server = Fake::start(Says::Late(1, 1)).await;
    let resolver = resolver(&[&server]);
    let (one, other) = tokio::join!(ask(&resolver, "a.test."), ask(&resolver, "a.test."));
    assert_eq!(
        (addresses(&one), addresses(&other)),
        (vec![ip(1)], vec![ip(1)])
    );
    // The first was lost, and the second is for both.
    assert_eq!((asked(&server), resolver.counts().joined), (2, 1));
}

#[tokio::test]
async fn the_next_one_is_asked_when_one_is_silent_or_gone_or_unwilling() {
    let gone = "127.0.0.1:9".parse().unwrap();
    let good = Fake::start(Says::Address(2)).await;
    for says in [
        Says::Nothing,
        Says::Code(ResponseCode::ServFail),
        Says::Code(ResponseCode::Refused),
    ] {
        let bad = Fake::start(says).await;
        let resolver = resolver(&[&bad, &good]);
        assert_eq!(
            addresses(&ask(&resolver, "a.test.").await),
            [ip(2)],
            "{says:?}"
        );
        assert_eq!(asked(&bad), 1);
    }
    let servers = vec![
        Upstream {
            server: gone,
            local: None,
        },
        upstream(&good),
    ];
    let resolver = Resolver::new(Ways {
        servers,
        ..Ways::default()
    });
    assert_eq!(addresses(&ask(&resolver, "a.test.").await), [ip(2)]);
}

#[tokio::test]
async fn if_all_are_unwilling_the_last_one_is_believed() {
    let bad = Fake::start(Says::Code(ResponseCode::Refused)).await;
    let worse = Fake::start(Says::Code(ResponseCode::ServFail)).await;
    let resolver = resolver(&[&bad, &worse]);
    for round in 1..=2 {
        // It is not kept.
        assert_eq!(
            code(&ask(&resolver, "a.test.").await),
            ResponseCode::ServFail
        );
        assert_eq!((asked(&bad), asked(&worse)), (round, round));
    }
}

#[tokio::test]
async fn questions_that_are_under_way_go_by_new_ways_at_once() {
    let (silent, good) = (
        Fake::start(Says::Nothing).await,
        Fake::start(Says::Address(3)).await,
    );
    let resolver = resolver(&[&silent]);
    let changing = async {
        while asked(&silent) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        resolver.set_ways(Ways {
            servers: vec![upstream(&good)],
            ..Ways::default()
        });
    };
    let (answer, ()) = tokio::join!(ask(&resolver, "a.test."), changing);
    assert_eq!(addresses(&answer), [ip(3)]);
    // Without anybody it waits for somebody.
    resolver.set_ways(Ways::default());
    let coming = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        resolver.set_ways(Ways {
            servers: vec![upstream(&good)],
            ..Ways::default()
        });
    };
    let (answer, ()) = tokio::join!(ask(&resolver, "b.test."), coming);
    assert_eq!(addresses(&answer), [ip(3)]);
}

#[tokio::test]
async fn a_long_answer_or_lost_capitals_take_tcp() {
    for says in [Says::Long(4), Says::Small(4)] {
        let server = Fake::start(says).await;
        let resolver = resolver(&[&server]);
        assert_eq!(
            addresses(&ask(&resolver, "long.test.").await),
            [ip(4)],
            "{says:?}"
        );
        assert_eq!(
            (asked(&server), server.by_tcp.load(Ordering::SeqCst)),
            (2, 1)
        );
    }
}

#[tokio::test]
async fn what_does_not_fit_the_question_is_not_believed() {
    let server = Fake::start(Says::Forged(5)).await;
    let resolver = resolver(&[&server]);
    assert_eq!(addresses(&ask(&resolver, "a.test.").await), [ip(5)]);
}

#[tokio::test]
async fn a_network_is_asked_for_its_own_names_and_nobody_else_for_them() {
    let (own, all) = (
        Fake::start(Says::Address(6)).await,
        Fake::start(Says::Address(7)).await,
    );
    let network = "192.168.1.77/24".parse().unwrap();
    let zone = Zone::new(["Corp.LOCAL"], [network], vec![upstream(&own)]).unwrap();
    let resolver = resolver(&[&all]);
    resolver.set_ways(Ways {
        servers: vec![upstream(&all)],
        zones: vec![zone],
        tunnel: None,
    });
    for text in [
        "corp.local.",
        "nas.CORP.local.",
        "9.1.168.192.in-addr.arpa.",
    ] {
        assert_eq!(addresses(&ask(&resolver, text).await), [ip(6)], "{text}");
    }
    for text in [
        "xcorp.local.",
        "printer.local.",
        "9.2.168.192.in-addr.arpa.",
        "1.0.0.10.in-addr.arpa.",
        "1.254.169.in-addr.arpa.",
        "d.f.ip6.arpa.",
        "a.onion.",
        "x.invalid.",
    ] {
        assert_eq!(
            code(&ask(&resolver, text).await),
            ResponseCode::NXDomain,
            "{text}"
        );
    }
    assert_eq!((asked(&own), asked(&all)), (3, 0));
    for text in [
        "a.test.",
        "local.test.",
        "9.9.9.9.in-addr.arpa.",
        "192.in-addr.arpa.",
        "32.172.in-addr.arpa.",
    ] {
        assert_eq!(addresses(&ask(&resolver, text).await), [ip(7)], "{text}");
    }
    // What one network has said does not hold in the next one.
    resolver.set_ways(Ways {
        servers: vec![upstream(&all)],
        ..Ways::default()
    });
    assert_eq!(
        code(&ask(&resolver, "nas.corp.local.").await),
        ResponseCode::NXDomain
    );
    let counts = resolver.counts();
    assert_eq!((counts.by_zones, counts.by_servers), (3, 5));
}

#[test]
fn a_zone_needs_names_and_somebody_who_knows_them() {
    let server = Upstream {
        server: "192.0.2.1:53".parse().unwrap(),
        local: None,
    };
    assert_eq!(Zone::new(["a.test"], [], vec![]), None);
    assert_eq!(Zone::new([".", "a..b", ""], [], vec![server]), None);
    assert!(Zone::new([], ["10.0.0.0/8".parse().unwrap()], vec![server]).is_some());
}

#[tokio::test]
async fn this_machine_is_the_clients_own() {
    let resolver = resolver(&[]);
    let answer = ask(&resolver, "x.localhost.").await;
    assert_eq!(addresses(&answer), [IpAddr::from([127, 0, 0, 1])]);
    let six = query("localhost.", RecordType::AAAA);
    let answer = ask_message(&resolver, &six, Intake::Stream).await;
    assert_eq!(addresses(&answer), ["::1".parse::<IpAddr>().unwrap()]);
    let other = ask_message(
        &resolver,
        &query("localhost.", RecordType::MX),
        Intake::Stream,
    )
    .await;
    assert_eq!(
        (code(&other), other.answers.len()),
        (ResponseCode::NoError, 0)
    );
}

#[tokio::test]
async fn that_there_is_nothing_is_kept_for_as_long_as_the_zone_says() {
    let server = Fake::start(Says::NoName(7)).await;
    let resolver = resolver(&[&server]);
    for _ in 0..2 {
        let answer = ask(&resolver, "no.test.").await;
        assert_eq!(code(&answer), ResponseCode::NXDomain);
        assert!((6..=7).contains(&answer.authorities[0].ttl), "{answer:?}");
    }
    assert_eq!(asked(&server), 1);
    let without_time = Fake::start(Says::NoName(0)).await;
    resolver.set_ways(Ways {
        servers: vec![upstream(&without_time)],
        ..Ways::default()
    });
    for round in 1..=2 {
        ask(&resolver, "none.test.").await;
        assert_eq!(asked(&without_time), round);
    }
}
