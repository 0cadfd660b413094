//! Secrets, read where a manifest points, when they are needed and not before. It knows nothing of what they open.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use tracing::warn;

use super::error::person;
use crate::manifest::config::SecretRef;
use crate::source::SourceError;

/// Largest secret that is read; an application key has 40 characters.
const MAX_SECRET: u64 = 64 * 1024;

/// What a secret is, for people to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noun {
    /// A client secret.
    ApplicationKey,
    /// PEM with a certificate and its private key.
    Certificate,
    /// A token of another issuer.
    FederatedToken,
    /// The key of another service's API.
    ApiKey,
}

impl Noun {
    const fn text(self) -> &'static str {
        match self {
            Self::ApplicationKey => "application key",
            Self::Certificate => "certificate",
            Self::FederatedToken => "federated token",
            Self::ApiKey => "API key",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::ApplicationKey => "applicationKey",
            Self::Certificate => "certificate",
            Self::FederatedToken => "federatedToken",
            Self::ApiKey => "apiKey",
        }
    }

    /// What it is when it is not one line.
    const fn one_line(self) -> Option<&'static str> {
        match self {
            Self::ApplicationKey => Some(
                "an application key is one line: the Value (not the Secret ID) of a client secret of the app registration",
            ),
            Self::ApiKey => Some("an API key is one line, as the service showed it when it was made"),
            Self::FederatedToken => Some("a federated token is one line: a JWT, as its issuer wrote it"),
            Self::Certificate => None,
        }
    }
}

/// Reads the key of another service's API.
///
/// # Errors
/// When it is not there, empty, too large or not text; the error says where it was looked for, never what was found.
pub fn api_key(reference: &SecretRef) -> Result<SecretString, SourceError> {
    read(reference, Noun::ApiKey)
}

/// Reads the secret, without the line end after it.
///
/// # Errors
/// When it is not there, empty, too large or not text; the error says where it was looked for, never what was found.
pub(super) fn read(reference: &SecretRef, noun: Noun) -> Result<SecretString, SourceError> {
    let text = match reference {
        SecretRef::Env(name) => from_environment(name, noun)?,
        SecretRef::File(path) => from_file(path, noun)?,
    };
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.trim().is_empty() {
        return Err(person(format!("{} is empty", place(reference)), format!("put the {} there", noun.text())));
    }
    match noun.one_line() {
        Some(hint) if secret.contains(['\r', '\n', '\0']) => {
            Err(person(format!("{} holds more than one line", place(reference)), hint))
        }
        Some(_) | None => Ok(SecretString::from(secret)),
    }
}

/// Whether others than its owner can read or change the file of a secret: its mode then.
pub(super) fn openness(reference: &SecretRef) -> Option<u32> {
    match reference {
        SecretRef::Env(_) => None,
        SecretRef::File(path) => too_open(&path.metadata().ok()?),
    }
}

/// How a person calls the place.
pub(super) fn place(reference: &SecretRef) -> String {
    match reference {
        SecretRef::Env(name) => format!("the environment variable {name}"),
        SecretRef::File(path) => format!("the file {}", path.display()),
    }
}

fn from_environment(name: &str, noun: Noun) -> Result<Zeroizing<String>, SourceError> {
    // `var_os` panics on names that no environment can hold.
    let value = Some(name).filter(|name| !name.is_empty() && !name.contains(['=', '\0'])).and_then(std::env::var_os);
    let value = value.ok_or_else(|| {
        person(
            format!("the environment variable {name} is not set"),
            format!("set {name} to the {}, or name a file: `{}: {{ file: … }}`", noun.text(), noun.key()),
        )
    })?;
    let value = value.into_string().map_err(|_| {
        let hint = format!("set {name} to the {}", noun.text());
        person(format!("the environment variable {name} is not text"), hint)
    })?;
    match u64::try_from(value.len()) {
        Ok(length) if length <= MAX_SECRET => Ok(Zeroizing::new(value)),
        Ok(_) | Err(_) => Err(too_large(&format!("the environment variable {name}"), noun)),
    }
}

fn from_file(path: &Path, noun: Noun) -> Result<Zeroizing<String>, SourceError> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| SourceError {
        source: Some(Box::new(error)),
        ..person(
            format!("the file {shown} with the {} cannot be read", noun.text()),
            "check that it is there and that bmsync may read it; a relative path starts at the working directory",
        )
    };
    // Asked before opening: a named pipe would keep us waiting for its writer.
    let metadata = path.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(person(format!("{shown} is not a regular file"), format!("put the {} into a file", noun.text())));
    }
    warn_once(path, &metadata);
    let mut text = Zeroizing::new(String::new());
    let read = File::open(path).and_then(|file| file.take(MAX_SECRET + 1).read_to_string(&mut text));
    match u64::try_from(read.map_err(unreadable)?) {
        Ok(length) if length <= MAX_SECRET => Ok(text),
        Ok(_) | Err(_) => Err(too_large(&format!("the file {shown}"), noun)),
    }
}

fn too_large(place: &str, noun: Noun) -> SourceError {
    let noun = noun.text();
    person(format!("{place} is too large for the {noun}"), format!("put the {noun} there, and nothing else"))
}

/// Says of each file once that others can read it.
fn warn_once(path: &Path, metadata: &Metadata) {
    static TOLD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    if let Some(mode) = too_open(metadata)
        && TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned())
    {
        let file = crate::display::safe(&path.display().to_string()).into_owned();
        warn!(file, mode = %format_args!("{mode:04o}"), "others can read or change this secret: chmod 600");
    }
}

/// The mode of a file that others than its owner and group can read, or others than its owner change.
#[cfg(unix)]
pub(super) fn too_open(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o7777;
    (mode & 0o027 != 0).then_some(mode)
}

/// The mode of a file that others than its owner can read or change; unknown on this system.
#[cfg(not(unix))]
pub(super) fn too_open(_: &Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn of_file(content: &[u8]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, content).unwrap();
        match read(&SecretRef::File(path), Noun::ApplicationKey) {
            Ok(secret) => Ok(secret.expose_secret().to_owned()),
            Err(error) => Err(error.message),
        }
    }

    #[test]
    fn the_line_end_is_not_part_of_a_secret_but_blanks_are() {
        assert_eq!(of_file(b"k3y~\n").unwrap(), "k3y~");
        assert_eq!(of_file(b" k3y \r\n").unwrap(), " k3y ");
        assert_eq!(of_file(b"k3y").unwrap(), "k3y");
    }

    #[test]
    fn what_is_no_secret_is_named_without_being_shown() {
        for (content, said) in [
            (&b"\n"[..], "is empty"),
            (b"-----BEGIN\nhidden", "more than one line"),
            (b"\xff\xfe", "cannot be read"),
            ("x".repeat(70_000).as_bytes(), "too large"),
        ] {
            let message = of_file(content).unwrap_err();
            assert!(message.contains(said), "{message}");
            assert!(!message.contains("hidden"), "{message}");
        }
    }

    #[test]
    fn a_missing_secret_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(&SecretRef::File(folder.path().join("no")), Noun::ApplicationKey).unwrap_err();
        assert!(error.message.contains("cannot be read") && error.source.is_some(), "{error:?}");
        let error = read(&SecretRef::File(folder.path().into()), Noun::ApplicationKey).unwrap_err();
        assert!(error.message.contains("not a regular file"), "{error:?}");
        for name in ["BMSYNC_TEST_NEVER_SET", "", "A=B", "A\0B"] {
            let error = read(&SecretRef::Env(name.into()), Noun::ApplicationKey).unwrap_err();
            assert!(error.message.ends_with("is not set"), "{error:?}");
            assert!(error.hint.is_some_and(|hint| hint.contains("applicationKey")));
        }
    }

    #[test]
    fn an_environment_variable_is_read() {
        let secret = read(&SecretRef::Env("CARGO_PKG_NAME".into()), Noun::ApplicationKey).unwrap();
        assert_eq!(secret.expose_secret(), "bmsync");
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_others_can_read_is_too_open() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "k").unwrap();
        for (mode, open) in [(0o600, None), (0o640, None), (0o644, Some(0o644)), (0o620, Some(0o620))] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(too_open(&path.metadata().unwrap()), open);
        }
    }
}
