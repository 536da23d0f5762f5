use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sinaesta_clock::Clock;
use sinaesta_localstack::{Endpoint, FolderLock, StackFile, read_or_create_secret};
use sinaesta_telemetry::Telemetry;

use crate::cli::{InfraOptions, UpOptions};
use crate::infra::Infra;
use crate::services::Services;
use crate::shutdown::StopSignals;
use crate::stack::Fixed;
use crate::{banner, gateway_port, seed, services, tokens};

/// Runs everything until a signal, then stops in order: gateway, services, NATS, Postgres.
pub(crate) async fn up(options: UpOptions) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen()?;
    let home = Home::open(options.infra).await?;
    let (port, note) = gateway_port::choose(options.port)?;
    if let Some(note) = note {
        eprintln!("{note}");
    }
    let web = options.web.as_deref();
    let gateway = Endpoint { url: format!("http://127.0.0.1:{port}"), port };

    let Some(infra) = home.start(&mut signals).await? else { return Ok(()) };
    let mut services = tokio::select! {
        started = home.start_services(&infra, port, web) => match started {
            Ok(services) => services,
            Err(error) => {
                infra.stop().await;
                return Err(error);
            }
        },
        () = signals.next() => {
            infra.stop().await;
            return Ok(());
        }
    };
    let fixed = home.fixed(Some(gateway.clone()))?;
    let banner = banner::up(&gateway, web.is_some(), &fixed.tokens, &home.data);
    let outcome = tokio::select! {
        () = signals.next() => Ok(()),
        failed = fixed.keep_written(&infra, &home.data, &banner) => failed,
        ended = services.ended() => ended,
    };
    home.close(&mut signals, async {
        services.stop().await;
        infra.stop().await;
    })
    .await;
    outcome
}

/// Runs NATS and Postgres until a signal.
pub(crate) async fn infra(options: InfraOptions) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen()?;
    let home = Home::open(options).await?;
    let Some(infra) = home.start(&mut signals).await? else { return Ok(()) };
    let fixed = home.fixed(None)?;
    let banner = banner::infra(&home.data);
    let outcome = tokio::select! {
        () = signals.next() => Ok(()),
        failed = fixed.keep_written(&infra, &home.data, &banner) => failed,
    };
    home.close(&mut signals, infra.stop()).await;
    outcome
}

/// The data folder, ours alone while this lives.
struct Home {
    data: PathBuf,
    jwt_secret: String,
    _telemetry: Telemetry,
    _lock: FolderLock,
}

impl Home {
    async fn open(options: InfraOptions) -> anyhow::Result<Self> {
        let data = std::path::absolute(&options.data).context("the data folder has no path")?;
        let lock = FolderLock::take(&data)?;
        // What a killed run left.
        StackFile::remove(&data);
        let jwt_secret = match options.jwt_secret {
            Some(secret) => secret,
            None => read_or_create_secret(&data.join("jwt-secret"))?,
        };
        let settings = services::check_settings(&jwt_secret).await?;
        let telemetry = sinaesta_telemetry::init("sinaesta-standalone", &settings.telemetry)?;
        Ok(Self { data, jwt_secret, _telemetry: telemetry, _lock: lock })
    }

    /// `None` when a signal came first: what had been started is ended by being dropped.
    async fn start(&self, signals: &mut StopSignals) -> anyhow::Result<Option<Infra>> {
        tokio::select! {
            started = Infra::start(&self.data) => started.map(Some),
            () = signals.next() => Ok(None),
        }
    }

    async fn start_services(&self, infra: &Infra, port: u16, web: Option<&Path>) -> anyhow::Result<Services> {
        Services::start(services::settings(infra, &self.jwt_secret, port, web)?).await
    }

    fn fixed(&self, gateway: Option<Endpoint>) -> anyhow::Result<Fixed> {
        Ok(Fixed {
            gateway,
            jwt_secret: self.jwt_secret.clone(),
            tokens: tokens::for_demo_users(&self.jwt_secret.clone().into(), &Clock::system())?,
            users: seed::ids(),
        })
    }

    async fn close(&self, signals: &mut StopSignals, stop: impl Future<Output = ()>) {
        StackFile::remove(&self.data);
        eprintln!("stopping; Ctrl-C again to stop at once");
        if !signals.allow(stop).await {
            eprintln!("stopped at once");
        }
    }
}
