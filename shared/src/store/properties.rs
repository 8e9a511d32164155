//! The fields that a workspace made up for its contacts.
use super::{
    Db, Ex, StoreError, Tx, audit,
    live::{self, Which},
    segments,
};
use crate::{
    audit::Entry,
    clock::Time,
    contact::{
        PropertyKind,
        property::{Kinds, PROPERTIES_MAX},
    },
    ids::{PropertyId, WorkspaceId},
    rules::{Kind, PROPERTY, Properties},
};
use serde_json::json;
use uuid::Uuid;

/// A property as it is in the database.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Property {
    pub id: PropertyId,
    pub key: String,
    pub name: String,
    pub description: String,
    pub kind: PropertyKind,
    pub indexed: bool,
    pub created_at: Time,
    pub updated_at: Time,
}

/// What came of making one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    Yes,
    KeyTaken,
    /// The workspace has [`PROPERTIES_MAX`].
    Full,
}

/// What of a property is changed; none stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub name: Option<String>,
    pub description: Option<String>,
    pub indexed: Option<bool>,
}

/// Stores a new property.
pub async fn create(
    db: &Db,
    workspace: WorkspaceId,
    property: &Property,
) -> Result<Created, StoreError> {
    let mut tx = db.begin().await?;
    // Of two that are made at once, one counts the other.
    segments::lock_workspace(&mut tx, workspace).await?;
    let there: i64 = tx
        .ex()
        .sql("SELECT COUNT(*) FROM property WHERE workspace_id = $1")
        .bind(workspace)
        .scalar()
        .await?;
    if there >= PROPERTIES_MAX as i64 {
        tx.rollback().await?;
        return Ok(Created::Full);
    }
    if insert(&mut tx, workspace, property).await? == 0 {
        tx.rollback().await?;
        return Ok(Created::KeyTaken);
    }
    live::changed(&mut tx, workspace).await?;
    let made = json!({ "key": property.key, "kind": property.kind, "indexed": property.indexed });
    let entry = Entry::new("property.created", "property", property.id).to(made);
    audit::tell(&mut tx, workspace, &[entry], property.created_at).await?;
    tx.commit().await?;
    Ok(Created::Yes)
}

async fn insert(
    tx: &mut Tx,
    workspace: WorkspaceId,
    property: &Property,
) -> Result<u64, StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO property (workspace_id, id, key, name, description, kind, indexed, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
             ON CONFLICT DO NOTHING",
        )
        .bind(workspace)
        .bind(property.id)
        .bind(property.key.as_str())
        .bind(property.name.as_str())
        .bind(property.description.as_str())
        .bind(property.kind)
        .bind(property.indexed)
        .bind(property.created_at)
        .run()
        .await
}

/// Changes a property; none when it is not there. Values that contacts have stay. When rules may read it from now on, or no longer,
/// segments that do are built again: those that were broken by the lack of it mend, and those that are broken now say so.
pub async fn change(
    db: &Db,
    (workspace, id): (WorkspaceId, PropertyId),
    changes: &Changes,
    now: Time,
) -> Result<Option<Property>, StoreError> {
    let mut tx = db.begin().await?;
    segments::lock_workspace(&mut tx, workspace).await?;
    let before: Option<(String, String, bool)> = tx
        .ex()
        .sql("SELECT name, description, indexed FROM property WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .optional()
        .await?;
    let changed = write(&mut tx, (workspace, id), changes, now).await?;
    if let (Some(property), Some((name, description, indexed))) = (&changed, before) {
        let before = json!({ "name": name, "description": description, "indexed": indexed });
        let after = json!({
            "name": property.name, "description": property.description, "indexed": property.indexed,
        });
        if before != after {
            let entry = Entry::new("property.changed", "property", id).changed(&before, &after);
            audit::tell(&mut tx, workspace, &[entry], now).await?;
        }
        if indexed != property.indexed {
            let path = format!("{PROPERTY}{}", property.key);
            live::make_due(&mut tx, workspace, Which::Reading(&path), now).await?;
        }
        live::changed(&mut tx, workspace).await?;
    }
    tx.commit().await?;
    Ok(changed)
}

async fn write(
    tx: &mut Tx,
    (workspace, id): (WorkspaceId, PropertyId),
    changes: &Changes,
    now: Time,
) -> Result<Option<Property>, StoreError> {
    tx.ex()
        .sql(
            "UPDATE property SET name = COALESCE($3, name), description = COALESCE($4, description),
                indexed = COALESCE($5, indexed), updated_at = $6
             WHERE workspace_id = $1 AND id = $2
             RETURNING id, key, name, description, kind, indexed, created_at, updated_at",
        )
        .bind(workspace)
        .bind(id)
        .bind(changes.name.as_deref())
        .bind(changes.description.as_deref())
        .bind(changes.indexed)
        .bind(now)
        .optional()
        .await
}

pub async fn get(
    db: &Db,
    workspace: WorkspaceId,
    id: PropertyId,
) -> Result<Option<Property>, StoreError> {
    let after = Uuid::from_u128(id.0.as_u128().saturating_sub(1));
    let found = list(db, workspace, Some(PropertyId(after)), 1).await?;
    Ok(found.into_iter().find(|property| property.id == id))
}

/// Properties after `cursor`, oldest first.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    cursor: Option<PropertyId>,
    limit: i64,
) -> Result<Vec<Property>, StoreError> {
    db.read()
        .sql(
            "SELECT id, key, name, description, kind, indexed, created_at, updated_at FROM property
             WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(workspace)
        .bind(cursor.unwrap_or(PropertyId(Uuid::nil())))
        .bind(limit)
        .all()
        .await
}

/// All properties, by key.
pub async fn all(ex: Ex<'_>, workspace: WorkspaceId) -> Result<Kinds, StoreError> {
    let found = kinds(ex, workspace).await?;
    Ok(found.into_iter().map(|(key, kind, _)| (key, kind)).collect())
}

/// The properties that rules, segments and searches may read.
pub async fn readable(ex: Ex<'_>, workspace: WorkspaceId) -> Result<Properties, StoreError> {
    let found = kinds(ex, workspace).await?.into_iter().filter(|(.., indexed)| *indexed);
    Ok(Properties(found.map(|(key, kind, _)| (key, rule_kind(kind))).collect()))
}

async fn kinds(
    ex: Ex<'_>,
    workspace: WorkspaceId,
) -> Result<Vec<(String, PropertyKind, bool)>, StoreError> {
    ex.sql("SELECT key, kind, indexed FROM property WHERE workspace_id = $1")
        .bind(workspace)
        .all()
        .await
}

fn rule_kind(kind: PropertyKind) -> Kind {
    match kind {
        PropertyKind::Text => Kind::Text,
        PropertyKind::Number => Kind::Number,
        PropertyKind::Date => Kind::Date,
        PropertyKind::Datetime => Kind::DateTime,
        PropertyKind::Boolean => Kind::Boolean,
        PropertyKind::List => Kind::List,
    }
}
