//! The bounds of settings. Each is declared once, where it is checked; `docs/settings.md` lists the same declarations.

use std::fmt::Display;

use crate::SettingsError;

/// The bounds of all settings, in the order in which they are checked.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    key: &'static str,
    /// As the reference lists it.
    bound: String,
    /// How the value breaks it, as the rest of a sentence that begins with the setting.
    problem: Option<String>,
}

impl Rules {
    pub(crate) fn at_least<T: PartialOrd + Display>(&mut self, key: &'static str, value: T, least: T) {
        let problem = (value < least).then(|| format!("is {value}, but must be at least {least}"));
        self.require(key, format!("at least {least}"), problem);
    }

    /// A lower bound that is the value of `other`.
    pub(crate) fn at_least_setting<T: PartialOrd + Display>(
        &mut self,
        key: &'static str,
        value: T,
        other: &'static str,
        least: T,
    ) {
        let problem = (value < least).then(|| format!("is {value}, but must be at least {least}, like {other}"));
        self.require(key, format!("at least `{other}`"), problem);
    }

    /// Any other bound.
    pub(crate) fn require(&mut self, key: &'static str, bound: impl Into<String>, problem: Option<String>) {
        self.0.push(Rule { key, bound: bound.into(), problem });
    }

    /// A bound that is enforced where the setting is used.
    pub(crate) fn note(&mut self, key: &'static str, bound: impl Into<String>) {
        self.require(key, bound, None);
    }

    /// The first setting that is out of bounds, as an error.
    pub(crate) fn check(self) -> Result<(), SettingsError> {
        for Rule { key, problem, .. } in self.0 {
            if let Some(problem) = problem {
                return Err(SettingsError::Invalid { key, problem });
            }
        }
        Ok(())
    }

    /// The bounds of one setting.
    pub(crate) fn of(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |rule| rule.key == key).map(|rule| rule.bound.as_str())
    }

    #[cfg(test)]
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|rule| rule.key)
    }
}
