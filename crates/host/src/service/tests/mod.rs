//! The service on a PC of models: strict ones of HCS, HCN and the IP helper, users whose `wsl.exe` is a
//! function, and an edge that says what a test wants.

mod edge;
mod kernel;
mod lending;
mod pc;

use std::net::IpAddr;

use channel::{Applied, Ready, SecretText, ToEdge, ToHost};
use serde_json::json;
use winnet::{Original, PolicyStore};

use self::pc::{ANN, BOB, Pc, owner};
use crate::control::{Answer, Request};
use crate::goal::Goal;
use crate::recording::ServiceRecording;
use crate::wiring::plan;

const GATEWAY: &str = "172.20.0.2";

fn ready() -> ToHost {
    ToHost::Ready(Ready {
        gateways: vec![GATEWAY.parse::<IpAddr>().unwrap()],
        online: true,
    })
}

/// A PC whose edge takes traffic in.
fn running() -> Pc {
    let pc = Pc::new();
    pc.log_on(ANN);
    pc.edge.say(ready());
    pc.until("the routes are there", |pc| pc.routes().len() == 2);
    pc.until("it has its settings", |pc| !pc.edge.settings().is_empty());
    pc
}

#[test]
fn who_logs_on_gets_an_edge_with_every_card() {
    let pc = running();
    assert_eq!(pc.default_distribution(), "Ubuntu", "it stays");
    let config = pc.config(ANN);
    assert!(
        config.contains("kernel=") && config.contains("memory=4GB\n"),
        "{config}"
    );
    pc.until("the cards are in the VM", |pc| pc.adapters() == 2);
    let settings = pc.edge.settings();
    assert_eq!(settings.matches("[[uplink]]").count(), 2, "{settings}");
    let status = pc.status();
    assert_eq!(status["phase"], "running");
    assert_eq!(status["captures"], true);
    assert_eq!(status["user"], r"PC\ann");
    assert_eq!(status["edge"], json!({ "it": "runs" }));
    assert_eq!(status["problems"], json!([]));
}

#[test]
fn routes_are_there_only_while_the_edge_takes_traffic_in() {
    let pc = running();
    pc.edge.say(ToHost::Ready(Ready::default()));
    pc.until("they go", |pc| pc.routes().is_empty());
    pc.edge.say(ready());
    pc.until("they are back", |pc| pc.routes().len() == 2);
    pc.edge.die();
    pc.until("they go with it", |pc| pc.routes().is_empty());
    pc.until("another edge runs", |pc| pc.edge.starts() == 2);
    pc.edge.say(ready());
    pc.until("they are back again", |pc| pc.routes().len() == 2);
}

#[test]
fn an_edge_that_says_nothing_gets_no_traffic() {
    let pc = running();
    pc.edge.hold_breath();
    pc.until("they go", |pc| pc.routes().is_empty());
}

#[test]
fn what_a_service_has_left_behind_goes_at_the_next_start() {
    let pc = Pc::new();
    pc.leave_routes();
    assert_eq!(pc.routes().len(), 2);
    pc.log_on(BOB);
    pc.until("they go", |pc| pc.routes().is_empty());
}

#[test]
fn down_gives_the_network_back_and_up_takes_it_again() {
    let pc = running();
    assert!(matches!(pc.ask(Request::Down), Answer::Done(_)));
    pc.until("it is down", |pc| {
        pc.routes().is_empty() && pc.adapters() == 0 && pc.status()["phase"] == "idle"
    });
    assert_eq!(pc.edge.heard().last(), Some(&ToEdge::Stop));
    assert_eq!(pc.switches(), 2, "they take long to make");
    pc.ask(Request::Up);
    pc.until("another edge runs", |pc| pc.edge.starts() == 2);
}

#[test]
fn a_card_that_goes_is_unplugged() {
    let pc = running();
    pc.until("the cards are in the VM", |pc| pc.adapters() == 2);
    pc.pull_card();
    pc.until("one is left", |pc| pc.adapters() == 1);
    let one = |pc: &Pc| pc.edge.settings().matches("[[uplink]]").count() == 1;
    pc.until("the edge is told", one);
}

#[test]
fn the_edge_is_told_of_a_card_without_a_cable() {
    let pc = running();
    let told = |pc: &Pc| {
        let heard = pc.edge.heard();
        let lists = heard.iter().filter_map(|it| match it {
            ToEdge::Unplugged(macs) => Some(macs.len()),
            _ => None,
        });
        lists.collect::<Vec<_>>()
    };
    assert_eq!(told(&pc), [0; 0]);
    pc.plug_cable(false);
    pc.until("it is told", |pc| told(pc) == [1]);
    pc.edge.die();
    pc.until("the next one, too", |pc| {
        pc.edge.starts() == 2 && told(pc) == [1]
    });
    pc.plug_cable(true);
    pc.until("it is told", |pc| told(pc) == [1, 0]);
}

#[test]
fn an_edge_starts_anew_for_settings_that_count_then_only() {
    let pc = running();
    pc.edge.say(ToHost::Applied(Applied::Taken {
        need_restart: vec!["host".to_owned()],
    }));
    pc.until("another edge runs", |pc| pc.edge.starts() == 2);
    pc.edge.say(ready());
    pc.until("the routes are back", |pc| pc.routes().len() == 2);
}

#[test]
fn what_windows_does_with_several_connections_is_said() {
    let pc = running();
    let says = |pc: &Pc, what: &str| pc.status()["problems"].to_string().contains(what);
    pc.policy.set_local(Original::NoKey).unwrap();
    pc.until("it is said", |pc| says(pc, "doctor --fix"));
    pc.policy.set_local(Original::Value(0)).unwrap();
    pc.until("all is well", |pc| pc.status()["problems"] == json!([]));
}

#[test]
fn what_wsl_falls_back_to_is_said() {
    let pc = Pc::new();
    pc.edge.connect_by("consomme");
    pc.log_on(ANN);
    let says = |pc: &Pc| pc.status()["problems"].to_string().contains("consomme");
    pc.until("it is said", says);
}

#[test]
fn a_new_vm_gets_the_cards_again() {
    let pc = running();
    pc.until("the cards are in the VM", |pc| pc.adapters() == 2);
    pc.restart_vm();
    pc.until("another edge runs", |pc| pc.edge.starts() == 2);
    pc.until("the cards are in the new VM", |pc| pc.adapters() == 2);
}

#[test]
fn roles_are_changed_by_the_owner_only() {
    let pc = running();
    let request = Request::SetRole {
        uplink: "Wi-Fi".to_owned(),
        role: "backup".to_owned(),
    };
    let refused = pc.ask_as(&owner(BOB), request.clone());
    assert!(matches!(refused, Answer::Refused(why) if why.contains("administrator")));
    let done = pc.ask_as(&owner(ANN), request);
    assert_eq!(done, Answer::Done("Wi-Fi is backup now".to_owned()));
    assert!(pc.settings().contains("backup"));
    let told = |pc: &Pc| pc.edge.settings().contains("backup");
    pc.until("the edge is told", told);
    let unknown = pc.ask(Request::SetRole {
        uplink: "LTE".to_owned(),
        role: "off".to_owned(),
    });
    assert!(matches!(unknown, Answer::Refused(why) if why.contains("Wi-Fi, Ethernet")));
}

#[test]
fn wrong_settings_change_nothing_and_are_named() {
    let pc = running();
    let before = pc.edge.settings();
    pc.write_settings("capture = \"everything\"\n");
    let named = |pc: &Pc| {
        let status = pc.status();
        let error = status["settings"]["error"].as_str().unwrap_or_default();
        error.contains("capture") && error.contains(":1:")
    };
    pc.until("line and key are named", named);
    assert_eq!(pc.routes().len(), 2);
    assert_eq!(pc.edge.settings(), before);
    pc.write_settings("capture = \"proxy\"\n");
    pc.until("nothing is captured", |pc| pc.routes().is_empty());
}

#[test]
fn the_next_user_gets_an_edge_of_their_own() {
    let pc = running();
    pc.log_off(ANN);
    pc.until("the routes go", |pc| pc.routes().is_empty());
    pc.log_on(BOB);
    pc.until("bob's edge runs", |pc| {
        let status = pc.status();
        status["user"] == r"PC\bob" && status["phase"] == "running"
    });
    pc.edge.say(ready());
    pc.until("the routes are there", |pc| pc.routes().len() == 2);
}

#[test]
fn the_end_of_the_service_takes_the_routes_away() {
    let mut pc = running();
    pc.stop();
    assert!(pc.routes().is_empty());
    assert_eq!(pc.edge.heard().last(), Some(&ToEdge::Stop));
    let late = pc.ask(Request::Status);
    assert!(matches!(late, Answer::Refused(_)));
}

#[test]
fn nothing_is_left_after_a_removal() {
    let pc = running();
    pc.until("the cards are in the VM", |pc| pc.adapters() == 2);
    let done = pc.ask(Request::Remove);
    assert!(matches!(done, Answer::Done(_)), "{done:?}");
    assert!(pc.routes().is_empty());
    assert_eq!((pc.switches(), pc.adapters(), pc.endpoints()), (0, 0, 0));
    assert_eq!(pc.config(ANN), "[wsl2]\nmemory=4GB\n");
    assert_eq!(pc.distributions(), ["Ubuntu"]);
}

#[test]
fn a_user_who_is_away_keeps_a_removal_from_being_whole() {
    let pc = running();
    pc.log_off(ANN);
    let left = pc.ask(Request::Remove);
    assert!(
        matches!(&left, Answer::Refused(why) if why.contains("not logged on")),
        "{left:?}"
    );
}

#[test]
fn a_link_is_taken_back_unless_the_settings_have_changed_since() {
    let pc = running();
    let link = |user: u8| Request::Connect {
        link: SecretText(hub_link(user)),
    };
    assert!(matches!(pc.ask(link(1)), Answer::Done(_)));
    let first = pc.settings();
    assert!(matches!(pc.ask(link(2)), Answer::Done(_)));
    assert_ne!(pc.settings(), first);
    assert!(matches!(pc.ask(Request::Disconnect), Answer::Done(_)));
    assert_eq!(pc.settings(), first);
    assert!(
        matches!(pc.ask(Request::Disconnect), Answer::Refused(_)),
        "once"
    );

    assert!(matches!(pc.ask(link(2)), Answer::Done(_)));
    let mine = format!("# mine\n{}", pc.settings());
    pc.write_settings(&mine);
    assert!(matches!(pc.ask(Request::Disconnect), Answer::Refused(_)));
    assert_eq!(pc.settings(), mine);
}

#[test]
fn a_recording_shows_what_the_service_saw() {
    let pc = running();
    pc.until("the cards are in the VM", |pc| pc.adapters() == 2);
    let recorded = pc.recorded();
    let text = serde_json::to_string(&recorded).unwrap();
    let read: ServiceRecording = serde_json::from_str(&text).unwrap();
    assert_eq!(read, recorded);
    let observed = read.observed().unwrap();
    assert_eq!((observed.networks.len(), observed.endpoints.len()), (2, 2));
    assert_eq!(plan(Goal::Up, &observed), [], "nothing is left to do");
    assert_eq!(plan(Goal::Down, &observed).len(), 4, "two cards come out");
}

fn hub_link(user: u8) -> String {
    let (secret, pin) = (
        char::from(b'A' + user).to_string().repeat(42),
        "A".repeat(43),
    );
    format!("manypath://{secret}A@hub.example:443/?pin={pin}")
}
