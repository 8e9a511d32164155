//! `leadrail keys`: make, list and revoke API keys, straight on the database.
use crate::{settings::Settings, system::open_database};
use clap::{Args, Subcommand};
use shared::{
    audit::Actor,
    clock::Clock,
    ids::KeyId,
    key,
    store::{keys, migrate},
};

#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
    /// The workspace's name.
    #[arg(long, default_value = "default", global = true)]
    workspace: String,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key and print it: the only time it is shown. The workspace is made when it is not there.
    Create {
        /// What the key is for.
        #[arg(long)]
        name: String,
        /// What it may do, separated by commas.
        #[arg(long, value_delimiter = ',', default_value = "admin", value_parser = key::SCOPES.to_vec())]
        scopes: Vec<String>,
        /// Days until it expires; without it, it does not.
        #[arg(long)]
        days: Option<u32>,
    },
    /// The workspace's keys.
    List,
    /// End a key's validity.
    Revoke {
        /// The key's id, key_…
        id: String,
    },
    /// Print a new key without storing it, for LEADRAIL_ADMIN_KEY.
    Generate,
}

pub async fn run(settings: &Settings, options: Options) -> Result<(), Box<dyn std::error::Error>> {
    if matches!(options.action, Action::Generate) {
        println!("{}", key::generate());
        return Ok(());
    }
    let words = match &options.action {
        Action::Create { .. } => "keys create",
        Action::Revoke { .. } => "keys revoke",
        Action::List | Action::Generate => "keys",
    };
    let db = open_database(settings).await?.acting(Actor::command(words));
    migrate::migrate(&db).await?;
    let now = Clock::system().now();
    let workspace = match &options.action {
        Action::Create { .. } => Some(keys::workspace(&db, &options.workspace, now).await?),
        _ => keys::find_workspace(&db, &options.workspace).await?,
    };
    let workspace =
        workspace.ok_or_else(|| format!("there is no workspace {}", options.workspace))?;
    match options.action {
        Action::Create { name, scopes, days } => {
            let secret = key::generate();
            let row = keys::KeyRow {
                workspace_id: workspace.id,
                id: KeyId::new(),
                name,
                shown: key::shown(&secret).to_owned(),
                scopes: scopes.into(),
                created_at: now,
                expires_at: days.map(|days| now + chrono::Duration::days(i64::from(days))),
                revoked_at: None,
            };
            keys::add(&db, &row, &key::hash(&secret)).await?;
            eprintln!("{} in workspace {}; the key is shown this once:", row.id, workspace.name);
            println!("{secret}");
        }
        Action::List => {
            keys::list(&db, workspace.id).await?.iter().for_each(show);
        }
        Action::Revoke { id } => {
            let id = KeyId::parse(&id)?;
            if keys::revoke(&db, workspace.id, id, now).await? {
                println!("revoked; processes that know the key forget it within seconds");
            } else {
                return Err(format!("workspace {} has no valid key {id}", workspace.name).into());
            }
        }
        Action::Generate => {}
    }
    db.close().await;
    Ok(())
}

fn show(row: &keys::KeyRow) {
    let state = if row.revoked_at.is_some() { "revoked" } else { "valid" };
    println!("{}  {}…  {state}  {}  {}", row.id, row.shown, row.scopes.join(","), row.name);
}
