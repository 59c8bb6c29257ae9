//! What is measured, in numbers.

/// Something that has a number in each set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    /// In JSON and CSV; ends with the unit.
    pub key: &'static str,
    /// For people.
    pub name: &'static str,
    /// For people.
    pub unit: &'static str,
    /// Which of two values is the better one.
    pub better: Better,
    /// Digits behind the point.
    pub digits: usize,
}

/// Which of two values is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// The greater.
    Higher,
    /// The smaller.
    Lower,
}

/// A measured value.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Of what.
    pub quantity: Quantity,
    /// The value, or the median of several.
    pub value: f64,
    /// The lower and the upper quartile, of several.
    pub quartiles: Option<(f64, f64)>,
    /// How many values were taken.
    pub samples: usize,
}

impl Quantity {
    pub(super) const fn new(
        key: &'static str,
        name: &'static str,
        unit: &'static str,
        better: Better,
        digits: usize,
    ) -> Self {
        Self {
            key,
            name,
            unit,
            better,
            digits,
        }
    }

    pub(super) const fn one(self, value: f64) -> Value {
        Value {
            quantity: self,
            value,
            quartiles: None,
            samples: 1,
        }
    }

    /// The median, with quartiles.
    pub(super) fn median(self, mut samples: Vec<f64>) -> anyhow::Result<Value> {
        samples.sort_by(f64::total_cmp);
        let at = |share| quantile(&samples, share);
        Ok(Value {
            quantity: self,
            value: at(0.5)?,
            quartiles: Some((at(0.25)?, at(0.75)?)),
            samples: samples.len(),
        })
    }

    /// The worst of several: the greatest.
    pub(super) fn greatest(self, samples: &[f64]) -> anyhow::Result<Value> {
        let greatest = samples.iter().copied().max_by(f64::total_cmp);
        let value = greatest.ok_or_else(|| anyhow::anyhow!("{} has no value", self.name))?;
        Ok(Value {
            samples: samples.len(),
            ..self.one(value)
        })
    }

    /// A number of this quantity with its unit.
    #[must_use]
    pub fn show(&self, value: f64) -> String {
        let (digits, unit) = (self.digits, self.unit);
        if unit.is_empty() {
            format!("{value:.digits$}")
        } else {
            format!("{value:.digits$} {unit}")
        }
    }

    /// Whether `value` is better than `other`.
    pub(super) fn is_better(&self, value: f64, other: f64) -> bool {
        match self.better {
            Better::Higher => value > other,
            Better::Lower => value < other,
        }
    }

    /// How many times as good `value` is as `other`: above 1 is better. `None` where one is zero.
    #[must_use]
    pub fn gain(&self, value: f64, other: f64) -> Option<f64> {
        let (above, below) = match self.better {
            Better::Higher => (value, other),
            Better::Lower => (other, value),
        };
        (above > 0.0 && below > 0.0).then(|| above / below)
    }
}

/// Of sorted values; between two neighbours in proportion.
pub(super) fn quantile(sorted: &[f64], share: f64) -> anyhow::Result<f64> {
    anyhow::ensure!(!sorted.is_empty(), "nothing was measured");
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    Ok(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Quantity = Quantity::new("time_ms", "time", "ms", Better::Lower, 1);
    const RATE: Quantity = Quantity::new("rate_mbps", "rate", "Mb/s", Better::Higher, 0);

    #[test]
    fn median_and_quartiles() {
        let value = TIME.median(vec![5.0, 1.0, 2.0, 4.0, 3.0]).unwrap();
        assert_eq!((value.value, value.quartiles), (3.0, Some((2.0, 4.0))));
        assert_eq!(quantile(&[1.0, 2.0], 0.5).unwrap(), 1.5);
        assert!(TIME.median(Vec::new()).is_err());
    }

    #[test]
    fn a_gain_is_above_one_when_it_is_better() {
        assert_eq!(TIME.gain(10.0, 30.0), Some(3.0));
        assert_eq!(RATE.gain(60.0, 30.0), Some(2.0));
        assert_eq!(TIME.gain(0.0, 30.0), None);
    }

    #[test]
    fn numbers_have_their_unit() {
        assert_eq!(TIME.show(12.34), "12.3 ms");
        assert_eq!(RATE.show(67.4), "67 Mb/s");
    }
}
