//! Why a run ends without figures.

/// What went wrong, in words for the person who measures.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{doing}: {why}")]
    Failed { doing: String, why: String },
    /// The system lost, repeated or did not finish leads: its figures are worth nothing.
    #[error("the run is void: {0}")]
    Void(String),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("stopped by a signal")]
    Interrupted,
}

/// Says what was being done when something failed.
pub trait Doing<T> {
    fn doing(self, what: impl Into<String>) -> Result<T, Trouble>;
}

impl<T, E: std::fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, what: impl Into<String>) -> Result<T, Trouble> {
        self.map_err(|why| Trouble::Failed { doing: what.into(), why: why.to_string() })
    }
}
