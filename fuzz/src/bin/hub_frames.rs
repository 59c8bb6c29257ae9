//! A record's frames, as either end reads them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::hub::{Frame, HEADER, MAX_PAYLOAD, frames};

fuzz_target!(|record: &[u8]| {
    let mut again = Vec::new();
    let mut found = Vec::new();
    let mut failed = false;
    for frame in frames(record) {
        assert!(!failed, "nothing follows an error");
        match frame {
            Ok(frame) => found.push(frame),
            Err(error) => {
                failed = true;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    // A record has 16384 bytes at most, which the parser need not know.
    found.retain(|frame| !matches!(frame, Frame::Data(bytes) if bytes.len() > MAX_PAYLOAD));
    for frame in &found {
        frame.encode(&mut again);
    }
    let mut read = frames(&again);
    for frame in &found {
        assert_eq!(read.next(), Some(Ok(frame.clone())));
    }
    assert_eq!(read.next(), None);
    cut(record, found.len() * HEADER);
});

/// A record that is shorter holds the same frames up to there.
fn cut(record: &[u8], at: usize) {
    let whole: Vec<_> = frames(record).filter_map(Result::ok).collect();
    let part: Vec<_> = frames(&record[..at.min(record.len())])
        .filter_map(Result::ok)
        .collect();
    assert!(whole.starts_with(&part));
}
