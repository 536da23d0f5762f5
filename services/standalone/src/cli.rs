use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(version, about = "Sinaesta Realtime in one process, with its own NATS and Postgres.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything until Ctrl-C.
    Up(UpOptions),
    /// Run only NATS and Postgres, migrated and seeded, until Ctrl-C.
    Infra(InfraOptions),
}

#[derive(Debug, Args)]
pub(crate) struct InfraOptions {
    /// The folder for all data; made if need be.
    #[arg(long, value_name = "DIR", default_value = ".data")]
    pub(crate) data: PathBuf,

    /// The secret that tokens are signed with; without it, one is made once and kept with the data.
    #[arg(long, value_name = "SECRET", env = "SINAESTA__AUTH__JWT_SECRET", hide_env_values = true)]
    pub(crate) jwt_secret: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct UpOptions {
    #[command(flatten)]
    pub(crate) infra: InfraOptions,

    /// The gateway's port; 0 takes any free one. Without it: 3001, or the next free one.
    #[arg(long, value_name = "PORT", env = "SINAESTA__GATEWAY__PORT")]
    pub(crate) port: Option<u16>,

    /// The folder with the built page; without it, there is none.
    #[arg(long, value_name = "DIR")]
    pub(crate) web: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
