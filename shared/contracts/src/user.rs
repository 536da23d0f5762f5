//! People and what they may do.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::UserId;

/// What a person is on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

impl Actor {
    /// Ourselves: a timer that noticed something.
    pub fn system() -> Self {
        Self { user_id: UserId(uuid::Uuid::nil()), name: "system".to_owned(), role: Role::SuperAdmin, avatar: None }
    }
}
