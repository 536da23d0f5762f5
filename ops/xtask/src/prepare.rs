use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::test::ScratchPostgres;
use crate::workspace::Workspace;
use crate::{cargo, run, say};

const DATABASE: &str = "prepare";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only compare: fail when what is committed differs from what would be written.
    #[arg(long)]
    check: bool,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    if options.check {
        return check(&workspace).await;
    }
    let fresh = describe(&workspace).await?;
    let folder = workspace.root.join(".sqlx");
    fs::create_dir_all(&folder)?;
    let old = queries(&folder)?;
    for (name, content) in &fresh {
        // A file that stays the same keeps its time, so that nothing is compiled because of it.
        if old.get(name) != Some(content) {
            fs::write(folder.join(name), content)?;
        }
    }
    for name in old.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(folder.join(name))?;
    }
    println!("{} queries described in .sqlx", fresh.len());
    Ok(())
}

/// Fails when `.sqlx` is not what the queries and the migrations say.
pub(crate) async fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let committed = queries(&workspace.root.join(".sqlx"))?;
    if describe(workspace).await? != committed {
        bail!(".sqlx is not what the queries and migrations say: run cargo xtask prepare");
    }
    Ok(())
}

/// Name and content of each query's file, as sqlx's macros write them while they are expanded
/// with a database at hand.
async fn describe(workspace: &Workspace) -> anyhow::Result<BTreeMap<OsString, Vec<u8>>> {
    let database = ScratchPostgres::start(workspace).await?;
    let result = describe_with(workspace, &database).await;
    database.stop().await;
    result
}

async fn describe_with(
    workspace: &Workspace,
    database: &ScratchPostgres,
) -> anyhow::Result<BTreeMap<OsString, Vec<u8>>> {
    database.postgres.create_database(DATABASE).await?;
    for file in sorted(&workspace.root.join("migrations"), ".sql")? {
        database.postgres.execute_file(DATABASE, &file).await?;
    }
    // Cargo does not know that the macros read the database: only a changed file makes it expand
    // them again.
    for file in files_with_queries(&workspace.root)? {
        touch(&file)?;
    }
    let written = tempfile::tempdir()?;
    say::doing("compiling the queries against the migrated database");
    let mut check = cargo::command(workspace, ["check", "--workspace", "--all-targets"]);
    check
        .env("DATABASE_URL", database.postgres.url(DATABASE))
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", written.path());
    run::run(check).await?;
    queries(written.path())
}

fn queries(folder: &Path) -> anyhow::Result<BTreeMap<OsString, Vec<u8>>> {
    let mut found = BTreeMap::new();
    if folder.is_dir() {
        for file in sorted(folder, ".json")? {
            let content = fs::read(&file)?;
            found.insert(file.file_name().unwrap_or_default().to_owned(), content);
        }
    }
    Ok(found)
}

fn sorted(folder: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_str().is_some_and(|path| path.ends_with(ending)))
        .collect();
    files.sort_unstable();
    Ok(files)
}

/// Rust files of the members that use one of the checked macros.
fn files_with_queries(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = vec![];
    let mut folders: Vec<PathBuf> = ["services", "shared", "ops"].map(|name| root.join(name)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") && has_query(&fs::read_to_string(&path)?) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn has_query(source: &str) -> bool {
    ["query", "query_as", "query_scalar", "query_unchecked", "query_as_unchecked"]
        .iter()
        .any(|name| source.contains(&format!("{name}!(")))
}

fn touch(path: &Path) -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a file's time is compared with the system's")]
    let now = std::time::SystemTime::now();
    let file = File::options().append(true).open(path)?;
    file.set_modified(now).with_context(|| format!("cannot touch {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_checked_macro_is_recognised() {
        assert!(has_query(&["sqlx::query_as!", "(Row, \"\")"].concat()));
        assert!(!has_query("sqlx::query(\"\")"));
    }

    #[test]
    fn files_come_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["20260102_b.sql", "20260101_a.sql", "notes.md"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let files = sorted(folder.path(), ".sql").unwrap();
        let names: Vec<_> = files.iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["20260101_a.sql", "20260102_b.sql"]);
    }
}
