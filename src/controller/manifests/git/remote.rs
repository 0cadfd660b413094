//! What may be asked of git: which address, which ref, which folder. Everything here is checked before git sees it, and
//! an address is taken apart so that its password is never in it. Knows nothing of processes.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use secrecy::SecretString;
use thiserror::Error;
use url::{Host, Url};

use crate::model::Digest;

/// The address of a repository, without the password.
#[derive(Clone, Debug)]
pub struct Remote {
    /// As git gets it, and as it may be shown.
    pub(super) address: String,
    /// The only protocol that git may speak.
    pub(super) protocol: &'static str,
    /// For which origin the credentials are, and what they are.
    pub(super) credentials: Option<Credentials>,
}

/// A user and a password, or a token in the place of either.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    /// Scheme, host and port: nobody else gets them.
    pub(super) origin: String,
    pub(super) user: SecretString,
    pub(super) password: SecretString,
}

/// Why an address, a ref or a folder is not handed to git. Never repeats an address: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RemoteRefused {
    /// It is nothing that names a repository.
    #[error(
        "the repository must be an https:// or ssh:// URL, user@host:path, or a local path that starts with `/` or `.`"
    )]
    NotARepository,
    /// Passwords and manifests would travel in the open.
    #[error("http:// is allowed on loopback only")]
    Unencrypted,
    /// SSH has keys.
    #[error("a password in an ssh:// URL does not work: use a key")]
    SshPassword,
    /// It holds characters that have no business there.
    #[error("the repository's URL has control characters, spaces, a query or a fragment")]
    Characters,
    /// It is no name of a branch or tag.
    #[error("the ref must be the name of a branch or tag, or a whole commit hash")]
    Ref,
    /// It leads out of the repository.
    #[error("the folder in the repository must be relative, without `..`")]
    Folder,
}

impl Remote {
    /// Checks an address: `https://`, `ssh://`, `user@host:path`, `http://` on loopback, or a local path that starts with
    /// `/`, `./` or `../`. Everything else that git understands is refused: `ext::` runs commands, `git://` and
    /// `http://` are in the open, and a local repository is meant only by who writes a path.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(address: &str) -> Result<Self, RemoteRefused> {
        if address.chars().any(|char| char.is_control() || char.is_whitespace()) {
            return Err(RemoteRefused::Characters);
        }
        if ["/", "./", "../"].iter().any(|start| address.starts_with(start)) {
            let path = std::path::absolute(address).map_err(|_| RemoteRefused::NotARepository)?;
            return Ok(Self { address: path.display().to_string(), protocol: "file", credentials: None });
        }
        if address.contains("://") { Self::of_url(address) } else { Self::of_ssh_words(address) }
    }

    fn of_url(address: &str) -> Result<Self, RemoteRefused> {
        let url = Url::parse(address).map_err(|_| RemoteRefused::NotARepository)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(RemoteRefused::Characters);
        }
        if url.host_str().is_none_or(|host| host.is_empty() || host.starts_with('-')) {
            return Err(RemoteRefused::NotARepository);
        }
        match url.scheme() {
            "https" => Self::of_http(url, "https"),
            "http" if is_loopback(&url) => Self::of_http(url, "http"),
            "http" => Err(RemoteRefused::Unencrypted),
            "ssh" if url.password().is_some() => Err(RemoteRefused::SshPassword),
            "ssh" if url.username().starts_with('-') => Err(RemoteRefused::NotARepository),
            "ssh" => Ok(Self { address: url.into(), protocol: "ssh", credentials: None }),
            _ => Err(RemoteRefused::NotARepository),
        }
    }

    fn of_http(mut url: Url, protocol: &'static str) -> Result<Self, RemoteRefused> {
        let (user, password) = (decoded(url.username())?, decoded(url.password().unwrap_or_default())?);
        let cleared = url.set_username("").and_then(|()| url.set_password(None));
        cleared.map_err(|()| RemoteRefused::NotARepository)?;
        let has_any = !user.is_empty() || !password.is_empty();
        let origin = url.origin().ascii_serialization();
        let credentials = Credentials { origin, user: user.into(), password: password.into() };
        Ok(Self { address: url.into(), protocol, credentials: has_any.then_some(credentials) })
    }

    /// `user@host:path`, as SSH writes it.
    fn of_ssh_words(address: &str) -> Result<Self, RemoteRefused> {
        let (user, rest) = address.split_once('@').ok_or(RemoteRefused::NotARepository)?;
        let (host, path) = rest.split_once(':').ok_or(RemoteRefused::NotARepository)?;
        let is_plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.chars().all(|char| char.is_ascii_alphanumeric() || "-._".contains(char))
        };
        if !is_plain(user) || !is_plain(host) || path.is_empty() || path.starts_with([':', '-']) {
            return Err(RemoteRefused::NotARepository);
        }
        Ok(Self { address: address.to_owned(), protocol: "ssh", credentials: None })
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::display::safe(&self.address))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A part of a URL without its percent signs. Control characters would speak to git in the credentials' place.
fn decoded(text: &str) -> Result<String, RemoteRefused> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (byte, Some(_) | None) => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| RemoteRefused::Characters)?;
    if text.chars().any(char::is_control) { Err(RemoteRefused::Characters) } else { Ok(text) }
}

/// What of a repository is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A branch of that name, or else a tag.
    Name(String),
    /// `refs/…`, as it is.
    Full(String),
    /// One commit for ever.
    Commit(String),
}

impl Reference {
    /// Checks the name of a branch or tag, a full ref, or a commit hash.
    ///
    /// # Errors
    /// When git would not take it as a name, or would take it as something else: an option, a refspec, a pattern.
    pub fn parse(text: &str) -> Result<Self, RemoteRefused> {
        let is_hash = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash {
            return Ok(Self::Commit(text.to_ascii_lowercase()));
        }
        if text.is_empty() || text.len() > 255 || text.starts_with(['-', '+', '/']) || text.ends_with(['/', '.']) {
            return Err(RemoteRefused::Ref);
        }
        let has_foreign = |char: char| char.is_control() || char.is_whitespace() || "~^:?*[\\".contains(char);
        let is_foreign = text.chars().any(has_foreign) || ["..", "@{", "//"].iter().any(|pair| text.contains(pair));
        if is_foreign || text == "@" || text.split('/').any(|part| part.starts_with('.') || is_lock(part)) {
            return Err(RemoteRefused::Ref);
        }
        Ok(if text.starts_with("refs/") { Self::Full(text.to_owned()) } else { Self::Name(text.to_owned()) })
    }
}

/// Git keeps that ending, in this case, for itself.
fn is_lock(part: &str) -> bool {
    part.strip_suffix(".lock").is_some()
}

/// Checks the folder of the manifests in a repository; nothing is the whole repository.
///
/// # Errors
/// When it leads out of the repository.
pub(super) fn folder_in_repository(folder: &Path) -> Result<String, RemoteRefused> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str().ok_or(RemoteRefused::Folder)?),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(RemoteRefused::Folder),
        }
    }
    if parts.iter().any(|part| part.chars().any(char::is_control)) {
        Err(RemoteRefused::Folder)
    } else {
        Ok(parts.join("/"))
    }
}

/// Where the copy of a repository lies: one folder for each address and ref, so that one never stands in for another.
pub(super) fn copy_of(cache: &Path, remote: &Remote, reference: &Reference) -> PathBuf {
    let name = match reference {
        Reference::Name(name) | Reference::Full(name) | Reference::Commit(name) => name,
    };
    cache.join(Digest::of([remote.address.as_bytes(), name.as_bytes()]).to_string())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn what_runs_commands_or_is_in_the_open_is_refused() {
        use RemoteRefused::{Characters, NotARepository, SshPassword, Unencrypted};
        for (address, why) in [
            ("--upload-pack=touch /tmp/x", Characters),
            ("--upload-pack=x", NotARepository),
            ("-oProxyCommand=x@host:path", NotARepository),
            ("ext::sh%20-c%20x", NotARepository),
            ("ext::ssh@host:x", NotARepository),
            ("fd::17", NotARepository),
            ("file:///etc", NotARepository),
            ("git://host/x", NotARepository),
            ("ftp://host/x", NotARepository),
            ("manifests", NotARepository),
            ("http://example.com/x", Unencrypted),
            ("http://localhost.example.com/x", Unencrypted),
            ("ssh://git:word@host/x", SshPassword),
            ("ssh://-oProxyCommand=x/y", NotARepository),
            ("ssh://-x@host/y", NotARepository),
            ("git@-host:x", NotARepository),
            ("git@host:-x", NotARepository),
            ("https://host/x?y", Characters),
            ("https://host/x\n", Characters),
            ("https://u:a%0Apassword=b@host/x", Characters),
            ("", NotARepository),
        ] {
            assert_eq!(Remote::parse(address).unwrap_err(), why, "{address:?}");
        }
    }

    #[test]
    fn credentials_are_taken_out_of_the_address_and_stay_with_its_origin() {
        let remote = Remote::parse("https://us%40er:p%25ss%2f@Host.example:8443/a/b.git").unwrap();
        let credentials = remote.credentials.as_ref().unwrap();
        assert_eq!((remote.address.as_str(), remote.protocol), ("https://host.example:8443/a/b.git", "https"));
        assert_eq!(credentials.origin, "https://host.example:8443");
        assert_eq!((credentials.user.expose_secret(), credentials.password.expose_secret()), ("us@er", "p%ss/"));
        assert!(!format!("{remote} {remote:?}").contains("p%"));
        for plain in ["git@github.com:org/repo.git", "ssh://git@host:22/x", "http://[::1]:80/x", "/srv/x", "./x"] {
            assert!(Remote::parse(plain).unwrap().credentials.is_none(), "{plain}");
        }
    }

    #[test]
    fn a_ref_is_a_name_and_nothing_else() {
        assert_eq!(Reference::parse("feature/x-1"), Ok(Reference::Name("feature/x-1".into())));
        assert_eq!(Reference::parse("refs/heads/x"), Ok(Reference::Full("refs/heads/x".into())));
        let hash = "A".repeat(40);
        assert_eq!(Reference::parse(&hash), Ok(Reference::Commit("a".repeat(40))));
        for text in
            ["", "-x", "+x", "a:b", "a..b", "a b", "*", "x^{}", "@{1}", "@", "a/.b", "a.lock", "a/", "/a", "a//b"]
        {
            assert_eq!(Reference::parse(text), Err(RemoteRefused::Ref), "{text}");
        }
    }

    #[test]
    fn the_folder_stays_in_the_repository() {
        let checked = |text: &str| folder_in_repository(Path::new(text));
        assert_eq!((checked(""), checked("./a//b/")), (Ok(String::new()), Ok("a/b".into())));
        for out in ["..", "a/../..", "/etc", "a\n"] {
            assert_eq!(checked(out), Err(RemoteRefused::Folder), "{out}");
        }
    }
}
