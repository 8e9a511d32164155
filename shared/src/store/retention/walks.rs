//! The tables that the sweep walks through in the order of their ids, and when a row of each is over.
use crate::retention::Kind;

/// A way through one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Walk {
    Payloads,
    Journeys,
    Activities,
    Attempts,
    Calls,
    Texts,
    Firings,
    Webhooks,
    Imports,
    Audit,
    Duplicates,
}

/// The two statements that find rows: `(workspace, after, until, limit, before)`, and among those that were left
/// `(workspace, walk, after, limit, before)`. Each answers ids and whether the row is over.
pub struct Finds {
    pub next: &'static str,
    pub left: &'static str,
}

/// Whole keys are compared, so that only the primary key can be the way.
macro_rules! finds {
    ($table:literal, $join:literal, $over:literal) => {
        Finds {
            next: concat!(
                "SELECT t.id, COALESCE(",
                $over,
                ", FALSE) AS is_over FROM ",
                $table,
                " t ",
                $join,
                " WHERE (t.workspace_id, t.id) > ($1, $2) AND (t.workspace_id, t.id) < ($1, $3)
                 ORDER BY t.workspace_id, t.id LIMIT $4"
            ),
            left: concat!(
                "SELECT l.id, t.id IS NULL OR COALESCE(",
                $over,
                ", FALSE) AS is_over FROM retention_left l
                 LEFT JOIN ",
                $table,
                " t ON t.workspace_id = l.workspace_id AND t.id = l.id ",
                $join,
                " WHERE l.workspace_id = $1 AND l.walk = $2 AND l.id > $3 ORDER BY l.id LIMIT $4"
            ),
        }
    };
}

const SUBMISSIONS: Finds = finds!("submission", "", "t.run = 'finished' AND t.finished_at < $5");
const ACTIVITIES: Finds = finds!("activity", "", "t.received_at < $5");
const CALLS: Finds = finds!(
    "interaction",
    "",
    "t.type = 'sms' OR (t.state IN ('ended', 'not_placed') AND t.updated_at < $5)"
);
/// A thread has no end: its texts go one by one, but for those that a submission still waits with.
const TEXTS: Finds = finds!(
    "message",
    "LEFT JOIN interaction i ON i.id = t.interaction_id AND (i.workspace_id = t.workspace_id) IS TRUE
     LEFT JOIN submission s ON s.id = i.submission_id AND (s.workspace_id = i.workspace_id) IS TRUE",
    "t.at < $5 AND t.state NOT IN ('planned', 'sending') AND (s.id IS NULL OR s.run = 'finished')"
);
const WEBHOOKS: Finds =
    finds!("webhook_message", "", "t.state IN ('done', 'failed') AND t.finished_at < $5");
const IMPORTS: Finds = finds!(
    "import",
    "",
    "t.state IN ('done', 'failed', 'cancelled', 'undone') AND t.updated_at < $5"
);
const AUDIT: Finds = finds!("audit_event", "", "t.at < $5");
/// An email or phone is found by the lead that was seen last with it; each later lead with it is passed in its turn.
const DUPLICATES: Finds = finds!("lead", "", "t.created_at < $5");

impl Walk {
    pub const ALL: [Self; 11] = [
        Self::Payloads,
        Self::Journeys,
        Self::Activities,
        Self::Attempts,
        Self::Calls,
        Self::Texts,
        Self::Firings,
        Self::Webhooks,
        Self::Imports,
        Self::Audit,
        Self::Duplicates,
    ];

    /// The word in the table of walks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Texts => "texts",
            _ => self.kind().rule().name,
        }
    }

    /// Whose period holds.
    pub fn kind(self) -> Kind {
        match self {
            Self::Payloads => Kind::Payloads,
            Self::Journeys => Kind::Journeys,
            Self::Activities => Kind::Activities,
            Self::Attempts => Kind::Attempts,
            Self::Calls | Self::Texts => Kind::Conversations,
            Self::Firings => Kind::Firings,
            Self::Webhooks => Kind::Webhooks,
            Self::Imports => Kind::Imports,
            Self::Audit => Kind::Audit,
            Self::Duplicates => Kind::Duplicates,
        }
    }

    /// How its rows are found; none: by their time.
    pub fn finds(self) -> Option<&'static Finds> {
        match self {
            Self::Payloads | Self::Journeys | Self::Attempts => Some(&SUBMISSIONS),
            Self::Activities => Some(&ACTIVITIES),
            Self::Calls => Some(&CALLS),
            Self::Texts => Some(&TEXTS),
            Self::Firings => None,
            Self::Webhooks => Some(&WEBHOOKS),
            Self::Imports => Some(&IMPORTS),
            Self::Audit => Some(&AUDIT),
            Self::Duplicates => Some(&DUPLICATES),
        }
    }
}
