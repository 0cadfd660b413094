//! Secrets, read where a manifest points, when they are needed and not before. It knows nothing of what they open.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use secrecy::SecretString;

use super::error::person;
use crate::manifest::config::SecretRef;
use crate::source::SourceError;

/// Largest secret that is read; an application key has 40 characters.
const MAX_SECRET: u64 = 64 * 1024;

/// Reads the secret, without the line end after it.
///
/// # Errors
/// When it is not there, empty, too large or not text; the error says where it was looked for, never what was found.
pub(super) fn read(reference: &SecretRef) -> Result<SecretString, SourceError> {
    let text = match reference {
        SecretRef::Env(name) => from_environment(name)?,
        SecretRef::File(path) => from_file(path)?,
    };
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(person(format!("{} is empty", place(reference)), "put the application key there"));
    }
    if secret.contains(['\r', '\n', '\0']) {
        return Err(person(
            format!("{} holds more than one line", place(reference)),
            "an application key is one line: the Value (not the Secret ID) of a client secret of the app registration",
        ));
    }
    Ok(SecretString::from(secret))
}

/// How a person calls the place.
pub(super) fn place(reference: &SecretRef) -> String {
    match reference {
        SecretRef::Env(name) => format!("the environment variable {name}"),
        SecretRef::File(path) => format!("the file {}", path.display()),
    }
}

fn from_environment(name: &str) -> Result<String, SourceError> {
    // `var_os` panics on names that no environment can hold.
    let value = Some(name).filter(|name| !name.is_empty() && !name.contains(['=', '\0'])).and_then(std::env::var_os);
    let value = value.ok_or_else(|| {
        person(
            format!("the environment variable {name} is not set"),
            format!("set {name} to the application key, or name a file: `applicationKey: {{ file: … }}`"),
        )
    })?;
    let value = value.into_string().map_err(|_| {
        person(format!("the environment variable {name} is not text"), format!("set {name} to the application key"))
    })?;
    match u64::try_from(value.len()) {
        Ok(length) if length <= MAX_SECRET => Ok(value),
        Ok(_) | Err(_) => Err(too_large(&format!("the environment variable {name}"))),
    }
}

fn from_file(path: &Path) -> Result<String, SourceError> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| SourceError {
        source: Some(Box::new(error)),
        ..person(
            format!("the file {shown} with the application key cannot be read"),
            "check that it is there and that bmsync may read it; a relative path starts at the working directory",
        )
    };
    // Asked before opening: a named pipe would keep us waiting for its writer.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(person(format!("{shown} is not a regular file"), "put the application key into a file"));
    }
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_SECRET + 1).read_to_string(&mut text));
    match u64::try_from(read.map_err(unreadable)?) {
        Ok(length) if length <= MAX_SECRET => Ok(text),
        Ok(_) | Err(_) => Err(too_large(&format!("the file {shown}"))),
    }
}

fn too_large(place: &str) -> SourceError {
    person(format!("{place} is too large for an application key"), "put the application key there, and nothing else")
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn of_file(content: &[u8]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, content).unwrap();
        match read(&SecretRef::File(path)) {
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
        let error = read(&SecretRef::File(folder.path().join("no"))).unwrap_err();
        assert!(error.message.contains("cannot be read") && error.source.is_some(), "{error:?}");
        assert!(read(&SecretRef::File(folder.path().into())).unwrap_err().message.contains("not a regular file"));
        for name in ["BMSYNC_TEST_NEVER_SET", "", "A=B", "A\0B"] {
            let error = read(&SecretRef::Env(name.into())).unwrap_err();
            assert!(error.message.ends_with("is not set"), "{error:?}");
            assert!(error.hint.is_some_and(|hint| hint.contains("applicationKey")));
        }
    }

    #[test]
    fn an_environment_variable_is_read() {
        let secret = read(&SecretRef::Env("CARGO_PKG_NAME".into())).unwrap();
        assert_eq!(secret.expose_secret(), "bmsync");
    }
}
