use thiserror::Error;

/// A setting that can't be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A value is missing or of the wrong type.
    #[error("the settings can't be read: {0}")]
    Read(#[from] config::ConfigError),
    /// A file that should hold a secret can't be read.
    #[error("the file {file} that {variable} names can't be read: {error}")]
    Secret {
        /// The environment variable.
        variable: String,
        /// The file it names.
        file: String,
        /// Why it can't be read.
        error: std::io::Error,
    },
    /// A value is out of bounds.
    #[error("the setting {key} {problem} (environment variable {})", variable(.key))]
    Invalid {
        /// `section.key`
        key: &'static str,
        /// Why it is refused, as the rest of a sentence.
        problem: String,
    },
}

/// The environment variable that overrides a setting.
pub(crate) fn variable(key: &str) -> String {
    format!("SINAESTA__{}", key.to_uppercase().replace('.', "__"))
}
