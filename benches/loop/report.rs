//! What was measured, as a table for people and as JSON.

use std::fmt;

use serde_json::{Value, json};

use crate::stats::Summary;

/// Named series of one scenario, in the order they were first named.
pub(crate) struct Section {
    title: String,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    unit: &'static str,
    values: Vec<f64>,
}

impl Section {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new() }
    }

    /// One more value of a series.
    pub(crate) fn add(&mut self, name: &str, unit: &'static str, value: f64) {
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.values.push(value),
            None => self.rows.push(Row { name: name.to_owned(), unit, values: vec![value] }),
        }
    }

    /// One more value that is a number of things.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
    pub(crate) fn count(&mut self, name: &str, unit: &'static str, count: usize) {
        self.add(name, unit, count as f64);
    }

    /// The series with their values.
    pub(crate) fn json(&self) -> Value {
        let series = self.rows.iter().map(|row| {
            let summary = Summary::of(&row.values);
            json!({
                "name": row.name, "unit": row.unit, "n": row.values.len(), "median": summary.median(),
                "q1": summary.at(0.25), "q3": summary.at(0.75), "min": summary.at(0.0), "max": summary.at(1.0),
                "interval": summary.interval().map(|(low, high)| [low, high]), "values": row.values,
            })
        });
        json!({ "title": self.title, "series": series.collect::<Vec<_>>() })
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(20);
        writeln!(f, "\n{}", self.title)?;
        writeln!(
            f,
            "{:wide$} {:>6} {:>4} {:>9} {:>9} {:>9} {:>9} {:>9}  95 % of the median",
            "", "", "n", "median", "quartile", "quartile", "least", "most"
        )?;
        for Row { name, unit, values } in &self.rows {
            let summary = Summary::of(values);
            write!(f, "{name:wide$} {unit:>6} {:>4} {:>9}", values.len(), short(summary.median()))?;
            if values.len() > 1 {
                for share in [0.25, 0.75, 0.0, 1.0] {
                    write!(f, " {:>9}", short(summary.at(share)))?;
                }
            }
            match summary.interval() {
                Some((low, high)) => writeln!(f, "  {} .. {}", short(low), short(high))?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// As many digits as say something.
fn short(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
