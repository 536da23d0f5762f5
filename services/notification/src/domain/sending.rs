//! Who may tell whom.

use sinaesta_contracts::notification::{Recipients, SendNotification};
use sinaesta_contracts::{Actor, ErrorBody, UserId, code};
use sinaesta_mutants::mutant;

use crate::domain::action_url;

/// Whom a notification is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    User(UserId),
    Audience(Recipients),
}

/// Whom a notification is for, if its sender may send it.
pub fn decide(actor: &Actor, sent: &SendNotification) -> Result<To, ErrorBody> {
    let invalid = |text: &'static str, field| Err(ErrorBody::new(code::INVALID_PAYLOAD, text).on_field(field));
    let to = match (&sent.audience, sent.user_id) {
        (Some(_), Some(_)) => return invalid("Give userId or audience, not both", "audience"),
        (Some(audience), None) => {
            let is_part = audience.role.is_some() || audience.specialty.is_some();
            if audience.all == is_part {
                return invalid("audience must be all, or name a role, a specialty or both", "audience");
            }
            if !actor.role.is_admin() && !mutant!("notification-to-all-by-mentors") {
                return Err(ErrorBody::new(code::FORBIDDEN, "Only admins may tell an audience").on_field("audience"));
            }
            To::Audience(audience.clone())
        }
        (None, Some(user))
            if user != actor.user_id && !actor.role.is_staff() && !mutant!("notification-to-others-by-students") =>
        {
            return Err(ErrorBody::new(code::FORBIDDEN, "Only mentors and admins may tell others").on_field("userId"));
        }
        (None, user) => To::User(user.unwrap_or(actor.user_id)),
    };
    if let Some(url) = &sent.action_url {
        action_url::check(url.as_str())?;
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use sinaesta_contracts::Role;
    use uuid::Uuid;

    use super::*;

    fn actor(role: Role) -> Actor {
        Actor { user_id: UserId(Uuid::from_u128(1)), name: "Sender".into(), role, avatar: None }
    }

    fn sent(more: Value) -> SendNotification {
        let mut whole = json!({ "type": "SYSTEM", "title": "Title", "message": "Text" });
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    fn refusal(role: Role, more: Value) -> Option<(String, Option<String>)> {
        let error = decide(&actor(role), &sent(more)).err()?;
        Some((error.code.into_owned(), error.field))
    }

    #[test]
    fn students_tell_themselves_mentors_one_and_admins_many() {
        let (me, other) = (json!({ "userId": Uuid::from_u128(1) }), json!({ "userId": Uuid::from_u128(2) }));
        let all = json!({ "audience": { "all": true } });
        let forbidden = |field: &str| Some((code::FORBIDDEN.to_owned(), Some(field.to_owned())));
        assert_eq!(refusal(Role::Student, json!({})), None);
        assert_eq!(refusal(Role::Student, me), None);
        assert_eq!(refusal(Role::Student, other.clone()), forbidden("userId"));
        assert_eq!(refusal(Role::Student, all.clone()), forbidden("audience"));
        assert_eq!(refusal(Role::Mentor, other), None);
        assert_eq!(refusal(Role::Mentor, all.clone()), forbidden("audience"));
        assert_eq!(refusal(Role::ProgramAdmin, all.clone()), None);
        assert_eq!(refusal(Role::SuperAdmin, all), None);
    }

    #[test]
    fn an_audience_is_clear() {
        let invalid = |audience: Value| {
            let (name, field) = refusal(Role::SuperAdmin, json!({ "audience": audience })).unwrap();
            assert_eq!((name.as_str(), field.as_deref()), (code::INVALID_PAYLOAD, Some("audience")), "{audience}");
        };
        invalid(json!({}));
        invalid(json!({ "all": true, "role": "STUDENT" }));
        let both = json!({ "userId": Uuid::from_u128(2), "audience": { "all": true } });
        assert_eq!(refusal(Role::SuperAdmin, both).unwrap().0, code::INVALID_PAYLOAD);
        assert_eq!(refusal(Role::SuperAdmin, json!({ "audience": { "specialty": "Bedah", "role": "MENTOR" } })), None);
    }

    #[test]
    fn data_has_bounds() {
        let read = |data: Value| {
            let whole = json!({ "type": "SYSTEM", "title": "Title", "message": "Text", "data": data });
            serde_json::from_value::<SendNotification>(whole)
        };
        let nested = |depth| (0..depth).fold(Value::Null, |inner, _| json!([inner]));
        assert!(read(json!("x".repeat(4_094))).is_ok() && read(nested(32)).is_ok());
        assert!(read(json!("x".repeat(4_095))).is_err() && read(nested(33)).is_err() && read(nested(100)).is_err());
    }
}
