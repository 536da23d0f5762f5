//! Which files a message may point to.

use sinaesta_contracts::{ErrorBody, FileId, code};
use sinaesta_mutants::mutant;
use url::Url;

/// Whether `file_url` is one of ours, or http(s) to an allowed host.
pub fn check(file_url: &str, allowed_hosts: &[String]) -> Result<(), ErrorBody> {
    let ours = FileId::from_url(file_url).is_some();
    let allowed = || {
        Url::parse(file_url).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.host_str().is_some_and(|host| allowed_hosts.iter().any(|one| one.eq_ignore_ascii_case(host)))
        })
    };
    if ours || allowed() || mutant!("chat-any-host-for-files") {
        Ok(())
    } else {
        Err(ErrorBody::new(code::FILE_HOST, "fileUrl must be one of our files or on an allowed host")
            .on_field("fileUrl"))
    }
}

/// The one answer for a file that does not exist and one that the caller may not have.
pub fn unknown_file(field: &str) -> ErrorBody {
    ErrorBody::new(code::FILE_NOT_FOUND, "There is no such file").on_field(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_files_and_allowed_hosts() {
        let hosts = ["files.example.org".to_owned()];
        let ours = format!("/api/files/{}", uuid::Uuid::from_u128(1));
        for good in [ours.as_str(), "https://files.example.org/a.pdf", "HTTP://FILES.example.org/b"] {
            assert!(check(good, &hosts).is_ok(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "https://evil.example/a",
            "https://files.example.org@evil.example/",
            "https://user:pw@files.example.org/",
            "//files.example.org/a",
            "/api/files/../../etc/passwd",
            "",
        ] {
            assert!(check(bad, &hosts).is_err(), "{bad}");
        }
    }
}
