//! The Microsoft Graph source against a scripted HTTP server: what it asks, what it makes of each answer, what it refuses.
//! The server speaks bytes and shares nothing with the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bmsync::directory::{Coverage, TenantDirectory};
use bmsync::manifest::config::{Credential, SecretRef, SignIn, Tenant};
use bmsync::model::Id;
use bmsync::source::graph::{GraphSource, Http, Pace};
use bmsync::source::{Progress, Source as _, SourceError, SourceErrorClass};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const TOKEN: &str = "/contoso.example/oauth2/v2.0/token";
const USERS: &str = "/v1.0/users/delta?$select=*";
const GROUPS: &str = "/v1.0/groups/delta?$select=*";
const SECRET: &str = "s3cret~value+1";

// ---- the scripted server ----

/// What the server does with a request.
#[derive(Clone)]
enum Reply {
    /// Answers.
    Full { status: u16, headers: String, body: Vec<u8> },
    /// Promises a body and breaks off in it.
    Cut(String),
    /// Closes without a word.
    Close,
    /// Says nothing more.
    Hang,
    /// Sends so many MiB of blanks.
    Blanks(usize),
}

/// A request as it arrived.
#[derive(Clone, Debug)]
struct Request {
    line: String,
    head: String,
    body: String,
}

impl Request {
    fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

type Script = BTreeMap<String, Vec<Reply>>;

/// A server that answers the nth request for a target with the nth reply of its script; the last one repeats.
struct Server {
    base: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = Self { base: base.clone(), seen: Arc::clone(&seen) };
        let script = Arc::new(script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&seen), base.clone()));
            }
        });
        server
    }

    fn seen(&self, pattern: &str) -> Vec<Request> {
        self.seen.lock().unwrap().iter().filter(|request| matches(pattern, request.target())).cloned().collect()
    }

    fn count(&self, pattern: &str) -> usize {
        self.seen(pattern).len()
    }
}

fn matches(pattern: &str, target: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == target, |start| target.starts_with(start))
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, seen: Arc<Mutex<Vec<Request>>>, base: String) {
    while let Some(request) = read_request(&mut stream).await {
        let reply = {
            let mut seen = seen.lock().unwrap();
            let found = script.iter().find(|(pattern, _)| matches(pattern, request.target()));
            let before = found
                .map_or(0, |(pattern, _)| seen.iter().filter(|request| matches(pattern, request.target())).count());
            seen.push(request);
            found.map_or_else(|| status(404, "{}"), |(_, replies)| replies[before.min(replies.len() - 1)].clone())
        };
        match reply {
            Reply::Full { status, headers, body } => {
                let body = match String::from_utf8(body) {
                    Ok(text) => text.replace("{base}", &base).into_bytes(),
                    Err(bytes) => bytes.into_bytes(),
                };
                let head = format!(
                    "HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n{}\r\n",
                    body.len(),
                    headers.replace("{base}", &base)
                );
                if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
                    return;
                }
            }
            Reply::Cut(start) => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{start}");
                let _ = stream.write_all(head.as_bytes()).await;
                return;
            }
            Reply::Close => return,
            Reply::Hang => std::future::pending().await,
            Reply::Blanks(mib) => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
                let blanks = vec![b' '; 1 << 20];
                for _ in 0..mib {
                    if stream.write_all(&blanks).await.is_err() {
                        return;
                    }
                }
                return;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let (line, head) = text.split_once("\r\n").unwrap();
    let mut request = Request { line: line.to_owned(), head: head.to_owned(), body: String::new() };
    let length: usize = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    request.body = String::from_utf8(bytes[end..].to_vec()).unwrap();
    Some(request)
}

// ---- words to write scripts with ----

fn status(status: u16, body: &str) -> Reply {
    Reply::Full { status, headers: "content-type: application/json\r\n".to_owned(), body: body.into() }
}

fn with(reply: Reply, header: &str) -> Reply {
    match reply {
        Reply::Full { status, headers, body } => {
            Reply::Full { status, headers: format!("{headers}{header}\r\n"), body }
        }
        other @ (Reply::Cut(_) | Reply::Close | Reply::Hang | Reply::Blanks(_)) => other,
    }
}

fn next(objects: &str, link: &str) -> Reply {
    status(200, &format!(r#"{{"@odata.context":"c","@odata.nextLink":"{{base}}{link}","value":[{objects}]}}"#))
}

fn last(objects: &str, link: &str) -> Reply {
    status(200, &format!(r#"{{"value":[{objects}],"@odata.deltaLink":"{{base}}{link}"}}"#))
}

fn token(text: &str, expires_in: u64) -> Reply {
    status(200, &format!(r#"{{"token_type":"Bearer","expires_in":{expires_in},"access_token":"{text}"}}"#))
}

/// A script that reads an empty tenant, with some targets scripted otherwise.
fn script<const N: usize>(targets: [(&str, Vec<Reply>); N]) -> Script {
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
struct World {
    server: Server,
    tenant: Tenant,
    pace: Pace,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new<const N: usize>(targets: [(&str, Vec<Reply>); N]) -> Self {
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
        Self { server, tenant, pace, _folder: folder }
    }

    fn source(&self) -> GraphSource {
        GraphSource::new(&self.tenant, &Http::new(), self.pace).unwrap()
    }

    async fn read(&self) -> TenantDirectory {
        let mut directory = TenantDirectory::default();
        self.source().refresh(&mut directory, &()).await.unwrap();
        directory
    }

    async fn fail(&self) -> SourceError {
        let mut directory = TenantDirectory::default();
        let error = self.source().refresh(&mut directory, &()).await.unwrap_err();
        assert_eq!(
            (&directory.coverage, directory.user_count()),
            (&Coverage::Partial, 0),
            "a failed read leaves no trace"
        );
        assert!(directory.links.is_none() && directory.read_at.is_none());
        error
    }
}

fn tenant(base: &str, key: PathBuf) -> Tenant {
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
fn shown(directory: &TenantDirectory) -> String {
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

fn groups_of(directory: &TenantDirectory, member: &str) -> Vec<String> {
    let numbers = directory.groups_of(&Id::new(member)).iter();
    numbers.map(|number| directory.groups()[*number as usize].id.to_string()).collect()
}

// ---- reading ----

#[tokio::test]
async fn a_tenant_is_read_from_pages_with_repetitions_gaps_and_slices() {
    let adele = r#"{"id":"U1","displayName":"Adele Vance","givenName":"Adele","surname":"Vance",
        "userPrincipalName":"adele@contoso.example","mail":"adele@contoso.example","otherMails":["a@home.example","b@x.example"],
        "proxyAddresses":["SMTP:adele@contoso.example"],"businessPhones":["+1 425 555 0109"],"jobTitle":"Engineer",
        "userType":"Member","accountEnabled":true,"onPremisesSyncEnabled":null,
        "identities":[{"signInType":"federated","issuer":"MicrosoftAccount","issuerAssignedId":null}],"unknown":{"a":[1]}}"#;
    let world = World::new([
        (USERS, vec![next(adele, "/u2")]),
        ("/u2", vec![next("", "/u3")]),
        ("/u3", vec![next(&format!(r#"{adele},{{"id":"u2","mail":null}},{{"id":"never","@removed":{{"reason":"changed"}}}}"#), "/u4")]),
        ("/u4", vec![last(r#"{"id":"u3","surname":"Gone"},{"id":"u3","@removed":{"reason":"deleted"}}"#, "/users-delta-1")]),
        (GROUPS, vec![next(r##"{"id":"g1","displayName":"Dispatchers","createdDateTime":"2023-02-14T09:30:11+02:00","securityEnabled":true,
            "members@delta":[{"@odata.type":"#microsoft.graph.user","id":"u1"},{"@odata.type":"#microsoft.graph.device","id":"d1"},{"id":"u2"}]}"##, "/g2")]),
        ("/g2", vec![last(r##"{"id":"g2","createdDateTime":"yesterday","securityEnabled":false,"members@delta":[{"@odata.type":"#Microsoft.Graph.Group","id":"g1"}]},
            {"id":"g1","members@delta":[{"id":"u3"},{"id":"u4"},{"id":"u2","@removed":{"reason":"deleted"}}]},
            {"id":"g9","@removed":{"reason":"changed"}}"##, "/groups-delta-1")]),
    ])
    .await;
    let directory = world.read().await;
    assert_eq!((directory.user_count(), directory.group_count()), (2, 2), "{}", shown(&directory));
    let adele = directory.user(&Id::new("u1")).unwrap();
    assert_eq!(adele.other_mail.as_deref(), Some("a@home.example"));
    assert_eq!(adele.business_phone.as_deref(), Some("+1 425 555 0109"));
    assert!(adele.is_microsoft_account && adele.account_enabled == Some(true));
    assert_eq!(groups_of(&directory, "u1"), ["g1"]);
    assert_eq!(groups_of(&directory, "g1"), ["g2"]);
    assert_eq!(groups_of(&directory, "u2"), [""; 0], "it left in a later slice");
    assert_eq!(groups_of(&directory, "u3"), [""; 0], "it is gone for good");
    assert_eq!(groups_of(&directory, "u4"), ["g1"], "a member that is in the recycle bin keeps its place");
    assert_eq!(groups_of(&directory, "d1"), [""; 0]);
    assert!(directory.group(&Id::new("g9")).is_none());
    let group = directory.group(&Id::new("g1")).unwrap();
    assert_eq!(group.created, "2023-02-14T07:30:11Z".parse().ok());
    assert_eq!(directory.group(&Id::new("g2")).unwrap().created, None, "no instant, so not known");
    assert_eq!(directory.coverage, Coverage::Complete);
    assert!(directory.read_at.is_some());
    let links = directory.links.as_ref().unwrap();
    assert_eq!(links.users, format!("{}/users-delta-1", world.server.base));
    assert_eq!(links.groups, format!("{}/groups-delta-1", world.server.base));
}

#[tokio::test]
async fn requests_say_what_is_wanted_and_who_asks() {
    let world = World::new([]).await;
    world.read().await;
    let sign_in = &world.server.seen(TOKEN)[0];
    assert!(sign_in.line.starts_with("POST "));
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(sign_in.body.as_bytes()).into_owned().collect();
    let scope = format!("{}/.default", world.server.base);
    for (key, value) in [
        ("grant_type", "client_credentials"),
        ("client_id", "1f3c5d7e-0000-4000-8000-000000000001"),
        ("client_secret", SECRET),
        ("scope", scope.as_str()),
    ] {
        assert_eq!(form.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(world.server.count(TOKEN), 1, "both rounds share one token");
    let users = &world.server.seen(USERS)[0];
    assert_eq!(users.header("authorization"), Some("Bearer t0ken.one"));
    assert_eq!(users.header("accept"), Some("application/json"));
    assert!(users.header("user-agent").unwrap().starts_with("bmsync/"));
    assert!(Id::new(users.header("client-request-id").unwrap()).is_guid());
    let select = users.target().split_once("$select=").unwrap().1;
    let select: BTreeSet<&str> = select.split(',').collect();
    let wanted = "id displayName givenName surname userPrincipalName mail otherMails proxyAddresses identities businessPhones \
        mobilePhone faxNumber jobTitle department companyName officeLocation employeeId accountEnabled userType onPremisesSyncEnabled";
    assert_eq!(select, wanted.split_whitespace().collect());
    let groups = &world.server.seen(GROUPS)[0];
    assert!(
        groups.target().ends_with("=id,displayName,createdDateTime,securityEnabled,members"),
        "{}",
        groups.target()
    );
}

#[tokio::test]
async fn the_next_read_follows_the_delta_links_and_merges_what_changed() {
    let world = World::new([
        (
            USERS,
            vec![last(
                r#"{"id":"u1","surname":"Vance","jobTitle":"Engineer"},{"id":"u2"},{"id":"u3"}"#,
                "/users-delta-1",
            )],
        ),
        (
            GROUPS,
            vec![last(
                r#"{"id":"g1","members@delta":[{"id":"u1"},{"id":"u2"},{"id":"u3"}]},{"id":"g2"}"#,
                "/groups-delta-1",
            )],
        ),
        (
            "/users-delta-1",
            vec![next(r#"{"id":"u1","jobTitle":null},{"id":"u2","@removed":{"reason":"changed"}}"#, "/ux")],
        ),
        ("/ux", vec![last(r#"{"id":"u3","@removed":{"reason":"deleted"}},{"id":"u4"}"#, "/users-delta-2")]),
        (
            "/groups-delta-1",
            vec![last(
                r#"{"id":"g2","@removed":{"reason":"deleted"}},{"id":"g1","members@delta":[{"id":"u4"}]}"#,
                "/groups-delta-2",
            )],
        ),
        ("/users-delta-2", vec![last(r#"{"id":"u2","surname":"Back"}"#, "/users-delta-3")]),
        ("/groups-delta-2", vec![last(r#"{"id":"g2"}"#, "/groups-delta-3")]),
    ])
    .await;
    let source = world.source();
    let mut directory = TenantDirectory::default();
    source.refresh(&mut directory, &()).await.unwrap();
    source.refresh(&mut directory, &()).await.unwrap();
    let changed = directory.user(&Id::new("u1")).unwrap();
    assert_eq!((changed.surname.as_deref(), changed.job_title.as_deref()), (Some("Vance"), None));
    assert_eq!(directory.user_count(), 2);
    assert_eq!(directory.group_count(), 1);
    assert_eq!(groups_of(&directory, "u4"), ["g1"]);
    assert_eq!(groups_of(&directory, "u2"), ["g1"], "a soft deletion keeps the memberships");
    assert_eq!(groups_of(&directory, "u3"), [""; 0], "a hard one does not");
    source.refresh(&mut directory, &()).await.unwrap();
    assert_eq!(directory.user(&Id::new("u2")).unwrap().surname.as_deref(), Some("Back"));
    assert_eq!(directory.group_count(), 2, "g2 was restored");
    assert_eq!((world.server.count(USERS), world.server.count("/users-delta-1")), (1, 1));
    assert_eq!(world.server.count(TOKEN), 1, "the token outlives a read");
}

#[tokio::test]
async fn a_full_read_unsets_what_is_absent() {
    let world = World::new([(
        USERS,
        vec![
            last(r#"{"id":"u1","surname":"Vance"},{"id":"u2"}"#, "/users-delta-1"),
            last(r#"{"id":"u1"}"#, "/users-delta-1"),
        ],
    )])
    .await;
    let source = world.source();
    let mut directory = world.read().await;
    directory.links = None;
    source.refresh(&mut directory, &()).await.unwrap();
    assert_eq!(directory.user_count(), 1);
    assert_eq!(directory.user(&Id::new("u1")).unwrap().surname, None);
}

#[tokio::test]
async fn the_order_of_pages_and_repetitions_do_not_count() {
    let users: Vec<String> = (0..12).map(|n| format!(r#"{{"id":"u{n}","surname":"S{n}","mail":null}}"#)).collect();
    let groups: Vec<String> = (0..24)
        .map(|n| format!(r#"{{"id":"g{}","securityEnabled":true,"members@delta":[{{"id":"u{}"}}]}}"#, n % 5, n % 12))
        .collect();
    let mut expected = None;
    for seed in 0..12 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let world = World::new([]).await;
        let mut script = script([]);
        for (first, word, objects) in [(USERS, "users", &users), (GROUPS, "groups", &groups)] {
            let mut objects = objects.clone();
            objects.extend_from_within(..rng.usize(..objects.len()));
            rng.shuffle(&mut objects);
            let pages: Vec<String> = objects.chunks(rng.usize(1..6)).map(|page| page.join(",")).collect();
            for (number, page) in pages.iter().enumerate() {
                let target = if number == 0 { first.to_owned() } else { format!("/{word}-{number}") };
                let reply = if number + 1 == pages.len() {
                    last(page, &format!("/{word}-delta-1"))
                } else {
                    next(page, &format!("/{word}-{}", number + 1))
                };
                script.insert(target, vec![reply]);
            }
        }
        let server = Server::start(script).await;
        let tenant = Tenant {
            login_root: server.base.clone().into(),
            graph_root: server.base.clone().into(),
            ..world.tenant.clone()
        };
        let mut directory = TenantDirectory::default();
        GraphSource::new(&tenant, &Http::new(), world.pace).unwrap().refresh(&mut directory, &()).await.unwrap();
        let shown = shown(&directory);
        assert_eq!(expected.get_or_insert_with(|| shown.clone()), &shown, "seed {seed}");
    }
}

#[tokio::test]
async fn progress_counts_pages_and_objects() {
    #[derive(Default)]
    struct Last([AtomicU64; 3]);
    impl Progress for Last {
        fn read(&self, users: u64, groups: u64, pages: u64) {
            for (slot, value) in self.0.iter().zip([users, groups, pages]) {
                slot.fetch_max(value, Ordering::Relaxed);
            }
        }
    }
    let world = World::new([
        (USERS, vec![next(r#"{"id":"u1"},{"id":"u2"}"#, "/u2")]),
        ("/u2", vec![last(r#"{"id":"u3"}"#, "/users-delta-1")]),
        (GROUPS, vec![last(r#"{"id":"g1"}"#, "/groups-delta-1")]),
    ])
    .await;
    let progress = Last::default();
    world.source().refresh(&mut TenantDirectory::default(), &progress).await.unwrap();
    assert_eq!(progress.0.map(AtomicU64::into_inner), [3, 1, 3]);
}

#[tokio::test]
async fn a_compressed_page_is_read() {
    let body: &[u8] = &GZIPPED_PAGE;
    let zipped = Reply::Full { status: 200, headers: "content-encoding: gzip\r\n".to_owned(), body: body.to_vec() };
    let world = World::new([(USERS, vec![next("", "/zipped")]), ("/zipped", vec![zipped])]).await;
    let mut directory = TenantDirectory::default();
    let error = world.source().refresh(&mut directory, &()).await.unwrap_err();
    assert!(world.server.seen(USERS)[0].header("accept-encoding").unwrap().contains("gzip"));
    // The packed page leads elsewhere, and that it is refused for this shows that it was unpacked.
    assert!(error.message.contains("https://packed.example"), "{error}");
}

/// `{"value":[],"@odata.nextLink":"https://packed.example/"}`
const GZIPPED_PAGE: [u8; 76] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 42, 75, 204, 41, 77, 85, 178, 138, 142, 213, 81, 114, 200, 79, 73, 44,
    73, 212, 203, 75, 173, 40, 241, 201, 204, 203, 86, 178, 82, 202, 40, 41, 41, 40, 182, 210, 215, 47, 72, 76, 206,
    78, 77, 209, 75, 173, 72, 204, 45, 200, 73, 213, 87, 170, 5, 0, 170, 210, 73, 51, 56, 0, 0, 0,
];

// ---- what is refused ----

#[tokio::test]
async fn links_to_other_origins_are_refused_before_a_token_leaves() {
    let other = Server::start(script([])).await;
    let foreign = format!("{}/v1.0/users/delta?$skiptoken=x", other.base);
    let page = |key: &str, link: &str| status(200, &format!(r#"{{"value":[],"{key}":"{link}"}}"#));
    for reply in [
        page("@odata.nextLink", &foreign),
        page("@odata.deltaLink", &foreign),
        page("@odata.nextLink", "{base}0/v1.0/users/delta"),
        page("@odata.nextLink", "https://graph.evil.example/"),
        page("@odata.nextLink", "/v1.0/users/delta"),
        page("@odata.nextLink", "nonsense"),
    ] {
        let world = World::new([(USERS, vec![reply])]).await;
        let error = world.fail().await;
        assert_eq!(error.class, SourceErrorClass::Protocol, "{error}");
        assert!(error.message.starts_with("users page 1 leads to "), "{error}");
        assert!(!format!("{error:?}").contains("skiptoken"), "{error:?}");
        assert_eq!(world.server.count(USERS), 1, "a foreign link is not retried");
    }
    assert_eq!(other.count("*"), 0);
}

#[tokio::test]
async fn redirects_are_not_followed_and_take_nothing_along() {
    let other = Server::start(script([])).await;
    for (target, location) in [
        (TOKEN, format!("{}{TOKEN}", other.base)),
        (USERS, format!("{}/v1.0/users/delta", other.base)),
        (USERS, "/elsewhere".to_owned()),
        (TOKEN, "/elsewhere".to_owned()),
    ] {
        for code in [301, 302, 307, 308] {
            let world = World::new([(target, vec![with(status(code, ""), &format!("location: {location}"))])]).await;
            let error = world.fail().await;
            assert_eq!(error.class, SourceErrorClass::Protocol, "{error}");
            assert!(error.message.contains("redirects to another"), "{error}");
            assert_eq!((world.server.count(target), world.server.count("/elsewhere")), (1, 0));
        }
    }
    assert_eq!(other.count("*"), 0);
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_are_refused() {
    let world =
        World::new([(USERS, vec![next("", "/u2")]), ("/u2", vec![next("", "/u3")]), ("/u3", vec![next("", "/u2")])])
            .await;
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Protocol);
    assert!(error.message.contains("users page 3 leads back"), "{error}");
    assert_eq!(world.server.count("/u2"), 1);
}

#[tokio::test]
async fn attributes_of_another_type_are_named_and_never_taken_for_nothing() {
    for (target, object, place) in [
        (
            USERS,
            r#"{"id":"a","jobTitle":5}"#,
            "users page 1: the answer is not what a page must be: `value[0].jobTitle`",
        ),
        (USERS, r#"{"id":"a","accountEnabled":"yes"}"#, "`value[0].accountEnabled`"),
        (USERS, r#"{"id":"a"},{"id":"b","businessPhones":"1"}"#, "`value[1].businessPhones`"),
        (USERS, r#"{"id":"a","otherMails":[1]}"#, "`value[0].otherMails[0]`"),
        (USERS, r#"{"displayName":"x"}"#, "missing field `id`"),
        (USERS, r#"{"id":7}"#, "`value[0].id`"),
        (USERS, r#"{"id":" "}"#, "an ID that is empty"),
        (USERS, r#""text""#, "`value[0]`"),
        (USERS, r#"{"id":"a","@removed":"yes"}"#, "`value[0].@removed`"),
        (GROUPS, r#"{"id":"g","members@delta":[{"id":""}]}"#, "`value[0].members@delta[0].id`"),
        (GROUPS, r#"{"id":"g","members@delta":{}}"#, "`value[0].members@delta`"),
        (GROUPS, r#"{"id":"g","createdDateTime":5}"#, "`value[0].createdDateTime`"),
    ] {
        let world = World::new([(target, vec![last(object, "/d")])]).await;
        let error = world.fail().await;
        assert_eq!(error.class, SourceErrorClass::Protocol, "{error}");
        assert!(error.message.contains(place), "{error}");
        assert!(error.message.ends_with("gave up after 5 tries"), "{error}");
    }
}

#[tokio::test]
async fn hostile_text_is_data() {
    let name = "n".repeat(64 * 1024);
    let user = format!(r#"{{"id":"u1","displayName":"{name}","surname":"\u001b[31m\u0000","mail":"\ud800x"}}"#);
    let world = World::new([(USERS, vec![last(&user, "/users-delta-1")])]).await;
    let directory = world.read().await;
    let user = directory.user(&Id::new("u1")).unwrap();
    assert_eq!(user.display_name.as_deref().map(str::len), Some(64 * 1024));
    assert_eq!(user.surname.as_deref(), Some("\u{1b}[31m\0"));
    assert!(user.mail.as_deref().unwrap().ends_with("\u{fffd}x"));
}

#[tokio::test]
async fn a_page_without_end_is_given_up() {
    let world = World::new([(USERS, vec![Reply::Blanks(70)])]).await;
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Protocol);
    assert!(error.message.ends_with("users page 1: the answer is larger than 64 MiB"), "{error}");
    assert_eq!(world.server.count(USERS), 1);
}

// ---- patience ----

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let html = status(200, "<html>busy</html>");
    let cut = r#"{"value":[{"id":"u1"#;
    for setback in [
        status(500, ""),
        status(502, "<html>"),
        status(503, ""),
        status(504, ""),
        status(509, ""),
        status(408, ""),
        status(429, "{}"),
        with(status(429, ""), "retry-after: 0.002"),
        with(status(503, ""), "retry-after: Sun, 06 Nov 1994 08:49:37 GMT"),
        with(status(429, ""), "retry-after: soon"),
        status(204, ""),
        html,
        status(200, ""),
        status(200, cut),
        status(200, r#"{"error":{"code":"x"}}"#),
        status(200, r#"{"@odata.deltaLink":"{base}/d"}"#),
        status(200, r#"{"value":null,"@odata.deltaLink":"{base}/d"}"#),
        status(200, r#"{"value":[]}"#),
        status(200, r#"{"value":[],"@odata.deltaLink":"{base}/d","@odata.nextLink":"{base}/d"}"#),
        Reply::Cut(cut.to_owned()),
        Reply::Close,
    ] {
        let good = last(r#"{"id":"u1"}"#, "/users-delta-1");
        let world = World::new([(USERS, vec![setback.clone(), setback.clone(), good])]).await;
        assert_eq!(world.read().await.user_count(), 1);
        let requests = world.server.seen(USERS);
        assert_eq!(requests.len(), 3);
        assert_eq!(
            requests.iter().map(|request| request.header("retry-attempt")).collect::<Vec<_>>(),
            [None, Some("1"), Some("2")]
        );
        let world = World::new([(USERS, vec![setback])]).await;
        let error = world.fail().await;
        assert!(
            error.message.starts_with("users page 1: ") && error.message.ends_with("gave up after 5 tries"),
            "{error}"
        );
        assert_eq!(world.server.count(USERS), 5);
    }
}

#[tokio::test]
async fn a_page_in_the_middle_is_tried_again_alone() {
    let world = World::new([
        (USERS, vec![next(r#"{"id":"u1"}"#, "/u2")]),
        ("/u2", vec![status(503, ""), Reply::Close, last(r#"{"id":"u2"}"#, "/users-delta-1")]),
    ])
    .await;
    assert_eq!(world.read().await.user_count(), 2);
    assert_eq!((world.server.count(USERS), world.server.count("/u2")), (1, 3));
}

#[tokio::test]
async fn the_wait_that_the_service_asks_for_is_kept() {
    let world =
        World::new([(USERS, vec![with(status(429, ""), "retry-after: 0.25"), last("", "/users-delta-1")])]).await;
    let began = std::time::Instant::now();
    world.read().await;
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_wait_longer_than_patience_fails_at_once() {
    let world = World::new([(USERS, vec![with(status(429, ""), "retry-after: 119.5")])]).await;
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Transient);
    assert!(error.message.contains("asks to wait 120 s"), "{error}");
    assert_eq!(world.server.count(USERS), 1);
}

#[tokio::test]
async fn silence_is_given_up_when_the_time_is_up() {
    for target in [USERS, TOKEN] {
        let mut world = World::new([(target, vec![Reply::Hang])]).await;
        world.pace.budget = Duration::from_millis(200);
        let error = world.fail().await;
        assert_eq!(error.class, SourceErrorClass::Transient);
        assert!(error.message.contains("did not answer in time"), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_is_said_with_a_hint() {
    let mut world = World::new([]).await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    world.tenant.graph_root = format!("http://{free}").into();
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Transient);
    assert!(error.message.contains(&format!("http://{free} cannot be reached")), "{error}");
    assert!(error.hint.unwrap().contains("endpoints"));
    let mut cause: Option<&dyn std::error::Error> =
        error.source.as_deref().map(|cause| cause as &dyn std::error::Error);
    while let Some(error) = cause {
        assert!(!error.to_string().contains("/delta"), "{error}");
        cause = error.source();
    }
}

#[tokio::test]
async fn refusals_are_final_and_say_what_to_do() {
    let code = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"secret message"}}}}"#);
    for (target, answer, class, said, next) in [
        (
            USERS,
            status(403, &code("Authorization_RequestDenied")),
            SourceErrorClass::Person,
            "permission denied (Authorization_RequestDenied)",
            "User.Read.All",
        ),
        (
            GROUPS,
            status(403, "<html>"),
            SourceErrorClass::Person,
            "groups page 1: permission denied",
            "GroupMember.Read.All",
        ),
        (
            USERS,
            status(404, &code("Request_ResourceNotFound")),
            SourceErrorClass::Person,
            "not found",
            "endpoints.graph",
        ),
        (
            USERS,
            status(400, &code("Request_BadRequest")),
            SourceErrorClass::Protocol,
            "answered 400 Bad Request (Request_BadRequest)",
            "",
        ),
        (
            USERS,
            status(501, &code("NotImplemented")),
            SourceErrorClass::Protocol,
            "501 Not Implemented (NotImplemented)",
            "",
        ),
    ] {
        let world = World::new([(target, vec![answer])]).await;
        let error = world.fail().await;
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.contains(said) && !error.message.contains("secret"), "{error}");
        assert!(error.hint.unwrap_or_default().contains(next));
        assert_eq!(world.server.count(target), 1, "{said}");
    }
}

// ---- signing in ----

#[tokio::test]
async fn a_401_gets_a_new_token_once() {
    let world =
        World::new([(USERS, vec![next("", "/u2")]), ("/u2", vec![status(401, "{}"), last("", "/users-delta-1")])])
            .await;
    world.read().await;
    let sent: Vec<_> =
        world.server.seen("/u2").iter().map(|request| request.header("authorization").map(str::to_owned)).collect();
    assert_eq!(sent, [Some("Bearer t0ken.one".to_owned()), Some("Bearer t0ken.two".to_owned())]);
    assert_eq!(world.server.count(TOKEN), 2);

    let world = World::new([(USERS, vec![status(401, "{}")])]).await;
    let error = world.fail().await;
    assert_eq!((error.class, world.server.count(USERS)), (SourceErrorClass::Person, 2));
    assert!(error.message.contains("does not take the token"), "{error}");
}

#[tokio::test]
async fn two_rounds_that_meet_a_401_sign_in_once() {
    let world = World::new([
        (USERS, vec![status(401, "{}"), last("", "/users-delta-1")]),
        (GROUPS, vec![status(401, "{}"), last("", "/groups-delta-1")]),
    ])
    .await;
    world.read().await;
    assert_eq!(world.server.count(TOKEN), 2);
}

#[tokio::test]
async fn a_token_is_used_until_shortly_before_it_expires() {
    for (life, tokens) in [(0, 4), (3599, 1), (u64::MAX, 1)] {
        let world = World::new([(TOKEN, vec![token("t", life)])]).await;
        let source = world.source();
        let mut directory = TenantDirectory::default();
        source.refresh(&mut directory, &()).await.unwrap();
        source.refresh(&mut directory, &()).await.unwrap();
        assert_eq!(world.server.count(TOKEN), tokens, "expires_in {life}");
    }
}

#[tokio::test]
async fn refusals_of_the_login_service_say_who_must_do_what() {
    let refusal = |http: u16, error: &str, code: u32| {
        let description = format!(r"AADSTS{code}: {SECRET} is no good.\r\nTrace ID: 2e9a41d7 \u001b[31m");
        status(
            http,
            &format!(r#"{{"error":"{error}","error_description":"{description}","error_codes":[{code}],"extra":1}}"#),
        )
    };
    for (answer, class, said, next) in [
        (
            refusal(401, "invalid_client", 7_000_215),
            SourceErrorClass::Person,
            "the application key is wrong (AADSTS7000215)",
            "/key",
        ),
        (refusal(401, "invalid_client", 7_000_222), SourceErrorClass::Person, "has expired", "Certificates & secrets"),
        (
            refusal(400, "unauthorized_client", 700_016),
            SourceErrorClass::Person,
            "does not know application 1f3c5d7e",
            "contoso.example",
        ),
        (
            refusal(400, "invalid_request", 90_002),
            SourceErrorClass::Person,
            "there is no tenant contoso.example",
            "cloud",
        ),
        (
            refusal(400, "invalid_grant", 65_001),
            SourceErrorClass::Person,
            "nobody has consented",
            "grant admin consent",
        ),
        (refusal(400, "invalid_grant", 53_003), SourceErrorClass::Person, "Conditional Access", "Sign-in logs"),
        (refusal(400, "invalid_request", 50_196), SourceErrorClass::Transient, "too often", "wait"),
        (
            refusal(400, "odd", 4711),
            SourceErrorClass::Person,
            "odd: AADSTS4711: … is no good. Trace ID",
            "AADSTS number",
        ),
        (status(400, "<html>"), SourceErrorClass::Protocol, "no answer of a login service", "endpoints.login"),
        (status(404, ""), SourceErrorClass::Protocol, "answered 404", "endpoints.login"),
    ] {
        let world = World::new([(TOKEN, vec![answer])]).await;
        let error = world.fail().await;
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.starts_with("sign-in: ") && error.message.contains(said), "{error}");
        assert!(error.hint.as_deref().unwrap().contains(next), "{:?}", error.hint);
        assert!(!format!("{error:?}").contains("s3cret") && !error.message.contains('\u{1b}'), "{error:?}");
        assert_eq!((world.server.count(TOKEN), world.server.count(USERS)), (1, 0), "{said}");
    }
}

#[tokio::test]
async fn a_busy_or_garbled_login_service_is_tried_again() {
    let busy = r#"{"error":"temporarily_unavailable","error_codes":[90033]}"#;
    for setback in [
        status(400, busy),
        status(503, "<html>"),
        with(status(429, ""), "retry-after: 0.001"),
        status(200, "<html>"),
        with(Reply::Full { status: 200, headers: String::new(), body: b"{}".to_vec() }, "content-type: text/html"),
        status(200, r#"{"access_token":"t0ken.bad","token_type":"mac"}"#),
        status(200, r#"{"access_token":"t0ken.bad\n","token_type":"Bearer"}"#),
        status(200, r#"{"access_token":{"t0ken.bad":1},"token_type":"Bearer"}"#),
        Reply::Cut(r#"{"access_token":"t0ken.bad"#.to_owned()),
        Reply::Close,
    ] {
        let world = World::new([(TOKEN, vec![setback.clone(), token("t", 60)])]).await;
        world.read().await;
        assert_eq!(world.server.count(TOKEN), 2);
        let world = World::new([(TOKEN, vec![setback])]).await;
        let error = world.fail().await;
        assert_eq!(world.server.count(TOKEN), 5, "{error}");
        assert!(error.message.starts_with("sign-in: "), "{error}");
        assert!(!format!("{error:?}").contains("t0ken"), "{error:?}");
    }
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_a_persons_move() {
    let mut world = World::new([]).await;
    world.tenant.credential = Credential::Key(SecretRef::Env("BMSYNC_TEST_NEVER_SET".into()));
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Person);
    assert!(error.message.contains("BMSYNC_TEST_NEVER_SET is not set"), "{error}");
    assert_eq!(world.server.count("*"), 0);
}

#[tokio::test]
async fn ways_of_signing_in_that_there_are_not_are_named() {
    let world = World::new([]).await;
    let delegated = Tenant { sign_in: SignIn::Delegated, ..world.tenant.clone() };
    let certificate =
        Tenant { credential: Credential::Certificate(SecretRef::Env("X".into())), ..world.tenant.clone() };
    let outside = Tenant { graph_root: "http://graph.example".into(), ..world.tenant.clone() };
    for (tenant, said, next) in [
        (delegated, "tenant contoso says `signIn: delegated`", "write `signIn: application` and `applicationKey`"),
        (certificate, "tenant contoso signs in with a `certificate`", "`applicationKey`"),
        (outside, "endpoints.graph `http://graph.example`", "https"),
    ] {
        let error = GraphSource::new(&tenant, &Http::new(), world.pace).unwrap_err();
        assert_eq!(error.class, SourceErrorClass::Person);
        assert!(error.message.contains(said) && error.hint.unwrap().contains(next), "{}", error.message);
    }
}

// ---- starting over ----

#[tokio::test]
async fn a_forgotten_delta_state_starts_a_full_read() {
    let inner =
        r#"{"error":{"code":"badRequest","innerError":{"code":"x","innererror":{"code":"SyncStateNotFound"}}}}"#;
    for answer in [
        status(410, ""),
        with(status(410, "{}"), "location: {base}/v1.0/users/delta?$deltatoken="),
        with(status(410, "{}"), "location: /v1.0/users/delta?$deltatoken="),
        status(400, r#"{"error":{"code":"syncStateNotFound"}}"#),
        status(404, r#"{"error":{"code":"RESYNCREQUIRED"}}"#),
        status(400, inner),
    ] {
        let world = World::new([
            (
                USERS,
                vec![last(r#"{"id":"u1"},{"id":"u2"}"#, "/users-delta-1"), last(r#"{"id":"u3"}"#, "/users-delta-9")],
            ),
            ("/users-delta-1", vec![answer]),
        ])
        .await;
        let source = world.source();
        let mut directory = TenantDirectory::default();
        source.refresh(&mut directory, &()).await.unwrap();
        source.refresh(&mut directory, &()).await.unwrap();
        assert_eq!((directory.user_count(), world.server.count(USERS)), (1, 2), "the full read replaces all");
        assert!(directory.user(&Id::new("u3")).is_some());
        assert!(directory.links.unwrap().users.ends_with("/users-delta-9"));
    }
}

#[tokio::test]
async fn a_full_read_is_started_again_twice_and_then_fails() {
    let gone = || status(410, "");
    let world = World::new([(USERS, vec![gone(), gone(), last(r#"{"id":"u1"}"#, "/users-delta-1")])]).await;
    assert_eq!(world.read().await.user_count(), 1);
    let world = World::new([(USERS, vec![gone()])]).await;
    let error = world.fail().await;
    assert_eq!((error.class, world.server.count(USERS)), (SourceErrorClass::Protocol, 3));
    assert!(error.message.contains("3 full reads"), "{error}");
}

#[tokio::test]
async fn a_410_that_sends_elsewhere_fails_the_read() {
    let other = Server::start(script([])).await;
    let world =
        World::new([(USERS, vec![with(status(410, ""), &format!("location: {}/v1.0/users/delta", other.base))])]).await;
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Protocol);
    assert!(error.message.contains(&other.base), "{error}");
    assert_eq!(other.count("*"), 0);
}

#[tokio::test]
async fn links_of_another_endpoint_are_dropped_for_a_full_read() {
    let other = Server::start(script([])).await;
    let world = World::new([]).await;
    let mut directory = world.read().await;
    let links = directory.links.as_mut().unwrap();
    links.users = format!("{}/users-delta-1", other.base);
    world.source().refresh(&mut directory, &()).await.unwrap();
    assert_eq!((other.count("*"), world.server.count(USERS)), (0, 2));
}

#[tokio::test]
async fn a_failed_read_leaves_the_directory_as_it_was() {
    let refused = || status(403, "{}");
    for (target, start_over) in [("/groups-delta-1", false), ("/groups-late", true)] {
        let world = World::new([
            (USERS, vec![last(r#"{"id":"u1"}"#, "/users-delta-1"), last(r#"{"id":"u8"}"#, "/x")]),
            (
                GROUPS,
                vec![
                    last(r#"{"id":"g1","members@delta":[{"id":"u1"}]}"#, "/groups-delta-1"),
                    next(r#"{"id":"g8"}"#, "/groups-late"),
                ],
            ),
            ("/users-delta-1", vec![last(r#"{"id":"u1","@removed":{"reason":"deleted"}},{"id":"u9"}"#, "/x")]),
            (target, vec![refused()]),
        ])
        .await;
        let source = world.source();
        let mut directory = TenantDirectory::default();
        source.refresh(&mut directory, &()).await.unwrap();
        if start_over {
            directory.links = None;
        }
        let (before, read_at, links) = (shown(&directory), directory.read_at, directory.links.clone());
        source.refresh(&mut directory, &()).await.unwrap_err();
        assert_eq!(shown(&directory), before);
        assert_eq!(directory.coverage, Coverage::Complete);
        assert!(directory.read_at == read_at && directory.links == links);
        assert_eq!(world.server.count(target), 1);
    }
}

// ---- what is told ----

/// Lines of a log, kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_most_talkative_log_has_no_token_no_secret_and_no_link() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let world = World::new([
        (USERS, vec![next("", "/v1.0/users/delta?$skiptoken=sk1p")]),
        (
            "/v1.0/users/delta?$skiptoken=sk1p",
            vec![status(503, ""), status(401, ""), last("", "/v1.0/users/delta?$deltatoken=d3lta")],
        ),
        (
            "/v1.0/users/delta?$deltatoken=d3lta",
            vec![with(status(410, ""), "location: /?$deltatoken=d3lta"), Reply::Close],
        ),
    ])
    .await;
    let source = world.source();
    let mut directory = TenantDirectory::default();
    source.refresh(&mut directory, &()).await.unwrap();
    source.refresh(&mut directory, &()).await.unwrap();
    let error = source.refresh(&mut directory, &()).await.unwrap_err();
    drop(guard);
    let mut told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for wanted in ["page read", "trying again", "directory read", "signed in", "mode=\"full\""] {
        assert!(told.contains(wanted), "{wanted} is missing in {told}");
    }
    write!(told, "{error:?} {error} {:?} {source:?} {directory:?}", error.source).unwrap();
    for hidden in [SECRET, "s3cret", "t0ken", "sk1p", "d3lta", "skiptoken", "deltatoken"] {
        assert!(!told.contains(hidden), "{hidden} is in {told}");
    }
}
