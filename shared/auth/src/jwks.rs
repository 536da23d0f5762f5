//! Keys that are published as a JSON Web Key Set (RFC 7517), and change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use parking_lot::Mutex;
use reqwest::{Client, redirect};
use thiserror::Error;
use tokio::time::Instant;

/// How long whoever publishes the keys may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A token that names a key that is not known has the keys read anew, but not sooner than this after the last time:
/// tokens with made-up names must not become requests.
const AT_MOST: Duration = Duration::from_secs(10);
/// The longest answer, in bytes.
const MOST_BYTES: usize = 256 * 1024;
/// How many keys are taken of a set.
const MOST_KEYS: usize = 100;

/// The keys can't be had.
#[derive(Debug, Error)]
pub enum JwksError {
    /// No answer, or not a set of keys.
    #[error("auth.jwks_url: {0}")]
    Fetch(#[from] reqwest::Error),
    /// Longer than a set of keys ever is.
    #[error("auth.jwks_url answers with more than {MOST_BYTES} bytes")]
    TooLarge,
    /// None of the keys is one that tokens are checked with.
    #[error("auth.jwks_url has no RSA, EC or Ed25519 key with a kid")]
    Empty,
}

/// A key, and the one algorithm that goes with it.
#[derive(Clone)]
pub(crate) struct Checking {
    pub(crate) key: DecodingKey,
    pub(crate) algorithm: Algorithm,
}

/// The keys of a set, as they were read last.
pub(crate) struct Jwks {
    client: Client,
    url: String,
    refresh: Duration,
    state: Mutex<State>,
    /// Held by whoever reads the keys.
    reading: tokio::sync::Mutex<()>,
}

struct State {
    keys: Arc<HashMap<String, Checking>>,
    read_at: Instant,
}

impl Jwks {
    /// Reads the keys for the first time.
    pub(crate) async fn connect(url: &str, refresh: Duration) -> Result<Self, JwksError> {
        // Another part of the process may have chosen one: any does.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none()).build()?;
        let keys = Arc::new(read(&client, url).await?);
        let state = Mutex::new(State { keys, read_at: Instant::now() });
        Ok(Self { client, url: url.to_owned(), refresh, state, reading: tokio::sync::Mutex::default() })
    }

    /// The key with this name. Keys are read anew from time to time, and when one is asked for that is not known.
    pub(crate) async fn key(&self, kid: &str) -> Option<Checking> {
        let (known, age) = self.known(kid);
        let is_due = age >= self.refresh || (known.is_none() && age >= AT_MOST);
        if !is_due {
            return known;
        }
        // Those who come meanwhile wait for the one who reads, if they have no key; the others go on with what they have.
        let reading = match known {
            Some(_) => self.reading.try_lock().ok(),
            None => Some(self.reading.lock().await),
        };
        if reading.is_some() && self.known(kid).1 >= AT_MOST.min(self.refresh) {
            self.reread().await;
        }
        drop(reading);
        self.known(kid).0
    }

    fn known(&self, kid: &str) -> (Option<Checking>, Duration) {
        let state = self.state.lock();
        (state.keys.get(kid).cloned(), state.read_at.elapsed())
    }

    async fn reread(&self) {
        let read = read(&self.client, &self.url).await;
        let mut state = self.state.lock();
        state.read_at = Instant::now();
        match read {
            Ok(keys) => state.keys = Arc::new(keys),
            // What was good stays good while its publisher is away.
            Err(error) => tracing::warn!(%error, "the keys that tokens are checked with can't be read"),
        }
    }
}

async fn read(client: &Client, url: &str) -> Result<HashMap<String, Checking>, JwksError> {
    let mut answer = client.get(url).send().await?.error_for_status()?;
    let mut text = Vec::new();
    while let Some(part) = answer.chunk().await? {
        if text.len() + part.len() > MOST_BYTES {
            return Err(JwksError::TooLarge);
        }
        text.extend_from_slice(&part);
    }
    let set: JwkSet = serde_json::from_slice(&text).map_err(|_| JwksError::Empty)?;
    let key = |jwk: &Jwk| Some((jwk.common.key_id.clone()?, checking(jwk)?));
    let keys: HashMap<_, _> = set.keys.iter().filter_map(key).take(MOST_KEYS).collect();
    if keys.is_empty() { Err(JwksError::Empty) } else { Ok(keys) }
}

/// The algorithm follows from the key, never from the token; keys that are shared secrets are not taken from a set.
fn checking(jwk: &Jwk) -> Option<Checking> {
    // Keys for encryption check no signatures.
    if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => Algorithm::ES384,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return None,
    };
    Some(Checking { key: DecodingKey::from_jwk(jwk).ok()?, algorithm })
}
