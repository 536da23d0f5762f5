use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::{Error, Result};

const PATIENCE: Duration = Duration::from_millis(200);

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
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                // A child that another thread is just starting holds every open file, and so a
                // lock already given back, for the moment until it becomes another program.
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::FolderInUse { path: folder.into() });
                }
                Err(TryLockError::Error(source)) => return Err(Error::file("lock", &path)(source)),
            }
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
