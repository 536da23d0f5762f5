//! Points in time as the contract writes them: RFC 3339, UTC, milliseconds.

use std::fmt;
use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use ts_rs::TS;

/// A point in time, written as `2026-01-02T03:04:05.678Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, TS, JsonSchema)]
#[ts(type = "string")]
#[schemars(with = "String", extend("format" = "date-time", "pattern" = "^(19[7-9]|2[0-9]{2})[0-9]-"))]
pub struct Timestamp(pub OffsetDateTime);

/// What is taken from outside; beyond that nothing of ours takes place.
const YEARS: RangeInclusive<i32> = 1970..=2999;

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        let text = self.0.to_offset(UtcOffset::UTC).format(format).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(at: OffsetDateTime) -> Self {
        Self(at)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let at = OffsetDateTime::parse(&text, &Rfc3339)
            .map_err(|_| D::Error::custom("must be a moment as RFC 3339 writes it, with its offset from UTC"))?;
        // Near the ends of the calendar another offset, or the end of a week, is no date any more.
        let at = at.checked_to_offset(UtcOffset::UTC).filter(|at| YEARS.contains(&at.year()));
        at.map(Self).ok_or_else(|| D::Error::custom("must be within the years 1970 to 2999"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The control: without the bound, what asks for the week of the last moment panics; with the year asked of the moment as it
    /// is written, the last hours of 2999 west of Greenwich pass.
    #[test]
    fn is_within_the_years_that_can_be_reckoned_with() {
        for good in [
            "1970-01-01T00:00:00Z",
            "1969-12-31T22:00:00-02:00",
            "2999-12-31T23:59:59.999Z",
            "2999-12-31T23:59:59+05:00",
        ] {
            let at: Timestamp = serde_json::from_str(&format!("\"{good}\"")).unwrap();
            assert!((1970..=2999).contains(&at.0.year()), "{good}");
        }
        for bad in [
            "9999-12-31T23:59:59-05:00",
            "0000-01-01T00:00:00+05:00",
            "0000-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "3000-01-01T00:00:00Z",
            "2999-12-31T23:59:59-05:00",
            "+10000-01-01T00:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01",
            "2026-02-30T00:00:00Z",
            "now",
            "",
        ] {
            let error = serde_json::from_str::<Timestamp>(&format!("\"{bad}\"")).unwrap_err().to_string();
            assert!(error.starts_with("must be "), "{bad}: {error}");
        }
    }

    #[test]
    fn is_written_in_utc_with_milliseconds() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_700_000_000_123_456_789).unwrap();
        assert_eq!(Timestamp(at).to_string(), "2023-11-14T22:13:20.123Z");
        let back: Timestamp = serde_json::from_str("\"2023-11-15T05:13:20.123+07:00\"").unwrap();
        assert_eq!(back.to_string(), "2023-11-14T22:13:20.123Z");
    }
}
