//! Accounts: who may connect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BoundedText, Signal, UserId};

/// Whether somebody may connect.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suspension {
    pub suspended: bool,
    /// For the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<BoundedText<500>>,
}

/// Why tokens are revoked.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Revocation {
    /// For the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<BoundedText<500>>,
}

/// Something about an account changed: gateways look whether its sockets may stay.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountChanged {
    pub user_id: UserId,
}

impl Signal for AccountChanged {
    const NAME: &'static str = "account-changed-v1";
}
