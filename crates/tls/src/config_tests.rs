//! Ends that show a key which is not theirs. Public keys are no secrets: the hub's is sent to everyone
//! who asks, and a thief of the users file has all users'.

use wire::hub::UserKey;

use super::*;
use crate::{Channel, TlsError, generate_secret, user_key};

/// Both ends until none has anything to say, or one has failed.
fn shake_hands(edge: &EdgeConfig, hub: &HubConfig) -> (Channel, Channel, [Option<TlsError>; 2]) {
    let (mut edge, mut hub) = (Channel::edge(edge).unwrap(), Channel::hub(hub).unwrap());
    let mut errors = [None, None];
    loop {
        let mut bytes = std::mem::take(edge.outgoing());
        let mut answer = Vec::new();
        if !bytes.is_empty() {
            let heard = hub.receive(&mut bytes, &mut |_| panic!("no frame was sent"));
            errors[1] = errors[1].take().or(heard.err());
            answer = std::mem::take(hub.outgoing());
        }
        if answer.is_empty() {
            return (edge, hub, errors);
        }
        let heard = edge.receive(&mut answer, &mut |_| panic!("no frame was sent"));
        errors[0] = errors[0].take().or(heard.err());
    }
}

#[test]
fn who_has_its_key_is_let_in() {
    let (key, secret) = (HubKey::generate(), generate_secret());
    let edge = EdgeConfig::new(&key.pin(), &secret);
    let (edge, hub, errors) = shake_hands(&edge, &HubConfig::new(&key));
    assert!(matches!(errors, [None, None]), "{errors:?}");
    assert!(edge.is_established());
    assert_eq!(hub.peer(), Some(user_key(&secret)));
}

#[test]
fn an_edge_that_shows_another_users_key_is_not_that_user() {
    let (key, alice, mallory) = (HubKey::generate(), generate_secret(), generate_secret());
    let mut config = EdgeConfig::new(&key.pin(), &mallory);
    let mut tls = (*config.tls).clone();
    let shown = key::certified_as(&mallory, user_key(&alice));
    tls.client_auth_cert_resolver = Arc::new(AlwaysResolvesClientRawPublicKeys::new(shown));
    config.tls = Arc::new(tls);
    let (_, hub, errors) = shake_hands(&config, &HubConfig::new(&key));
    assert!(
        matches!(errors[1], Some(TlsError::BadSignature(_))),
        "{errors:?}"
    );
    assert!(!hub.is_established() && hub.peer().is_none());
}

#[test]
fn a_hub_that_shows_another_hubs_key_is_not_that_hub() {
    let (key, mallory) = (HubKey::generate(), generate_secret());
    let shown = UserKey::from_bytes(*key.public());
    let mut hub = HubConfig::new(&HubKey::generate());
    let mut tls = (*hub.tls).clone();
    let shown = key::certified_as(&mallory, shown);
    tls.cert_resolver = Arc::new(AlwaysResolvesServerRawPublicKeys::new(shown));
    hub.tls = Arc::new(tls);
    let edge = EdgeConfig::new(&key.pin(), &generate_secret());
    let (edge, hub, errors) = shake_hands(&edge, &hub);
    assert!(
        matches!(errors[0], Some(TlsError::BadSignature(_))),
        "{errors:?}"
    );
    assert!(!edge.is_established() && hub.peer().is_none());
}
