//! People and what they may do.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use ts_rs::TS;

use crate::invisible::{is_disguise, is_visible};
use crate::{ErrorBody, UserId, code};

/// What a person is on the platform. In the order of their ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    Student,
    Mentor,
    ProgramAdmin,
    SuperAdmin,
}

impl Role {
    /// The name in tokens and in the `users` table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Student => "STUDENT",
            Self::Mentor => "MENTOR",
            Self::ProgramAdmin => "PROGRAM_ADMIN",
            Self::SuperAdmin => "SUPER_ADMIN",
        }
    }

    /// Mentors and admins: those who look after students.
    pub const fn is_staff(self) -> bool {
        !matches!(self, Self::Student)
    }

    /// Program admins and super admins.
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::ProgramAdmin | Self::SuperAdmin)
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::Student, Self::Mentor, Self::ProgramAdmin, Self::SuperAdmin]
            .into_iter()
            .find(|role| role.as_str() == name)
            .ok_or(())
    }
}

/// Who a command or a query comes from: put there by the gateway, after the handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub user_id: UserId,
    pub name: String,
    pub role: Role,
    /// None that was stored at a time at which less was checked: it would be copied into every message.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "shown_avatar")]
    pub avatar: Option<String>,
}

/// The most characters of an avatar's address.
const MAX_AVATAR_CHARS: usize = 2_000;

/// Whether something can be an avatar's address: an http(s) URL or a path, and not too long.
pub fn is_avatar(address: &str) -> bool {
    let is_path = address.starts_with('/') && !address.starts_with("//");
    let is_address = is_path || address.starts_with("https://") || address.starts_with("http://");
    is_address && (address.len() <= MAX_AVATAR_CHARS || address.chars().nth(MAX_AVATAR_CHARS).is_none())
}

/// The name under which somebody is shown, of what their token or their row in `users` says: without characters that disguise it.
/// Whose name shows nothing, or is an e-mail address, is "User" and the beginning of their id.
pub fn shown_name(id: UserId, name: Option<&str>, email: Option<&str>) -> String {
    let name: String = name.unwrap_or_default().chars().filter(|character| !is_disguise(*character)).collect();
    let name = name.trim();
    let is_theirs = email.is_some_and(|email| email.trim().to_lowercase() == name.to_lowercase());
    if name.chars().any(is_visible) && !is_theirs && !is_email(name) {
        return name.to_owned();
    }
    format!("User {}", id.to_string().chars().take(4).collect::<String>())
}

/// Whether a text is an e-mail address and nothing else.
fn is_email(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.contains(|ch: char| ch.is_whitespace() || ch == '@');
    let of = text.split_once('@').filter(|(mailbox, _)| is_part(mailbox));
    of.and_then(|(_, host)| host.rsplit_once('.')).is_some_and(|(host, end)| is_part(host) && is_part(end))
}

fn shown_avatar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|address| is_avatar(address)))
}

impl Actor {
    /// Ourselves: a timer that noticed something.
    pub fn system() -> Self {
        Self { user_id: UserId(uuid::Uuid::nil()), name: "system".to_owned(), role: Role::SuperAdmin, avatar: None }
    }

    /// Whether this actor may act on somebody: mute or suspend them, revoke their tokens, remove what they said. Nobody acts
    /// on a higher rank, or on themselves. What else it takes (being a mentor, an admin) is for each action to say.
    pub fn may_act_on(&self, user: UserId, role: Role) -> Result<(), ErrorBody> {
        if self.user_id == user {
            return Err(ErrorBody::new(code::FORBIDDEN, "Nobody may do this to themselves"));
        }
        if role > self.role {
            return Err(ErrorBody::new(code::FORBIDDEN, "Nobody may do this to somebody of a higher rank"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// The control: compared with `>=` in place of `>`, equals can do nothing to each other; the other way round, a mentor
    /// mutes an admin.
    #[test]
    fn nobody_acts_on_a_higher_rank_or_on_themselves() {
        use Role::{Mentor, ProgramAdmin, Student, SuperAdmin};
        let ranks = [Student, Mentor, ProgramAdmin, SuperAdmin];
        for (mine, by) in ranks.iter().enumerate() {
            let actor = Actor { user_id: UserId(Uuid::from_u128(1)), name: "A".to_owned(), role: *by, avatar: None };
            for (theirs, role) in ranks.iter().enumerate() {
                let other = actor.may_act_on(UserId(Uuid::from_u128(2)), *role);
                assert_eq!(other.is_ok(), theirs <= mine, "{by:?} on {role:?}");
                assert!(actor.may_act_on(actor.user_id, *role).is_err());
            }
        }
    }

    /// The controls: an address that stood in `name` was shown to everybody, a name of U+200B was an empty one, and one with
    /// U+202E was read backwards.
    #[test]
    fn an_address_or_nothing_visible_is_nobodys_name() {
        let id = UserId(Uuid::from_u128(0xabcd << 112));
        let email = Some("Sari.W@rs.example");
        for (name, shown) in [
            ("Sari Wulandari", "Sari Wulandari"),
            (" dr. Sari, Sp.JP ", "dr. Sari, Sp.JP"),
            ("sari@rs", "sari@rs"),
            ("@sari.w", "@sari.w"),
            ("Sari @ RS. Harapan", "Sari @ RS. Harapan"),
            ("\u{202e}iraS", "iraS"),
            ("Sa\nri\u{7}\u{2066}", "Sari"),
            ("sari.w@RS.example ", "User abcd"),
            ("other@rs.example", "User abcd"),
            ("\u{202a}sari.w@rs.example", "User abcd"),
            ("\u{200b}", "User abcd"),
            ("\u{2800} \u{3164}", "User abcd"),
            ("  ", "User abcd"),
        ] {
            assert_eq!(shown_name(id, Some(name), email), shown, "{name:?}");
        }
        assert_eq!(shown_name(id, Some("sari.w"), Some("sari.w")), "User abcd");
        assert_eq!(shown_name(id, Some("Sari"), None), "Sari");
        assert_eq!(shown_name(id, None, None), "User abcd");
    }

    /// The control: without `shown_avatar` the second and those after it stay.
    #[test]
    fn an_avatar_that_was_stored_unchecked_is_left_out() {
        let read = |avatar: &str| {
            let actor = Actor { avatar: Some(avatar.to_owned()), ..Actor::system() };
            serde_json::from_str::<Actor>(&serde_json::to_string(&actor).unwrap()).unwrap().avatar
        };
        for kept in ["/a.png", "https://example.org/a.png", &format!("/{}", "é".repeat(1_999))] {
            assert_eq!(read(kept).as_deref(), Some(kept));
        }
        for dropped in [&format!("/{}", "x".repeat(2_000)), "//example.org/a.png", "data:image/png;base64,AAAA", ""] {
            assert_eq!(read(dropped), None, "{}", dropped.len());
        }
    }
}
