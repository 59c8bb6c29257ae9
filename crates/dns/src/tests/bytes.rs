//! Messages as bytes: sizes, flags, and what is none.

use hickory_proto::op::{OpCode, ResponseCode};
use hickory_proto::rr::{DNSClass, RecordType};
use proptest::prelude::*;

use super::*;
use crate::answer::Answer;
use crate::request::{Refusal, Request};

#[tokio::test]
async fn answers_are_as_long_as_the_client_and_the_way_take() {
    let server = Fake::start(Says::Text(4000)).await;
    let text = query("t.test.", RecordType::TXT);
    let resolver = resolver(&[&server]);
    for (query, edns) in [(text.clone(), false), (with_edns(text.clone(), 4096), true)] {
        let cut = ask_message(&resolver, &query, Intake::Datagram).await;
        assert!(cut.metadata.truncation && cut.answers.is_empty());
        assert_eq!((cut.edns.is_some(), cut.queries.len()), (edns, 1));
        let whole = ask_message(&resolver, &query, Intake::Stream).await;
        assert!(!whole.metadata.truncation);
        assert!(whole.to_vec().unwrap().len() > 4000);
    }
    let server = Fake::start(Says::Text(1000)).await;
    resolver.set_ways(Ways {
        servers: vec![upstream(&server)],
        ..Ways::default()
    });
    let text = query("u.test.", RecordType::TXT);
    assert!(
        ask_message(&resolver, &text, Intake::Datagram)
            .await
            .metadata
            .truncation
    );
    let more = with_edns(text.clone(), 1100);
    let whole = ask_message(&resolver, &more, Intake::Datagram).await;
    assert!(!whole.metadata.truncation && whole.answers.len() == 1);
    // Less than a datagram must hold counts as that (RFC 6891 section 6.2.3).
    let less = with_edns(text, 100);
    assert!(
        ask_message(&resolver, &less, Intake::Datagram)
            .await
            .metadata
            .truncation
    );
}

fn refusal(message: &Message) -> Option<(ResponseCode, u16)> {
    match Request::parse(&message.to_vec().unwrap()) {
        Ok(_) | Err(Refusal::Silent) => None,
        Err(Refusal::Answer(bytes)) => {
            let answer = Message::from_vec(&bytes).unwrap();
            Some((code(&answer), answer.metadata.id))
        }
    }
}

#[test]
fn what_is_not_served_is_refused_with_the_right_code() {
    let good = query("a.test.", RecordType::A);
    let id = good.metadata.id;
    assert_eq!(refusal(&good), None);
    let mut two = good.clone();
    two.add_query(two.queries[0].clone());
    let mut none = good.clone();
    none.queries.clear();
    let mut notify = good.clone();
    notify.metadata.op_code = OpCode::Notify;
    let mut chaos = good.clone();
    chaos.queries[0].set_query_class(DNSClass::CH);
    let mut zone = good.clone();
    zone.queries[0].set_query_type(RecordType::AXFR);
    let mut newer = with_edns(good.clone(), 1232);
    newer.edns.as_mut().unwrap().set_version(1);
    for (message, code) in [
        (two, ResponseCode::FormErr),
        (none, ResponseCode::FormErr),
        (notify, ResponseCode::NotImp),
        (chaos, ResponseCode::Refused),
        (zone, ResponseCode::Refused),
        (newer, ResponseCode::BADVERS),
    ] {
        // 16 has two names.
        let refused = refusal(&message).map(|(code, id)| (u16::from(code), id));
        assert_eq!(refused, Some((code.into(), id)), "{message:?}");
    }
}

#[test]
fn an_answer_is_never_answered() {
    let bytes = Message::response(7, OpCode::Query).to_vec().unwrap();
    assert_eq!(Request::parse(&bytes).unwrap_err(), Refusal::Silent);
    for short in [&[][..], &[1, 2, 0], &[0; 11]] {
        assert_eq!(Request::parse(short).unwrap_err(), Refusal::Silent);
    }
    let cut = &query("a.test.", RecordType::A).to_vec().unwrap()[..20];
    assert!(matches!(Request::parse(cut), Err(Refusal::Answer(_))));
}

proptest! {
    #[test]
    fn any_bytes_are_answered_or_not(query in prop::collection::vec(any::<u8>(), 0..600), answer in prop::collection::vec(any::<u8>(), 0..600)) {
        round(&query, &answer);
    }

    /// With a head that lets the rest be read.
    #[test]
    fn any_records_are_answered_or_not(rest in prop::collection::vec(any::<u8>(), 0..600), counts in any::<[u8; 4]>()) {
        let [questions, answers, authorities, additionals] = counts.map(|it| it % 4);
        let head = [1, 2, 1, 0, 0, questions, 0, answers, 0, authorities, 0, additionals];
        let bytes = [&head[..], &rest].concat();
        round(&bytes, &bytes);
    }
}

fn round(query: &[u8], answer: &[u8]) {
    let usual = super::query("a.test.", RecordType::A).to_vec().unwrap();
    for query in [query, &usual] {
        let Ok(request) = Request::parse(query) else {
            continue;
        };
        let Ok(message) = Message::from_vec(answer) else {
            continue;
        };
        let answer = Answer::new(message, request.question(), answer.len());
        let bytes = request.reply(&answer, std::time::Duration::from_secs(1), 512);
        assert!(bytes.len() <= 512, "{}", bytes.len());
    }
}
