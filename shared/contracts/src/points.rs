//! Points: exact to the hundredth, so that sums of them are the same in whatever order they are made.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Points in an exam, counted in hundredths; written as a number (`2.5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, TS, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[ts(type = "number")]
#[schemars(with = "f64")]
pub struct Points(i64);

impl Points {
    /// None.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(100);

    /// So many hundredths of a point.
    pub const fn from_hundredths(hundredths: i64) -> Self {
        Self(hundredths)
    }

    /// In hundredths of a point.
    pub const fn hundredths(self) -> i64 {
        self.0
    }

    /// The share `numerator / denominator` of these, rounded half away from zero to the hundredth; none of them where
    /// `denominator` is not positive.
    #[must_use]
    pub const fn share(self, numerator: i64, denominator: i64) -> Self {
        if denominator <= 0 {
            return Self::ZERO;
        }
        let product = self.0 * numerator;
        let half = if product < 0 { -(denominator / 2) } else { denominator / 2 };
        Self((product + half) / denominator)
    }
}

impl TryFrom<f64> for Points {
    type Error = &'static str;

    fn try_from(points: f64) -> Result<Self, Self::Error> {
        let hundredths = points * 100.0;
        let whole = hundredths.round();
        // A number that was written with two decimals is this near to a whole number of hundredths.
        if !(whole.abs() < 1e13 && (hundredths - whole).abs() < 1e-3) {
            return Err("must be a number with at most two decimals");
        }
        Ok(Self(whole as i64))
    }
}

impl From<Points> for f64 {
    fn from(points: Points) -> Self {
        points.0 as Self / 100.0
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f64::from(*self).fmt(f)
    }
}

impl Add for Points {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Points {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Points {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Points {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sum for Points {
    fn sum<I: Iterator<Item = Self>>(points: I) -> Self {
        points.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_written_as_numbers_and_read_back() {
        for (text, hundredths) in [("2.5", 250), ("0.33", 33), ("1", 100), ("-0.25", -25), ("0.1", 10)] {
            let points: Points = serde_json::from_str(text).unwrap();
            assert_eq!(points.hundredths(), hundredths, "{text}");
            assert_eq!(serde_json::from_str::<Points>(&serde_json::to_string(&points).unwrap()).unwrap(), points);
        }
        assert!(serde_json::from_str::<Points>("0.333").is_err());
        assert!(serde_json::from_str::<Points>("1e300").is_err());
    }

    #[test]
    fn a_share_is_rounded_to_the_hundredth() {
        assert_eq!(Points::ONE.share(1, 3).hundredths(), 33);
        assert_eq!(Points::ONE.share(2, 3).hundredths(), 67);
        assert_eq!(Points::ONE.share(-1, 3).hundredths(), -33);
        assert_eq!(Points::from_hundredths(1).share(1, 2).hundredths(), 1);
        assert_eq!(Points::ONE.share(1, 0), Points::ZERO);
    }
}
