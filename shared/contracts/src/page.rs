//! Pages that are bounded in bytes as well as in number: one that would be larger is shorter, and says that there is more.

use serde::Serialize;

/// The most bytes of what a page lists, as JSON; a single item may be larger, and then stands alone. Several pages fit into the
/// buffer of a socket that reads slowly.
pub const PAGE_BYTES: usize = 256 * 1024;

/// How many of these items, the first ones, fit into a page of so many bytes: one at least, if there is one.
pub fn fitting<'a, T: Serialize + 'a>(items: impl IntoIterator<Item = &'a T>, most_bytes: usize) -> usize {
    let (mut count, mut sum) = (0, 0);
    for item in items {
        // With the comma behind it.
        sum += bytes(item) + 1;
        if sum > most_bytes && count > 0 {
            break;
        }
        count += 1;
    }
    count
}

/// Leaves a page of `list`: its first `most` items, less if they are too large. Says whether there are more.
pub fn cut<T: Serialize>(list: &mut Vec<T>, most: usize, most_bytes: usize) -> bool {
    let kept = fitting(list.iter().take(most), most_bytes);
    let has_more = kept < list.len();
    list.truncate(kept);
    has_more
}

/// The same of its last items.
pub fn cut_front<T: Serialize>(list: &mut Vec<T>, most: usize, most_bytes: usize) -> bool {
    let kept = fitting(list.iter().rev().take(most), most_bytes);
    let over = list.len().saturating_sub(kept);
    list.drain(..over);
    over > 0
}

/// How many bytes something has as JSON.
pub fn bytes<T: Serialize + ?Sized>(value: &T) -> usize {
    let mut counter = Counter(0);
    // What can't be written is not sent either.
    serde_json::to_writer(&mut counter, value).map_or(0, |()| counter.0)
}

/// Counts what is written to it.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0 += buffer.len();
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_json() {
        for value in ["", "x", "\u{1}\"\\", "é"] {
            assert_eq!(bytes(value), serde_json::to_vec(value).unwrap().len());
        }
    }

    /// The control: without the count of bytes the first of these keeps ten.
    #[test]
    fn a_page_ends_before_it_is_too_large_and_has_one_item_at_least() {
        let list: Vec<String> = (0..10).map(|n| n.to_string().repeat(100)).collect();
        let cut_to = |most, bytes| {
            let mut page = list.clone();
            let has_more = cut(&mut page, most, bytes);
            (page.len(), has_more)
        };
        assert_eq!(cut_to(10, 515), (5, true));
        assert_eq!(cut_to(10, 514), (4, true));
        assert_eq!(cut_to(3, 515), (3, true));
        assert_eq!(cut_to(10, 10), (1, true));
        assert_eq!(cut_to(10, 2_000), (10, false));
        let mut page = list.clone();
        assert!(cut_front(&mut page, 10, 206));
        assert_eq!(page, list[8..]);
        assert!(!cut(&mut Vec::<String>::new(), 10, 10));
    }
}
