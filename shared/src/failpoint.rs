//! Points where tests make a process die. Built in debug only; a release does not contain them.
//!
//! `LEADRAIL_FAILPOINT=delivery.before_call` kills the process there; `delivery.before_call@poison` only for a lead whose email contains
//! `poison`.
#[cfg(debug_assertions)]
use std::sync::OnceLock;

/// What is set, read once.
#[cfg(debug_assertions)]
static POINT: OnceLock<Option<Point>> = OnceLock::new();

#[cfg(debug_assertions)]
struct Point {
    name: String,
    about: Option<String>,
}

#[cfg(debug_assertions)]
#[expect(clippy::disallowed_methods, reason = "a test's switch, not a setting")]
fn point() -> Option<&'static Point> {
    let read = || {
        let text = std::env::var("LEADRAIL_FAILPOINT").ok().filter(|text| !text.is_empty())?;
        let (name, about) = match text.split_once('@') {
            Some((name, about)) => (name.to_owned(), Some(about.to_owned())),
            None => (text, None),
        };
        Some(Point { name, about })
    };
    POINT.get_or_init(read).as_ref()
}

/// Dies here when a test has asked for it. `about` is what the point is about, such as the lead's email.
#[inline]
pub fn failpoint(name: &str, about: &str) {
    #[cfg(debug_assertions)]
    if let Some(point) = point()
        && point.name == name
        && point.about.as_ref().is_none_or(|wanted| about.contains(wanted.as_str()))
    {
        eprintln!("failpoint {name} reached");
        std::process::abort();
    }
    #[cfg(not(debug_assertions))]
    let _ = (name, about);
}
