//! Accounts: who may connect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::BoundedText;

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
