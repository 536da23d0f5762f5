//! Writes the documents that are generated from the contract: `cargo run -p sinaesta-contracts --example generate`.
//!
//! With `--check` it writes nothing, names each file that is not up to date and exits with 1.

mod documents;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let check = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => {
            eprintln!("usage: generate [--check]");
            return ExitCode::from(2);
        }
    };
    match run(check) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every file is up to date when it is done.
fn run(check: bool) -> Result<bool, Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut current = true;
    for (name, text) in documents::all()? {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|committed| committed == text) {
            continue;
        }
        if check {
            eprintln!("{} is not up to date: run `cargo xtask codegen`", path.display());
            current = false;
        } else {
            std::fs::write(&path, text)?;
            println!("wrote {}", path.display());
        }
    }
    Ok(current)
}
