//! Speaking with people through providers of calls and texts. Pure: requests are built and answers read here; the worker sends, the API
//! receives.
pub mod agent;
mod agent_checks;
pub mod provider;
pub mod providers;
pub mod report;

pub use agent::{AgentConfig, ProviderConfig};
pub use provider::{Heard, Incoming, NotGenuine, Order, Placed, Provider, What, Wire};
pub use report::{CallOutcome, Report, Said};
