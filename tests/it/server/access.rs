//! Who may ask: tokens and roles, and without tokens this machine alone.

use std::sync::Arc;

use bmsync::server::{Access, AccessError, AccessOptions, Limits, Options};
use serde_json::Value;

use super::http::{PATIENCE, Served, guarded, local, serve, tokens};
use super::world::World;

/// Every path and method of the `OpenAPI` document under `/v1`, with the role that it says is needed.
fn private_routes() -> Vec<(String, String, String)> {
    let document: Value = serde_json::from_str(&bmsync::server::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if path.starts_with("/v1") {
                let path = path.replace("{tenant}", "contoso").replace("{id}", "7").replace("{rule}", "board");
                found.push((method.to_uppercase(), path, operation["x-role"].as_str().unwrap().to_owned()));
            } else {
                assert_eq!(operation["security"], serde_json::json!([]), "{path}");
            }
        }
    }
    assert!(found.len() > 15);
    found
}

async fn with(server: &Served, method: &str, path: &str, token: &str) -> u16 {
    server.ask(method, path, &[&format!("Authorization: Bearer {token}")], b"").await.status
}

#[tokio::test]
async fn every_route_keeps_its_role() {
    let server = guarded(World::new()).await;
    for (method, path, role) in private_routes() {
        let name = format!("{method} {path}");
        let none = server.ask(&method, &path, &[], b"").await;
        none.problem(401);
        assert_eq!(none.header("www-authenticate"), Some("Bearer realm=\"bmsync\""), "{name}");
        assert_eq!(with(&server, &method, &path, "wrong").await, 401, "{name}");
        let looked = with(&server, &method, &path, "look").await;
        assert_eq!(looked == 403, role == "operator", "{name}: {looked}");
        assert!(![401, 403].contains(&with(&server, &method, &path, "act").await), "{name}");
    }
}

#[tokio::test]
async fn operators_orders_are_those_that_do_something() {
    let mut orders: Vec<String> =
        private_routes().into_iter().filter(|(_, _, role)| role == "operator").map(|(_, path, _)| path).collect();
    orders.sort();
    orders.dedup();
    let wanted = [
        "/v1/apply",
        "/v1/approve/contoso",
        "/v1/connect/{tenantOrAttempt}",
        "/v1/disconnect/contoso",
        "/v1/sync",
        "/v1/sync/contoso",
    ];
    assert_eq!(orders, wanted);
}

#[tokio::test]
async fn a_viewer_gets_a_problem_where_an_operator_is_needed() {
    let world = World::new();
    let server = guarded(Arc::clone(&world) as _).await;
    let refused = server.ask("POST", "/v1/sync", &["Authorization: Bearer look"], b"").await;
    assert!(refused.problem(403)["detail"].as_str().unwrap().contains("operator"));
    assert!(world.synced.lock().unwrap().is_empty());
}

#[tokio::test]
async fn odd_ways_to_show_a_token() {
    let server = guarded(World::new()).await;
    let status = |lines: &'static [&'static str]| {
        let server = &server;
        async move { server.ask("GET", "/v1/tenants", lines, b"").await.status }
    };
    assert_eq!(status(&["authorization: bearer look"]).await, 200);
    for lines in [
        &["Authorization: look"] as &[&str],
        &["Authorization: Bearer"],
        &["Authorization: Bearer "],
        &["Authorization: Basic look"],
        &["Authorization: Bearer look act"],
        &["Authorization: Bearer look", "Authorization: Bearer act"],
        &["Authorization: Bearer \u{fc}"],
    ] {
        assert_eq!(status(lines).await, 401, "{lines:?}");
    }
    let wrong = server.ask("GET", "/v1/tenants", &["Authorization: Bearer s3cret"], b"").await;
    assert_eq!(wrong.header("www-authenticate"), Some("Bearer realm=\"bmsync\", error=\"invalid_token\""));
    assert!(!wrong.text().contains("s3cret"));
    assert_eq!(server.get("/v1/tenants?access_token=look").await.status, 401, "no token in a URL");
}

#[tokio::test]
async fn unknown_paths_under_v1_tell_nothing_without_a_token() {
    let server = guarded(World::new()).await;
    server.get("/v1/nothing").await.problem(401);
    server.get("/v1").await.problem(401);
    server.ask("GET", "/v1/nothing", &["Authorization: Bearer look"], b"").await.problem(404);
    for open in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        assert_eq!(server.get(open).await.status, 200, "{open}");
    }
}

#[tokio::test]
async fn with_tokens_a_foreign_host_and_origin_are_nothing_special_and_no_cors_is_spoken() {
    let server = guarded(World::new()).await;
    let lines = ["Host: bmsync.example.com", "Origin: https://evil.example", "Authorization: Bearer look"];
    let reply = server.ask("GET", "/v1/tenants", &lines, b"").await;
    assert_eq!(reply.status, 200);
    assert!(reply.headers.iter().all(|(name, _)| !name.to_lowercase().starts_with("access-control-")));
    let preflight = server.ask("OPTIONS", "/v1/tenants", &lines, b"").await;
    preflight.problem(405);
    assert_eq!(preflight.header("allow"), Some("GET, HEAD"));
}

#[tokio::test]
async fn without_tokens_this_machine_may_do_everything() {
    let server = local(World::new()).await;
    assert_eq!(server.get("/v1/tenants").await.status, 200);
    assert_eq!(server.post("/v1/sync", "").await.status, 202);
    let host = format!("Host: localhost:{}", server.address.port());
    let origin = format!("Origin: http://localhost:{}", server.address.port());
    let own_page = [host.as_str(), origin.as_str(), "Sec-Fetch-Site: same-origin"];
    assert_eq!(server.ask("POST", "/v1/sync", &own_page, b"").await.status, 202);
}

#[tokio::test]
async fn without_tokens_no_web_page_and_no_proxy_may_ask() {
    let world = World::new();
    let server = local(Arc::clone(&world) as _).await;
    for lines in [
        &["Host: evil.example"] as &[&str],
        &["Host: localhost.evil.example"],
        &["Host: localhost", "Host: localhost"],
        &["Host: localhost", "Origin: http://evil.example"],
        &["Host: localhost", "Origin: http://localhost:3000"],
        &["Host: localhost", "Origin: null"],
        &["Host: localhost", "Sec-Fetch-Site: cross-site"],
        &["Host: localhost", "X-Forwarded-For: 203.0.113.9"],
        &["Host: localhost", "Forwarded: for=203.0.113.9"],
    ] {
        server.ask("POST", "/v1/sync", lines, b"").await.problem(403);
        assert_eq!(server.ask("GET", "/healthz", lines, b"").await.status, 200, "monitoring is open: {lines:?}");
    }
    server.ask("POST", "http://evil.example/v1/sync", &["Host: localhost"], b"").await.problem(403);
    let old = server.raw(b"POST /v1/sync HTTP/1.0\r\n\r\n").await;
    super::http::Reply::parse(&old).problem(403);
    assert!(world.synced.lock().unwrap().is_empty());
}

#[tokio::test]
async fn tokens_come_from_a_file_and_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    std::fs::write(&path, "viewer sha256:6d3ea5d7\n").unwrap();
    let options = AccessOptions { file: Some(path.clone()), operator: Some("act".into()), ..AccessOptions::default() };
    let error = Access::load(&options).unwrap_err().to_string();
    assert!(error.ends_with("tokens:1: after `sha256:` come 64 hex digits") && !error.contains("6d3e"), "{error}");
    std::fs::write(&path, "# staff\nviewer look\n").unwrap();
    let server = serve(World::new(), Options { access: Access::load(&options).unwrap(), ..Options::default() }).await;
    assert_eq!(with(&server, "GET", "/v1/tenants", "look").await, 200);
    assert_eq!(with(&server, "POST", "/v1/sync", "act").await, 202);
    let missing = AccessOptions { file: Some(folder.path().join("none")), ..AccessOptions::default() };
    assert!(matches!(Access::load(&missing), Err(AccessError::Unreadable { .. })));
    assert_eq!(format!("{:?}", tokens()), "Access(2 tokens)");
}

#[tokio::test]
async fn a_new_file_of_tokens_is_used_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    let replace = |text: &str| {
        std::fs::write(folder.path().join("aside"), text).unwrap();
        std::fs::rename(folder.path().join("aside"), &path).unwrap();
    };
    replace("viewer look\n");
    let options = AccessOptions { file: Some(path.clone()), operator: Some("act".into()), ..AccessOptions::default() };
    let limits = Limits { file_interval: std::time::Duration::from_millis(10), ..Limits::default() };
    let access = Access::load(&options).unwrap();
    let server = serve(World::new(), Options { access, limits, ..Options::default() }).await;
    for broken in ["", "# nobody\n", "viewer", "viewer act\n", "viewer sha256:00\n"] {
        replace(broken);
        for _ in 0..20 {
            assert_eq!(with(&server, "GET", "/v1/tenants", "look").await, 200, "{broken:?} changes nothing");
            assert_eq!(with(&server, "GET", "/v1/tenants", "stranger").await, 401, "{broken:?} opens nothing");
        }
    }
    replace("viewer new\n");
    let renewed = async {
        while with(&server, "GET", "/v1/tenants", "new").await != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed).await.expect("the new token is taken up");
    assert_eq!(with(&server, "GET", "/v1/tenants", "look").await, 401);
    assert_eq!(with(&server, "POST", "/v1/sync", "act").await, 202, "those of the environment stay");
}
