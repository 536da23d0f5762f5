//! Old messages, put away by the month.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use futures::TryStreamExt as _;
use sinaesta_settings::DatabaseSettings;
use sqlx::postgres::PgPoolCopyExt as _;
use sqlx::{AssertSqlSafe, PgPool, Row as _};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, BufWriter};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The months before this one, as `2026-01`.
    #[arg(long, value_name = "MONTH")]
    before: String,
    /// Where the files go; one for each month: CSV with a head, as `COPY … FROM` reads it.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write the files, and leave the database as it is.
    #[arg(long)]
    keep: bool,
}

/// Needs a database user who owns the tables: the one that migrates.
pub(crate) async fn run(settings: &DatabaseSettings, options: Options) -> anyhow::Result<()> {
    let before = month(&options.before)?;
    tokio::fs::create_dir_all(&options.out).await.with_context(|| options.out.display().to_string())?;
    let pool = sinaesta_store::connect("archive", settings).await?;
    let months: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'chat_messages'::regclass AND c.relname ~ '^chat_messages_[0-9]{4}_[0-9]{2}$' ORDER BY 1",
    )
    .fetch_all(&pool)
    .await?;
    let old = months.into_iter().filter(|table| table.trim_start_matches("chat_messages_") < before.as_str());
    for table in old {
        put_away(&pool, &table, &options).await?;
    }
    Ok(())
}

/// `2026-01` as tables spell it.
fn month(text: &str) -> anyhow::Result<String> {
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('-') {
        Some((year, month)) if digits(year, 4) && digits(month, 2) => Ok(format!("{year}_{month}")),
        _ => bail!("{text} is no month: write it as 2026-01"),
    }
}

/// The file first, synced and counted; then the table goes, with what belongs to its messages.
async fn put_away(pool: &PgPool, table: &str, options: &Options) -> anyhow::Result<()> {
    let path = options.out.join(format!("{table}.csv"));
    let part = path.with_extension("part");
    let count: i64 = sqlx::query(AssertSqlSafe(format!("SELECT count(*) FROM {table}"))).fetch_one(pool).await?.get(0);
    let mut file = BufWriter::new(File::create(&part).await.with_context(|| part.display().to_string())?);
    let mut rows = pool.copy_out_raw(&format!("COPY {table} TO STDOUT (FORMAT csv, HEADER)")).await?;
    while let Some(chunk) = rows.try_next().await? {
        file.write_all(&chunk).await?;
    }
    drop(rows);
    file.flush().await?;
    file.get_ref().sync_all().await?;
    let written = records(&part).await?;
    ensure!(written == count, "{} has {written} messages, {table} has {count}", part.display());
    tokio::fs::rename(&part, &path).await?;
    if options.keep {
        println!("{}: {count} messages, kept in the database", path.display());
        return Ok(());
    }
    let mut db = pool.begin().await?;
    for (others, key) in [("chat_reactions", "message_id"), ("chat_message_edits", "message_id")] {
        let sql = format!("DELETE FROM {others} o USING {table} m WHERE o.{key} = m.id");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *db).await?;
    }
    let search = format!("DELETE FROM chat_search s USING {table} m WHERE s.room_id = m.room_id AND s.seq = m.seq");
    sqlx::query(AssertSqlSafe(search)).execute(&mut *db).await?;
    // Nobody writes into a month that is over; but whoever did since it was counted is not to be lost.
    sqlx::query(AssertSqlSafe(format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))).execute(&mut *db).await?;
    let now: i64 =
        sqlx::query(AssertSqlSafe(format!("SELECT count(*) FROM {table}"))).fetch_one(&mut *db).await?.get(0);
    ensure!(now == count, "{table} was written to meanwhile; nothing was removed: do it again");
    sqlx::query(AssertSqlSafe(format!("ALTER TABLE chat_messages DETACH PARTITION {table}"))).execute(&mut *db).await?;
    sqlx::query(AssertSqlSafe(format!("DROP TABLE {table}"))).execute(&mut *db).await?;
    db.commit().await?;
    println!("{}: {count} messages, removed from the database", path.display());
    Ok(())
}

/// How many records a CSV file has besides its head: line ends within quotes end none.
async fn records(path: &std::path::Path) -> anyhow::Result<i64> {
    let mut lines = BufReader::new(File::open(path).await?).split(b'\n');
    let (mut count, mut is_quoted) = (-1, false);
    while let Some(line) = lines.next_segment().await? {
        if line.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
            is_quoted = !is_quoted;
        }
        if !is_quoted {
            count += 1;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_a_year_and_two_digits() {
        assert_eq!(month("2026-01").unwrap(), "2026_01");
        for wrong in ["2026", "2026-1", "26-01", "2026-1x", "'; drop"] {
            assert!(month(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn records_are_counted_whatever_is_in_them() {
        let folder = std::env::temp_dir().join(format!("sinaesta-archive-{}", std::process::id()));
        tokio::fs::write(&folder, "id,message\n1,one\n2,\"two\nlines, and \"\"quotes\"\"\"\n3,\n").await.unwrap();
        assert_eq!(records(&folder).await.unwrap(), 3);
        tokio::fs::remove_file(&folder).await.unwrap();
    }
}
