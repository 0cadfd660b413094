//! Candidate manifests as they travel: one stream of documents, which remembers which line came from which file.

use crate::manifest::{Content, ManifestFile};

/// Files as one stream.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    bytes: Vec<u8>,
    lines: u32,
    files: Vec<(u32, String)>,
}

impl Manifests {
    /// No manifests: the server plans its own.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Puts files one after the other. What could not be read is left out: whoever sends manifests has validated them.
    #[must_use]
    pub fn of(files: &[ManifestFile]) -> Self {
        let mut stream = Self::default();
        for ManifestFile { name, content } in files {
            match content {
                Content::Bytes(bytes) => stream.add(name, bytes),
                Content::Unreadable(_) => {}
            }
        }
        stream
    }

    /// What is sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The file that a line of the stream came from, and its line there.
    #[must_use]
    pub fn place(&self, line: u32) -> Option<(&str, u32)> {
        let (before, name) = self.files.iter().rev().find(|(before, _)| *before < line)?;
        Some((name, line - before))
    }

    fn add(&mut self, name: &str, bytes: &[u8]) {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if !self.bytes.is_empty() {
            // A directive may follow only the end of a document.
            self.push(if bytes.starts_with(b"%") { b"...\n" } else { b"---\n" });
        }
        self.files.push((self.lines, name.to_owned()));
        self.push(bytes);
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            self.push(b"\n");
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let ends = bytes.split(|byte| *byte == b'\n').count() - 1;
        self.lines = self.lines.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        self.bytes.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_travel_as_one_stream_and_lines_find_back() {
        let files = [
            ManifestFile::new("a.yaml", "a: 1"),
            ManifestFile::new("b.yaml", "\u{feff}b: 1\nb: 2\n"),
            ManifestFile::new("empty.yaml", ""),
            ManifestFile::new("c.yaml", "%YAML 1.2\n---\nc: 1\n"),
        ];
        let stream = Manifests::of(&files);
        let text = std::str::from_utf8(stream.bytes()).unwrap();
        assert_eq!(text, "a: 1\n---\nb: 1\nb: 2\n---\n...\n%YAML 1.2\n---\nc: 1\n");
        let expected = [
            ("a.yaml", 1),
            ("a.yaml", 2),
            ("b.yaml", 1),
            ("b.yaml", 2),
            ("b.yaml", 3),
            ("empty.yaml", 1),
            ("c.yaml", 1),
        ];
        for (line, place) in (1..).zip(expected) {
            assert_eq!(stream.place(line), Some(place), "line {line} of {text}");
        }
        assert_eq!(stream.place(0), None);
        assert_eq!(Manifests::none().place(1), None);
    }

    #[test]
    fn the_stream_reads_as_the_files_do() {
        let tenant = "apiVersion: bmsync/v1\nkind: Tenant\nmetadata: { name: NAME }\nspec:\n  domain: ID\n  applicationId: \
                      1f3c5d7e-0000-4000-8000-000000000001\n  applicationKey: { env: KEY }";
        let ids = ["84841066-274d-4ec0-a5c1-276be684bdd3", "94841066-274d-4ec0-a5c1-276be684bdd3"];
        let text = |at: usize| tenant.replace("NAME", ["one", "two"][at]).replace("ID\n", &format!("{}\n", ids[at]));
        let files = [
            ManifestFile::new("a.yaml", text(0)),
            ManifestFile::new("b.yaml", "# nothing\n"),
            ManifestFile::new("c.yaml", format!("%YAML 1.2\n---\n{}\n...\n", text(1))),
        ];
        let apart = crate::manifest::load(&files);
        let together = crate::manifest::load(&[ManifestFile::new("stream", Manifests::of(&files).bytes())]);
        let digest = |loaded: crate::manifest::Loaded| loaded.config.map(|config| config.digest);
        let (apart, together) = (digest(apart), digest(together));
        assert!(apart.is_some());
        assert_eq!(apart, together);
    }
}
