//! Tokens.

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::rules::Rules;

/// The shortest HS256 secret, in bytes: the length of its hash.
pub const MIN_SECRET_BYTES: usize = 32;

/// Verification of tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSettings {
    pub jwt_secret: SecretString,
    pub public_key_file: String,
    pub jwks_url: String,
    pub jwks_refresh_s: u64,
    pub provision_users: bool,
    pub user_cache_s: u64,
    pub leeway_s: u64,
}

impl AuthSettings {
    pub(crate) fn rules(&self, rules: &mut Rules) {
        rules.note("auth.jwt_secret", format!("at least {MIN_SECRET_BYTES} bytes where it is used"));
        let problem = jwks_problem(&self.jwks_url);
        rules.require("auth.jwks_url", "https, or http on this machine", problem);
        rules.at_least("auth.jwks_refresh_s", self.jwks_refresh_s, 1);
    }
}

/// Keys that can be replaced on their way let any token pass.
fn jwks_problem(address: &str) -> Option<String> {
    if address.is_empty() {
        return None;
    }
    let url = match Url::parse(address) {
        Ok(url) => url,
        Err(error) => return Some(error.to_string()),
    };
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_local);
    (!is_safe).then(|| "must begin with https://".to_owned())
}
