//! What the VM's init tells: lines of words, each followed by a number.

use std::path::Path;

/// The last number that was told after this word.
pub(super) fn last(report: &Path, word: &str) -> Option<u64> {
    let text = std::fs::read_to_string(report).ok()?;
    // The last line may be on its way.
    let (whole, _) = text.rsplit_once('\n')?;
    let mut words = whole.split_whitespace().rev();
    let mut after = words.next()?;
    for word_before in words {
        if word_before == word {
            return after.parse().ok();
        }
        after = word_before;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_line_counts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "resident 1 threads 2\nresident 30 threads 4\nended 0\nresident 5";
        std::fs::write(file.path(), text).unwrap();
        assert_eq!(last(file.path(), "resident"), Some(30));
        assert_eq!(last(file.path(), "threads"), Some(4));
        assert_eq!(last(file.path(), "ended"), Some(0));
        assert_eq!(last(file.path(), "nothing"), None);
    }
}
