//! `leadrail migrate`: bring the database to this program's schema.
use crate::{
    settings::Settings,
    system::{StartError, open_database},
};
use shared::store::migrate;

pub async fn run(settings: &Settings) -> Result<(), StartError> {
    let db = open_database(settings).await?;
    let before = migrate::applied(&db).await?;
    let now = migrate::migrate(&db).await?;
    if before == now {
        println!("the schema is at version {now} already");
    } else {
        println!("the schema went from version {before} to {now}");
    }
    db.close().await;
    Ok(())
}
