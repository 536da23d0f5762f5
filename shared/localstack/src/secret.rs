use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::{Error, Result};

/// 32 random bytes of the operating system, as 64 hexadecimal digits.
pub fn generate_secret() -> Result<String> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; 32];
    File::open(source).and_then(|mut file| file.read_exact(&mut bytes)).map_err(Error::file("read", source))?;
    Ok(bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// The secret kept in `path`, made there (readable by this user only) the first time.
pub fn read_or_create_secret(path: &Path) -> Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Error::file("read", path)(error)),
    }
    let secret = generate_secret()?;
    write_private(path, secret.as_bytes())?;
    Ok(secret)
}

/// Writes a file that only this user can read, whole or not at all.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = path.with_file_name(name);
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| std::fs::rename(&fresh, path))
        .map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let first = read_or_create_secret(&path).unwrap();
        assert_eq!(first.len(), 64);
        assert_eq!(read_or_create_secret(&path).unwrap(), first);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
