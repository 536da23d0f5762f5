//! After a broker came back without its data: services make their streams and consumers anew by themselves, and what was not
//! acknowledged is sent again by who sent it. What is left is what one service had told another, and the other had not heard
//! yet: told again from the database. Whoever heard of it already finds it done.

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use sinaesta_bus::Bus;
use sinaesta_clock::Clock;
use sinaesta_contracts::retelling::{RetellExams, RetellMessages, Retold};
use sinaesta_contracts::{Actor, Command, Timestamp};
use uuid::Uuid;

/// How long one page may take.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// From how many hours ago on; events are kept for 168 at the most.
    #[arg(long, default_value_t = 168)]
    hours: u32,
}

pub(crate) async fn run(bus: &Bus, options: Options) -> anyhow::Result<()> {
    let since = Timestamp(Clock::system().now() - time::Duration::hours(i64::from(options.hours)));
    let messages = all(bus, |after| RetellMessages { since, after }).await?;
    println!("{messages} messages were told again");
    let results = all(bus, |after| RetellExams { since, after }).await?;
    println!("{results} results were told again");
    Ok(())
}

/// Page after page.
async fn all<C, P>(bus: &Bus, page: impl Fn(Option<P>) -> C) -> anyhow::Result<usize>
where
    C: Command<Reply = Retold<P>>,
    Retold<P>: serde::de::DeserializeOwned,
{
    let (mut count, mut after) = (0, None);
    loop {
        let sent = bus.dispatch(Uuid::now_v7(), &Actor::system(), &page(after)).await;
        let answer = match sent {
            Ok(sent) => sent.answer(LIMIT).await,
            Err(error) => Err(error),
        };
        let answer = answer.map_err(|error| anyhow!("{}: {} ({})", C::SERVICE, error.message, error.code))?;
        let told: Retold<P> = serde_json::from_str(answer.get())?;
        count += told.count;
        match told.next {
            Some(next) => after = Some(next),
            None => return Ok(count),
        }
    }
}
