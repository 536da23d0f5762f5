//! One benchmark at a time on a machine: two at once measure each other.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// How often a waiting benchmark looks again.
const LOOK: Duration = Duration::from_millis(500);

/// Held while measuring; the system takes it back however the process ends.
pub(crate) struct Turn {
    _lock: Option<Flock<File>>,
}

/// The same for every benchmark on this machine.
pub(crate) fn place() -> PathBuf {
    std::env::temp_dir().join("sinaesta-bench.lock")
}

impl Turn {
    /// Waits until no other benchmark runs. Goes on without where nothing can be locked: the row says what others took.
    pub(crate) async fn take(place: &Path) -> Self {
        let mut told = false;
        loop {
            match Self::try_take(place) {
                Ok(turn) => return turn,
                Err(Errno::EWOULDBLOCK) if told => {}
                Err(Errno::EWOULDBLOCK) => {
                    told = true;
                    eprintln!("another benchmark runs on this machine: waiting for its end");
                }
                Err(error) => {
                    eprintln!("{} can't be locked ({error}): other benchmarks may disturb this one", place.display());
                    return Self { _lock: None };
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn try_take(place: &Path) -> Result<Self, Errno> {
        let file = File::options().create(true).append(true).open(place);
        let file = file.map_err(|error| error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error)?;
        Ok(Self { _lock: Some(lock) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_has_its_turn_when_the_first_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("lock");
        let first = Turn::take(&place).await;
        assert!(Turn::try_take(&place).is_err_and(|error| error == Errno::EWOULDBLOCK));
        drop(first);
        assert!(Turn::try_take(&place).is_ok());
    }
}
