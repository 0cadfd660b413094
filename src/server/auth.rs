//! Who may ask: bearer tokens with roles, kept as hashes. Knows nothing of routes or connections.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use thiserror::Error;

/// Larger token files are refused.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Environment variable with a viewer's token.
pub const VIEWER_VARIABLE: &str = "BMSYNC_VIEWER_TOKEN";

/// Environment variable with an operator's token.
pub const OPERATOR_VARIABLE: &str = "BMSYNC_OPERATOR_TOKEN";

/// What somebody may do; the greater may do all that the smaller may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read and plan.
    Viewer,
    /// Also sync, approve and apply.
    Operator,
}

impl Role {
    /// The word in token files and messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Viewer, Self::Operator].into_iter().find(|role| role.word() == word)
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Viewer => 1,
            Self::Operator => 2,
        }
    }
}

/// Where tokens come from. A variable that is set counts, even when it is empty: that is an error, for otherwise a
/// missing secret would open the server.
#[derive(Clone, Debug, Default)]
pub struct AccessOptions {
    /// `--tokens FILE`.
    pub file: Option<PathBuf>,
    /// [`VIEWER_VARIABLE`].
    pub viewer: Option<SecretString>,
    /// [`OPERATOR_VARIABLE`].
    pub operator: Option<SecretString>,
}

/// Who may ask.
#[derive(Clone, Default)]
pub struct Access {
    entries: Vec<Entry>,
    /// Where they came from, to be read again.
    file: Option<PathBuf>,
    /// Those that did not come from the file.
    fixed: Vec<Entry>,
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    role: Role,
    hash: [u8; 32],
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({} tokens)", self.entries.len())
    }
}

impl Access {
    /// No token: only this machine may ask, and then everything.
    #[must_use]
    pub fn local() -> Self {
        Self::default()
    }

    /// Reads the tokens.
    ///
    /// # Errors
    /// When a source is given and has no usable token; the error says where and never repeats what is there.
    pub fn load(options: &AccessOptions) -> Result<Self, AccessError> {
        let AccessOptions { file, viewer, operator } = options;
        let mut access = Self { file: file.clone(), ..Self::default() };
        for (variable, role, token) in
            [(VIEWER_VARIABLE, Role::Viewer, viewer), (OPERATOR_VARIABLE, Role::Operator, operator)]
        {
            if let Some(token) = token {
                access
                    .add(role, token.expose_secret().trim())
                    .map_err(|why| AccessError::Variable { variable, why })?;
            }
        }
        access.fixed.clone_from(&access.entries);
        access.again()
    }

    /// What a new look at the file gives; without a file the same as before. Never lets in everybody where a token was
    /// needed: a file without any is an error.
    ///
    /// # Errors
    /// As [`Access::load`].
    pub fn again(&self) -> Result<Self, AccessError> {
        let Self { entries: _, file, fixed } = self;
        let Some(path) = file else { return Ok(self.clone()) };
        let name = path.display().to_string();
        let mut access = Self::parse(&name, &read(path)?)?;
        for Entry { role, hash } in fixed {
            access.insert(*role, *hash).map_err(|why| AccessError::Clash { file: name.clone(), why })?;
        }
        Ok(Self { entries: access.entries, file: file.clone(), fixed: fixed.clone() })
    }

    /// Whether both let the same in.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.entries == other.entries
    }

    /// Reads the text of a token file: lines `role token`, where the token may be `sha256:` and 64 hex digits; blank
    /// lines and lines that start with `#` are skipped.
    ///
    /// # Errors
    /// With the line of the first mistake; the text of the line is not repeated.
    pub fn parse(file: &str, text: &str) -> Result<Self, AccessError> {
        let mut access = Self::default();
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let at = |why| AccessError::Line { file: file.to_owned(), line: number + 1, why };
            let mut words = line.split_whitespace();
            let (role, token, rest) = (words.next(), words.next(), words.next());
            match (role, token, rest) {
                (None, _, _) => {}
                (Some(role), _, _) if role.starts_with('#') => {}
                (Some(role), Some(token), None) => {
                    let role = Role::from_word(role).ok_or(TokenFault::Role).map_err(at)?;
                    access.add(role, token).map_err(at)?;
                }
                (Some(_), None, _) | (Some(_), Some(_), Some(_)) => return Err(at(TokenFault::Shape)),
            }
        }
        if access.entries.is_empty() {
            return Err(AccessError::Empty { file: file.to_owned() });
        }
        Ok(access)
    }

    /// Whether nobody has a token.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.entries.is_empty()
    }

    /// The role of whoever shows this token. Takes the same time for every token of its length.
    #[must_use]
    pub fn role(&self, token: &str) -> Option<Role> {
        let shown = hash(token);
        let rank = self
            .entries
            .iter()
            .fold(0_u8, |rank, Entry { role, hash }| u8::conditional_select(&rank, &role.rank(), hash.ct_eq(&shown)));
        [Role::Viewer, Role::Operator].into_iter().find(|role| role.rank() == rank)
    }

    fn add(&mut self, role: Role, token: &str) -> Result<(), TokenFault> {
        if token.is_empty() {
            return Err(TokenFault::Blank);
        }
        let hash = match token.strip_prefix("sha256:") {
            Some(digits) => unhex(digits).ok_or(TokenFault::Hash)?,
            None if token.bytes().all(|byte| byte.is_ascii_graphic()) => hash(token),
            None => return Err(TokenFault::Signs),
        };
        self.insert(role, hash)
    }

    fn insert(&mut self, role: Role, hash: [u8; 32]) -> Result<(), TokenFault> {
        if self.entries.iter().any(|entry| entry.hash == hash && entry.role != role) {
            return Err(TokenFault::TwoRoles);
        }
        self.entries.push(Entry { role, hash });
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, AccessError> {
    let unreadable = |source| AccessError::Unreadable { file: path.display().to_string(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let read = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, "it is larger than 1 MiB")));
    }
    Ok(text)
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn unhex(digits: &str) -> Option<[u8; 32]> {
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = [0; 32];
    let pairs = digits.as_bytes().chunks_exact(2);
    if digits.len() != 64 {
        return None;
    }
    for (slot, pair) in out.iter_mut().zip(pairs) {
        *slot = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(out)
}

/// Why the tokens cannot be used. Never holds a token.
#[derive(Debug, Error)]
pub enum AccessError {
    /// The file cannot be read.
    #[error("cannot read the tokens in {file}")]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file has no token, which would open the server to everybody on this machine.
    #[error("{file} has no token in it")]
    Empty {
        /// Which.
        file: String,
    },
    /// A line cannot be used.
    #[error("{file}:{line}: {why}")]
    Line {
        /// Which file.
        file: String,
        /// From 1.
        line: usize,
        /// Why.
        why: TokenFault,
    },
    /// A token of the file is also that of a variable.
    #[error("{file} and the environment do not go together: {why}")]
    Clash {
        /// Which file.
        file: String,
        /// Why.
        why: TokenFault,
    },
    /// A variable cannot be used.
    #[error("{variable}: {why}")]
    Variable {
        /// Which.
        variable: &'static str,
        /// Why.
        why: TokenFault,
    },
}

/// What is wrong with a token, without saying what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenFault {
    /// Not two words.
    #[error("a line is `role token`: two words")]
    Shape,
    /// The first word is not a role.
    #[error("the first word is the role: `viewer` or `operator`")]
    Role,
    /// There is nothing.
    #[error("it is set, but empty; unset it to have no such token")]
    Blank,
    /// What follows `sha256:` is no digest.
    #[error("after `sha256:` come 64 hex digits")]
    Hash,
    /// It could not be sent in a header.
    #[error("a token consists of visible ASCII signs, without blanks")]
    Signs,
    /// The same token has both roles.
    #[error("this token is given for the other role too")]
    TwoRoles,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Access, AccessError> {
        Access::parse("tokens", text)
    }

    #[test]
    fn lines_give_roles() {
        let digest = "1A06DF824ED741B53C785079A6347F00EEC5AF82F9850775409CA69DFF4068A6";
        let access = parse(&format!("# staff\n\n viewer  plain \r\noperator sha256:{digest}\n")).unwrap();
        assert_eq!(access.role("plain"), Some(Role::Viewer));
        assert_eq!(access.role("hashed"), Some(Role::Operator));
        assert_eq!(access.role(&format!("sha256:{digest}")), None, "a stolen file of hashes opens nothing");
        assert_eq!(access.role(""), None);
        assert_eq!(access.role("plain "), None);
        assert!(!access.is_local());
    }

    #[test]
    fn mistakes_are_named_by_line_and_not_repeated() {
        for (text, line, fault) in [
            ("viewer", 1, TokenFault::Shape),
            ("\nviewer hunter2 x", 2, TokenFault::Shape),
            ("admin hunter2", 1, TokenFault::Role),
            ("hunter2 viewer", 1, TokenFault::Role),
            ("viewer sha256:hunter2", 1, TokenFault::Hash),
            ("viewer hünter2", 1, TokenFault::Signs),
            ("viewer hunter2\noperator hunter2", 2, TokenFault::TwoRoles),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.to_string(), format!("tokens:{line}: {fault}"));
            assert!(!format!("{error:?}{error}").contains("nter2"), "{error:?}");
        }
    }

    #[test]
    fn nothing_where_a_token_was_promised_is_an_error() {
        assert!(matches!(parse("# none\n"), Err(AccessError::Empty { .. })));
        let options = AccessOptions { viewer: Some("".into()), ..AccessOptions::default() };
        assert!(matches!(Access::load(&options), Err(AccessError::Variable { why: TokenFault::Blank, .. })));
        assert!(Access::load(&AccessOptions::default()).unwrap().is_local());
    }

    #[test]
    fn it_is_not_printed() {
        assert_eq!(format!("{:?}", parse("viewer hunter2").unwrap()), "Access(1 tokens)");
    }
}
