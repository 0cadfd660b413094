//! What is asked, and what the directory holds afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use bmsync::directory::{Coverage, TenantDirectory};
use bmsync::manifest::config::Tenant;
use bmsync::model::Id;
use bmsync::source::graph::{GraphSource, Http};
use bmsync::source::{Progress, Source as _};

use super::server::{Reply, Server};
use super::world::{GROUPS, SECRET, TOKEN, USERS, World, groups_of, last, next, script, shown};

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
    assert_eq!(adele.other_mail(), Some("a@home.example"));
    assert_eq!(adele.business_phone(), Some("+1 425 555 0109"));
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
    assert_eq!((changed.surname(), changed.job_title()), (Some("Vance"), None));
    assert_eq!(directory.user_count(), 2);
    assert_eq!(directory.group_count(), 1);
    assert_eq!(groups_of(&directory, "u4"), ["g1"]);
    assert_eq!(groups_of(&directory, "u2"), ["g1"], "a soft deletion keeps the memberships");
    assert_eq!(groups_of(&directory, "u3"), [""; 0], "a hard one does not");
    source.refresh(&mut directory, &()).await.unwrap();
    assert_eq!(directory.user(&Id::new("u2")).unwrap().surname(), Some("Back"));
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
    assert_eq!(directory.user(&Id::new("u1")).unwrap().surname(), None);
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
