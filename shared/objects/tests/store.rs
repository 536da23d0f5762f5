//! Both kinds of store do the same: a real NATS, and a server that speaks S3 and checks who asks.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use futures::TryStreamExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use sinaesta_objects::{ObjectError, Objects};
use sinaesta_settings::Settings;
use sinaesta_testkit::TestNats;
use tokio::net::TcpListener;
use tokio_util::io::StreamReader;

async fn read(objects: &Objects, from: u64, to: u64) -> Vec<u8> {
    let parts: Vec<_> = objects.get("one", from..to).await.unwrap().try_collect().await.unwrap();
    parts.concat()
}

async fn keeps_what_it_is_given(objects: Objects) {
    // More than a chunk of either store.
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    objects.put("one", bytes.as_slice()).await.unwrap();
    assert_eq!(read(&objects, 0, 300_000).await, bytes);
    assert_eq!(Some(read(&objects, 131_000, 131_100).await.as_slice()), bytes.get(131_000..131_100));
    assert_eq!(Some(read(&objects, 299_999, 300_000).await.as_slice()), bytes.get(299_999..));
    objects.delete("one").await.unwrap();
    objects.delete("one").await.unwrap();
    assert!(matches!(objects.get("one", 0..1).await, Err(ObjectError::NotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nats_object_store() {
    let nats = TestNats::start().await.unwrap();
    let settings = nats.settings().unwrap();
    keeps_what_it_is_given(Objects::connect("chat", &settings.files, &settings.nats).await.unwrap()).await;
}

/// An S3 over a folder, with one bucket and one key; gives its address.
async fn s3(folder: &Path) -> SocketAddr {
    std::fs::create_dir(folder.join("files")).unwrap();
    let mut service = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
    service.set_auth(SimpleAuth::from_single("key", "secret"));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let server = Builder::new(TokioExecutor::new());
                server.serve_connection(TokioIo::new(stream), service).await.ok();
            });
        }
    });
    address
}

async fn connect_s3(address: SocketAddr, secret: &str) -> Objects {
    let settings = Settings::load(&[
        ("files.s3_bucket", "files".to_owned()),
        ("files.s3_endpoint", format!("http://{address}")),
        ("files.s3_access_key", "key".to_owned()),
        ("files.s3_secret_key", secret.to_owned()),
    ])
    .unwrap();
    Objects::connect("chat", &settings.files, &settings.nats).await.unwrap()
}

#[tokio::test]
async fn a_store_that_speaks_s3() {
    let folder = tempfile::tempdir().unwrap();
    let objects = connect_s3(s3(folder.path()).await, "secret").await;
    keeps_what_it_is_given(objects.clone()).await;
    // More than one part of an upload: no part of it is held longer than it takes to send it.
    let bytes = vec![7; 12_000_000];
    objects.put("large", bytes.as_slice()).await.unwrap();
    let parts: Vec<_> = objects.get("large", 0..12_000_000).await.unwrap().try_collect().await.unwrap();
    assert!(parts.concat() == bytes);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_no_object() {
    let folder = tempfile::tempdir().unwrap();
    let objects = connect_s3(s3(folder.path()).await, "secret").await;
    let broken = futures::stream::iter([Ok(Bytes::from(vec![7; 6_000_000])), Err(std::io::Error::other("gone"))]);
    objects.put("broken", StreamReader::new(broken)).await.unwrap_err();
    assert!(matches!(objects.get("broken", 0..1).await, Err(ObjectError::NotFound)));
}

#[tokio::test]
async fn a_store_refuses_a_wrong_key() {
    let folder = tempfile::tempdir().unwrap();
    let objects = connect_s3(s3(folder.path()).await, "wrong").await;
    objects.put("one", b"x".as_slice()).await.unwrap_err();
}
