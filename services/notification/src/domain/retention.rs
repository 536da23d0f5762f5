//! How long what is in an inbox is kept.

use sinaesta_settings::NotificationSettings;

/// How long read notifications and announcements are kept.
pub fn kept_for(settings: &NotificationSettings) -> time::Duration {
    time::Duration::days(i64::from(settings.retention_days))
}
