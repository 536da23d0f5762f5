//! Real parts for tests: each test has a NATS server of its own (it starts in a few hundredths of a second) and a
//! database of its own in a shared Postgres.
//!
//! `cargo xtask test` says by `SINAESTA_TEST_NATS_SERVER` and `SINAESTA_TEST_DATABASE_URL` where they are; without it
//! they are found or fetched as for `cargo xtask up`.

pub mod guards;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sinaesta_bus::Bus;
use sinaesta_contracts::{Actor, Role, UserId, rights};
use sinaesta_localstack::{FolderLock, NatsOptions, NatsServer, Postgres, PostgresOptions, Tools};
use sinaesta_settings::{DatabaseSettings, Settings};
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// A NATS server of a test's own; ended and forgotten with it.
pub struct TestNats {
    server: Option<NatsServer>,
    options: NatsOptions,
    _folder: TempDir,
}

impl TestNats {
    /// Starts one.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(String::new()).await
    }

    /// Starts one that holds each service to its rights; every user's password is `password`.
    pub async fn start_guarded() -> anyhow::Result<Self> {
        let passwords = rights::users().map(|user| format!("{} = \"password\"\n", rights::password_variable(user)));
        Self::start_with(passwords.chain([rights::nats_configuration()]).collect()).await
    }

    /// Starts one with lines added to its configuration.
    pub async fn start_with(extra_config: String) -> anyhow::Result<Self> {
        let program = match std::env::var_os("SINAESTA_TEST_NATS_SERVER") {
            Some(program) => PathBuf::from(program),
            None => Tools::from_env().nats_server(&|_| {}).await?,
        };
        let folder = tempfile::tempdir()?;
        let options = NatsOptions { extra_config, ..NatsOptions::new(program, folder.path()) };
        let server = NatsServer::start(options).await?;
        let options = server.options().clone();
        Ok(Self { server: Some(server), options, _folder: folder })
    }

    /// Kills it as a power cut would, and starts it again on the same port with what it had on disk.
    pub async fn kill_and_restart(&mut self) -> anyhow::Result<()> {
        if let Some(server) = self.server.take() {
            server.kill().await;
        }
        self.server = Some(NatsServer::start(self.options.clone()).await?);
        Ok(())
    }

    /// The default settings, with this server.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let url = self.server.as_ref().context("the server is down")?.client_url();
        Ok(Settings::load(&[("nats.url", url)])?)
    }

    /// A connection of the runtime.
    pub async fn bus(&self, name: &str) -> anyhow::Result<Bus> {
        let settings = self.settings()?;
        Ok(Bus::connect(name, &settings.nats, &settings.bus).await?)
    }

    /// A plain connection, to look behind the runtime's back.
    pub async fn client(&self) -> anyhow::Result<async_nats::Client> {
        Ok(async_nats::connect(self.settings()?.nats.url).await?)
    }
}

static POSTGRES: OnceCell<(String, Option<(Postgres, FolderLock)>)> = OnceCell::const_new();

/// A folder that no other process uses. A static is never dropped: what a process leaves there goes when the next takes it.
fn scratch() -> anyhow::Result<(FolderLock, PathBuf)> {
    let all = std::env::temp_dir().join("sinaesta-tests");
    let take = |number: u32| {
        let folder = all.join(number.to_string());
        Some((FolderLock::take(&folder).ok()?, folder.join("postgres")))
    };
    let (lock, folder) = (0..100).find_map(take).context("no folder for a Postgres")?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    Ok((lock, folder))
}

async fn postgres() -> anyhow::Result<&'static str> {
    let (url, _) = POSTGRES
        .get_or_try_init(async || {
            if let Ok(url) = std::env::var("SINAESTA_TEST_DATABASE_URL") {
                return anyhow::Ok((url, None));
            }
            let programs = Tools::from_env().postgres(&|_| {}).await?;
            let (lock, folder) = scratch()?;
            let server = Postgres::start(PostgresOptions::new(programs, folder)).await?;
            Ok((server.url("postgres"), Some((server, lock))))
        })
        .await?;
    Ok(url)
}

/// A database of a test's own, with the newest schema.
pub struct TestDatabase {
    pub pool: PgPool,
    pub url: String,
}

impl TestDatabase {
    /// Makes one.
    pub async fn create() -> anyhow::Result<Self> {
        let server = postgres().await?;
        let name = format!("test_{}", Uuid::now_v7().simple());
        let mut admin = PgConnection::connect(server).await?;
        admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
        admin.close().await?;
        let (base, _) = server.rsplit_once('/').context("a database URL has a path")?;
        let url = format!("{base}/{name}");
        let pool = PgPool::connect(&url).await?;
        sinaesta_store::MIGRATIONS.run(&pool).await?;
        Ok(Self { pool, url })
    }

    /// The default settings, with this database.
    pub fn settings(&self) -> anyhow::Result<DatabaseSettings> {
        Ok(Settings::load(&[("database.url", self.url.clone())])?.database)
    }
}

/// Writes the certificate of an authority (`ca.crt`), and one for 127.0.0.1 that it signed (`tls.crt`) with its key
/// (`tls.key`), as PEM.
pub fn certificates(folder: &Path) -> anyhow::Result<()> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key)?;
    std::fs::write(folder.join("ca.crt"), certificate.pem())?;
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate()?;
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    std::fs::write(folder.join("tls.crt"), server.pem())?;
    std::fs::write(folder.join("tls.key"), key.serialize_pem())?;
    Ok(())
}

/// Somebody.
pub fn actor(number: u128, role: Role) -> Actor {
    let name = format!("{} {number}", role.as_str().to_lowercase());
    Actor { user_id: UserId(Uuid::from_u128(number)), name, role, avatar: None }
}

/// Waits for a condition, up to 20 s; panics with `what` if it does not come about.
pub async fn until<F, Fut>(what: &str, mut is_so: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(20), wait).await.is_ok(),
        "in 20 s it did not come about that {what}"
    );
}
