//! A figure: ours, what it is compared with, and what it should be.

use serde_json::{Value, json};

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// The ratio of ours to the yardstick is at most this.
    RatioAtMost(f64),
    /// It is at least this.
    RatioAtLeast(f64),
    /// Ours is at most this, in its unit.
    AtMost(f64),
}

/// A figure that was measured.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    /// What ours and the yardstick are told in.
    pub(crate) unit: &'static str,
    /// The median of ours.
    pub(crate) ours: f64,
    /// The median of what it is compared with, if there is such a thing.
    pub(crate) yardstick: Option<f64>,
    /// The median of the ratios, each within its round.
    pub(crate) ratio: Option<f64>,
    pub(crate) goal: Goal,
    /// What else is worth knowing of it.
    pub(crate) note: String,
}

impl Figure {
    /// Of pairs that were measured in turn: ours, and the yardstick.
    pub(crate) fn of_pairs(name: &'static str, unit: &'static str, pairs: &[(f64, f64)], goal: Goal) -> Self {
        let ratio = median(pairs.iter().map(|(ours, yardstick)| ours / yardstick));
        Self {
            name,
            unit,
            ours: median(pairs.iter().map(|pair| pair.0)),
            yardstick: Some(median(pairs.iter().map(|pair| pair.1))),
            ratio: Some(ratio),
            goal,
            note: String::new(),
        }
    }

    /// Of what is compared with nothing.
    pub(crate) fn alone(name: &'static str, unit: &'static str, values: &[f64], at_most: f64) -> Self {
        let ours = median(values.iter().copied());
        Self { name, unit, ours, yardstick: None, ratio: None, goal: Goal::AtMost(at_most), note: String::new() }
    }

    pub(crate) fn noting(self, note: String) -> Self {
        Self { note, ..self }
    }

    /// Whether it is as it should be. A ratio that there is none of is not.
    pub(crate) fn is_met(&self) -> bool {
        match self.goal {
            Goal::RatioAtMost(most) => self.ratio.is_some_and(|ratio| ratio <= most),
            Goal::RatioAtLeast(least) => self.ratio.is_some_and(|ratio| ratio >= least),
            Goal::AtMost(most) => self.ours <= most,
        }
    }

    fn goal(&self) -> String {
        match self.goal {
            Goal::RatioAtMost(most) => format!("ratio <= {most}"),
            Goal::RatioAtLeast(least) => format!("ratio >= {least}"),
            Goal::AtMost(most) => format!("<= {most} {}", self.unit),
        }
    }

    /// For people.
    pub(crate) fn line(&self) -> String {
        let or_none = |number: Option<f64>, unit: &str| number.map_or_else(|| "-".to_owned(), |n| round(n) + unit);
        let unit = format!(" {}", self.unit);
        let verdict = if self.is_met() { "met" } else { "MISSED" };
        let note = if self.note.is_empty() { String::new() } else { format!("  ({})", self.note) };
        format!(
            "{:<26} ours {:>14}  yardstick {:>14}  ratio {:>6}  goal {:<14} {verdict}{note}",
            self.name,
            round(self.ours) + &unit,
            or_none(self.yardstick, &unit),
            or_none(self.ratio, ""),
            self.goal(),
        )
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "figure": self.name, "unit": self.unit, "ours": self.ours, "yardstick": self.yardstick, "ratio": self.ratio,
            "goal": self.goal(), "met": self.is_met(), "note": self.note,
        })
    }
}

/// With three digits that count.
fn round(number: f64) -> String {
    if number >= 100.0 {
        format!("{number:.0}")
    } else if number >= 10.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.2}")
    }
}

/// The middle one; of an even number the lower of the two. Of none it is no number.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

/// What the share `q` of the values does not exceed. Of none it is no number.
pub(crate) fn quantile(values: impl IntoIterator<Item = f64>, q: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let rank = (q * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let hundred = || (1..=100).map(f64::from);
        assert_eq!((median(hundred()), quantile(hundred(), 0.99), quantile(hundred(), 1.0)), (50.0, 99.0, 100.0));
        assert_eq!((median([3.0, 1.0, 2.0]), median([7.0])), (2.0, 7.0));
        assert!(median([]).is_nan());
    }

    #[test]
    fn a_ratio_is_told_within_its_round() {
        // The machine was slow in the second round, for both.
        let pairs = [(10.0, 20.0), (40.0, 100.0), (12.0, 20.0)];
        let figure = Figure::of_pairs("x", "us", &pairs, Goal::RatioAtMost(0.5));
        assert_eq!((figure.ours, figure.yardstick, figure.ratio), (12.0, Some(20.0), Some(0.5)));
        assert!(figure.is_met());
        assert!(!Figure { goal: Goal::RatioAtMost(0.4), ..figure.clone() }.is_met());
        assert!(!Figure { goal: Goal::RatioAtLeast(0.6), ..figure }.is_met());
    }

    #[test]
    fn a_line_for_programs_has_what_they_look_for() {
        let json = Figure::alone("memory", "MB", &[20.0], 25.0).json();
        assert_eq!(
            (&json["figure"], &json["goal"], &json["met"]),
            (&json!("memory"), &json!("<= 25 MB"), &json!(true))
        );
        assert_eq!((&json["ours"], &json["yardstick"], &json["ratio"]), (&json!(20.0), &Value::Null, &Value::Null));
        let missed = Figure::alone("memory", "MB", &[f64::NAN], 25.0);
        assert!(!missed.is_met());
    }
}
