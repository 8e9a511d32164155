//! Speaking with people through providers of calls and texts. Pure: requests are built and answers read here; the worker sends, the API
//! receives.
pub mod agent;
mod agent_checks;
pub mod by_hand;
pub mod call;
pub mod callable;
pub mod hours;
pub mod provider;
pub mod providers;
pub mod report;
pub mod template;
pub mod zones;

pub use agent::{AgentConfig, ProviderConfig};
pub use hours::{CallingHours, Reach, may_reach};
pub use provider::{Heard, Incoming, NotGenuine, Order, Placed, Provider, What, Wire};
pub use report::{CallOutcome, Report, Said};
pub use zones::Whereabouts;
