//! Files: uploaded over HTTP, had by messages, read by whoever may be in a room that has one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Actor, Command, FileId, Query, ServerEvent, Service, Timestamp};

/// A file as its uploader gets it: `fileUrl`, `fileName` and `fileSize` are what `send-message` takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadedFile {
    pub id: FileId,
    pub file_url: String,
    pub file_name: String,
    /// Bytes, as it is kept: images without what was hidden in them.
    pub file_size: u64,
    pub content_type: String,
    /// Of an image, in pixels.
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// Of an image: a smaller one, at the most 320 pixels wide and high.
    pub thumbnail_url: Option<String>,
    pub created_at: Timestamp,
}

/// Notes a file that is in the store. Not for clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordFile {
    pub id: FileId,
    /// 1 to 255 characters.
    pub name: String,
    pub size: u64,
    pub content_type: String,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub has_thumbnail: bool,
}

impl Command for RecordFile {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "record-file-v1";
    type Reply = UploadedFile;

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// Asks for a file that the caller may read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindFile {
    pub id: FileId,
}

impl Query for FindFile {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "find-file-v1";
    type Reply = UploadedFile;
}

/// To the uploader's sockets, while a file comes in that was sent with an `uploadId`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileUploadProgress {
    pub upload_id: String,
    /// Bytes that have come in.
    #[ts(type = "number")]
    pub received: u64,
    /// Bytes of the whole request, if it says so.
    #[ts(type = "number | null")]
    pub total: Option<u64>,
}

impl ServerEvent for FileUploadProgress {
    const NAME: &'static str = "file-upload-progress";
}
