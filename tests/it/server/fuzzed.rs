//! Any bytes as the body of a request, as a notification, and as the request itself: an answer, and never a mistake of ours.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::runtime::{Builder, Runtime};

use super::http::{Reply, Served, local, read_all};
use super::world::World;
use crate::fuzz::{Target, is_plain, play};

const WORDS: &[&str] = &[
    "value",
    "subscriptionId",
    "clientState",
    "lifecycleEvent",
    "missed",
    "reauthorizationRequired",
    "subscriptionRemoved",
    "resource",
    "kind: Tenant",
    "kind: MappingRule",
    "---\n",
    "applicationKey: { file: /etc/passwd }",
    "endpoints: { graph: http://127.0.0.1:1 }",
    "GET ",
    "POST ",
    "HEAD ",
    "OPTIONS ",
    "/v1/plan",
    "/v1/employees?limit=1",
    "/v1/explain?user=",
    "/webhooks/graph?validationToken=x",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    "Host: 127.0.0.1\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "\r\n\r\n",
    "Expect: 100-continue\r\n",
    "Connection: close\r\n",
    "Origin: null\r\n",
    "Authorization: Bearer x\r\n",
    "%2e%2e",
    "%00",
    "formatVersion",
];

struct Stage {
    runtime: Runtime,
    world: Arc<World>,
    served: Served,
}

impl Stage {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let world = World::new();
        let served = runtime.block_on(local(Arc::clone(&world) as _));
        Self { runtime, world, served }
    }

    fn post(&self, target: &str, body: &[u8]) -> String {
        let reply = self.runtime.block_on(self.served.post(target, body));
        checked(&reply)
    }
}

/// What the answer is, in few words.
fn checked(reply: &Reply) -> String {
    assert!(reply.status < 500, "{reply:?}");
    if reply.status < 400 {
        return reply.status.to_string();
    }
    let problem = reply.problem(reply.status);
    let diagnostics = problem["diagnostics"].as_array().into_iter().flatten();
    let mut codes: Vec<&str> = diagnostics.filter_map(|one| one["code"].as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    format!("{} {} {codes:?}", reply.status, problem["type"])
}

#[test]
fn any_manifests() {
    let stage = Stage::new();
    let target = Target { test: "server::fuzzed::any_manifests", corpus: "http-plan", words: WORDS, inputs: 300 };
    play(&target, |bytes| stage.post("/v1/plan", bytes));
}

#[test]
fn any_notification() {
    let stage = Stage::new();
    let target = Target { test: "server::fuzzed::any_notification", corpus: "http-webhook", words: WORDS, inputs: 800 };
    play(&target, |bytes| {
        assert_eq!(stage.post("/webhooks/graph", bytes), "202");
        let heard = std::mem::take(&mut *stage.world.heard.lock().expect("not poisoned"));
        assert!(heard.len() <= 1000);
        assert!(heard.iter().all(|(subscription, state, _)| subscription.len() <= 512 && state.len() <= 512));
        format!("{} {:?}", heard.len(), heard.first().map(|(_, _, lifecycle)| lifecycle))
    });
}

#[test]
fn any_order() {
    let stage = Stage::new();
    let target = Target { test: "server::fuzzed::any_order", corpus: "http-orders", words: WORDS, inputs: 600 };
    play(&target, |bytes| {
        let said = ["/v1/apply", "/v1/approve/contoso"].map(|target| stage.post(target, bytes));
        said.join(", ")
    });
}

/// What comes back for bytes that may be a request; nothing is an answer too.
async fn answered(served: &Served, bytes: &[u8]) -> String {
    let mut stream = served.connect().await;
    let sent = async {
        stream.write_all(bytes).await?;
        stream.shutdown().await
    };
    // A server that has seen enough may close before everything is sent.
    let _ = tokio::time::timeout(Duration::from_secs(20), sent).await.expect("the server reads or closes");
    let told = read_all(&mut stream).await;
    assert!(told.is_empty() || told.starts_with(b"HTTP/1.1 ") || told.starts_with(b"HTTP/1.0 "), "{told:?}");
    let statuses: Vec<String> = String::from_utf8_lossy(&told)
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|part| part.chars().take(3).collect::<String>())
        .collect();
    assert!(!statuses.iter().any(|status| status.starts_with('5')), "{}", String::from_utf8_lossy(&told));
    let head = String::from_utf8_lossy(&told).split("\r\n\r\n").next().unwrap_or_default().replace("\r\n", "\n");
    is_plain(&head);
    statuses.join(" ")
}

#[test]
fn any_request() {
    let stage = Stage::new();
    let target = Target { test: "server::fuzzed::any_request", corpus: "http-raw", words: WORDS, inputs: 800 };
    let mut count = 0_u32;
    play(&target, |bytes| {
        count += 1;
        if count.is_multiple_of(50) {
            let healthy = stage.runtime.block_on(stage.served.get("/healthz"));
            assert_eq!(healthy.status, 200);
        }
        stage.runtime.block_on(answered(&stage.served, bytes))
    });
}
