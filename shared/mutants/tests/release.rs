//! No release has a planted bug in it.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Compiles the crate by itself as a release does, whatever this test was built with.
fn compile(cfg: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new("rustc")
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "-O", "-C", "debug-assertions=off"])
        .args(cfg)
        .arg("--out-dir")
        .arg(folder.path())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"))
        .output()
        .unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

#[test]
fn a_release_can_be_built_without_them_only() {
    let without = compile(&[]);
    assert!(without.status.success(), "{}", String::from_utf8_lossy(&without.stderr));
    let with = compile(&["--cfg", "feature=\"planted\""]);
    let said = String::from_utf8_lossy(&with.stderr);
    assert!(!with.status.success() && said.contains("a release is built without the feature"), "{said}");
}

#[test]
fn no_crate_asks_for_them_and_no_image() {
    let mut manifests = vec![root().join("Cargo.toml")];
    for folder in ["services", "shared", "ops"] {
        let crates = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        manifests.extend(crates.map(|path| path.join("Cargo.toml")).filter(|path| path.exists()));
    }
    assert!(manifests.len() > 15, "{manifests:?}");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap().join("Cargo.toml");
    for manifest in manifests.into_iter().filter(|manifest| *manifest != own) {
        let text = std::fs::read_to_string(&manifest).unwrap();
        assert!(!text.contains("planted"), "{} asks for planted bugs", manifest.display());
    }
    let own = std::fs::read_to_string(own).unwrap();
    assert!(!own.contains("default = "), "the feature is on by itself");
    let images = std::fs::read_to_string(root().join("ops/docker/Dockerfile")).unwrap();
    assert!(
        images.contains("cargo build --release") && !images.contains("features"),
        "an image is built with features"
    );
}
