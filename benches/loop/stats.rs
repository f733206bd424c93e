//! Medians, spread and intervals of named series.

use std::fmt;

/// Named series of measurements, in the order they were first named.
#[derive(Debug, Default)]
pub(crate) struct Series {
    rows: Vec<(String, Vec<f64>)>,
}

impl Series {
    pub(crate) fn add(&mut self, name: &str, value: f64) {
        match self.rows.iter_mut().find(|(other, _)| other == name) {
            Some((_, values)) => values.push(value),
            None => self.rows.push((name.to_owned(), vec![value])),
        }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<40} {:>9} {:>9} {:>9}   95 % of the median", "", "median", "p5", "p95")?;
        for (name, values) in &self.rows {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let (low, high) = interval(&sorted);
            writeln!(
                f,
                "{name:<40} {:>9.2} {:>9.2} {:>9.2}   {low:.2} .. {high:.2}",
                at(&sorted, 0.5),
                at(&sorted, 0.05),
                at(&sorted, 0.95)
            )?;
        }
        Ok(())
    }
}

/// The value below which this share of them lies.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "an index into a few values"
)]
fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// The 95 % interval of the median, by order statistics (normal approximation of the binomial).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "an index into a few values"
)]
fn interval(sorted: &[f64]) -> (f64, f64) {
    let n = sorted.len() as f64;
    let half = 1.96 * n.sqrt() / 2.0;
    let low = (n / 2.0 - half).floor().max(0.0) as usize;
    let high = ((n / 2.0 + half).ceil() as usize).min(sorted.len() - 1);
    (sorted[low], sorted[high])
}
