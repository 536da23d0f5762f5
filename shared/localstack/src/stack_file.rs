use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, secret};

/// `stack.json`: where the parts of a running local stack are. It exists only while the stack
/// does, and only its owner can read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackFile {
    /// `None` when only NATS and Postgres run.
    pub gateway: Option<Endpoint>,
    pub nats: NatsEntry,
    pub postgres: PostgresEntry,
    /// Of the program that owns all of it.
    pub pid: u32,
    pub jwt_secret: String,
    /// With which each service logs in as itself at NATS and Postgres; and the broker's `operator`.
    pub service_password: String,
    /// Ready-made tokens of the demo users.
    pub tokens: Roles,
    /// Ids of the demo users.
    pub users: Roles,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    pub url: String,
    pub port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatsEntry {
    pub url: String,
    /// Base address of the monitoring over HTTP.
    pub monitor: String,
    pub pid: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostgresEntry {
    pub url: String,
    pub pid: u32,
}

/// One value for each role that the demo users have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    pub student: String,
    pub mentor: String,
    pub admin: String,
}

impl StackFile {
    pub const NAME: &'static str = "stack.json";

    /// Whole or not at all: a reader never sees half of it.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| Error::file("write", folder)(error.into()))?;
        text.push(b'\n');
        secret::write_private(&folder.join(Self::NAME), &text)
    }

    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(Self::NAME);
        let text = std::fs::read(&path).map_err(Error::file("read", &path))?;
        serde_json::from_slice(&text).map_err(|error| Error::file("read", &path)(error.into()))
    }

    /// Absent is fine.
    pub fn remove(folder: &Path) {
        let _ = std::fs::remove_file(folder.join(Self::NAME));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_read_back_as_written_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let stack = StackFile {
            gateway: None,
            nats: NatsEntry { url: "nats://x".into(), monitor: "http://x".into(), pid: 1 },
            postgres: PostgresEntry { url: "postgres://x".into(), pid: 2 },
            pid: 3,
            jwt_secret: "s".into(),
            service_password: "p".into(),
            tokens: Roles::default(),
            users: Roles { student: "u".into(), ..Roles::default() },
        };
        stack.write(folder.path()).unwrap();
        assert_eq!(StackFile::read(folder.path()).unwrap(), stack);

        let path = folder.path().join(StackFile::NAME);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"gateway\": null") && text.contains("\"jwtSecret\": \"s\""));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        StackFile::remove(folder.path());
        assert!(!path.exists());
    }
}
