//! The second gate out: a name is resolved only to addresses that the policy admits.
//!
//! The connector asks here, so there is no moment between the check and the connection in which a
//! name could change its mind (DNS rebinding).

use std::error::Error;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use shared::campaign::guard::{GuardError, GuardPolicy};

/// Resolves through the system, refuses a name if any one of its addresses is not admitted.
#[derive(Debug, Clone)]
pub struct GuardedResolver {
    policy: GuardPolicy,
}

impl GuardedResolver {
    pub fn new(policy: GuardPolicy) -> Self {
        Self { policy }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.policy.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let admitted = admit(name.as_str(), found, &policy)?;
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

/// All or nothing: a name that mixes public and private addresses is an attack or a mistake.
fn admit(
    name: &str,
    found: Vec<SocketAddr>,
    policy: &GuardPolicy,
) -> Result<Vec<SocketAddr>, GuardError> {
    if found.is_empty() {
        return Err(GuardError::NoAddress(name.to_owned()));
    }
    match found.iter().find(|address| !policy.admits(address.ip())) {
        Some(address) => Err(GuardError::Address(address.ip())),
        None => Ok(found),
    }
}

/// The guard's refusal, if it is anywhere in an error's chain of causes.
pub(crate) fn refusal_in(error: &(dyn Error + 'static)) -> Option<GuardError> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(refusal) = error.downcast_ref::<GuardError>() {
            return Some(refusal.clone());
        }
        at = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_address_spoils_the_name() {
        let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 0);
        let policy = GuardPolicy::default();
        assert!(admit("a", vec![at("8.8.8.8"), at("1.1.1.1")], &policy).is_ok());
        for bad in ["127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1"] {
            let mixed = vec![at("8.8.8.8"), at(bad)];
            assert!(matches!(admit("a", mixed, &policy), Err(GuardError::Address(_))), "{bad}");
        }
        assert_eq!(admit("a", vec![], &policy), Err(GuardError::NoAddress("a".into())));
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_not_resolved() {
        let resolver = GuardedResolver::new(GuardPolicy::default());
        let refused = resolver.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert!(refusal_in(refused.as_ref()).is_some(), "{refused}");
    }
}
