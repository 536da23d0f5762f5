use std::path::Path;

use sinaesta_localstack::{Endpoint, Roles, StackFile};

use crate::infra::Infra;

/// What `stack.json` says besides the parts that come and go.
pub(crate) struct Fixed {
    pub(crate) gateway: Option<Endpoint>,
    pub(crate) jwt_secret: String,
    pub(crate) tokens: Roles,
    pub(crate) users: Roles,
}

impl Fixed {
    fn with(&self, infra: &Infra) -> StackFile {
        StackFile {
            gateway: self.gateway.clone(),
            nats: infra.nats(),
            postgres: infra.postgres(),
            pid: std::process::id(),
            jwt_secret: self.jwt_secret.clone(),
            service_password: infra.service_password().to_owned(),
            tokens: self.tokens.clone(),
            users: self.users.clone(),
        }
    }

    /// Writes the file and prints `banner`; writes it again each time a part is back under
    /// another pid. Never completes unless the file cannot be written.
    pub(crate) async fn keep_written(&self, infra: &Infra, data: &Path, banner: &str) -> anyhow::Result<()> {
        let [mut nats, mut postgres] = infra.pids();
        self.with(infra).write(data)?;
        println!("{banner}");
        loop {
            tokio::select! {
                changed = nats.changed() => changed?,
                changed = postgres.changed() => changed?,
            }
            self.with(infra).write(data)?;
        }
    }
}
