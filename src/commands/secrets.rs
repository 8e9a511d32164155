//! `leadrail secrets`: the key ring that guards the workspaces' credentials.
use crate::{settings::Settings, system::open_database};
use clap::{Args, Subcommand};
use shared::{
    audit::Actor,
    clock::Clock,
    secret::KeyRing,
    store::{key_rotation, migrate},
};

#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a new entry for LEADRAIL_SECRET_KEYS. It is shown this once and stored nowhere.
    Generate,
    /// Wrap every workspace's data key with the ring's first key; keys that no data key needs any more may then leave the ring.
    Rotate {
        /// Put a new key in front first. Only for the key file of the embedded mode.
        #[arg(long)]
        new_key: bool,
    },
}

pub async fn run(settings: &Settings, options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let Action::Rotate { new_key } = options.action else {
        println!("{}", *KeyRing::new_entry());
        return Ok(());
    };
    let source = settings.ring()?;
    let db = open_database(settings).await?.acting(Actor::command("secrets rotate"));
    migrate::migrate(&db).await?;
    let ring = if new_key { source.put_new_key_first()? } else { source.get()? };
    let changed = key_rotation::rotate(&db, &ring, Clock::system().now()).await?;
    let found = key_rotation::check(&db, &ring).await?;
    println!(
        "{changed} data keys are now wrapped with {}; {} were before",
        ring.first(),
        found.current as u64 - changed
    );
    if found.behind == 0 && found.closed.is_empty() && ring.ids().len() > 1 {
        println!("no data key needs {} any more", ring.ids()[1..].join(", "));
    }
    db.close().await;
    Ok(())
}
