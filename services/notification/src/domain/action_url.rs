//! Where a notification may lead.

use sinaesta_contracts::{ErrorBody, code};
use sinaesta_mutants::mutant;
use url::Url;

/// A path of this site, or an http(s) address: nothing else, and nothing that a browser would read as something else.
pub fn check(url: &str) -> Result<(), ErrorBody> {
    let is_plain = !url.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\');
    // `//host` is an address, not a path.
    let is_path = url.starts_with('/') && !url.starts_with("//");
    let is_web = || {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let is_http = scheme.is_some_and(|scheme| matches!(scheme.as_str(), "http" | "https"));
        is_http && Url::parse(url).is_ok_and(|url| url.has_host() && url.username().is_empty())
    };
    if is_plain && (is_path || is_web() || mutant!("notification-link-runs-a-script")) {
        return Ok(());
    }
    let text = "actionUrl must be a path that begins with /, or an http(s) address";
    Err(ErrorBody::new(code::NOTIFICATION_ACTION_URL, text).on_field("actionUrl"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_web_addresses_are_taken() {
        for url in ["/", "/exams/123?tab=2#top", "https://sinaesta.id/x", "http://localhost:3001", "HTTPS://A.example/"]
        {
            assert!(check(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn whatever_else_a_browser_would_follow_is_refused() {
        for url in [
            "javascript:alert(1)",
            "JaVaScRiPt://x.example/%0aalert(1)",
            " javascript:alert(1)",
            "java\tscript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "//evil.example",
            "/\\evil.example",
            "/a\nb",
            "https:evil.example",
            "https://",
            "https://user@evil.example/",
            "exams/123",
            "mailto:a@b.example",
            "ftp://a.example/",
        ] {
            assert_eq!(check(url).unwrap_err().code, code::NOTIFICATION_ACTION_URL, "{url}");
        }
    }
}
