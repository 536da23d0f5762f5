//! An encrypted connection to a database whose certificate was signed by an authority of one's own.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use secrecy::SecretString;
use sinaesta_localstack::{Postgres, PostgresOptions, Tools};
use sinaesta_settings::Settings;
use sinaesta_testkit::certificates;
use sqlx::{Connection as _, PgConnection};

/// Starts a server that has the certificate of `tls`, unless it was built without TLS, as the one that is fetched where
/// none is installed. It may run as another user: the key is that one's, and nobody else's.
async fn encrypted(data: &Path, tls: &Path) -> anyhow::Result<Option<Postgres>> {
    let programs = Tools::from_env().postgres(&|_| {}).await?;
    let server = Postgres::start(PostgresOptions::new(programs, data)).await?;
    let mut db = PgConnection::connect(&server.url("postgres")).await?;
    let library: String = sqlx::query_scalar("SHOW ssl_library").fetch_one(&mut db).await?;
    if library.is_empty() {
        return Ok(None);
    }
    let folder: String = sqlx::query_scalar("SHOW data_directory").fetch_one(&mut db).await?;
    let owner = std::fs::metadata(&folder)?;
    for (from, to) in [("tls.crt", "server.crt"), ("tls.key", "server.key")] {
        let file = Path::new(&folder).join(to);
        std::fs::copy(tls.join(from), &file)?;
        std::fs::set_permissions(&file, Permissions::from_mode(0o600))?;
        chown(&file, Some(owner.uid()), Some(owner.gid()))?;
    }
    let mut options = server.options().clone();
    db.close().await?;
    server.stop().await;
    options.settings.push("ssl=on".to_owned());
    Ok(Some(Postgres::start(options).await?))
}

#[tokio::test]
async fn a_connection_can_be_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    for name in ["ours", "others"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        certificates(&folder.path().join(name)).unwrap();
    }
    let Some(server) = encrypted(&folder.path().join("data"), &folder.path().join("ours")).await.unwrap() else {
        eprintln!("not tried: this Postgres was built without TLS");
        return;
    };
    let url = |authority: &str, host: &str| {
        let file = folder.path().join(authority).join("ca.crt").display().to_string();
        format!("{}?sslmode=verify-full&sslrootcert={file}", server.url("postgres").replace("127.0.0.1", host))
    };
    let mut settings = Settings::load(&[]).unwrap().database;
    settings.url = SecretString::from(url("ours", "127.0.0.1"));
    let pool = sinaesta_store::connect("chat", &settings).await.unwrap();
    let is_encrypted: bool =
        sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetch_one(&pool).await.unwrap();
    assert!(is_encrypted);
    // Whose certificate nobody we know has signed, or is another's, is nobody we talk to.
    for (authority, host, reason) in [("others", "127.0.0.1", "BadSignature"), ("ours", "localhost", "NotValidForName")]
    {
        let error = PgConnection::connect(&url(authority, host)).await.unwrap_err();
        assert!(format!("{error:?}").contains(reason), "{error:?}");
    }
    server.stop().await;
}
