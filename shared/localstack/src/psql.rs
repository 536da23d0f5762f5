use std::path::Path;

use tokio::process::Command;

use crate::cluster::SUPERUSER;
use crate::{Error, Postgres, Result};

impl Postgres {
    /// Runs SQL as the superuser in one transaction; the rows, one a line, columns split by `|`.
    pub async fn execute(&self, database: &str, sql: &str) -> Result<String> {
        self.psql(database, |psql| psql.args(["--command", sql])).await
    }

    /// Runs a file of SQL as the superuser in one transaction.
    pub async fn execute_file(&self, database: &str, file: &Path) -> Result<String> {
        self.psql(database, |psql| psql.arg("--single-transaction").arg("--file").arg(file)).await
    }

    /// Makes a database; one that exists is left as it is.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        let name = checked(name)?;
        let known = format!("select 1 from pg_database where datname = '{name}'");
        if self.execute("postgres", &known).await?.trim() == "1" {
            return Ok(());
        }
        match self.execute("postgres", &format!("create database {name}")).await {
            Err(Error::Command { detail, .. }) if detail.contains("already exists") => Ok(()),
            other => other.map(drop),
        }
    }

    /// Removes a database, whoever is connected to it; absent is fine.
    pub async fn drop_database(&self, name: &str) -> Result<()> {
        let name = checked(name)?;
        self.execute("postgres", &format!("drop database if exists {name} with (force)")).await.map(drop)
    }

    async fn psql(&self, database: &str, what: impl FnOnce(&mut Command) -> &mut Command) -> Result<String> {
        let mut psql = Command::new(self.options().programs.path("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password"])
            .args(["--set", "ON_ERROR_STOP=1", "--host", "127.0.0.1", "--username", SUPERUSER])
            .args(["--port", &self.port().to_string(), "--dbname", database])
            // Not among the arguments, which everyone on the machine can read.
            .env("PGPASSWORD", self.password())
            .env("PGOPTIONS", "-c client_min_messages=warning")
            .env("LC_ALL", "C")
            .kill_on_drop(true);
        let output = what(&mut psql).output().await.map_err(Error::spawn("psql"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Command { program: "psql", detail })
    }
}

/// Only names that need no quoting.
fn checked(name: &str) -> Result<&str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    if starts_well && name.len() <= 63 && name.chars().all(plain) {
        return Ok(name);
    }
    Err(Error::DatabaseName { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn only_plain_database_names_pass() {
        assert!(checked("sinaesta_2").is_ok());
        for name in ["", "2nd", "a\"b", "a b", "A", "a;drop"] {
            assert!(checked(name).is_err(), "{name}");
        }
    }
}
