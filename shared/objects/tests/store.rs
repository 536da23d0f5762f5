//! Both kinds of store do the same: a real NATS, and the trait that S3 is reached by.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::memory::InMemory;
use sinaesta_objects::{ObjectError, Objects};
use sinaesta_testkit::TestNats;

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
    keeps_what_it_is_given(Objects::connect(&settings.files, &settings.nats).await.unwrap()).await;
}

#[tokio::test]
async fn whatever_object_store_reaches() {
    keeps_what_it_is_given(Objects::over(Arc::new(InMemory::new()))).await;
}
