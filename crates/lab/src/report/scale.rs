//! Round numbers for axes.

/// Steps of 1, 2 or 5 times a power of ten, from 0 to `top`, at most `most` of them.
pub(super) fn ticks(top: f64, most: usize) -> Vec<f64> {
    if !(top.is_finite() && top > 0.0) || most == 0 {
        return vec![0.0];
    }
    let least = top / most as f64;
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = step
        .into_iter()
        .find(|step| *step >= least * 0.999)
        .unwrap_or(10.0 * power);
    let count = (top / step + 1e-9).floor() as usize;
    (0..=count).map(|number| number as f64 * step).collect()
}

/// Without a trail of zeros.
pub(super) fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(80.0, 4), [0.0, 20.0, 40.0, 60.0, 80.0]);
        assert_eq!(ticks(13.4, 14), (0..=13).map(f64::from).collect::<Vec<_>>());
        assert_eq!(
            ticks(0.5, 5),
            [0.0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.5]
        );
        assert_eq!(ticks(0.0, 5), [0.0]);
        assert_eq!(ticks(f64::NAN, 5), [0.0]);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([20.0, 0.5, 0.1 + 0.2].map(plain), ["20", "0.5", "0.3"]);
    }
}
