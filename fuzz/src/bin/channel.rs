#![no_main]

use channel::{Lines, ToEdge, ToHost, line};
use libfuzzer_sys::fuzz_target;

/// Cuts the bytes in two at a place that they name themselves.
fn read<T: serde::de::DeserializeOwned + serde::Serialize + PartialEq>(bytes: &[u8], cut: usize) {
    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    let mut lines = Lines::<T>::default();
    for piece in [first, second] {
        lines.push(piece);
        loop {
            match lines.take() {
                Ok(Some(message)) => {
                    let mut again = Lines::<T>::default();
                    again.push(&line(&message));
                    assert!(again.take().unwrap() == Some(message));
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, bytes)) = bytes.split_first() else {
        return;
    };
    read::<ToEdge>(bytes, (*cut).into());
    read::<ToHost>(bytes, (*cut).into());
});
