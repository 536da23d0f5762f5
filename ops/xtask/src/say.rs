use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A line about what is being done now.
pub(crate) fn doing(what: &str) {
    eprintln!("--> {what}");
}

/// Shows that something without output of its own goes on: a spinner on a terminal, a plain line
/// for each thing elsewhere. Gone when dropped.
pub(crate) struct Waiting(Option<ProgressBar>);

impl Waiting {
    pub(crate) fn for_(what: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            doing(what);
            return Self(None);
        }
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        let bar = ProgressBar::new_spinner().with_message(what.to_owned());
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(Some(bar))
    }

    pub(crate) fn now(&self, what: &str) {
        match &self.0 {
            Some(bar) => bar.set_message(what.to_owned()),
            None => doing(what),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
