//! Old messages, put away by the month.
//!
//! A month is detached before it is counted and written, in a transaction that waits for its locks a moment only: every statement
//! about messages locks every month that is attached, so while one of them is held or waited for, all of chat waits. Detached, it is
//! nobody else's. Whatever fails from then on, it is attached again; and if that fails too, the next run goes on with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use futures::TryStreamExt as _;
use sinaesta_settings::DatabaseSettings;
use sqlx::postgres::PgPoolCopyExt as _;
use sqlx::{AssertSqlSafe, Executor as _, PgPool, Row as _};
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
        // Also one that an earlier run has detached and did not come to an end with.
        "SELECT relname::text FROM pg_class
         WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'chat_messages'::regclass) AND relkind = 'r'
           AND relname ~ '^chat_messages_[0-9]{4}_[0-9]{2}$' ORDER BY 1",
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

/// How long changing the table waits for a lock, how often it is tried, and the pause between.
const LOCK_WAIT: &str = "SET LOCAL lock_timeout = '200ms'";
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);
/// Of a lock that was not to be had in time.
const NO_LOCK: &str = "55P03";

/// The file first, synced and counted; then the table goes, with what belongs to its messages.
async fn put_away(pool: &PgPool, table: &str, options: &Options) -> anyhow::Result<()> {
    let path = options.out.join(format!("{table}.csv"));
    if options.keep {
        let count = write(pool, table, &path).await?;
        println!("{}: {count} messages, kept in the database", path.display());
        return Ok(());
    }
    let month = Month::find(pool, table).await?;
    month.detach(pool).await?;
    let removed = async {
        let count = write(pool, table, &path).await?;
        remove(pool, table, count).await.map(|()| count)
    };
    match removed.await {
        Ok(count) => {
            println!("{}: {count} messages, removed from the database", path.display());
            Ok(())
        }
        Err(error) => {
            let attached = month.attach(pool).await;
            attached
                .with_context(|| format!("{table} is detached from chat_messages: do it again. First: {error:#}"))?;
            Err(error)
        }
    }
}

/// Writes a month into a file that is there once it is whole; says how many messages that are.
async fn write(pool: &PgPool, table: &str, path: &Path) -> anyhow::Result<i64> {
    let part = path.with_extension("part");
    let mut file = BufWriter::new(File::create(&part).await.with_context(|| part.display().to_string())?);
    let count: i64 = sqlx::query(AssertSqlSafe(format!("SELECT count(*) FROM {table}"))).fetch_one(pool).await?.get(0);
    let mut rows = pool.copy_out_raw(&format!("COPY {table} TO STDOUT (FORMAT csv, HEADER)")).await?;
    while let Some(chunk) = rows.try_next().await? {
        file.write_all(&chunk).await?;
    }
    drop(rows);
    file.flush().await?;
    file.get_ref().sync_all().await?;
    let written = records(&part).await?;
    ensure!(written == count, "{} has {written} messages, {table} has {count}", part.display());
    tokio::fs::rename(&part, path).await?;
    Ok(count)
}

/// Removes a month that is detached, and what belongs to its messages.
async fn remove(pool: &PgPool, table: &str, count: i64) -> anyhow::Result<()> {
    let mut db = pool.begin().await?;
    let now: i64 =
        sqlx::query(AssertSqlSafe(format!("SELECT count(*) FROM {table}"))).fetch_one(&mut *db).await?.get(0);
    ensure!(now == count, "{table} was written to meanwhile; nothing was removed: do it again");
    for (others, key) in [("chat_reactions", "message_id"), ("chat_message_edits", "message_id")] {
        let sql = format!("DELETE FROM {others} o USING {table} m WHERE o.{key} = m.id");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *db).await?;
    }
    let search = format!("DELETE FROM chat_search s USING {table} m WHERE s.room_id = m.room_id AND s.seq = m.seq");
    sqlx::query(AssertSqlSafe(search)).execute(&mut *db).await?;
    sqlx::query(AssertSqlSafe(format!("DROP TABLE {table}"))).execute(&mut *db).await?;
    Ok(db.commit().await?)
}

/// A partition of messages.
struct Month<'t> {
    table: &'t str,
    /// The first id in it and the first behind it.
    ids: (String, String),
    is_attached: bool,
}

impl<'t> Month<'t> {
    async fn find(pool: &PgPool, table: &'t str) -> anyhow::Result<Self> {
        let (low, high, is_attached) = sqlx::query_as(
            "SELECT first_id(month AT TIME ZONE 'UTC')::text, first_id((month + interval '1 month') AT TIME ZONE 'UTC')::text,
                    EXISTS (SELECT FROM pg_inherits WHERE inhrelid = $1::text::regclass)
             FROM make_timestamp(left(right($1, 7), 4)::integer, right($1, 2)::integer, 1, 0, 0, 0) AS month",
        )
        .bind(table)
        .fetch_one(pool)
        .await?;
        Ok(Self { table, ids: (low, high), is_attached })
    }

    /// No statement about messages concerns it any more. Not CONCURRENTLY: Postgres refuses that to a table with a default partition.
    async fn detach(&self, pool: &PgPool) -> anyhow::Result<()> {
        if !self.is_attached {
            return Ok(());
        }
        let Self { table, .. } = self;
        change(pool, &[format!("ALTER TABLE chat_messages DETACH PARTITION {table}")]).await
    }

    /// It is a part of the messages again, with what came for it meanwhile.
    async fn attach(&self, pool: &PgPool) -> anyhow::Result<()> {
        let Self { table, ids: (low, high), .. } = self;
        // What is checked by it needs no reading while the others are locked.
        let check = format!("CHECK (id IS NOT NULL AND id >= '{low}' AND id < '{high}')");
        pool.execute(AssertSqlSafe(format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS within_month"))).await?;
        pool.execute(AssertSqlSafe(format!("ALTER TABLE {table} ADD CONSTRAINT within_month {check}"))).await?;
        let moved = format!("DELETE FROM chat_messages_rest WHERE id >= '{low}' AND id < '{high}' RETURNING *");
        let statements = [
            "LOCK TABLE chat_messages IN SHARE ROW EXCLUSIVE MODE".to_owned(),
            format!("WITH moved AS ({moved}) INSERT INTO {table} SELECT * FROM moved"),
            format!("ALTER TABLE chat_messages ATTACH PARTITION {table} FOR VALUES FROM ('{low}') TO ('{high}')"),
            format!("ALTER TABLE {table} DROP CONSTRAINT within_month"),
        ];
        change(pool, &statements).await
    }
}

/// Changes the table of messages in one transaction; for as long as that would have to wait, those who use it go first.
async fn change(pool: &PgPool, statements: &[String]) -> anyhow::Result<()> {
    for _ in 1..TRIES {
        match try_change(pool, statements).await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(NO_LOCK) => {
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return Ok(outcome?),
        }
    }
    Ok(try_change(pool, statements).await?)
}

async fn try_change(pool: &PgPool, statements: &[String]) -> Result<(), sqlx::Error> {
    let mut db = pool.begin().await?;
    db.execute(LOCK_WAIT).await?;
    for statement in statements {
        db.execute(AssertSqlSafe(statement.clone())).await?;
    }
    db.commit().await
}

/// How many records a CSV file has besides its head: line ends within quotes end none.
async fn records(path: &Path) -> anyhow::Result<i64> {
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
    use sinaesta_testkit::{TestDatabase, until};

    use super::*;

    #[test]
    fn a_month_is_a_year_and_two_digits() {
        assert_eq!(month("2026-01").unwrap(), "2026_01");
        for wrong in ["2026", "2026-1", "26-01", "2026-1x", "'; drop"] {
            assert!(month(wrong).is_err(), "{wrong}");
        }
    }

    const TABLE: &str = "chat_messages_2024_11";

    /// A database with three messages of a month long ago, in a folder of its own.
    async fn old_month() -> (TestDatabase, Options) {
        let database = TestDatabase::create().await.unwrap();
        let pool = &database.pool;
        pool.execute("SELECT chat_messages_make_month('2024-11-05')").await.unwrap();
        for seq in 1..=3 {
            let id = format!("to_char({seq}, 'FM00')::text");
            let sql = format!(
                "INSERT INTO chat_messages (id, room_id, seq, sender_id, sender_name, message, message_type, created_at, format)
                 SELECT (left(first_id('2024-11-05')::text, 34) || {id})::uuid, 'a', {seq}, first_id('2024-11-05'), 'S', 'x', 'text',
                        '2024-11-05', 'text'"
            );
            pool.execute(AssertSqlSafe(sql)).await.unwrap();
        }
        let out = std::env::temp_dir().join(format!("sinaesta-archive-{}", uuid::Uuid::now_v7()));
        tokio::fs::create_dir_all(&out).await.unwrap();
        (database, Options { before: "2025-01".to_owned(), out, keep: false })
    }

    async fn count(pool: &PgPool) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM chat_messages").fetch_one(pool).await.unwrap()
    }

    /// The control: with the month locked by a statement that waits for its lock as long as it takes, others wait for
    /// five seconds.
    #[tokio::test]
    async fn chat_goes_on_while_a_month_is_still_read() {
        let (database, options) = old_month().await;
        let pool = database.pool.clone();
        let mut reader = pool.begin().await.unwrap();
        assert_eq!(sqlx::query("SELECT FROM chat_messages").fetch_all(&mut *reader).await.unwrap().len(), 3);
        let archiving =
            tokio::spawn(async move { run(&database.settings().unwrap(), options).await.map(|()| database) });
        let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND database =
                       (SELECT oid FROM pg_database WHERE datname = current_database()))";
        let mut slowest = Duration::ZERO;
        for _ in 0..2 {
            until("it waits for its lock", async || {
                sqlx::query_scalar::<_, bool>(waits).fetch_one(&pool).await.unwrap()
            })
            .await;
            let began = std::time::Instant::now();
            assert_eq!(count(&pool).await, 3);
            slowest = slowest.max(began.elapsed());
        }
        assert!(slowest < Duration::from_secs(1), "{slowest:?}");
        reader.rollback().await.unwrap();
        let _database = archiving.await.unwrap().unwrap();
        assert_eq!(count(&pool).await, 0);
    }

    /// The control: with the month detached by the transaction that removes what belongs to it, whoever reads messages waits until the
    /// reactions are free.
    #[tokio::test]
    async fn nobody_waits_while_what_belongs_to_a_month_is_removed() {
        let (database, options) = old_month().await;
        let pool = database.pool.clone();
        pool.execute(
            "INSERT INTO chat_reactions (message_id, user_id, emoji, at) SELECT id, sender_id, 'x', now() FROM chat_messages",
        )
        .await
        .unwrap();
        let mut held = pool.begin().await.unwrap();
        held.execute("SELECT FROM chat_reactions FOR UPDATE").await.unwrap();
        let archiving =
            tokio::spawn(async move { run(&database.settings().unwrap(), options).await.map(|()| database) });
        let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')";
        until("it waits for the reactions", async || {
            sqlx::query_scalar::<_, bool>(waits).fetch_one(&pool).await.unwrap()
        })
        .await;
        let began = std::time::Instant::now();
        assert_eq!(count(&pool).await, 0, "the month is detached");
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        held.rollback().await.unwrap();
        let _database = archiving.await.unwrap().unwrap();
    }

    /// The control: without attaching it again, the messages are no longer found; without the look for those that are
    /// detached, a run that was ended leaves them for good.
    #[tokio::test]
    async fn whatever_fails_the_messages_are_where_they_were_or_the_next_run_goes_on() {
        let (database, options) = old_month().await;
        let pool = &database.pool;
        // A folder stands where the file is to be.
        let in_the_way = options.out.join(TABLE).with_extension("csv");
        tokio::fs::create_dir_all(in_the_way.join("x")).await.unwrap();
        put_away(pool, TABLE, &options).await.unwrap_err();
        assert_eq!(count(pool).await, 3);
        // One that came for the month while it was detached is in it afterwards.
        let month = Month::find(pool, TABLE).await.unwrap();
        assert!(month.is_attached);
        month.detach(pool).await.unwrap();
        pool.execute(
            "INSERT INTO chat_messages (id, room_id, seq, sender_id, sender_name, message, message_type, created_at, format)
             SELECT first_id('2024-11-06'), 'a', 4, first_id('2024-11-05'), 'S', 'x', 'text', '2024-11-06', 'text'",
        )
        .await
        .unwrap();
        month.attach(pool).await.unwrap();
        assert_eq!(count(pool).await, 4);
        // A process that ended in between.
        month.detach(pool).await.unwrap();
        tokio::fs::remove_dir_all(&in_the_way).await.unwrap();
        run(&database.settings().unwrap(), Options { out: options.out.clone(), ..options }).await.unwrap();
        assert_eq!(records(&in_the_way).await.unwrap(), 4);
        let gone: bool =
            sqlx::query_scalar("SELECT to_regclass($1) IS NULL").bind(TABLE).fetch_one(pool).await.unwrap();
        assert!(gone);
    }

    #[tokio::test]
    async fn records_are_counted_whatever_is_in_them() {
        let folder = std::env::temp_dir().join(format!("sinaesta-archive-{}", std::process::id()));
        tokio::fs::write(&folder, "id,message\n1,one\n2,\"two\nlines, and \"\"quotes\"\"\"\n3,\n").await.unwrap();
        assert_eq!(records(&folder).await.unwrap(), 3);
        tokio::fs::remove_file(&folder).await.unwrap();
    }
}
