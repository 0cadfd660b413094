//! Words to write scripts with, and the world of a test: a server, a tenant that points at it, and its secret.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use bmsync::directory::{Coverage, TenantDirectory};
use bmsync::manifest::config::{Credential, SecretRef, SignIn, Tenant};
use bmsync::model::Id;
use bmsync::source::graph::{GraphSource, Http, Pace};
use bmsync::source::{Source as _, SourceError};

use tokio::time::timeout;

use super::grants::Memory;
use super::server::{Reply, Script, Server};

/// A read that never ends fails its test.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) const TOKEN: &str = "/contoso.example/oauth2/v2.0/token";
pub(super) const USERS: &str = "/v1.0/users/delta?$select=*";
pub(super) const GROUPS: &str = "/v1.0/groups/delta?$select=*";
pub(super) const SECRET: &str = "s3cret~value+1";

pub(super) fn status(status: u16, body: &str) -> Reply {
    Reply::Full { status, headers: "content-type: application/json\r\n".to_owned(), body: body.into() }
}

pub(super) fn with(reply: Reply, header: &str) -> Reply {
    match reply {
        Reply::Full { status, headers, body } => {
            Reply::Full { status, headers: format!("{headers}{header}\r\n"), body }
        }
        other @ (Reply::Cut(_) | Reply::Close | Reply::Hang | Reply::Blanks(_)) => other,
    }
}

pub(super) fn next(objects: &str, link: &str) -> Reply {
    status(200, &format!(r#"{{"@odata.context":"c","@odata.nextLink":"{{base}}{link}","value":[{objects}]}}"#))
}

pub(super) fn last(objects: &str, link: &str) -> Reply {
    status(200, &format!(r#"{{"value":[{objects}],"@odata.deltaLink":"{{base}}{link}"}}"#))
}

pub(super) fn token(text: &str, expires_in: u64) -> Reply {
    status(200, &format!(r#"{{"token_type":"Bearer","expires_in":{expires_in},"access_token":"{text}"}}"#))
}

/// A script that reads an empty tenant, with some targets scripted otherwise.
pub(super) fn script<const N: usize>(targets: [(&str, Vec<Reply>); N]) -> Script {
    let mut script = Script::from([
        (TOKEN.to_owned(), vec![token("t0ken.one", 3599), token("t0ken.two", 3599)]),
        (USERS.to_owned(), vec![last("", "/users-delta-1")]),
        (GROUPS.to_owned(), vec![last("", "/groups-delta-1")]),
        ("/users-delta-1".to_owned(), vec![last("", "/users-delta-2")]),
        ("/groups-delta-1".to_owned(), vec![last("", "/groups-delta-2")]),
    ]);
    script.extend(targets.map(|(target, replies)| (target.to_owned(), replies)));
    script
}

/// A server, a tenant that points at it, and the folder with its secret.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) tenant: Tenant,
    pub(super) pace: Pace,
    folder: tempfile::TempDir,
}

impl World {
    pub(super) async fn new<const N: usize>(targets: [(&str, Vec<Reply>); N]) -> Self {
        let server = Server::start(script(targets)).await;
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, format!("{SECRET}\r\n")).unwrap();
        let tenant = tenant(&server.base, key);
        let pace = Pace {
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(4),
            budget: Duration::from_secs(20),
            ..Pace::new(7)
        };
        Self { server, tenant, pace, folder }
    }

    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(super) fn source(&self) -> GraphSource {
        GraphSource::new(&self.tenant, &Http::new(), self.pace, Memory::default().delegation(&self.tenant.id)).unwrap()
    }

    pub(super) async fn read(&self) -> TenantDirectory {
        let mut directory = TenantDirectory::default();
        timeout(PATIENCE, self.source().refresh(&mut directory, &())).await.unwrap().unwrap();
        directory
    }

    pub(super) async fn fail(&self) -> SourceError {
        let mut directory = TenantDirectory::default();
        let error = timeout(PATIENCE, self.source().refresh(&mut directory, &())).await.unwrap().unwrap_err();
        assert_eq!(
            (&directory.coverage, directory.user_count()),
            (&Coverage::Partial, 0),
            "a failed read leaves no trace"
        );
        assert!(directory.links.is_none() && directory.read_at.is_none());
        error
    }
}

pub(super) fn tenant(base: &str, key: PathBuf) -> Tenant {
    Tenant {
        name: "contoso".into(),
        id: Id::new("84841066-274d-4ec0-a5c1-276be684bdd3"),
        domain: "contoso.example".into(),
        application_id: "1f3c5d7e-0000-4000-8000-000000000001".into(),
        credential: Credential::Key(SecretRef::File(key)),
        sign_in: SignIn::Application,
        login_root: base.into(),
        graph_root: base.into(),
        nested_groups: false,
        suspend: false,
    }
}

/// Everything that a directory holds, in an order of its own.
pub(super) fn shown(directory: &TenantDirectory) -> String {
    let group = |number: &u32| directory.groups()[*number as usize].id.to_string();
    let mut lines: Vec<String> = directory
        .users()
        .map(|(id, user)| {
            let groups: BTreeSet<String> = directory.groups_of(id).iter().map(group).collect();
            format!("user {id} {} {user:?} in {groups:?}", user.content())
        })
        .collect();
    lines.extend(directory.groups().iter().map(|group| format!("group {group:?}")));
    lines.sort();
    lines.join("\n")
}

pub(super) fn groups_of(directory: &TenantDirectory, member: &str) -> Vec<String> {
    let numbers = directory.groups_of(&Id::new(member)).iter();
    numbers.map(|number| directory.groups()[*number as usize].id.to_string()).collect()
}
