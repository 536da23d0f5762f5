//! What could not be handled.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use sinaesta_bus::admin::{Admin, DeadLetter};
use sinaesta_contracts::Service;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show them, oldest first.
    List(Which),
    /// Show one whole.
    Show {
        /// Its number.
        number: u64,
    },
    /// Publish them once more where they were published first: after what was at fault was mended.
    #[command(alias = "replay")]
    Resend(Chosen),
    /// Remove them.
    #[command(alias = "drop")]
    Remove(Chosen),
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Of one service only.
    #[arg(long)]
    service: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// Their numbers.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    numbers: Vec<u64>,
    /// All of them; with `--service`, all of that service's.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    which: Which,
}

pub(crate) async fn run(admin: &Admin, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List(which) => {
            let letters = admin.dead_letters(service(&which)?).await?;
            println!("{:>8}  {:<20} {:<14} {:<44} reason", "number", "at", "service", "published to");
            for letter in &letters {
                let at = letter.at.replace_nanosecond(0)?;
                println!(
                    "{:>8}  {at:<20} {:<14} {:<44} {}",
                    letter.sequence, letter.service, letter.subject, letter.reason
                );
            }
            println!("{} dead letters", letters.len());
        }
        Command::Show { number } => {
            let letters = admin.dead_letters(None).await?;
            let letter = letters.iter().find(|letter| letter.sequence == number);
            let letter = letter.with_context(|| format!("there is no dead letter {number}"))?;
            println!("at: {}\npublished to: {}\nreason: {}\n", letter.at, letter.subject, letter.reason);
            println!("{}", String::from_utf8_lossy(&letter.payload));
        }
        Command::Resend(chosen) => {
            for letter in choose(admin, &chosen).await? {
                admin.resend(&letter).await?;
                println!("{} is resent to {}", letter.sequence, letter.subject);
            }
        }
        Command::Remove(chosen) => {
            for letter in choose(admin, &chosen).await? {
                admin.remove(&letter).await?;
                println!("{} is removed", letter.sequence);
            }
        }
    }
    Ok(())
}

async fn choose(admin: &Admin, chosen: &Chosen) -> anyhow::Result<Vec<DeadLetter>> {
    let mut letters = admin.dead_letters(service(&chosen.which)?).await?;
    if !chosen.all {
        for number in &chosen.numbers {
            anyhow::ensure!(
                letters.iter().any(|letter| letter.sequence == *number),
                "there is no dead letter {number}"
            );
        }
        letters.retain(|letter| chosen.numbers.contains(&letter.sequence));
    }
    Ok(letters)
}

fn service(which: &Which) -> anyhow::Result<Option<Service>> {
    let Some(name) = &which.service else { return Ok(None) };
    let found = Service::HANDLERS.into_iter().find(|service| service.as_str() == name);
    found.map(Some).with_context(|| format!("there is no service {name}"))
}
