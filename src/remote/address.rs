//! Where a server is: a root that everything asked is put under, so that a token goes nowhere else.

use std::fmt;

use thiserror::Error;
use url::{Host, Url};

/// The root of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// On this machine, in plain text: no proxy, no certificates.
    Plain,
    /// On this machine, over TLS: no proxy.
    Near,
    /// Anywhere, over TLS, through the proxy of the environment if there is one.
    Far,
}

/// Why an address cannot be used. The address is not repeated, for it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not a URL.
    #[error("it is not a URL like https://bmsync.example.com")]
    NoUrl,
    /// Tokens in plain text.
    #[error("it must be https; http is for this machine only")]
    Plain,
    /// More than a root.
    #[error("it must have no user, password, query or fragment")]
    Extra,
}

impl Address {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let mut url = Url::parse(text.trim()).map_err(|_| AddressError::NoUrl)?;
        match (url.scheme(), url.host()) {
            ("https", Some(_)) => {}
            ("http", Some(host)) if is_loopback(&host) => {}
            ("http", Some(_)) => return Err(AddressError::Plain),
            (_, _) => return Err(AddressError::NoUrl),
        }
        let is_bare = url.username().is_empty() && url.password().is_none();
        if !is_bare || url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Extra);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// How it is reached.
    pub fn reach(&self) -> Reach {
        match (self.0.scheme(), self.0.host().as_ref().is_some_and(is_loopback)) {
            ("http", _) => Reach::Plain,
            (_, true) => Reach::Near,
            (_, false) => Reach::Far,
        }
    }

    /// What is asked, under the root. Parts are escaped: none can lead elsewhere.
    pub fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(path.iter().map(|part| escaped_dots(part)));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

/// The parts `.` and `..` are not kept in a URL; no bmsync has anything of that name.
fn escaped_dots(part: &str) -> &str {
    match part {
        "." | ".." => "-",
        part => part,
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_on_this_machine() {
        for near in ["http://localhost:8080", "http://127.0.0.1/", "http://[::1]:1"] {
            assert_eq!(Address::parse(near).unwrap().reach(), Reach::Plain, "{near}");
        }
        assert_eq!(Address::parse("https://localhost").unwrap().reach(), Reach::Near);
        assert_eq!(Address::parse(" https://bmsync.example.com/ops/ ").unwrap().reach(), Reach::Far);
        assert_eq!(Address::parse("http://bmsync.example.com"), Err(AddressError::Plain));
        assert_eq!(Address::parse("https://a:b@bmsync.example.com"), Err(AddressError::Extra));
        assert_eq!(Address::parse("https://bmsync.example.com/?x=1"), Err(AddressError::Extra));
        for none in ["", "bmsync.example.com", "ftp://x", "localhost:8080", "unix:/run/x"] {
            assert_eq!(Address::parse(none), Err(AddressError::NoUrl), "{none}");
        }
    }

    #[test]
    fn nothing_that_is_asked_for_leads_elsewhere() {
        let address = Address::parse("https://bmsync.example.com/ops/").unwrap();
        let url = |item: &str| address.url(&["v1", "tenants", item], &[]).to_string();
        assert_eq!(url("a"), "https://bmsync.example.com/ops/v1/tenants/a");
        assert_eq!(url("../../x?y#z"), "https://bmsync.example.com/ops/v1/tenants/..%2F..%2Fx%3Fy%23z");
        assert_eq!(url(".."), "https://bmsync.example.com/ops/v1/tenants/-");
        let asked = address.url(&["v1", "explain"], &[("user", "a&b=c d")]).to_string();
        assert_eq!(asked, "https://bmsync.example.com/ops/v1/explain?user=a%26b%3Dc+d");
        assert_eq!(address.to_string(), "https://bmsync.example.com/ops");
    }
}
