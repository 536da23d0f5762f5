//! Where files are kept: the NATS Object Store, or any store that speaks S3.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::object_store::{Config, ObjectMetadata, ObjectStore};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore as _, ObjectStoreExt as _};
use secrecy::ExposeSecret as _;
use sinaesta_contracts::FILE_BUCKET;
use sinaesta_settings::{FileSettings, NatsSettings};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio_util::io::ReaderStream;

/// How often a bucket that others may be making is looked for, and for how long.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: u32 = 50;

/// The store can't do it.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// Whatever else.
    #[error("the object store: {0}")]
    Store(String),
}

fn failed(error: impl std::fmt::Display) -> ObjectError {
    ObjectError::Store(error.to_string())
}

/// A store; clones share it.
#[derive(Clone)]
pub struct Objects(Kind);

#[derive(Clone)]
enum Kind {
    Nats(Arc<ObjectStore>),
    S3(Arc<AmazonS3>),
}

impl Objects {
    /// The store that the settings name, for the service `name`; the bucket in NATS is made if need be.
    pub async fn connect(name: &str, files: &FileSettings, nats: &NatsSettings) -> Result<Self, ObjectError> {
        if files.s3_bucket.is_empty() {
            let client = sinaesta_bus::login(name, nats).connect(&nats.url).await.map_err(failed)?;
            let config = Config {
                bucket: FILE_BUCKET.to_owned(),
                max_bytes: files.store_bytes,
                num_replicas: nats.stream_replicas,
                ..Config::default()
            };
            let store = open_bucket(&jetstream::new(client), config).await?;
            return Ok(Self(Kind::Nats(Arc::new(store))));
        }
        // Another part of the process may have chosen one: any does.
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&files.s3_bucket)
            .with_region(&files.s3_region)
            .with_access_key_id(&files.s3_access_key)
            .with_secret_access_key(files.s3_secret_key.expose_secret());
        if !files.s3_endpoint.is_empty() {
            builder =
                builder.with_endpoint(&files.s3_endpoint).with_allow_http(files.s3_endpoint.starts_with("http://"));
        }
        Ok(Self(Kind::S3(Arc::new(builder.build().map_err(failed)?))))
    }

    /// Keeps what `reader` gives. If that fails midway there is no such object.
    pub async fn put(&self, name: &str, mut reader: impl AsyncRead + Send + Unpin) -> Result<(), ObjectError> {
        match &self.0 {
            Kind::Nats(store) => {
                let meta = ObjectMetadata { name: name.to_owned(), ..ObjectMetadata::default() };
                store.put(meta, &mut reader).await.map(drop).map_err(failed)
            }
            Kind::S3(store) => {
                let mut writer = BufWriter::new(Arc::<AmazonS3>::clone(store), Path::from(name));
                if let Err(error) = copy(&mut reader, &mut writer).await {
                    writer.abort().await.map_err(failed)?;
                    return Err(failed(error));
                }
                writer.shutdown().await.map_err(failed)
            }
        }
    }

    /// The bytes of an object, from one place to before another.
    pub async fn get(
        &self,
        name: &str,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, ObjectError>>, ObjectError> {
        match &self.0 {
            Kind::Nats(store) => {
                let mut object = store.get(name).await.map_err(|_| ObjectError::NotFound)?;
                // The store knows no ranges: what stands before is read and thrown away.
                let mut before = (&mut object).take(range.start);
                copy(&mut before, &mut tokio::io::sink()).await.map_err(failed)?;
                let wanted = object.take(range.end.saturating_sub(range.start));
                Ok(ReaderStream::new(wanted).map_err(failed).boxed())
            }
            Kind::S3(store) => {
                let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
                match store.get_opts(&Path::from(name), options).await {
                    Ok(found) => Ok(found.into_stream().map_err(failed).boxed()),
                    Err(object_store::Error::NotFound { .. }) => Err(ObjectError::NotFound),
                    Err(error) => Err(failed(error)),
                }
            }
        }
    }

    /// Removes an object; one that does not exist is removed already.
    pub async fn delete(&self, name: &str) -> Result<(), ObjectError> {
        match &self.0 {
            Kind::Nats(store) => {
                // What is not there can't be deleted, which is told by the same error as others.
                if store.info(name).await.is_err() {
                    return Ok(());
                }
                store.delete(name).await.map_err(failed)
            }
            Kind::S3(store) => match store.delete(&Path::from(name)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(failed(error)),
            },
        }
    }
}

/// The bucket, made if need be. Every replica does this when it starts: while one makes it the broker tells the
/// others, for a moment, that there is no room for another.
async fn open_bucket(context: &jetstream::Context, config: Config) -> Result<ObjectStore, ObjectError> {
    let mut looks = 0;
    loop {
        if let Ok(store) = context.get_object_store(FILE_BUCKET).await {
            return Ok(store);
        }
        match context.create_object_store(config.clone()).await {
            Ok(store) => return Ok(store),
            Err(error) if looks == LOOKS => return Err(failed(error)),
            Err(_) => looks += 1,
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
