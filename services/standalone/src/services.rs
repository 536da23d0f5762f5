//! The one file that knows the services: their settings, their migrations, and how each is run.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use sinaesta_auth::Verifier;
use sinaesta_clock::Clock;
use sinaesta_localstack::{answers_ok, free_port, is_free};
use sinaesta_settings::{DatabaseSettings, Settings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::infra::Infra;
use crate::seed;

/// The settings before anything runs, so that a wrong one is told at once.
pub(crate) async fn check_settings(jwt_secret: &str) -> anyhow::Result<Settings> {
    let settings = Settings::load(&[("auth.jwt_secret", jwt_secret.to_owned())])?;
    Verifier::new(&settings.auth).await?;
    Ok(settings)
}

/// The settings of every service: the environment stands over our own NATS and Postgres, the
/// command line (`jwt_secret`, `port`, `web`) over the environment.
pub(crate) fn settings(infra: &Infra, jwt_secret: &str, port: u16, web: Option<&Path>) -> anyhow::Result<Settings> {
    let mut settings = Settings::load(&[
        ("nats.url", infra.nats().url),
        ("nats.password", infra.service_password().to_owned()),
        ("database.url", infra.postgres().url),
        ("auth.jwt_secret", jwt_secret.to_owned()),
        ("gateway.health_port", health_port()?.to_string()),
        // Asked for by nobody outside this program.
        ("chat.http_port", free_port()?.to_string()),
        ("exams.http_port", free_port()?.to_string()),
        ("leaderboard.http_port", free_port()?.to_string()),
        ("notifications.http_port", free_port()?.to_string()),
    ])?;
    settings.auth.jwt_secret = jwt_secret.to_owned().into();
    settings.gateway.port = port;
    if let Some(folder) = web {
        settings.web.folder = folder.display().to_string();
    }
    settings.web.demo_users = seed::everybody().map(str::to_owned).collect();
    settings.check()?;
    Ok(settings)
}

/// The documented port of the gateway's health and metrics where it is free, else any.
fn health_port() -> anyhow::Result<u16> {
    const DOCUMENTED: u16 = 3006;
    if is_free(DOCUMENTED) { Ok(DOCUMENTED) } else { Ok(free_port()?) }
}

/// The settings of one service, which logs in to the database as itself.
fn with_own_role(settings: &Settings, service: sinaesta_contracts::Service) -> anyhow::Result<Settings> {
    let mut own = settings.clone();
    let mut url = Url::parse(settings.database.url.expose_secret()).context("database.url")?;
    let set = url
        .set_username(&sinaesta_store::role(service))
        .and_then(|()| url.set_password(Some(settings.nats.password.expose_secret())));
    set.map_err(|()| anyhow::anyhow!("database.url can't name a user"))?;
    own.database.url = url.to_string().into();
    Ok(own)
}

/// Brings the database to the newest schema, opens the demo's rooms and writes its exams.
pub(crate) async fn migrate(url: &str, role_password: &str) -> anyhow::Result<()> {
    let settings = DatabaseSettings {
        url: url.to_owned().into(),
        role_password: role_password.to_owned().into(),
        max_connections: 2,
        query_connections: 2,
        acquire_timeout_ms: 10_000,
    };
    let pool = sinaesta_store::connect("sinaesta-standalone", &settings).await?;
    sinaesta_store::migrate(&pool, &settings).await?;
    sinaesta_chat::open_rooms(&pool, &seed::rooms()?, &Clock::system()).await?;
    sinaesta_exam_grading::seed(&pool, seed::author()?, &Clock::system()).await?;
    pool.close().await;
    Ok(())
}

/// How long the services may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// The services in this process; each stops when its token is cancelled.
pub(crate) struct Services {
    gateway: Service,
    chat: Service,
    exams: Service,
    leaderboard: Service,
    notification: Service,
}

struct Service {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Services {
    /// Comes back when all of them answer that they are ready.
    pub(crate) async fn start(settings: Settings) -> anyhow::Result<Self> {
        let ports = [
            settings.chat.http_port,
            settings.exams.http_port,
            settings.leaderboard.http_port,
            settings.notifications.http_port,
            settings.gateway.health_port,
        ];
        let chat = Service::spawn(sinaesta_contracts::Service::Chat, &settings, sinaesta_chat::run)?;
        let exams = Service::spawn(sinaesta_contracts::Service::ExamGrading, &settings, sinaesta_exam_grading::run)?;
        let leaderboard =
            Service::spawn(sinaesta_contracts::Service::Leaderboard, &settings, sinaesta_leaderboard::run)?;
        let notification =
            Service::spawn(sinaesta_contracts::Service::Notification, &settings, sinaesta_notification::run)?;
        let gateway = Service::spawn(sinaesta_contracts::Service::Gateway, &settings, sinaesta_gateway::run)?;
        let mut services = Self { gateway, chat, exams, leaderboard, notification };
        let ready = async {
            for port in ports {
                while !answers_ok(port, "/readyz").await {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        let outcome = tokio::select! {
            ready = tokio::time::timeout(READY_WITHIN, ready) => {
                ready.context("the services were not ready in time")
            }
            ended = services.ended() => ended,
        };
        if let Err(error) = outcome {
            services.stop().await;
            return Err(error);
        }
        Ok(services)
    }

    /// Completes when a service ended by itself, which none should.
    pub(crate) async fn ended(&mut self) -> anyhow::Result<()> {
        let (name, ended) = tokio::select! {
            ended = &mut self.gateway.task => (self.gateway.name, ended),
            ended = &mut self.chat.task => (self.chat.name, ended),
            ended = &mut self.exams.task => (self.exams.name, ended),
            ended = &mut self.leaderboard.task => (self.leaderboard.name, ended),
            ended = &mut self.notification.task => (self.notification.name, ended),
        };
        ended.with_context(|| format!("{name} panicked"))?.with_context(|| format!("{name} failed"))?;
        anyhow::bail!("{name} stopped by itself")
    }

    /// The gateway first, so that clients are told while the rest still answers.
    pub(crate) async fn stop(self) {
        for Service { name, stop, task } in [self.gateway, self.chat, self.exams, self.leaderboard, self.notification] {
            stop.cancel();
            // One that ended by itself has been reported as the reason for stopping.
            if !task.is_finished()
                && let Err(error) = task.await.map_err(anyhow::Error::from).flatten()
            {
                tracing::error!(service = name, %error, "did not stop in good order");
            }
        }
    }
}

impl Service {
    fn spawn<Run, Fut>(service: sinaesta_contracts::Service, settings: &Settings, run: Run) -> anyhow::Result<Self>
    where
        Run: FnOnce(Settings, CancellationToken) -> Fut,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (name, settings) = (service.as_str(), with_own_role(settings, service)?);
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(settings, stop.clone()));
        Ok(Self { name, stop, task })
    }
}
