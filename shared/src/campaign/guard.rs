//! The first gate out: may this URL, as it is written, be called at all?
//!
//! A resolver is asked only for names, so literal addresses must be judged here; the second gate,
//! at connect time, judges what a name resolves to (`outside/resolver.rs`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::{Host, Url};

use super::payload_body::QUERY_MAX_BYTES;
use super::problem::{Problem, refuse};

/// Longest endpoint URL, in bytes.
pub const URL_MAX_BYTES: usize = 2048;

/// Ports that every workspace may call.
pub const PORTS: [u16; 2] = [443, 8443];

/// Most additional ports in a policy.
pub const EXTRA_PORTS_MAX: usize = 20;

/// What an installation permits beyond public https. Each policy needs a client (and pool) of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GuardPolicy {
    /// Permits loopback, RFC 1918, 100.64/10 and unique-local addresses; never metadata or link-local ones.
    pub allow_private: bool,
    /// Permits `http` and with it port 80.
    pub allow_http: bool,
    pub extra_ports: Vec<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GuardError {
    #[error(
        "url is longer than {URL_MAX_BYTES} bytes, or its query longer than a request may carry"
    )]
    TooLong,
    #[error("url cannot be read: {0}")]
    Unreadable(String),
    #[error("scheme \"{0}\" is not permitted, right would be https")]
    Scheme(String),
    #[error("url holds a user name or password, put credentials into the endpoint's auth")]
    Userinfo,
    #[error("url names no host")]
    NoHost,
    #[error("port {0} is not permitted, right would be 443, 8443 or one added to the policy")]
    Port(u16),
    #[error("host \"{0}\" is a name inside a private network")]
    PrivateName(String),
    #[error("host \"{0}\" ends with a dot or has an empty label")]
    DottedName(String),
    #[error("address {0} is not on the public internet")]
    Address(IpAddr),
    #[error("name \"{0}\" has no address")]
    NoAddress(String),
}

impl GuardPolicy {
    /// Whether this policy lets a connection be made to an address.
    pub fn admits(&self, ip: IpAddr) -> bool {
        is_allowed(ip) || (self.allow_private && is_private(ip))
    }

    pub fn validate(&self, at: &str, problems: &mut Vec<Problem>) {
        if self.extra_ports.len() > EXTRA_PORTS_MAX {
            refuse(problems, format!("{at}.extraPorts"), format!("more than {EXTRA_PORTS_MAX}"));
        }
        if let Some(i) = self.extra_ports.iter().position(|port| *port == 0) {
            refuse(problems, format!("{at}.extraPorts[{i}]"), "port 0 cannot be called");
        }
    }
}

/// Judges a URL as written: on save, and again before each send.
pub fn check_url(text: &str, policy: &GuardPolicy) -> Result<Url, GuardError> {
    if text.len() > URL_MAX_BYTES {
        return Err(GuardError::TooLong);
    }
    judge(text, policy)
}

/// Judges the URL of a request, which may carry a lead in its query.
pub fn check_request_url(text: &str, policy: &GuardPolicy) -> Result<Url, GuardError> {
    if text.len() > URL_MAX_BYTES + 1 + QUERY_MAX_BYTES {
        return Err(GuardError::TooLong);
    }
    judge(text, policy)
}

fn judge(text: &str, policy: &GuardPolicy) -> Result<Url, GuardError> {
    let url = Url::parse(text).map_err(|e| GuardError::Unreadable(e.to_string()))?;
    match url.scheme() {
        "https" => {}
        "http" if policy.allow_http => {}
        other => return Err(GuardError::Scheme(other.to_owned())),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(GuardError::Userinfo);
    }
    let port = url.port_or_known_default().ok_or(GuardError::NoHost)?;
    let plain = policy.allow_http && port == 80;
    let listed = PORTS.contains(&port) || policy.extra_ports.contains(&port);
    // Development servers listen anywhere.
    if !plain && !listed && !policy.allow_private {
        return Err(GuardError::Port(port));
    }
    match url.host().ok_or(GuardError::NoHost)? {
        Host::Domain(name) => check_name(name, policy)?,
        Host::Ipv4(ip) => check_ip(ip.into(), policy)?,
        Host::Ipv6(ip) => check_ip(ip.into(), policy)?,
    }
    Ok(url)
}

fn check_ip(ip: IpAddr, policy: &GuardPolicy) -> Result<(), GuardError> {
    policy.admits(ip).then_some(()).ok_or(GuardError::Address(ip))
}

fn check_name(name: &str, policy: &GuardPolicy) -> Result<(), GuardError> {
    const INSIDE: [&str; 6] =
        [".local", ".localhost", ".internal", ".intranet", ".lan", ".home.arpa"];
    if name.split('.').any(str::is_empty) {
        return Err(GuardError::DottedName(name.to_owned()));
    }
    let inside = !name.contains('.') || INSIDE.iter().any(|end| name.ends_with(end));
    match inside && !policy.allow_private {
        true => Err(GuardError::PrivateName(name.to_owned())),
        false => Ok(()),
    }
}

const DENIED_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

/// Only 2000::/3 is handed out as public at all; these parts of it are special (Teredo is in 2001::/23).
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);
const DENIED_V6: [Ipv6Net; 4] =
    [v6(0x2001, 0, 23), v6(0x2001, 0xdb8, 32), v6(0x2002, 0, 16), v6(0x3fff, 0, 20)];

const PRIVATE_V4: [Ipv4Net; 5] = [
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
];
const UNIQUE_LOCAL: Ipv6Net = v6(0xfc00, 0, 7);

/// Clouds hand out credentials here; both lie inside ranges that `allow_private` permits.
const METADATA_V4: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(a: u16, b: u16, bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), bits)
}

/// Whether an address is a plain public one. A v4 address in v6 clothes is judged as v4; the ways to
/// reach v4 through v6 (NAT64, 6to4, Teredo) are all refused.
pub fn is_allowed(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => !DENIED_V4.iter().any(|net| net.contains(&ip)),
        IpAddr::V6(ip) => GLOBAL_V6.contains(&ip) && !DENIED_V6.iter().any(|net| net.contains(&ip)),
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip != METADATA_V4 && PRIVATE_V4.iter().any(|net| net.contains(&ip)),
        IpAddr::V6(ip) => ip != METADATA_V6 && (ip.is_loopback() || UNIQUE_LOCAL.contains(&ip)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(url: &str) -> GuardError {
        let policy = GuardPolicy { allow_http: true, ..GuardPolicy::default() };
        check_url(url, &policy).expect_err(url)
    }

    #[test]
    fn the_five_ways_to_write_loopback_are_all_seen_through() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert!(matches!(refused(url), GuardError::Address(_)), "{url}");
        }
    }

    #[test]
    fn addresses_off_the_public_internet_are_refused_to_their_edges() {
        for ip in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "3fff:fff:ffff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ffff::1",
        ] {
            assert!(!is_allowed(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn their_public_neighbours_are_permitted() {
        for ip in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "8.8.8.8",
            "::ffff:8.8.8.8",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2003::1",
            "3ffe:ffff::1",
        ] {
            assert!(is_allowed(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn what_is_not_plain_https_to_a_public_name_is_refused_by_its_own_rule() {
        for (url, says) in [
            ("ftp://buyer.example/", "scheme \"ftp\""),
            ("file:///etc/passwd", "scheme \"file\""),
            ("https://user:pw@buyer.example/", "user name or password"),
            ("https://user@buyer.example/", "user name or password"),
            ("https://buyer.example:22/", "port 22"),
            ("https://localhost/", "private network"),
            ("https://printer.local/", "private network"),
            ("https://metadata.google.internal/", "private network"),
            ("https://x.localhost/", "private network"),
            ("https://redis/", "private network"),
            ("https://buyer.example./", "ends with a dot"),
            ("https://127.0.0.1./", "not on the public internet"),
            ("https://[fe80::1]/", "not on the public internet"),
            ("buyer.example", "cannot be read"),
            ("https://", "cannot be read"),
        ] {
            let says_now = refused(url).to_string();
            assert!(says_now.contains(says), "{url}: {says_now}");
        }
        assert_eq!(refused(&format!("https://a.b/{}", "x".repeat(2048))), GuardError::TooLong);
    }

    #[test]
    fn a_policy_opens_only_what_it_says() {
        let closed = GuardPolicy::default();
        assert!(check_url("https://buyer.example:8443/in?x=1", &closed).is_ok());
        assert_eq!(
            check_url("http://buyer.example/", &closed),
            Err(GuardError::Scheme("http".into()))
        );
        let private =
            GuardPolicy { allow_private: true, allow_http: true, extra_ports: vec![9000] };
        assert!(check_url("http://127.0.0.1:9000/", &private).is_ok());
        assert!(check_url("http://buyer.lan:9000/", &private).is_ok());
        for never in
            ["169.254.169.254", "100.100.100.200", "[fd00:ec2::254]", "0.0.0.0", "224.0.0.1"]
        {
            assert!(check_url(&format!("http://{never}/"), &private).is_err(), "{never}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(https?://)?[-@:/.\\[\\]0-9a-fx%]{0,30}") {
            let _ = check_url(&text, &GuardPolicy::default());
        }

        #[test]
        fn a_mapped_address_is_judged_as_what_it_is(bits in any::<u32>()) {
            let ip = Ipv4Addr::from(bits);
            prop_assert_eq!(is_allowed(ip.into()), is_allowed(ip.to_ipv6_mapped().into()));
        }
    }
}
