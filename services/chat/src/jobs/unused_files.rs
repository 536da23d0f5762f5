//! Files that nobody posted, and those of messages that were removed, are removed after a while: first they can be posted
//! no more, and a little later what they hold goes.

use std::time::Duration;

use anyhow::Context as _;
use sinaesta_contracts::FileId;
use sinaesta_mutants::mutant;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::store::files;

/// The most time between two looks; where files are abandoned sooner, it is a quarter of that.
const SELDOM: Duration = Duration::from_secs(60);
/// When a removal that failed is tried again: after the first failure, and at the latest.
const FIRST_AGAIN: Duration = Duration::from_secs(60);
const LATEST_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);
/// How many files one look takes; the next look takes the next.
const AT_ONCE: i64 = 50;

/// The name under which a file's smaller image is kept.
fn thumbnail(id: FileId) -> String {
    format!("{id}.thumbnail")
}

pub(crate) async fn tidy(context: Context, shutdown: CancellationToken) {
    let after = Duration::from_secs(context.files.abandoned_after_s);
    let pause = SELDOM.min(after / 4).max(Duration::from_millis(100));
    let mut tick = interval(pause);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ticking = async {
        loop {
            tick.tick().await;
            if let Err(error) = look(&context, after, pause).await {
                tracing::warn!(error = format!("{error:#}"), "abandoned files stay for now");
            }
        }
    };
    shutdown.run_until_cancelled(ticking).await;
}

async fn look(context: &Context, after: Duration, pause: Duration) -> anyhow::Result<()> {
    mutant!("chat-abandoned-files-stay", return Ok(()));
    let now = context.clock.now();
    let mut db = context.pool.acquire().await?;
    files::abandon(&mut db, now - after, now, AT_ONCE).await?;
    let abandoned = files::abandoned(&mut db, now - pause, now, AT_ONCE).await?;
    drop(db);
    for (id, failures) in abandoned {
        // Each by itself: one that can't be removed is tried again later, and holds up no other.
        if let Err(error) = remove(context, id).await {
            let again = (FIRST_AGAIN * 2_u32.saturating_pow(failures)).min(LATEST_AGAIN);
            tracing::warn!(file_id = %id, failures, again_s = again.as_secs(), "a file can't be removed yet: {error:#}");
            metrics::counter!("chat_file_removals_failed_total").increment(1);
            files::put_off(&mut *context.pool.acquire().await?, id, now + again).await?;
        }
    }
    Ok(())
}

async fn remove(context: &Context, id: FileId) -> anyhow::Result<()> {
    // What it holds first: a row without it is found again, what no row names would stay for good.
    context.objects.delete(&id.to_string()).await.context("the file")?;
    context.objects.delete(&thumbnail(id)).await.context("the thumbnail")?;
    files::remove(&mut *context.pool.acquire().await?, id).await?;
    metrics::counter!("chat_files_removed_total").increment(1);
    Ok(())
}
