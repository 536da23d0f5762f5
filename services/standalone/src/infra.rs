use std::path::Path;

use anyhow::Context as _;
use sinaesta_contracts::rights;
use sinaesta_localstack::{
    NatsEntry, NatsOptions, NatsServer, Postgres, PostgresEntry, PostgresOptions, Supervised, Tools,
    read_or_create_secret,
};
use tokio::sync::watch;

use crate::{seed, services};

const DATABASE: &str = "sinaesta";

/// NATS and Postgres, brought back on the same ports whenever they end unasked.
pub(crate) struct Infra {
    nats: Supervised,
    postgres: Supervised,
    nats_entry: NatsEntry,
    postgres_entry: PostgresEntry,
    service_password: String,
}

impl Infra {
    /// Comes back when both are ready and the database is migrated and seeded.
    pub(crate) async fn start(data: &Path) -> anyhow::Result<Self> {
        // With which every service logs in as itself, at the broker and at the database.
        let service_password = read_or_create_secret(&data.join("service-password"))?;
        let (nats, postgres) = tokio::try_join!(start_nats(data, &service_password), start_postgres(data))?;
        let nats_entry = NatsEntry { url: nats.client_url(), monitor: nats.monitor_url(), pid: nats.pid() };
        let postgres_entry = PostgresEntry { url: postgres.url(DATABASE), pid: postgres.pid() };

        services::migrate(&postgres_entry.url, &service_password).await.context("the migrations failed")?;
        seed::run(&postgres, DATABASE).await.context("the demo data could not be written")?;
        Ok(Self {
            nats: Supervised::new(nats),
            postgres: Supervised::new(postgres),
            nats_entry,
            postgres_entry,
            service_password,
        })
    }

    /// With which every service logs in.
    pub(crate) fn service_password(&self) -> &str {
        &self.service_password
    }

    /// Where NATS is now; only the pid ever changes.
    pub(crate) fn nats(&self) -> NatsEntry {
        NatsEntry { pid: *self.nats.pid().borrow(), ..self.nats_entry.clone() }
    }

    /// Where Postgres is now; only the pid ever changes.
    pub(crate) fn postgres(&self) -> PostgresEntry {
        PostgresEntry { pid: *self.postgres.pid().borrow(), ..self.postgres_entry.clone() }
    }

    /// The processes of NATS and Postgres, as they come and go.
    pub(crate) fn pids(&self) -> [watch::Receiver<u32>; 2] {
        [self.nats.pid(), self.postgres.pid()]
    }

    pub(crate) async fn stop(self) {
        self.nats.stop().await;
        self.postgres.stop().await;
    }
}

async fn start_nats(data: &Path, password: &str) -> anyhow::Result<NatsServer> {
    let program = Tools::from_env().nats_server(&say).await?;
    // What is acknowledged to a client is in Postgres, which syncs; the broker need not sync each message, too.
    let mut options = NatsOptions::new(program, data.join("nats"));
    options.extra_config = rights::users()
        .map(|user| format!("{} = \"{password}\"\n", rights::password_variable(user)))
        .chain([rights::nats_configuration()])
        .collect();
    Ok(NatsServer::start(options).await?)
}

async fn start_postgres(data: &Path) -> anyhow::Result<Postgres> {
    let programs = Tools::from_env().postgres(&say).await?;
    let options = PostgresOptions::new(programs, data.join("postgres"));
    let postgres = Postgres::start(options).await?;
    if postgres.data_dir() != data.join("postgres") {
        say(&format!("Postgres keeps its data in {}", postgres.data_dir().display()));
    }
    postgres.create_database(DATABASE).await?;
    Ok(postgres)
}

fn say(line: &str) {
    eprintln!("{line}");
}
