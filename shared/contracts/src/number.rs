//! Numbers within bounds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[ts(type = "number")]
#[schemars(with = "u32", inline, extend("minimum" = MIN, "maximum" = MAX))]
pub struct BoundedNumber<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> BoundedNumber<MIN, MAX> {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// `number`, or whichever bound is nearer.
    #[must_use]
    pub const fn nearest(number: u32) -> Self {
        Self(if number < MIN {
            MIN
        } else if number > MAX {
            MAX
        } else {
            number
        })
    }
}

impl<const MIN: u32, const MAX: u32> TryFrom<u32> for BoundedNumber<MIN, MAX> {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        (MIN..=MAX).contains(&number).then_some(Self(number)).ok_or_else(|| format!("must be {MIN} to {MAX}"))
    }
}

impl<const MIN: u32, const MAX: u32> From<BoundedNumber<MIN, MAX>> for u32 {
    fn from(number: BoundedNumber<MIN, MAX>) -> Self {
        number.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        for (json, fits) in [("1", true), ("100", true), ("0", false), ("101", false), ("-1", false), ("1.5", false)] {
            assert_eq!(serde_json::from_str::<BoundedNumber<1, 100>>(json).is_ok(), fits, "{json}");
        }
        assert_eq!(BoundedNumber::<1, 100>::nearest(500).get(), 100);
    }
}
