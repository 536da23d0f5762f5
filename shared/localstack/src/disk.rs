use std::path::Path;

use nix::sys::statvfs::statvfs;

use crate::Error;

/// Bytes that this user can still write where `path` is, or will be: the nearest folder that
/// exists is asked.
pub fn free_bytes(path: &Path) -> crate::Result<u64> {
    let absolute = std::path::absolute(path).map_err(Error::file("resolve", path))?;
    let existing = absolute.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let stat = statvfs(existing).map_err(|errno| Error::file("read the free space of", existing)(errno.into()))?;
    // The field widths differ between platforms.
    #[expect(clippy::useless_conversion, reason = "u32 on some platforms, u64 on this one")]
    Ok(u64::from(stat.blocks_available()).saturating_mul(u64::from(stat.fragment_size())))
}

/// Fails with [`Error::NoSpace`] when less than `needed_bytes` are free at `path`.
pub(crate) fn require(path: &Path, needed_bytes: u64) -> crate::Result<()> {
    const MB: u64 = 1_000_000;
    let free = free_bytes(path)?;
    if free >= needed_bytes {
        return Ok(());
    }
    Err(Error::NoSpace { path: path.to_path_buf(), free_mb: free / MB, needed_mb: needed_bytes.div_ceil(MB) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_does_not_exist_yet_counts_as_its_nearest_parent() {
        assert!(free_bytes(Path::new("/no/such/folder/yet")).unwrap() > 0);
    }

    #[test]
    fn more_than_any_disk_has_is_refused() {
        assert!(matches!(require(Path::new("/"), u64::MAX), Err(Error::NoSpace { .. })));
    }
}
