use std::path::Path;
use std::time::Duration;

/// How soon JetStream's writes reach the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncInterval {
    /// Before each acknowledgement: nothing acknowledged is lost even when the machine stops.
    Always,
    /// At this interval: nothing is lost when only the program is killed.
    Every(Duration),
}

impl Default for SyncInterval {
    /// The server's own default.
    fn default() -> Self {
        Self::Every(Duration::from_secs(120))
    }
}

/// What one server's configuration file is made of.
pub(crate) struct Config<'a> {
    pub(crate) port: u16,
    pub(crate) monitor_port: u16,
    pub(crate) pid_file: &'a Path,
    pub(crate) store_dir: &'a Path,
    pub(crate) sync: SyncInterval,
    pub(crate) max_memory_bytes: u64,
    pub(crate) max_file_bytes: u64,
    pub(crate) extra: &'a str,
}

impl Config<'_> {
    pub(crate) fn render(&self) -> String {
        let Self { port, monitor_port, max_memory_bytes, max_file_bytes, extra, .. } = self;
        let sync = match self.sync {
            SyncInterval::Always => "always".to_owned(),
            SyncInterval::Every(interval) => format!("\"{}ms\"", interval.as_millis().max(1)),
        };
        let pid_file = quoted(self.pid_file);
        let store_dir = quoted(self.store_dir);
        format!(
            "server_name: sinaesta-local\n\
             listen: \"127.0.0.1:{port}\"\n\
             http: \"127.0.0.1:{monitor_port}\"\n\
             pid_file: {pid_file}\n\
             max_payload: 8MB\n\
             max_connections: 4096\n\
             ping_interval: \"5s\"\n\
             ping_max: 3\n\
             write_deadline: \"10s\"\n\
             jetstream {{\n  \
               store_dir: {store_dir}\n  \
               sync_interval: {sync}\n  \
               max_memory_store: {max_memory_bytes}\n  \
               max_file_store: {max_file_bytes}\n\
             }}\n\
             {extra}\n"
        )
    }
}

fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_reaches_the_file() {
        let config = Config {
            port: 4222,
            monitor_port: 8222,
            pid_file: Path::new("/d/pid"),
            store_dir: Path::new("/d/a \"b\""),
            sync: SyncInterval::Always,
            max_memory_bytes: 1,
            max_file_bytes: 2,
            extra: "debug: true",
        };
        let text = config.render();
        for line in
            ["listen: \"127.0.0.1:4222\"", "  store_dir: \"/d/a \\\"b\\\"\"", "  sync_interval: always", "debug: true"]
        {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        let every = Config { sync: SyncInterval::default(), ..config };
        assert!(every.render().contains("sync_interval: \"120000ms\""));
    }
}
