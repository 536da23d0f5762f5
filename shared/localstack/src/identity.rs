use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::Uid;

use crate::{Error, Result};

/// "nobody" on nearly every system, and needs no entry in the user table.
const NOBODY: u32 = 65_534;

/// Where a superuser's Postgres lives when its own folder is closed to other users.
const OPEN_ROOT: &str = "/var/lib/sinaesta";

/// Who runs Postgres: it refuses to run as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    Ourselves,
    Nobody,
}

impl Identity {
    pub(crate) fn for_postgres() -> Self {
        if Uid::effective().is_root() { Self::Nobody } else { Self::Ourselves }
    }

    /// Also leaves every supplementary group, which the standard library does with `uid`.
    pub(crate) fn apply(self, command: &mut Command) {
        if self == Self::Nobody {
            command.uid(NOBODY).gid(NOBODY).current_dir("/");
        }
    }

    pub(crate) fn own(self, path: &Path) -> Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Nobody => chown(path, Some(NOBODY), Some(NOBODY)).map_err(Error::file("hand over", path)),
        }
    }

    /// Whether every folder from the root to `path` lets this identity pass. Folders that do not
    /// exist yet will be made by us, and will.
    pub(crate) fn can_reach(self, path: &Path) -> bool {
        let passes = |folder: &Path| match std::fs::metadata(folder) {
            Err(_) => true,
            Ok(meta) if meta.uid() == NOBODY => meta.mode() & 0o100 != 0,
            Ok(meta) => meta.mode() & 0o001 != 0,
        };
        self == Self::Ourselves || path.ancestors().all(passes)
    }

    /// `wanted` if this identity can reach it, else a folder of our own that it can, always the
    /// same for the same `wanted`.
    pub(crate) fn reachable(self, wanted: &Path) -> PathBuf {
        let parent = wanted.parent().unwrap_or(wanted);
        if self.can_reach(parent) {
            return wanted.to_path_buf();
        }
        let name = wanted.to_string_lossy().replace('/', "-");
        Path::new(OPEN_ROOT).join(name.trim_start_matches('-'))
    }
}

/// Lets everyone pass through a folder of ours.
pub(crate) fn open_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path)
        .and_then(|()| std::fs::set_permissions(path, Permissions::from_mode(0o755)))
        .map_err(Error::file("create", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_parent_sends_nobody_elsewhere_and_ourselves_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("data/postgres");
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(!Identity::Nobody.can_reach(&wanted));
        assert!(Identity::Nobody.reachable(&wanted).starts_with(OPEN_ROOT));
        assert_eq!(Identity::Nobody.reachable(&wanted), Identity::Nobody.reachable(&wanted));
        assert_eq!(Identity::Ourselves.reachable(&wanted), wanted);

        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        assert_eq!(Identity::Nobody.reachable(&wanted), wanted);
    }
}
