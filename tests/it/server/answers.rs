//! What each route answers, and what it says to nonsense.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::http::{Served, local};
use super::world::{CONTACTS, MANIFESTS, TENANT, World};

async fn served() -> (Arc<World>, Served) {
    let world = World::new();
    let server = local(Arc::clone(&world) as _).await;
    (world, server)
}

#[tokio::test]
async fn monitoring_sees_life_readiness_and_metrics() {
    let (world, server) = served().await;
    assert_eq!(server.get("/healthz").await.text(), "ok\n");
    assert_eq!(server.get("/readyz").await.json(), json!({ "ready": true, "waitingFor": [] }));
    let metrics = server.get("/metrics").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(metrics.text().contains("bmsync_rounds_total 1\n"));
    world.is_ready.store(false, Ordering::SeqCst);
    let waiting = server.get("/readyz").await;
    assert_eq!(waiting.problem(503)["waitingFor"], json!(["tenant contoso was not read yet"]));
    assert!(waiting.header("retry-after").is_some());
    assert_eq!(server.get("/healthz").await.status, 200, "alive, though not ready");
    assert_eq!(server.get("/healthz?verbose=1").await.status, 200);
}

#[tokio::test]
async fn the_servers_own_configuration_is_planned_when_nothing_is_sent() {
    let (_, server) = served().await;
    for body in ["", " \n"] {
        let reply = server.post("/v1/plan", body).await;
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let plan = reply.json();
        assert_eq!((&plan["formatVersion"], &plan["stateRevision"]), (&json!("1"), &json!(42)));
        assert_eq!(plan["summary"]["create"], 1);
        assert_eq!(plan["summary"]["held"], 1);
        let causes: Vec<&Value> = plan["changes"].as_array().unwrap().iter().map(|change| &change["cause"]).collect();
        assert_eq!(causes, [&Value::Null, &Value::Null]);
    }
}

#[tokio::test]
async fn a_plan_of_candidates_says_what_they_cause() {
    let (_, server) = served().await;
    let candidate = MANIFESTS.replace("securityRole: User", "securityRole: Technician");
    let plan = server.post("/v1/plan", candidate).await.json();
    let found: Vec<(&str, &str)> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (change["action"].as_str().unwrap(), change["cause"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("create", "manifests"), ("deactivate", "pending")]);
}

#[tokio::test]
async fn invalid_manifests_are_diagnosed_as_validate_does() {
    let (_, server) = served().await;
    let problem = server.post("/v1/plan", MANIFESTS.replace("order: 10", "ordr: 10")).await.problem(422);
    assert_eq!(problem["type"], "urn:bmsync:problem:invalid-manifests");
    let first = &problem["diagnostics"][0];
    let keys: Vec<&String> = first.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["file", "line", "column", "severity", "code", "message", "hint"]);
    let is_slip = |one: &Value| (&one["line"], &one["code"]) == (&json!(13), &json!("UnknownKey"));
    assert!(problem["diagnostics"].as_array().unwrap().iter().any(is_slip), "{problem}");
    for body in ["{", "\u{0}", "# nothing\n", "kind: Pod\n", "--- !!binary x\n", "a: &a [*a]\n"] {
        let problem = server.post("/v1/plan", body).await.problem(422);
        assert!(!problem["diagnostics"].as_array().unwrap().is_empty(), "{body:?}");
    }
}

#[tokio::test]
async fn a_tenant_may_be_used_only_as_the_server_declares_it() {
    let (_, server) = served().await;
    for (from, to, key) in [
        ("env: CONTOSO_APPLICATION_KEY", "env: AWS_SECRET_ACCESS_KEY", "applicationKey"),
        ("{ env: CONTOSO_APPLICATION_KEY }", "{ file: /etc/shadow }", "applicationKey"),
        ("applicationKey: { env: CONTOSO_APPLICATION_KEY }", "certificate: { file: /etc/shadow }", "certificate"),
        ("-8000-000000000001", "-8000-00000000000f", "applicationId"),
        ("applicationKey:", "endpoints: { graph: https://evil.example }\n  applicationKey:", "endpoints.graph"),
        ("applicationKey:", "endpoints: { login: https://evil.example }\n  applicationKey:", "endpoints.login"),
        ("applicationKey:", "cloud: china\n  applicationKey:", "endpoints.login"),
        ("applicationKey:", "signIn: application\n  applicationKey:", "signIn"),
        ("contoso.onmicrosoft.com", "evil.onmicrosoft.com", "domain"),
        (TENANT, "94841066-274d-4ec0-a5c1-276be684bdd3", "94841066-274d-4ec0-a5c1-276be684bdd3"),
    ] {
        let problem = server.post("/v1/plan", MANIFESTS.replace(from, to)).await.problem(422);
        let found = problem["diagnostics"].as_array().unwrap();
        let foreign =
            found.iter().find(|one| one["code"] == "ForeignTenant").unwrap_or_else(|| panic!("{to}: {found:?}"));
        let message = foreign["message"].as_str().unwrap();
        assert!(message.contains("`contoso`") && message.contains(key), "{message}");
        assert_eq!(foreign["line"], 3);
    }
    for (from, to) in
        [("name: contoso }", "name: contoso-ltd }"), ("applicationKey:", "nestedGroups: true\n  applicationKey:")]
    {
        assert_eq!(server.post("/v1/plan", MANIFESTS.replace(from, to)).await.status, 200, "{to}");
    }
}

#[tokio::test]
async fn sync_looks_again() {
    let (world, server) = served().await;
    let all = server.post("/v1/sync", "").await;
    assert_eq!((all.status, all.json()), (202, json!({ "tenant": null })));
    assert_eq!(server.post("/v1/sync/contoso", "").await.json(), json!({ "tenant": "contoso" }));
    assert_eq!(server.post(&format!("/v1/sync/{TENANT}"), "").await.status, 202);
    let none = server.post("/v1/sync/%3Cscript%3E", "").await.problem(404);
    assert_eq!(none["detail"], "there is no tenant `<script>`");
    let asked = world.synced.lock().unwrap().clone();
    assert_eq!(asked, [None, Some("contoso".to_owned()), Some(TENANT.to_owned())]);
}

#[tokio::test]
async fn approval_covers_what_was_shown() {
    let (world, server) = served().await;
    let shown = server.get("/v1/approve/contoso").await.json();
    assert_eq!((&shown["tenantId"], &shown["approvedUntil"]), (&json!(TENANT), &Value::Null));
    assert_eq!(shown["changes"][0]["action"], "deactivate");
    assert_eq!(shown["changes"][0]["held"], "maxDeactivations");
    assert!(world.approved.lock().unwrap().is_empty(), "looking approves nothing");

    server.post("/v1/approve/contoso", r#"{"digest":"sha256:ffff"}"#).await.problem(409);
    server.post("/v1/approve/contoso", r#"{"digests":"sha256:0123"}"#).await.problem(400);
    server.post("/v1/approve/contoso", "sha256:0123").await.problem(400);
    server.post("/v1/approve/fabrikam", "").await.problem(404);
    assert!(world.approved.lock().unwrap().is_empty());

    let digest = json!({ "digest": shown["digest"] }).to_string();
    let approved = server.post("/v1/approve/contoso", digest).await.json();
    assert_eq!(approved["changes"], shown["changes"]);
    assert!(approved["approvedUntil"].is_string());
    for body in ["", "{}"] {
        assert_eq!(server.post("/v1/approve/contoso", body).await.json(), approved, "what is held now");
    }
    assert_eq!(*world.approved.lock().unwrap(), ["sha256:0123"; 3]);
}

#[tokio::test]
async fn a_saved_plan_is_applied_or_refused() {
    let (_, server) = served().await;
    let saved = server.post("/v1/plan", "").await.json();
    assert_eq!(
        server.post("/v1/apply", saved.to_string()).await.json(),
        json!({ "revision": 43, "written": 1, "failures": [] })
    );
    assert_eq!(server.post("/v1/apply?approveHeld=true", saved.to_string()).await.json()["written"], 2);
    server.post("/v1/apply", r#"{"stateRevision":41}"#).await.problem(409);
    server.post("/v1/apply", "{}").await.problem(422);
    server.post("/v1/apply", "").await.problem(400);
    server.post("/v1/apply", "[".repeat(100_000)).await.problem(400);
    let wrong = server.post("/v1/apply?approveHeld=yes", "{}").await.problem(400);
    assert_eq!(wrong["parameter"], "approveHeld");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (_, server) = served().await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/v1/contacts?limit=10{after}")).await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, (1..=CONTACTS).collect::<Vec<_>>());
    let all = server.get("/v1/contacts").await.json();
    assert_eq!((all["items"].as_array().unwrap().len(), &all["next"]), (25, &Value::Null));
    assert_eq!(server.get("/v1/contacts?limit=25").await.json()["next"], Value::Null, "a full last page has no next");
    assert_eq!(server.get("/v1/contacts?after=25").await.json(), json!({ "items": [], "next": null }));
    assert_eq!(server.get(&format!("/v1/events?after={}", u64::MAX)).await.json()["items"], json!([]));

    let events = server.get("/v1/events?limit=2").await.json();
    assert_eq!((events["items"].as_array().unwrap().len(), &events["next"]), (2, &json!("2")));
    let rules = server.get("/v1/rules?limit=2").await.json();
    assert_eq!((&rules["items"][0]["name"], &rules["next"]), (&json!("technicians"), &json!("board")));
    let rest = server.get("/v1/rules?limit=2&after=board").await.json();
    assert_eq!((&rest["items"][0]["name"], &rest["next"]), (&json!("archive"), &Value::Null));
    assert_eq!(server.get("/v1/rules?after=gone").await.problem(400)["parameter"], "after");
    let tenants = server.get("/v1/tenants").await.json();
    assert_eq!(tenants["items"][0]["conditions"][0]["type"], "Synchronized");
    assert_eq!(server.get(&format!("/v1/tenants?after={TENANT}")).await.json()["items"], json!([]));
}

#[tokio::test]
async fn one_of_each() {
    let (_, server) = served().await;
    let employee = server.get("/v1/employees/7").await.json();
    assert_eq!((&employee["kind"], &employee["source"]["tenantId"]), (&json!("employee"), &json!(TENANT)));
    assert_eq!(server.get("/v1/contacts/3").await.json()["email"], "contact3@northwind.com");
    assert_eq!(server.get("/v1/events/2").await.json()["id"], 2);
    assert_eq!(server.get("/v1/rules/board").await.json()["order"], 20);
    assert_eq!(
        server.get("/v1/tenants/contoso").await.json(),
        server.get(&format!("/v1/tenants/{TENANT}")).await.json()
    );
    for path in ["/v1/employees/8", "/v1/contacts/999", "/v1/events/4", "/v1/rules/none", "/v1/tenants/none"] {
        server.get(path).await.problem(404);
    }
    for id in ["0", "-1", "+1", "x", "1.5", "18446744073709551616", "%00"] {
        for list in ["employees", "contacts", "events"] {
            assert_eq!(server.get(&format!("/v1/{list}/{id}")).await.problem(400)["parameter"], "id", "{list} {id}");
        }
    }
    server.get("/v1/rules/%ff").await.problem(400);
}

#[tokio::test]
async fn explain_and_export() {
    let (_, server) = served().await;
    let found = server.get("/v1/explain?user=ADELE%40contoso.com").await.json();
    assert_eq!(found["items"][0]["rules"][0]["verdict"], "wins");
    assert_eq!(found["items"][0]["changes"][0]["action"], "create");
    server.get("/v1/explain?user=nobody").await.problem(404);
    for query in ["", "?user=", "?user=%20", "?user=a&user=b", "?usr=a"] {
        server.get(&format!("/v1/explain{query}")).await.problem(400);
    }
    let export = server.get("/v1/export").await;
    assert_eq!(export.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> = export.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 26);
    assert_eq!((&lines[0]["kind"], &lines[1]["id"]), (&json!("employee"), &json!(1)));
}

#[tokio::test]
async fn what_is_asked_wrongly_is_named() {
    let (_, server) = served().await;
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=+1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("after=x", "after"),
        ("after=99999999999999999999999", "after"),
        ("staus=active", "staus"),
        ("Limit=1", "Limit"),
    ] {
        let problem = server.get(&format!("/v1/contacts?{query}")).await.problem(400);
        assert_eq!(problem["parameter"], parameter, "{query}");
        assert!(problem["detail"].as_str().unwrap().contains(parameter), "{query}: {problem}");
    }
    let long = server.get(&format!("/v1/contacts?after={}", "1".repeat(5000))).await.problem(400);
    assert!(long["detail"].as_str().unwrap().contains("4096"));
    assert_eq!(server.get("/v1/contacts?limit=1000").await.status, 200);
}

#[tokio::test]
async fn there_is_nothing_elsewhere() {
    let (_, server) = served().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/plans",
        "/v1/sync/",
        "/v1/employees/",
        "/v2/plan",
        "/healthz/",
        "//v1/plan",
        "/../etc/passwd",
        "/%2e%2e/x",
        "/%1b[2J",
    ] {
        server.get(path).await.problem(404);
    }
    for (method, path, allowed) in [
        ("GET", "/v1/plan", "POST"),
        ("DELETE", "/v1/employees/7", "GET, HEAD"),
        ("PUT", "/v1/approve/contoso", "GET, HEAD, POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("GET", "/webhooks/graph", "POST"),
        ("TRACE", "/metrics", "GET, HEAD"),
        ("BREW", "/v1/rules", "GET, HEAD"),
    ] {
        let reply = server.ask(method, path, &[], b"").await;
        reply.problem(405);
        assert_eq!(reply.header("allow"), Some(allowed), "{method} {path}");
    }
    let head = server.ask("HEAD", "/v1/employees", &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_browsers_calm() {
    let (_, server) = served().await;
    for path in ["/healthz", "/v1/tenants", "/v1/none", "/v1/contacts?limit=x", "/metrics"] {
        let reply = server.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(reply.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
        assert_eq!(reply.header("server"), None);
    }
}

#[tokio::test]
async fn a_panic_costs_one_answer_and_tells_nothing() {
    let (_, server) = served().await;
    let problem = server.get("/v1/explain?user=panic").await.problem(500);
    assert!(!problem.to_string().contains("asked to"));
    assert_eq!(server.get("/v1/explain?user=adele@contoso.com").await.status, 200);
}
