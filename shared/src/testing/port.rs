//! A free TCP port for a server that will be stopped and started again.

use std::net::TcpListener;

use uuid::Uuid;

/// Below the range that systems give to outgoing connections. A port of that range could be taken
/// by any client while its server is down, and a client that keeps connecting to a free port of it
/// can even end up connected to itself.
const FIRST: u16 = 15_000;
const COUNT: u16 = 15_000;
const TRIES: usize = 100;

/// A port that was free a moment ago. Whoever uses it must be ready to take another.
///
/// # Panics
/// When a hundred ports in a row are taken.
pub(crate) fn free_port() -> u16 {
    (0..TRIES)
        .map(|_| FIRST + random_below(COUNT))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of a hundred ports is free")
}

/// The last bytes of an id of version 7 are random, and ids are at hand.
fn random_below(limit: u16) -> u16 {
    let bytes = Uuid::now_v7().into_bytes();
    u16::from_le_bytes([bytes[14], bytes[15]]) % limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_stay_below_the_outgoing_range() {
        let ports: std::collections::BTreeSet<u16> = (0..50).map(|_| free_port()).collect();
        assert!(ports.len() > 40, "{ports:?}");
        assert!(ports.iter().all(|port| (15_000..30_000).contains(port)), "{ports:?}");
    }
}
