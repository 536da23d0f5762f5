//! A browser's keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sinaesta_contracts::notification::PushKeys;
use sinaesta_contracts::{ErrorBody, code};
use web_push_native::p256::PublicKey;

/// The length of a browser's secret.
const SECRET: usize = 16;

/// What a browser is encrypted for.
#[derive(Debug)]
pub(crate) struct Browser {
    /// A point on P-256.
    pub(crate) p256dh: Vec<u8>,
    /// A secret of 16 bytes.
    pub(crate) auth: Vec<u8>,
}

impl Browser {
    /// Reads keys as a browser gives them. Some pad their base64.
    pub(crate) fn read(keys: &PushKeys) -> Result<Self, ErrorBody> {
        let invalid = |text: &'static str, field| ErrorBody::new(code::PUSH_KEYS, text).on_field(field);
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let p256dh = decode(keys.p256dh.as_str()).filter(|bytes| PublicKey::from_sec1_bytes(bytes).is_ok());
        let auth = decode(keys.auth.as_str()).filter(|bytes| bytes.len() == SECRET);
        Ok(Self {
            p256dh: p256dh
                .ok_or_else(|| invalid("keys.p256dh must be a point on P-256, as base64url", "keys.p256dh"))?,
            auth: auth.ok_or_else(|| invalid("keys.auth must be 16 bytes, as base64url", "keys.auth"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(p256dh: &str, auth: &str) -> Option<String> {
        let keys =
            PushKeys { p256dh: p256dh.to_owned().try_into().unwrap(), auth: auth.to_owned().try_into().unwrap() };
        Browser::read(&keys).err()?.field
    }

    #[test]
    fn keys_are_what_they_must_be() {
        // Of RFC 8291, section 5.
        let key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        assert_eq!(field(key, "BTBZMqHH6r4Tts7J_aSIgg"), None);
        assert_eq!(field(key, "BTBZMqHH6r4Tts7J_aSIgg=="), None);
        assert_eq!(field(&key.replace("BCV", "BCW"), "BTBZMqHH6r4Tts7J_aSIgg").as_deref(), Some("keys.p256dh"));
        assert_eq!(field("not base64!", "BTBZMqHH6r4Tts7J_aSIgg").as_deref(), Some("keys.p256dh"));
        assert_eq!(field(key, "short").as_deref(), Some("keys.auth"));
    }
}
