//! Origins and links: a request can only be made of a [`Link`], and a link only of text that stays on the origin that
//! somebody configured. It knows nothing of what is asked there.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;
use url::{Host, Url};

use super::plain::plain;

/// Longest link that is followed. Real ones have some hundred characters, tokens included.
const MAX_LINK: usize = 64 * 1024;

/// Where a service lives: scheme, host and port of the root that the manifest names.
#[derive(Clone, Debug)]
pub struct Origin {
    root: Url,
}

/// An address on the configured origin, kept exactly as it was given. Its query is a secret of a kind.
#[derive(Clone)]
pub struct Link {
    raw: String,
    url: Url,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(…)")
    }
}

impl Link {
    /// The text as it was given.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The text as it was given.
    pub fn into_raw(self) -> String {
        self.raw
    }

    /// What to ask.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl Origin {
    /// Reads a root: `https`, or `http` on loopback only, for a secret or a token goes there.
    ///
    /// # Errors
    /// When the root is no such address.
    pub fn new(root: &str) -> Result<Self, Unsafe> {
        let url = Url::parse(root).ok().filter(|url| url.has_host() && is_plain(url));
        match url {
            Some(root) if root.scheme() == "https" || root.scheme() == "http" && is_loopback(&root) => {
                Ok(Self { root })
            }
            Some(_) | None => Err(Unsafe { shown: plain(root, 100) }),
        }
    }

    /// Takes text for a link if it leads to this origin and nowhere else.
    ///
    /// # Errors
    /// When it leads elsewhere.
    pub fn admit(&self, raw: &str) -> Result<Link, Foreign> {
        if raw.len() > MAX_LINK {
            return Err(Foreign("an address that is too long".to_owned()));
        }
        let url = Url::parse(raw).map_err(|_| Foreign("something that is no address".to_owned()))?;
        if url.origin() != self.root.origin() {
            return Err(Foreign(plain(&url.origin().ascii_serialization(), 100)));
        }
        if !is_plain(&url) {
            return Err(Foreign("an address with credentials in it".to_owned()));
        }
        Ok(Link { raw: raw.to_owned(), url })
    }

    /// Where a `Location` leads to: like [`Self::admit`], but it may be relative.
    ///
    /// # Errors
    /// When it leads elsewhere.
    pub fn admit_location(&self, location: &str) -> Result<Link, Foreign> {
        match self.root.join(location) {
            Ok(url) => self.admit(url.as_str()),
            Err(_) => Err(Foreign("something that is no address".to_owned())),
        }
    }

    /// The root with a path after it; each segment is escaped.
    pub fn path(&self, segments: &[&str]) -> Url {
        let mut url = self.root.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Whether it never leaves this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.root)
    }

    /// Whether it is spoken to over TLS.
    pub fn is_secure(&self) -> bool {
        self.root.scheme() == "https"
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root.origin().ascii_serialization())
    }
}

/// An address that no secret may go to.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{shown}` is not an address that bmsync may send secrets to")]
pub struct Unsafe {
    /// The address, fit to be shown.
    pub shown: String,
}

/// Where a link leads that does not stay on the origin; never more of it than scheme, host and port.
#[derive(Debug, PartialEq, Eq)]
pub struct Foreign(
    /// Fit to be shown.
    pub String,
);

fn is_plain(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => Ipv4Addr::is_loopback(&address),
        Some(Host::Ipv6(address)) => Ipv6Addr::is_loopback(&address),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_of_the_same_scheme_host_and_port_are_admitted() {
        let origin = Origin::new("https://graph.example").unwrap();
        assert_eq!(
            origin.admit("https://graph.example/v1.0/users/delta?$skiptoken=a'b").unwrap().raw(),
            "https://graph.example/v1.0/users/delta?$skiptoken=a'b"
        );
        assert!(origin.admit("HTTPS://GRAPH.example:443/x").is_ok());
        for foreign in [
            "http://graph.example/x",
            "https://graph.example:444/x",
            "https://graph.example.evil.example/x",
            "https://user@graph.example/x",
            "https://user:pass@graph.example/x",
            "https://graph.example@evil.example/x",
            "//evil.example/x",
            "/v1.0/users/delta",
            "javascript:alert(1)",
            "",
        ] {
            assert!(origin.admit(foreign).is_err(), "{foreign}");
        }
        assert_eq!(origin.admit("https://evil.example/?$skiptoken=s3").unwrap_err().0, "https://evil.example");
        assert!(origin.admit(&format!("https://graph.example/{}", "x".repeat(MAX_LINK))).is_err());
    }

    #[test]
    fn a_location_may_be_relative_but_not_foreign() {
        let origin = Origin::new("https://graph.example").unwrap();
        assert!(origin.admit_location("/v1.0/users/delta?$deltatoken=").is_ok());
        assert!(origin.admit_location("//evil.example/v1.0").is_err());
        assert!(origin.admit_location("https://evil.example/").is_err());
    }

    #[test]
    fn plain_http_is_for_loopback() {
        for good in
            ["http://127.0.0.1:8400", "http://127.8.9.1", "http://[::1]:1", "http://localhost:8400", "https://a.b"]
        {
            assert!(Origin::new(good).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1",
            "http://a.b",
            "ftp://localhost",
            "localhost:80",
            "https://u:p@a.b",
            "",
            "http://localhost.evil.example",
        ] {
            assert!(Origin::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_is_escaped_and_keeps_the_roots_own() {
        let origin = Origin::new("http://127.0.0.1:8400/entra").unwrap();
        assert_eq!(origin.path(&["a/../b?", "token"]).as_str(), "http://127.0.0.1:8400/entra/a%2F..%2Fb%3F/token");
    }
}
