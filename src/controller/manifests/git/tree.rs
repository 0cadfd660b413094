//! The manifests of a commit, read from git's own store: no file is checked out, so no link, filter, attribute or odd
//! name of a repository can do anything. Knows nothing of remotes.

use std::path::Path;

use super::command::{BRIEF, Git, Question};
use super::failure::Failure;
use crate::manifest::folder::{MAX_ENTRIES, MAX_FOLDER_BYTES, too_large};
use crate::manifest::{Code, Content, Diagnostic, Loaded, MAX_FILE_BYTES, ManifestFile, load_from};

/// Bytes of a list of all files.
const MAX_LIST: usize = 32 * 1024 * 1024;

/// A manifest in a commit.
struct Entry {
    name: String,
    mode: String,
    object: String,
    bytes: usize,
}

/// Loads the manifests in a folder of a commit, and says how many files they are.
pub(super) async fn load(git: &Git, commit: &str, folder: &str) -> Result<(Loaded, usize), Failure> {
    let place = if folder.is_empty() { "the repository" } else { folder };
    git.run(&["cat-file", "-e", &format!("{commit}^{{tree}}")], BRIEF).await?;
    let tree = format!("{commit}:{folder}");
    let kind = git.run(&["cat-file", "-t", &tree], BRIEF).await;
    match kind {
        Ok(kind) if kind.trim_ascii() == b"tree" => {}
        Ok(_) | Err(Failure::Other(_)) => return Ok((Loaded::failed(no_folder(place, commit)), 0)),
        Err(failure) => return Err(failure),
    }
    let list = git.run(&["ls-tree", "-r", "-z", "-l", &tree], Question { input: b"", limit: MAX_LIST }).await?;
    let entries: Vec<Entry> = list.split(|byte| *byte == 0).filter_map(|line| entry(line, folder)).collect();
    let wanted = entries.iter().filter(|entry| entry.is_readable());
    if entries.len() > MAX_ENTRIES || wanted.clone().map(|entry| entry.bytes).sum::<usize>() > MAX_FOLDER_BYTES {
        return Ok((Loaded::failed(*too_large(Path::new(place))), entries.len()));
    }
    let files = read(git, entries).await?;
    Ok((load_from(place, &files), files.len()))
}

fn no_folder(place: &str, commit: &str) -> Diagnostic {
    let message = format!("commit {} has no such folder", commit.get(..12).unwrap_or(commit));
    Diagnostic::of_file(place, Code::FolderNotFound, message, Some("check --git-path"))
}

/// A line of `ls-tree -l`: `<mode> <type> <object> <size>\t<path>`. Only manifests, by the same names as in a folder.
fn entry(line: &[u8], folder: &str) -> Option<Entry> {
    let line = String::from_utf8_lossy(line);
    let (meta, path) = line.split_once('\t')?;
    let mut meta = meta.split_ascii_whitespace();
    let (mode, _kind, object, bytes) = (meta.next()?, meta.next()?, meta.next()?, meta.next()?);
    let is_hidden = path.split('/').any(|part| part.starts_with('.'));
    let is_yaml = Path::new(path).extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let name = if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
    (is_yaml && !is_hidden).then(|| Entry {
        name,
        mode: mode.to_owned(),
        object: object.to_owned(),
        bytes: bytes.parse().unwrap_or(0),
    })
}

impl Entry {
    fn is_readable(&self) -> bool {
        self.trouble().is_none()
    }

    fn trouble(&self) -> Option<&'static str> {
        match self.mode.as_str() {
            "100644" | "100755" | "100664" if self.bytes <= MAX_FILE_BYTES => None,
            "100644" | "100755" | "100664" => Some("it is larger than 8 MiB"),
            "120000" => Some("it is a symbolic link, and links in a git repository are not followed"),
            _ => Some("it is not a regular file"),
        }
    }
}

/// Reads what is readable in one go.
async fn read(git: &Git, entries: Vec<Entry>) -> Result<Vec<ManifestFile>, Failure> {
    let readable = || entries.iter().filter(|entry| entry.is_readable());
    let input: String = readable().flat_map(|entry| [entry.object.as_str(), "\n"]).collect();
    let limit = readable().map(|entry| entry.bytes + 128).sum();
    let output = git.run(&["cat-file", "--batch"], Question { input: input.as_bytes(), limit }).await?;
    let mut rest = output.as_slice();
    let mut files = Vec::with_capacity(entries.len());
    for entry in entries {
        let content = match entry.trouble() {
            Some(why) => Content::Unreadable(why.to_owned()),
            None => Content::Bytes(next_blob(&mut rest, &entry).ok_or_else(|| cut_short(&entry))?),
        };
        files.push(ManifestFile { name: entry.name, content });
    }
    Ok(files)
}

/// The next of `<object> blob <size>\n<bytes>\n`.
fn next_blob(rest: &mut &[u8], entry: &Entry) -> Option<Vec<u8>> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(&rest[..end]).ok()?;
    if head != format!("{} blob {}", entry.object, entry.bytes) {
        return None;
    }
    let body = rest.get(end + 1..)?;
    let blob = body.get(..entry.bytes)?.to_vec();
    *rest = body.get(entry.bytes + 1..)?;
    Some(blob)
}

fn cut_short(entry: &Entry) -> Failure {
    Failure::Other(format!("the object of {} is missing or damaged", entry.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_gives_manifests_alone_and_says_which_cannot_be_read() {
        let list =
            |line: &str| entry(line.as_bytes(), "m").map(|entry| (entry.name.clone(), entry.trouble().is_none()));
        let file = |name: &str| list(&format!("100644 blob 1234abcd     {}\t{name}", 17));
        assert_eq!(file("a b/x.yaml"), Some(("m/a b/x.yaml".into(), true)));
        assert_eq!((file(".x.yaml"), file(".git/x.yml"), file("x.md")), (None, None, None));
        assert_eq!(list("120000 blob 1234abcd      11\tx.yml"), Some(("m/x.yml".into(), false)));
        assert_eq!(list("160000 commit 1234abcd       -\tx.yml"), Some(("m/x.yml".into(), false)));
        assert_eq!(list(&format!("100644 blob 12 {}\tx.yml", MAX_FILE_BYTES + 1)), Some(("m/x.yml".into(), false)));
        assert_eq!((list(""), list("100644\tx.yaml")), (None, None));
    }

    #[test]
    fn a_blob_that_is_missing_or_short_is_no_empty_file() {
        let entry = Entry { name: "x".into(), mode: "100644".into(), object: "12".into(), bytes: 3 };
        let mut sound: &[u8] = b"12 blob 3\na\nb\n34";
        assert_eq!(next_blob(&mut sound, &entry).as_deref(), Some(b"a\nb".as_slice()));
        assert_eq!(sound, b"34");
        for damaged in ["12 missing\n", "12 blob 2\nab\n", "12 blob 3\nab", "12 blob 3\nabc", ""] {
            assert_eq!(next_blob(&mut damaged.as_bytes(), &entry), None, "{damaged:?}");
        }
    }
}
