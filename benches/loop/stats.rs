//! What is said about a few values: median, quartiles, and the interval the median lies in.

/// Values in order.
#[derive(Debug, Clone)]
pub(crate) struct Summary(Vec<f64>);

impl Summary {
    /// Of at least one value.
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self(sorted)
    }

    /// The value below which this share of them lies, between two of them where it falls there.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an index into a few values"
    )]
    pub(crate) fn at(&self, share: f64) -> f64 {
        let place = (self.0.len() - 1) as f64 * share;
        let below = place.floor() as usize;
        let above = (below + 1).min(self.0.len() - 1);
        self.0[below] + (self.0[above] - self.0[below]) * (place - below as f64)
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// The 95 % interval of the median by order statistics: it holds whatever the values' distribution is. Nothing
    /// where there are too few values for one.
    pub(crate) fn interval(&self) -> Option<(f64, f64)> {
        let count = self.0.len();
        // The chance that at most `k` of `count` values lie below the true median, which is that of a fair coin.
        let mut chance = 0.5_f64.powi(i32::try_from(count).expect("a few values"));
        let (mut below, mut outside) = (None, 0.0);
        for k in 0..count {
            outside += chance;
            if outside > 0.025 {
                break;
            }
            below = Some(k);
            #[expect(clippy::cast_precision_loss, reason = "a few values")]
            let next = (count - k) as f64 / (k + 1) as f64;
            chance *= next;
        }
        below.map(|k| (self.0[k], self.0[count - 1 - k]))
    }
}
