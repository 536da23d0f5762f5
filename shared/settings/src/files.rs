//! Uploads and their storage.

use secrecy::SecretString;
use serde::Deserialize;

use crate::rules::Rules;

/// Uploads and their storage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    pub max_bytes: u64,
    pub max_pixels: u64,
    pub max_decoded_bytes: u64,
    pub max_frames: u32,
    pub user_uploads: usize,
    pub uploading_bytes: u32,
    pub upload_timeout_ms: u64,
    pub upload_idle_ms: u64,
    pub image_wait_ms: u64,
    pub abandoned_after_s: u64,
    pub store_bytes: i64,
    pub user_files: i64,
    pub user_bytes: i64,
    pub user_files_daily: i64,
    pub user_bytes_daily: i64,
    pub s3_bucket: String,
    pub s3_endpoint: String,
    pub s3_region: String,
    pub s3_access_key: String,
    pub s3_secret_key: SecretString,
}

impl FileSettings {
    pub(crate) fn rules(&self, rules: &mut Rules) {
        rules.at_least("files.max_bytes", self.max_bytes, 1024);
        rules.at_least("files.max_pixels", self.max_pixels, 1);
        rules.at_least("files.max_decoded_bytes", self.max_decoded_bytes, 1_048_576);
        rules.at_least("files.max_frames", self.max_frames, 1);
        rules.at_least("files.user_uploads", self.user_uploads, 1);
        let uploading = u64::from(self.uploading_bytes);
        rules.at_least_setting("files.uploading_bytes", uploading, "files.max_bytes", self.max_bytes);
        rules.at_least("files.upload_timeout_ms", self.upload_timeout_ms, 1_000);
        rules.at_least("files.upload_idle_ms", self.upload_idle_ms, 100);
        rules.at_least("files.image_wait_ms", self.image_wait_ms, 100);
        rules.at_least("files.abandoned_after_s", self.abandoned_after_s, 1);
    }
}
