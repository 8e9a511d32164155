//! What is kept of a page's address: the path, and the host in lower case. Query and fragment may hold names and tokens; they go.
use super::NAME_MAX;
use url::Url;

/// Characters of an address, at most.
pub const URL_MAX: usize = 2_000;

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub host: String,
    /// As browsers write it, cut to [`NAME_MAX`] characters.
    pub path: String,
}

impl Page {
    /// Reads an address of the web; none when it is something else.
    pub fn read(address: &str) -> Option<Self> {
        if address.len() > URL_MAX {
            return None;
        }
        let url = Url::parse(address).ok()?;
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let host = url.host_str()?.to_ascii_lowercase();
        Some(Self { host, path: url.path().chars().take(NAME_MAX).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_host_and_path() {
        for (address, host, path) in [
            ("https://WWW.Example.com/Pricing?token=secret#top", "www.example.com", "/Pricing"),
            ("http://user:secret@example.com:8080", "example.com", "/"),
            ("https://example.com/caf\u{e9}", "example.com", "/caf%C3%A9"),
        ] {
            let page = Page { host: host.into(), path: path.into() };
            assert_eq!(Page::read(address), Some(page), "{address}");
        }
        let long = format!("https://example.com/{}", "x".repeat(1_000));
        assert_eq!(Page::read(&long).unwrap().path.len(), NAME_MAX);
    }

    #[test]
    fn what_is_no_address_of_the_web_is_none() {
        let long = format!("https://example.com/{}", "x".repeat(URL_MAX));
        for bad in ["", "/pricing", "file:///etc/passwd", "javascript:alert(1)", "https://", &long]
        {
            assert_eq!(Page::read(bad), None, "{bad}");
        }
    }
}
