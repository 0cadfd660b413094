//! The files of a new configuration repository.

use std::borrow::Cow;

use crate::manifest::schemas;

/// One file of the scaffold.
pub struct ScaffoldFile {
    /// Below the repository, with slashes.
    pub path: Cow<'static, str>,
    /// The whole content.
    pub content: Cow<'static, str>,
}

impl ScaffoldFile {
    /// Whether it declares something.
    #[must_use]
    pub fn is_manifest(&self) -> bool {
        self.path.starts_with("manifests/")
    }
}

/// All files, in the order in which they are written.
#[must_use]
pub fn scaffold() -> Vec<ScaffoldFile> {
    let files = [
        ("README.md", include_str!("scaffold/README.md")),
        (".gitignore", include_str!("scaffold/gitignore")),
        (".github/workflows/bmsync.yml", include_str!("scaffold/workflow.yml")),
        ("manifests/tenant.yaml", include_str!("scaffold/tenant.yaml")),
        ("manifests/rules.yaml", include_str!("scaffold/rules.yaml")),
        ("manifests/defaults.yaml", include_str!("scaffold/defaults.yaml")),
        ("manifests/policy.yaml", include_str!("scaffold/policy.yaml")),
    ];
    let files = files.map(|(path, content)| ScaffoldFile { path: path.into(), content: content.into() });
    let schemas = schemas()
        .into_iter()
        .map(|(name, schema)| ScaffoldFile { path: format!("schemas/{name}").into(), content: schema.into() });
    files.into_iter().chain(schemas).collect()
}
