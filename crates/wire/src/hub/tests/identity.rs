use proptest::prelude::*;

use crate::hub::*;

const ZERO: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn text_is_base64url_without_padding() {
    let bytes = std::array::from_fn(|i| 0xff - i as u8);
    let text = "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA";
    assert_eq!(Pin::from_bytes(bytes).to_string(), text);
    assert_eq!(text.parse(), Ok(UserKey::from_bytes(bytes)));
    assert_eq!(*UserSecret::from_bytes(bytes).text(), text);
}

#[test]
fn errors_say_what_is_wrong_and_show_nothing() {
    let error = |text: &str| text.parse::<UserSecret>().unwrap_err();
    let what = "secret";
    assert_eq!(error(&ZERO[1..]), IdentityError::Length { what, found: 42 });
    assert_eq!(error(""), IdentityError::Length { what, found: 0 });
    for wrong in ["+", "/", "=", " ", "\n"] {
        let text = format!("{}{wrong}{}", &ZERO[..9], &ZERO[10..]);
        let position = 10;
        assert_eq!(error(&text), IdentityError::Character { what, position });
    }
    // A character of two bytes, so that the length is right.
    let text = format!("é{}", &ZERO[2..]);
    assert_eq!(error(&text), IdentityError::Character { what, position: 1 });
    // Its last two bits are not zero.
    let text = format!("{}B", &ZERO[1..]);
    assert_eq!(error(&text), IdentityError::LastCharacter { what });
    let shown = format!("{0} {0:?}", error(&text.replace('A', "x")));
    assert!(!shown.contains("xxx"), "{shown}");
}

#[test]
fn secrets_are_never_shown() {
    let secret = UserSecret::from_bytes([7; 32]);
    let shown = format!("{secret} {secret:?} {secret:#?}");
    assert_eq!(shown, "… UserSecret(…) UserSecret(…)");
}

#[test]
fn secrets_compare_whole() {
    let secret = UserSecret::from_bytes([7; 32]);
    assert_eq!(secret, secret.clone());
    for i in 0..32 {
        let mut bytes = [7; 32];
        bytes[i] ^= 0x10;
        assert_ne!(secret, UserSecret::from_bytes(bytes), "byte {i}");
    }
}

proptest! {
    #[test]
    fn text_round_trips(bytes: [u8; 32]) {
        let pin = Pin::from_bytes(bytes);
        prop_assert_eq!(pin.to_string().parse(), Ok(pin));
        let secret = UserSecret::from_bytes(bytes);
        prop_assert_eq!(secret.text().parse(), Ok(secret));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,50}|[A-Za-z0-9_-]{43}") {
        if let Ok(key) = text.parse::<UserKey>() {
            prop_assert_eq!(key.to_string(), text);
        }
    }
}
