//! Tokens: who somebody is, as their token says, and for how long.

mod jwks;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sinaesta_contracts::{Role, UserId};
use sinaesta_settings::AuthSettings;
use thiserror::Error;
use time::OffsetDateTime;
use uuid::Uuid;

pub use jwks::JwksError;
use jwks::{Checking, Jwks};

/// The shortest HS256 secret, in bytes: the length of its hash.
pub const MIN_SECRET_BYTES: usize = 32;

/// Why a verifier can't be made.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Neither a secret nor a key is set.
    #[error(
        "set auth.jwt_secret (SINAESTA__AUTH__JWT_SECRET), auth.public_key_file or auth.jwks_url, or no token can be checked"
    )]
    Missing,
    /// The published keys can't be read.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    /// The secret can be guessed.
    #[error("auth.jwt_secret (SINAESTA__AUTH__JWT_SECRET) must have at least {MIN_SECRET_BYTES} bytes")]
    ShortSecret,
    /// The key file can't be read.
    #[error("auth.public_key_file: {0}")]
    File(#[from] std::io::Error),
    /// The key file holds no RSA or EC public key.
    #[error("auth.public_key_file holds neither an RSA nor an EC public key in PEM form")]
    Pem,
}

/// The token is not one of ours, or not for now.
#[derive(Debug, Error)]
#[error("invalid token: {0}")]
pub struct InvalidToken(String);

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub user_id: UserId,
    pub name: String,
    pub email: Option<String>,
    pub role: Role,
    pub specialty: Option<String>,
    pub avatar: Option<String>,
    /// When the token was issued, if it says so.
    pub issued_at: Option<OffsetDateTime>,
    /// The token counts until then.
    pub expires_at: OffsetDateTime,
}

/// The claims as they are written: the user's id stands in `userId`, `id` or `sub`.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Claims {
    #[serde(rename = "userId", default, skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    role: String,
    #[serde(default)]
    specialty: Option<String>,
    #[serde(default)]
    avatar: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    exp: i64,
}

/// Checks tokens, each with a key of ours and the one algorithm that goes with it. Clones share the keys.
#[derive(Clone)]
pub struct Verifier(Arc<Keys>);

enum Keys {
    One(Checking),
    Published(Jwks),
}

impl Verifier {
    /// A verifier with the keys that the settings name: published ones, else a file, else a secret.
    pub async fn new(settings: &AuthSettings) -> Result<Self, KeyError> {
        if !settings.jwks_url.is_empty() {
            let refresh = Duration::from_secs(settings.jwks_refresh_s);
            return Ok(Self(Arc::new(Keys::Published(Jwks::connect(&settings.jwks_url, refresh).await?))));
        }
        if !settings.public_key_file.is_empty() {
            let pem = std::fs::read(&settings.public_key_file)?;
            return DecodingKey::from_rsa_pem(&pem)
                .map(|key| Self::one(key, Algorithm::RS256))
                .or_else(|_| DecodingKey::from_ec_pem(&pem).map(|key| Self::one(key, Algorithm::ES256)))
                .map_err(|_| KeyError::Pem);
        }
        let secret = settings.jwt_secret.expose_secret().as_bytes();
        match secret.len() {
            0 => Err(KeyError::Missing),
            1..MIN_SECRET_BYTES => Err(KeyError::ShortSecret),
            _ => Ok(Self::one(DecodingKey::from_secret(secret), Algorithm::HS256)),
        }
    }

    fn one(key: DecodingKey, algorithm: Algorithm) -> Self {
        Self(Arc::new(Keys::One(Checking { key, algorithm })))
    }

    /// What the token says, if it is signed by us with the right algorithm and counts now.
    pub async fn verify(&self, token: &str) -> Result<Identity, InvalidToken> {
        let wrong = |what: &str| InvalidToken(what.to_owned());
        match self.0.as_ref() {
            Keys::One(checking) => read(token, checking),
            Keys::Published(jwks) => {
                let header = decode_header(token).map_err(|error| InvalidToken(error.to_string()))?;
                let kid = header.kid.ok_or_else(|| wrong("it names no key"))?;
                read(token, &jwks.key(&kid).await.ok_or_else(|| wrong("its key is not known"))?)
            }
        }
    }
}

fn read(token: &str, checking: &Checking) -> Result<Identity, InvalidToken> {
    let mut validation = Validation::new(checking.algorithm);
    validation.leeway = 0;
    validation.validate_nbf = true;
    validation.validate_aud = false;
    validation.set_required_spec_claims(&["exp"]);
    let claims = decode::<Claims>(token, &checking.key, &validation).map_err(|e| InvalidToken(e.to_string()))?.claims;
    let wrong = |what: &str| InvalidToken(what.to_owned());
    let id = claims.user_id.or(claims.id).or(claims.sub).ok_or_else(|| wrong("no user id"))?;
    let expires_at = OffsetDateTime::from_unix_timestamp(claims.exp).map_err(|_| wrong("exp out of range"))?;
    let name = claims.name.or_else(|| claims.email.clone()).unwrap_or_else(|| "User".to_owned());
    if name.contains('\0') || name.chars().count() > 200 {
        return Err(wrong("name out of bounds"));
    }
    Ok(Identity {
        user_id: UserId(Uuid::from_str(&id).map_err(|_| wrong("the user id is not a uuid"))?),
        name,
        email: claims.email,
        role: Role::from_str(&claims.role).map_err(|()| wrong("unknown role"))?,
        specialty: claims.specialty,
        avatar: claims.avatar,
        issued_at: claims.iat.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()),
        expires_at,
    })
}

/// Makes an HS256 token for somebody: for the demo, for tests and for load.
pub fn mint(secret: &SecretString, identity: &Identity) -> Result<String, jsonwebtoken::errors::Error> {
    let claims = Claims {
        user_id: Some(identity.user_id.to_string()),
        name: Some(identity.name.clone()),
        email: identity.email.clone(),
        role: identity.role.as_str().to_owned(),
        specialty: identity.specialty.clone(),
        avatar: identity.avatar.clone(),
        iat: identity.issued_at.map(OffsetDateTime::unix_timestamp),
        exp: identity.expires_at.unix_timestamp(),
        ..Claims::default()
    };
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.expose_secret().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    async fn verifier(secret: &str) -> Result<Verifier, KeyError> {
        let settings = AuthSettings {
            jwt_secret: secret.into(),
            public_key_file: String::new(),
            jwks_url: String::new(),
            jwks_refresh_s: 300,
            provision_users: true,
            user_cache_s: 30,
        };
        Verifier::new(&settings).await
    }

    fn identity(expires_at: i64) -> Identity {
        Identity {
            user_id: UserId(Uuid::from_u128(1)),
            name: "Sari".into(),
            email: Some("sari@example.org".into()),
            role: Role::Student,
            specialty: None,
            avatar: None,
            issued_at: OffsetDateTime::from_unix_timestamp(1_700_000_000).ok(),
            expires_at: OffsetDateTime::from_unix_timestamp(expires_at).unwrap(),
        }
    }

    #[tokio::test]
    async fn a_token_of_ours_says_who_somebody_is() {
        let who = identity(4_000_000_000);
        let token = mint(&SECRET.into(), &who).unwrap();
        assert_eq!(verifier(SECRET).await.unwrap().verify(&token).await.unwrap(), who);
    }

    #[tokio::test]
    async fn expired_foreign_and_malformed_tokens_are_refused() {
        let verifier = verifier(SECRET).await.unwrap();
        let foreign = mint(&"another secret of at least 32 bytes!".into(), &identity(4_000_000_000)).unwrap();
        let expired = mint(&SECRET.into(), &identity(1_000_000_000)).unwrap();
        for token in [foreign.as_str(), &expired, "", "a.b.c", "nonsense"] {
            assert!(verifier.verify(token).await.is_err(), "{token:?} was accepted");
        }
    }

    #[tokio::test]
    async fn a_secret_that_can_be_guessed_is_refused() {
        assert!(matches!(verifier("short").await, Err(KeyError::ShortSecret)));
        assert!(matches!(verifier("").await, Err(KeyError::Missing)));
    }
}
