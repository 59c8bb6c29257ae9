//! Which of the datagrams that are sent twice have come already.

/// How far behind the newest one may be.
const WIDTH: u32 = u128::BITS;

/// The newest number and which of those before it have come. Numbers go round.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    newest: Option<u32>,
    /// Bit n: the one n before the newest has come.
    come: u128,
}

impl Seen {
    /// Takes note of a number. `true` if it comes for the first time and is not too old to know.
    pub fn is_new(&mut self, number: u32) -> bool {
        let Some(newest) = self.newest else {
            self.newest = Some(number);
            self.come = 1;
            return true;
        };
        let ahead = number.wrapping_sub(newest);
        if ahead != 0 && ahead <= u32::MAX / 2 {
            self.newest = Some(number);
            self.come = self.come.checked_shl(ahead).unwrap_or(0) | 1;
            return true;
        }
        let behind = newest.wrapping_sub(number);
        if behind >= WIDTH {
            return false;
        }
        let bit = 1 << behind;
        let is_new = self.come & bit == 0;
        self.come |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_new_once_in_any_order() {
        let mut seen = Seen::default();
        for number in [7, 9, 8, 3, 300, 299, 173] {
            assert!(seen.is_new(number), "{number}");
            assert!(!seen.is_new(number), "{number}");
        }
        assert!(!seen.is_new(172), "too old to know");
        assert!(seen.is_new(301));
    }

    #[test]
    fn numbers_go_round() {
        let mut seen = Seen::default();
        assert!(seen.is_new(u32::MAX));
        assert!(seen.is_new(0));
        assert!(!seen.is_new(u32::MAX));
        assert!(seen.is_new(u32::MAX - 1));
    }
}
