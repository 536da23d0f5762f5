//! How much one message of the broker holds with ease.

use sinaesta_contracts::notification::Notification;

/// About the most bytes of notifications in one answer.
pub const BYTES: usize = 512 * 1024;
/// How many bytes a notification has as JSON: escapes can make six of one.
pub fn bytes(one: &Notification) -> usize {
    serde_json::to_vec(one).map_or(BYTES, |json| json.len())
}

/// How many of these, from the first on, fit into one answer; at least one.
pub fn fitting<T>(all: &[T], bytes: impl Fn(&T) -> usize) -> usize {
    let mut sum = 0;
    let over = all.iter().position(|one| {
        sum += bytes(one);
        sum > BYTES
    });
    over.unwrap_or(all.len()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_what_fits_and_at_least_one() {
        assert_eq!(fitting(&[BYTES / 2, BYTES / 2, 1], |bytes| *bytes), 2);
        assert_eq!(fitting(&[BYTES * 2, 1], |bytes| *bytes), 1);
        assert_eq!(fitting(&[1, 2, 3], |bytes| *bytes), 3);
    }
}
