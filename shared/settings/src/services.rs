//! What each service behind the gateway has of its own.

use serde::Deserialize;

use crate::rules::Rules;

/// The chat service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatSettings {
    pub http_host: String,
    pub http_port: u16,
    pub open_rooms: bool,
    pub allowed_file_hosts: Vec<String>,
    pub presence_grace_ms: u64,
    pub gateway_silence_ms: u64,
    pub presence_room_limit: i64,
    pub status_interval_ms: i64,
    pub rooms_per_user: i64,
    pub rooms_per_user_daily: i64,
    pub memberships_per_user: i64,
    pub groups_per_user: i64,
    pub invitations_per_user: i64,
}

/// The exam-grading service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExamSettings {
    pub http_host: String,
    pub http_port: u16,
    pub tick_ms: u64,
    pub gateway_silence_ms: u64,
    pub announce_limit: u32,
    pub papers_bytes: u64,
}

/// The leaderboard service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaderboardSettings {
    pub http_host: String,
    pub http_port: u16,
    pub time_zone: String,
    pub tick_ms: u64,
    pub compare_ms: u64,
    pub past_boards_bytes: u64,
    pub concurrent_rankings: usize,
}

/// The notification service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationSettings {
    pub http_host: String,
    pub http_port: u16,
    pub tick_ms: u64,
    pub time_zone: String,
    pub urgent_repeat_ms: u64,
    pub urgent_repeats: i16,
    pub retention_days: u16,
    pub retention_batch: i64,
    pub retention_tick_ms: u64,
    pub push_delay_ms: u64,
    pub push_hosts: Vec<String>,
    pub push_contact: String,
    pub unread_per_user: i64,
    pub sent_per_user_daily: i64,
}

impl ExamSettings {
    pub(crate) fn rules(&self, rules: &mut Rules) {
        rules.at_least("exams.tick_ms", self.tick_ms, 10);
    }
}

impl LeaderboardSettings {
    pub(crate) fn rules(&self, rules: &mut Rules) {
        rules.at_least("leaderboard.tick_ms", self.tick_ms, 10);
        rules.at_least("leaderboard.compare_ms", self.compare_ms, 10);
        rules.at_least("leaderboard.concurrent_rankings", self.concurrent_rankings, 1);
    }
}

impl NotificationSettings {
    pub(crate) fn rules(&self, rules: &mut Rules) {
        rules.at_least("notifications.tick_ms", self.tick_ms, 10);
        rules.at_least("notifications.urgent_repeat_ms", self.urgent_repeat_ms, 10);
        rules.at_least("notifications.urgent_repeats", self.urgent_repeats, 0);
        rules.at_least("notifications.retention_days", self.retention_days, 1);
        rules.at_least("notifications.retention_batch", self.retention_batch, 1);
        rules.at_least("notifications.retention_tick_ms", self.retention_tick_ms, 10);
    }
}
