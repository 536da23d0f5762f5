//! How long a notification can be, whatever was stored at a time at which less was checked.

use serde_json::Value;
use sinaesta_contracts::notification::Notification;

/// The most characters of a name that is a part of a text.
const NAME: usize = 200;
/// The most characters of a title: a name and the words around it.
const TITLE: usize = 300;
/// The most characters of a message, and of an address.
const MESSAGE: usize = 2_000;
const URL: usize = 2_048;
/// The most bytes of the data: what clients may give, and what names make of it.
const DATA: usize = 8 * 1024;

/// A name, or as much of it as is shown.
pub fn name(text: &str) -> &str {
    beginning(text, NAME)
}

/// A notification of which nothing is longer than it can be: texts are cut, and what can't be cut is left out.
pub fn bounded(mut one: Notification) -> Notification {
    one.title.truncate(beginning(&one.title, TITLE).len());
    one.message.truncate(beginning(&one.message, MESSAGE).len());
    one.action_url = one.action_url.filter(|url| beginning(url, URL).len() == url.len());
    // Nothing is written that takes up less than it is long.
    if one.data.to_string().len() > DATA {
        one.data = Value::Null;
    }
    one
}

fn beginning(text: &str, characters: usize) -> &str {
    // What has no more bytes has no more characters: the common case needs no counting.
    if text.len() <= characters {
        return text;
    }
    text.char_indices().nth(characters).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sinaesta_contracts::notification::{NotificationType, Priority};
    use sinaesta_contracts::{NotificationId, Timestamp, UserId};
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;
    use crate::domain::paging;

    fn notification(text: &str, data: Value) -> Notification {
        Notification {
            id: NotificationId(Uuid::nil()),
            user_id: UserId(Uuid::nil()),
            kind: NotificationType::Message,
            title: text.to_owned(),
            message: text.to_owned(),
            data,
            is_read: false,
            priority: Priority::Normal,
            action_url: Some(text.to_owned()),
            created_at: Timestamp(OffsetDateTime::UNIX_EPOCH),
            updated_at: Timestamp(OffsetDateTime::UNIX_EPOCH),
            count: 1,
        }
    }

    #[test]
    fn what_is_within_bounds_stays_as_it_is() {
        let one = notification(&"é".repeat(300), json!({ "text": "x".repeat(4_000) }));
        assert_eq!(bounded(one.clone()), one);
        assert_eq!(name(&"é".repeat(200)), "é".repeat(200));
    }

    #[test]
    fn whatever_was_stored_twenty_of_them_fit_into_one_message() {
        let control = "\u{1}".repeat(200_000);
        for text in ["x".repeat(200_000), "é".repeat(200_000), "\u{1F600}".repeat(200_000), control] {
            let one = bounded(notification(&text, json!({ "senderName": text })));
            assert_eq!((one.title.chars().count(), one.message.chars().count()), (TITLE, MESSAGE));
            assert_eq!((one.action_url.as_ref(), &one.data), (None, &Value::Null));
            assert!(20 * paging::bytes(&one) < paging::BYTES);
            assert_eq!(name(&text).chars().count(), NAME);
        }
    }
}
