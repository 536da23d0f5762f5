//! The kinds of message, each a trait: a type's constants are the only place where its name is spelled.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Actor, Service};

/// What a client sends under an event's name.
pub trait ClientEvent: DeserializeOwned + Send + 'static {
    /// The Socket.IO event's name.
    const NAME: &'static str;
}

/// What a client receives under an event's name.
pub trait ServerEvent: Serialize {
    /// The Socket.IO event's name.
    const NAME: &'static str;
}

/// Something is to be changed: carried by a stream, at least once, applied once.
pub trait Command: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The service that owns what is changed.
    const SERVICE: Service;
    /// Imperative, kebab-case, with a version (`post-message-v1`).
    const NAME: &'static str;
    /// What the sender gets once the change is durable.
    type Reply: Serialize + DeserializeOwned + Send;

    /// Commands with the same key are applied one after another, in the order the broker stamped them.
    fn partition_key(&self, actor: &Actor) -> String;
}

/// Something is to be known now: a request with a reply, or a clear timeout.
pub trait Query: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The service that answers.
    const SERVICE: Service;
    /// Kebab-case, with a version.
    const NAME: &'static str;
    /// The answer.
    type Reply: Serialize + DeserializeOwned + Send;
}

/// Something happened: each interested service hears of it at least once and applies it once.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The domain it happened in (`chat`, `exam`).
    const DOMAIN: &'static str;
    /// Past tense, kebab-case, with a version (`messages-posted-v1`).
    const NAME: &'static str;
}

/// True only now: best effort, never stored.
pub trait Signal: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Kebab-case, with a version.
    const NAME: &'static str;
}

/// A command or a query together with who it comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope<T> {
    pub actor: Actor,
    pub body: T,
}
