//! The database holds each service to its own tables.

use std::str::FromStr as _;

use secrecy::SecretString;
use sinaesta_contracts::Service;
use sinaesta_settings::Settings;
use sinaesta_testkit::TestDatabase;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

const PASSWORD: &str = "it's a password";

/// What is read, and never written.
const VIEWS: &[&str] = &["notification_seen"];

/// Tables that services share, each for rows of its own, and how one would write a row of another's.
const EACH_ITS_ROWS: &[(&str, &str)] = &[
    ("message_attempts", "INSERT INTO message_attempts (service, message) VALUES ($1, 'x')"),
    (
        "partition_owners",
        "INSERT INTO partition_owners (service, partition, replica) VALUES ($1, 0, gen_random_uuid())",
    ),
];

/// Whether a statement is refused because of who asks; any other fault is one of the test.
async fn is_refused(db: &mut PgConnection, sql: String) -> bool {
    let Err(error) = db.execute(AssertSqlSafe(sql.clone())).await else { return false };
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
    assert_eq!(code, "42501", "{sql}: {error}");
    true
}

#[tokio::test]
async fn a_service_reads_and_writes_what_is_its_own() {
    let database = TestDatabase::create().await.unwrap();
    let mut settings = Settings::load(&[]).unwrap().database;
    settings.role_password = SecretString::from(PASSWORD.to_owned());
    // Twice: a deployment migrates at every start.
    for _ in 0..2 {
        sinaesta_store::migrate(&database.pool, &settings).await.unwrap();
    }
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition",
    )
        .fetch_all(&database.pool)
        .await
        .unwrap();
    let mut writers: Vec<(&str, Service)> = Vec::new();
    for service in Service::ALL {
        let login = PgConnectOptions::from_str(&database.url).unwrap();
        let login = login.username(&sinaesta_store::role(service)).password(PASSWORD);
        let mut db = PgConnection::connect_with(&login).await.unwrap();
        for table in &tables {
            if VIEWS.contains(&table.as_str()) {
                let may_read = !is_refused(&mut db, format!("SELECT FROM {table} LIMIT 0")).await;
                assert_eq!(may_read, service == Service::Notification, "{service} and {table}");
                continue;
            }
            let may_write = !is_refused(&mut db, format!("DELETE FROM {table} WHERE false")).await;
            let may_read = !is_refused(&mut db, format!("SELECT FROM {table} LIMIT 0")).await;
            assert!(may_read || !may_write, "{service} writes {table} without reading it");
            if may_write {
                writers.push((table, service));
            } else if may_read {
                assert_eq!(table, "users", "{service} reads what is another's");
            }
            assert!(is_refused(&mut db, format!("DROP TABLE {table}")).await, "{service} can't remove {table}");
        }
        let another = if service == Service::Chat { "'leaderboard'" } else { "'chat'" };
        for (table, insert) in EACH_ITS_ROWS {
            assert!(
                is_refused(&mut db, insert.replace("$1", another)).await,
                "{service} writes others' rows of {table}"
            );
        }
        for forbidden in ["CREATE TABLE mine (x int)", "CREATE ROLE friend", "SET ROLE sinaesta_gateway"] {
            let refused = is_refused(&mut db, forbidden.to_owned()).await;
            assert!(
                refused || (service == Service::Gateway && forbidden.starts_with("SET ROLE")),
                "{service}: {forbidden}"
            );
        }
    }
    for table in tables.iter().filter(|table| *table != "_sqlx_migrations" && !VIEWS.contains(&table.as_str())) {
        let owners: Vec<_> = writers.iter().filter(|(name, _)| name == table).collect();
        let most = if EACH_ITS_ROWS.iter().any(|(shared, _)| shared == table) { 4 } else { 1 };
        assert_eq!(owners.len(), most, "{table} is written by {owners:?}");
    }
}
