//! Places under caps: taken before a lead is sent, given back when the buyer surely has not got it, confirmed when it has.
use super::{Close, attempt::Outcome, time};
use crate::{
    campaign::room::Claim,
    clock::Time,
    ids::{CampaignId, SubmissionId, WorkspaceId},
    store::{Rows, StoreError, Tx, rows::time_or_null},
    submission::{Stage, State},
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use uuid::Uuid;

/// What a close does to the places of its submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Places {
    /// It has none, or nobody knows yet whether it needs them.
    #[default]
    Keep,
    /// The last buyer that was asked surely has not got the lead.
    GiveBack,
    /// Nothing was sent now. An earlier attempt may have been taken all the same: then they are kept.
    GiveBackUnlessTaken,
    /// The buyer has the lead.
    Confirm,
}

impl Places {
    /// By where a submission goes, for one that may hold places, and by what came of the attempt that was made, if one was.
    pub fn after(to: State, sold: bool, attempt: Option<Outcome>) -> Self {
        match (to, attempt) {
            _ if sold => Self::Confirm,
            (State::Held, _) | (_, Some(Outcome::Unknown | Outcome::Unclassified)) => Self::Keep,
            (_, Some(_)) => Self::GiveBack,
            // It waits for something else than room, and goes on then.
            (State::InStage(Stage::Delivery), None) => Self::Keep,
            (_, None) => Self::GiveBackUnlessTaken,
        }
    }
}

/// One window of one cap of one campaign.
pub(in crate::store) type WindowKey = (WorkspaceId, CampaignId, String, Time);

#[derive(Serialize)]
struct WindowRow<'a> {
    workspace_id: Uuid,
    campaign_id: Uuid,
    cap: &'a str,
    #[serde(serialize_with = "time")]
    window_start: Time,
    taken: i64,
    #[serde(serialize_with = "time_or_null")]
    full_at: Option<Time>,
}

fn window_row((key, taken, full_at): (&WindowKey, i64, Option<Time>)) -> WindowRow<'_> {
    WindowRow {
        workspace_id: key.0.0,
        campaign_id: key.1.0,
        cap: &key.2,
        window_start: key.3,
        taken,
        full_at,
    }
}

/// How much of each window is taken, with its row locked until the transaction ends.
#[derive(Default)]
pub(in crate::store) struct Ledger {
    windows: BTreeMap<WindowKey, (i64, Option<Time>)>,
    changed: HashSet<WindowKey>,
    places: Vec<Place>,
}

struct Place {
    submission: SubmissionId,
    window: WindowKey,
    amount: i64,
}

impl Ledger {
    /// Locks the windows, in one order for all transactions, and makes those that are not there.
    pub(in crate::store) async fn lock(
        tx: &mut Tx,
        keys: impl IntoIterator<Item = WindowKey>,
    ) -> Result<Self, StoreError> {
        let keys: BTreeSet<WindowKey> = keys.into_iter().collect();
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let rows: Vec<WindowRow> = keys.iter().map(|key| window_row((key, 0, None))).collect();
        let found: Vec<(WorkspaceId, CampaignId, String, Time, i64, Option<Time>)> = tx
            .ex()
            .sql(
                "INSERT INTO cap_window (workspace_id, campaign_id, cap, window_start, taken)
                 SELECT r.workspace_id, r.campaign_id, r.cap, r.window_start, 0
                 FROM ROWS($1: workspace_id uuid, campaign_id uuid, cap text, window_start timestamptz) r
                 WHERE true
                 ON CONFLICT (workspace_id, campaign_id, cap, window_start) DO UPDATE SET taken = cap_window.taken
                 RETURNING workspace_id, campaign_id, cap, window_start, taken, full_at",
            )
            .bind(Rows::of(&rows))
            .all()
            .await?;
        let windows = found.into_iter().map(|(ws, campaign, cap, start, taken, full_at)| {
            ((ws, campaign, cap, start), (taken, full_at))
        });
        Ok(Self { windows: windows.collect(), changed: HashSet::new(), places: Vec::new() })
    }

    fn taken(&self, window: &WindowKey) -> i64 {
        self.windows.get(window).map_or(0, |(taken, _)| *taken)
    }

    /// How many more leads find room under all of the claims.
    pub(in crate::store) fn room(
        &self,
        (workspace, campaign): (WorkspaceId, CampaignId),
        claims: &[Claim],
    ) -> i64 {
        let left = |claim: &Claim| {
            let key = (workspace, campaign, claim.cap.clone(), claim.window_start);
            (claim.limit - self.taken(&key)).max(0) / claim.amount.max(1)
        };
        claims.iter().map(left).min().unwrap_or(i64::MAX)
    }

    /// Gives a submission its places, all or none; otherwise says which claim found its cap full, and whether it is the first to do so.
    pub(in crate::store) fn take(
        &mut self,
        (workspace, campaign, submission): (WorkspaceId, CampaignId, SubmissionId),
        claims: &[Claim],
        at: Time,
    ) -> Result<(), (usize, bool)> {
        let key = |claim: &Claim| (workspace, campaign, claim.cap.clone(), claim.window_start);
        let full = |claim: &Claim| self.taken(&key(claim)) + claim.amount > claim.limit;
        if let Some(which) = claims.iter().position(full) {
            let window = key(&claims[which]);
            let Some((_, full_at @ None)) = self.windows.get_mut(&window) else {
                return Err((which, false));
            };
            *full_at = Some(at);
            self.changed.insert(window);
            return Err((which, true));
        }
        for claim in claims {
            let window = key(claim);
            self.windows.entry(window.clone()).or_default().0 += claim.amount;
            self.changed.insert(window.clone());
            self.places.push(Place { submission, window, amount: claim.amount });
        }
        Ok(())
    }

    /// Writes what was given out.
    pub(in crate::store) async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        let changed = self.windows.iter().filter(|(key, _)| self.changed.contains(*key));
        let rows: Vec<WindowRow> =
            changed.map(|(key, (taken, full_at))| window_row((key, *taken, *full_at))).collect();
        if rows.is_empty() {
            return Ok(());
        }
        tx.ex()
            .sql(
                "UPDATE cap_window SET taken = r.taken, full_at = r.full_at
                 FROM ROWS($1: workspace_id uuid, campaign_id uuid, cap text, window_start timestamptz, taken bigint,
                    full_at timestamptz) r
                 WHERE cap_window.workspace_id = r.workspace_id AND cap_window.campaign_id = r.campaign_id
                   AND cap_window.cap = r.cap AND cap_window.window_start = r.window_start",
            )
            .bind(Rows::of(&rows))
            .run()
            .await?;
        insert(tx, &self.places).await
    }
}

#[derive(Serialize)]
struct PlaceRow<'a> {
    workspace_id: Uuid,
    submission_id: Uuid,
    cap: &'a str,
    campaign_id: Uuid,
    #[serde(serialize_with = "time")]
    window_start: Time,
    amount: i64,
}

async fn insert(tx: &mut Tx, places: &[Place]) -> Result<(), StoreError> {
    let rows: Vec<PlaceRow> = places
        .iter()
        .map(|Place { submission, window: (workspace, campaign, cap, start), amount }| PlaceRow {
            workspace_id: workspace.0,
            submission_id: submission.0,
            cap,
            campaign_id: campaign.0,
            window_start: *start,
            amount: *amount,
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "INSERT INTO cap_place (workspace_id, submission_id, cap, campaign_id, window_start, amount)
             SELECT r.workspace_id, r.submission_id, r.cap, r.campaign_id, r.window_start, r.amount
             FROM ROWS($1: workspace_id uuid, submission_id uuid, cap text, campaign_id uuid, window_start timestamptz,
                amount bigint) r",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(())
}

#[derive(Serialize)]
struct Mover<'a> {
    workspace_id: Uuid,
    submission_id: Uuid,
    price_minor: Option<i64>,
    currency: Option<&'a str>,
    surely: bool,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// Gives back or confirms the places of what was closed.
pub(super) async fn end(tx: &mut Tx, closes: &[&Close]) -> Result<(), StoreError> {
    let movers = |what: Places| {
        let closes = closes.iter().filter(move |close| close.places == what);
        closes.map(|close| mover(close)).collect::<Vec<_>>()
    };
    let sold = movers(Places::Confirm);
    let mut free = movers(Places::GiveBack);
    free.extend(movers(Places::GiveBackUnlessTaken));
    if sold.is_empty() && free.is_empty() {
        return Ok(());
    }
    let mut less = BTreeMap::new();
    confirm(tx, &sold, &mut less).await?;
    give_back(tx, &free, &mut less).await?;
    settle(tx, less).await
}

fn mover<'a>(close: &'a Close) -> Mover<'a> {
    let price = close.attempt.as_ref().and_then(|attempt| attempt.price.as_ref());
    Mover {
        workspace_id: close.workspace.0,
        submission_id: close.submission.0,
        price_minor: price.map(|(minor, _)| *minor),
        currency: price.map(|(_, currency)| currency.as_str()),
        surely: close.places == Places::GiveBack,
        at: close.at,
    }
}

type Freed = (WorkspaceId, CampaignId, String, Time, i64);
/// By how much less of each window is taken.
type Less = BTreeMap<WindowKey, i64>;

fn note(less: &mut Less, freed: Vec<Freed>) {
    for (workspace, campaign, cap, start, amount) in freed {
        *less.entry((workspace, campaign, cap, start)).or_default() += amount;
    }
}

async fn give_back(tx: &mut Tx, rows: &[Mover<'_>], less: &mut Less) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let freed: Vec<Freed> = tx
        .ex()
        .sql(
            "DELETE FROM cap_place WHERE (workspace_id, submission_id) IN (
                SELECT r.workspace_id, r.submission_id
                FROM ROWS($1: workspace_id uuid, submission_id uuid, surely boolean) r
                WHERE r.surely OR NOT EXISTS (SELECT 1 FROM delivery_attempt a WHERE a.workspace_id = r.workspace_id
                    AND a.submission_id = r.submission_id AND a.outcome IN ('unknown', 'unclassified')))
             AND confirmed_at IS NULL
             RETURNING workspace_id, campaign_id, cap, window_start, amount",
        )
        .bind(Rows::of(rows))
        .all()
        .await?;
    note(less, freed);
    Ok(())
}

/// A confirmed place under a money cap counts for what the buyer pays, if it named a price in the cap's currency.
async fn confirm(tx: &mut Tx, rows: &[Mover<'_>], less: &mut Less) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let priced: Vec<&Mover> = rows.iter().filter(|row| row.price_minor.is_some()).collect();
    if !priced.is_empty() {
        let freed: Vec<Freed> = tx
            .ex()
            .sql(
                "SELECT p.workspace_id, p.campaign_id, p.cap, p.window_start, p.amount - r.price_minor
                 FROM ROWS($1: workspace_id uuid, submission_id uuid, price_minor bigint, currency text) r
                 JOIN cap_place p ON p.workspace_id = r.workspace_id AND p.submission_id = r.submission_id
                 WHERE p.confirmed_at IS NULL AND p.cap LIKE '%.' || r.currency",
            )
            .bind(Rows::of(&priced))
            .all()
            .await?;
        note(less, freed);
    }
    tx.ex()
        .sql(
            "UPDATE cap_place SET confirmed_at = r.at,
                amount = CASE WHEN cap_place.cap LIKE '%.' || r.currency THEN r.price_minor ELSE cap_place.amount END
             FROM ROWS($1: workspace_id uuid, submission_id uuid, price_minor bigint, currency text, at timestamptz) r
             WHERE cap_place.workspace_id = r.workspace_id AND cap_place.submission_id = r.submission_id
               AND cap_place.confirmed_at IS NULL",
        )
        .bind(Rows::of(rows))
        .run()
        .await?;
    Ok(())
}

/// Takes what was freed off the windows, and lets as many of those who wait be looked at.
async fn settle(tx: &mut Tx, mut less: Less) -> Result<(), StoreError> {
    less.retain(|_, amount| *amount != 0);
    if less.is_empty() {
        return Ok(());
    }
    let rows: Vec<WindowRow> =
        less.iter().map(|(key, amount)| window_row((key, *amount, None))).collect();
    tx.ex()
        .sql(
            "UPDATE cap_window SET taken = cap_window.taken - r.taken
             FROM ROWS($1: workspace_id uuid, campaign_id uuid, cap text, window_start timestamptz, taken bigint) r
             WHERE cap_window.workspace_id = r.workspace_id AND cap_window.campaign_id = r.campaign_id
               AND cap_window.cap = r.cap AND cap_window.window_start = r.window_start",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    wake(tx, &less).await
}

/// The oldest lead that waits for a campaign with a freed place is due at once (its last move lies behind us); the queue sweep lets go as
/// many as there is room for.
async fn wake(tx: &mut Tx, less: &Less) -> Result<(), StoreError> {
    let freed = less.iter().filter(|(_, amount)| **amount > 0);
    let rows: Vec<WindowRow> =
        freed.map(|(key, amount)| window_row((key, *amount, None))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "UPDATE submission SET due_at = updated_at WHERE run = 'parked' AND stage = 'delivery' AND id IN (
                SELECT (SELECT q.id FROM submission q
                        WHERE q.campaign_id = r.campaign_id AND q.run = 'parked' AND q.stage = 'delivery'
                        ORDER BY q.id LIMIT 1)
                FROM ROWS($1: campaign_id uuid) r)",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(())
}
