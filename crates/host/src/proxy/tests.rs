use super::*;
use crate::registry::fake::FakeRegistry;

const ANN: &str = "S-1-5-21-1";

fn with(values: &[(&str, Value)]) -> ProxySetting {
    let values = values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    ProxySetting(values.collect())
}

fn server() -> SocketAddr {
    "172.20.0.2:1080".parse().unwrap()
}

fn exceptions(setting: &ProxySetting) -> String {
    setting.0[EXCEPTIONS].text().unwrap()
}

#[test]
fn it_goes_to_the_registry_and_back_byte_for_byte() {
    // A type that nobody expects, and a text without its end.
    let odd = Value {
        kind: 2,
        bytes: vec![b'p', 0, b':', 0],
    };
    let before = with(&[(SERVER, odd), (SCRIPT, Value::of_text("http://wpad/x.pac"))]);
    let registry = FakeRegistry::with_hive(ANN);
    before.write(&registry, ANN).unwrap();
    assert_eq!(ProxySetting::read(&registry, ANN), Some(before.clone()));
    before.with(server()).write(&registry, ANN).unwrap();
    let ours = ProxySetting::read(&registry, ANN).unwrap();
    assert_eq!(ours, before.with(server()));
    assert!(!ours.0.contains_key(SCRIPT), "it would go before the proxy");
    before.write(&registry, ANN).unwrap();
    assert_eq!(ProxySetting::read(&registry, ANN), Some(before));
}

#[test]
fn one_that_was_broken_off_is_between_and_one_of_somebody_else_is_not() {
    let before = with(&[(SCRIPT, Value::of_text("http://wpad/x.pac"))]);
    let ours = before.with(server());
    let mut half = ours.clone();
    half.0.remove(ENABLE);
    assert!(half.is_between(&before, &ours));
    half.0
        .insert(SERVER.to_owned(), Value::of_text("192.0.2.1:3128"));
    assert!(!half.is_between(&before, &ours));
}

#[test]
fn of_a_user_who_is_away_there_is_none() {
    assert_eq!(ProxySetting::read(&FakeRegistry::default(), ANN), None);
}

#[test]
fn private_networks_and_the_users_exceptions_stay_direct() {
    let none = ProxySetting::default().with(server());
    let list = exceptions(&none);
    for text in ["<local>;", "192.168.*;", ";172.31.*"] {
        assert!(list.contains(text), "{list}");
    }
    let own = with(&[(EXCEPTIONS, Value::of_text("*.corp;10.*"))]).with(server());
    assert!(exceptions(&own).starts_with("*.corp;10.*;<local>;"));
    assert_eq!(exceptions(&own).matches("10.*").count(), 1);
    assert_eq!(own.with(server()), own);
}

#[test]
fn it_can_be_written_down() {
    let setting = with(&[(ENABLE, Value::of_number(1))]).with(server());
    let text = serde_json::to_string(&setting).unwrap();
    assert_eq!(
        serde_json::from_str::<ProxySetting>(&text).unwrap(),
        setting
    );
}
