//! The key that push services know us by.

use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use sqlx::PgPool;
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::rand_core::OsRng;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;
use web_push_native::p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};

use crate::store::push;

/// A key on P-256; clones share it.
#[derive(Clone)]
pub(crate) struct Key(Arc<Inner>);

struct Inner {
    signing: EncodingKey,
    public: String,
}

/// What a push service is told about us (RFC 8292).
#[derive(Serialize)]
struct Claims<'a> {
    /// The push service's origin.
    aud: &'a str,
    /// Seconds since 1970; within a day.
    exp: i64,
    /// Whom it may write to.
    sub: &'a str,
}

impl Key {
    /// The key that is stored; a new one at the first start.
    pub(crate) async fn load(pool: &PgPool) -> anyhow::Result<Self> {
        let new = SecretKey::random(&mut OsRng).to_pkcs8_pem(LineEnding::LF).context("a key could not be made")?;
        let pem = push::key(&mut *pool.acquire().await?, &new).await?;
        Self::read(&pem)
    }

    fn read(pem: &str) -> anyhow::Result<Self> {
        let secret = SecretKey::from_pkcs8_pem(pem).context("push_keys.private_key")?;
        let public = URL_SAFE_NO_PAD.encode(secret.public_key().to_encoded_point(false));
        let signing = EncodingKey::from_ec_pem(pem.as_bytes()).context("push_keys.private_key")?;
        Ok(Self(Arc::new(Inner { signing, public })))
    }

    /// The public part: an uncompressed point, base64url.
    pub(crate) fn public(&self) -> &str {
        &self.0.public
    }

    /// The `Authorization` header for a push service.
    pub(crate) fn authorization(&self, origin: &str, contact: &str, expires_at: i64) -> anyhow::Result<String> {
        let claims = Claims { aud: origin, exp: expires_at, sub: contact };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.0.signing)?;
        Ok(format!("vapid t={token}, k={}", self.0.public))
    }
}
