use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::{Error, Result};

/// Exclusive use of a data folder, given back when dropped or when the program ends.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "held, never read")] File);

impl FolderLock {
    /// Makes the folder if need be. Fails with [`Error::FolderInUse`] while another holds it.
    pub fn take(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        let path = folder.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::file("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::FolderInUse { path: folder.into() }),
            Err(TryLockError::Error(source)) => Err(Error::file("lock", &path)(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_had_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        assert!(matches!(FolderLock::take(folder.path()), Err(Error::FolderInUse { .. })));
        drop(first);
        FolderLock::take(folder.path()).unwrap();
    }
}
