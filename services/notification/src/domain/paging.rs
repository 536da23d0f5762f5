//! How much one message of the broker holds with ease.

use sinaesta_contracts::notification::Notification;

/// About the most bytes of notifications in one answer.
pub const BYTES: usize = 512 * 1024;
/// What a notification has besides its texts.
const FRAME: usize = 400;

/// About how many bytes a notification has as JSON.
pub fn bytes(one: &Notification) -> usize {
    let url = one.action_url.as_ref().map_or(0, String::len);
    one.title.len() + one.message.len() + one.data.to_string().len() + url + FRAME
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
