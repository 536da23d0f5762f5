use std::path::{Path, PathBuf};
use std::process::Command;

use crate::identity::{Identity, open_folder};
use crate::{Error, PostgresPrograms, Result, secret};

/// The superuser of every database made here.
pub(crate) const SUPERUSER: &str = "sinaesta";

/// Where one Postgres keeps its things.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) pgdata: PathBuf,
    pub(crate) password: String,
}

impl Cluster {
    /// Opens the data of `folder`, made first if there is none.
    pub(crate) async fn open(programs: &PostgresPrograms, folder: &Path, identity: Identity) -> Result<Self> {
        let pgdata = folder.join("pgdata");
        let password_file = folder.join("password");
        if pgdata.is_dir() {
            require_same_major(&pgdata, programs.major)?;
        } else {
            make(programs, folder, &pgdata, &password_file, identity).await?;
        }
        let password = std::fs::read_to_string(&password_file).map_err(Error::file("read", &password_file))?;
        Ok(Self { pgdata, password: password.trim().to_owned() })
    }

    pub(crate) fn pid_file(&self) -> PathBuf {
        self.pgdata.join("postmaster.pid")
    }

    /// The server itself writes this once it accepts connections; its own `pg_ctl` looks there.
    pub(crate) fn is_ready(&self, pid: u32) -> bool {
        std::fs::read_to_string(self.pid_file()).is_ok_and(|text| says_ready(&text, pid))
    }
}

fn says_ready(pid_file: &str, pid: u32) -> bool {
    let mut lines = pid_file.lines();
    lines.next().and_then(|line| line.trim().parse().ok()) == Some(pid)
        && lines.nth(6).is_some_and(|status| status.trim() == "ready")
}

/// Made beside its place and renamed into it, so that an interrupted `initdb` leaves nothing that
/// looks whole.
async fn make(
    programs: &PostgresPrograms,
    folder: &Path,
    pgdata: &Path,
    password_file: &Path,
    identity: Identity,
) -> Result<()> {
    secret::write_private(password_file, secret::generate_secret()?.as_bytes())?;
    identity.own(password_file)?;
    let nursery = folder.join("initdb");
    let _ = std::fs::remove_dir_all(&nursery);
    open_folder(&nursery)?;
    identity.own(&nursery)?;
    let fresh = nursery.join("pgdata");

    let mut initdb = Command::new(programs.path("initdb"));
    initdb
        .args(["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-instructions"])
        .args(["-U", SUPERUSER, "-D"])
        .arg(&fresh)
        .arg("--pwfile")
        .arg(password_file)
        .env("LC_ALL", "C");
    identity.apply(&mut initdb);
    let output = tokio::process::Command::from(initdb).output().await.map_err(Error::spawn("initdb"))?;
    if !output.status.success() {
        let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Command { program: "initdb", detail });
    }
    std::fs::rename(&fresh, pgdata).map_err(Error::file("create", pgdata))?;
    std::fs::remove_dir(&nursery).map_err(Error::file("remove", &nursery))
}

fn require_same_major(pgdata: &Path, program_major: u32) -> Result<()> {
    let path = pgdata.join("PG_VERSION");
    let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    match text.trim().parse() {
        Ok(data_major) if data_major != program_major => {
            Err(Error::DataVersion { path: pgdata.into(), data_major, program_major })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_the_servers_own_word_about_this_very_process() {
        let text = "42\n/data\n1\n5432\n\n127.0.0.1\n  1 2\nready   \n";
        assert!(says_ready(text, 42));
        assert!(!says_ready(text, 43));
        assert!(!says_ready(&text.replace("ready   ", "starting"), 42));
        assert!(!says_ready("42\n", 42));
    }

    #[test]
    fn data_of_another_major_version_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("PG_VERSION"), "15\n").unwrap();
        assert!(require_same_major(folder.path(), 15).is_ok());
        let refused = require_same_major(folder.path(), 18).unwrap_err().to_string();
        assert!(refused.contains("made by Postgres 15"), "{refused}");
    }
}
