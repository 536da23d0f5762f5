use std::path::Path;

use tokio::process::Command;

/// Major and minor, the only parts that requirements are made of.
pub(crate) type Version = (u32, u32);

/// What `program --version` says, if it runs and says something that reads as a version.
pub(crate) async fn of(program: &Path) -> Option<Version> {
    let shown = Command::new(program).arg("--version").output().await.ok()?;
    shown.status.success().then(|| parse(&String::from_utf8_lossy(&shown.stdout)))?
}

/// The first word that starts with a number, as in `nats-server: v2.15.1`,
/// `postgres (PostgreSQL) 18beta1` or `v22.3.0`.
fn parse(text: &str) -> Option<Version> {
    let words = text.split_whitespace().map(|word| word.trim_start_matches('v'));
    let version = words.into_iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut parts = version.split('.').map(leading_number);
    Some((parts.next()??, parts.next().flatten().unwrap_or(0)))
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn versions_are_read_as_each_program_writes_them() {
        assert_eq!(parse("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(parse("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some((15, 18)));
        assert_eq!(parse("postgres (PostgreSQL) 18beta1"), Some((18, 0)));
        assert_eq!(parse("v22.20.0"), Some((22, 20)));
        assert_eq!(parse("no number here"), None);
        assert_eq!(parse(""), None);
    }
}
