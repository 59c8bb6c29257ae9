//! What the targets share.

pub mod channel;

use std::fmt::Debug;

use wire::Parsed;

/// Checks what every parser of `wire` owes to arbitrary bytes, besides not to panic: the same value
/// from the bytes that it says it used, no error or value from fewer, no wish for more than
/// `max_len` bytes, and no error that more bytes would cure. Gives the value, if there is one.
pub fn check<T: PartialEq + Debug, E: PartialEq + Debug>(
    parse: impl Fn(&[u8]) -> Result<Parsed<T>, E>,
    max_len: usize,
    bytes: &[u8],
) -> Option<T> {
    match parse(bytes) {
        Ok(Parsed::Complete { value, used }) => {
            assert!(used <= bytes.len().min(max_len), "used {used} bytes");
            assert_eq!(parse(&bytes[..used]), Ok(Parsed::Complete { value, used }));
            for len in 0..used {
                assert_eq!(
                    parse(&bytes[..len]),
                    Ok(Parsed::Incomplete),
                    "the first {len} bytes"
                );
            }
            match parse(bytes) {
                Ok(Parsed::Complete { value, .. }) => Some(value),
                other => panic!("the second time: {other:?}"),
            }
        }
        Ok(Parsed::Incomplete) => {
            assert!(
                bytes.len() < max_len,
                "incomplete with {} bytes",
                bytes.len()
            );
            None
        }
        Err(error) => {
            assert_eq!(parse(&[bytes, &[0; 300]].concat()), Err(error));
            None
        }
    }
}

/// Checks that a value survives being sent.
pub fn check_round_trip<T: PartialEq + Debug, E: PartialEq + Debug>(
    parse: impl Fn(&[u8]) -> Result<Parsed<T>, E>,
    encoded: &[u8],
    value: T,
) {
    assert_eq!(
        parse(encoded),
        Ok(Parsed::Complete {
            value,
            used: encoded.len()
        })
    );
}
