//! What a stranger can make the server spend: bytes, time, connections, plans.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bmsync::server::{Limits, Server};
use tokio::io::AsyncWriteExt as _;

use super::http::{PATIENCE, Reply, guarded, limited, local, read_all};
use super::world::World;

const SHORT: Duration = Duration::from_millis(50);

/// For what must be long enough to say something on a busy machine.
const BRIEF: Duration = Duration::from_millis(500);

#[tokio::test]
async fn bodies_have_a_limit() {
    let limits = Limits { body_bytes: 1000, webhook_bytes: 100, ..Limits::default() };
    let server = limited(World::new(), limits).await;
    let problem = server.post("/v1/plan", "#".repeat(1001)).await.problem(413);
    assert!(problem["detail"].as_str().unwrap().contains("1000"));
    server.post("/v1/plan", "#".repeat(1000)).await.problem(422);
    for path in ["/v1/apply", "/v1/sync", "/v1/approve/contoso"] {
        server.post(path, "#".repeat(1001)).await.problem(413);
    }
    server.post("/webhooks/graph", "#".repeat(101)).await.problem(413);
    assert_eq!(server.post("/webhooks/graph", "#".repeat(100)).await.status, 202);
}

#[tokio::test]
async fn the_limits_are_those_of_the_contract() {
    let server = local(World::new()).await;
    let mebibyte = 1024 * 1024;
    server.post("/v1/plan", vec![b' '; 16 * mebibyte + 1]).await.problem(413);
    assert_eq!(server.post("/v1/plan", vec![b' '; 16 * mebibyte]).await.status, 200);
    server.post("/webhooks/graph", vec![b' '; mebibyte + 1]).await.problem(413);
    assert_eq!(server.post("/webhooks/graph", vec![b' '; mebibyte]).await.status, 202);
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_unread() {
    let server = local(World::new()).await;
    let head = format!(
        "POST /v1/plan HTTP/1.1\r\nHost: {}\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n",
        server.address
    );
    Reply::parse(&server.raw(head.as_bytes()).await).problem(413);
}

#[tokio::test]
async fn a_body_without_an_end_is_refused_at_the_limit() {
    let limits = Limits { body_bytes: 1000, ..Limits::default() };
    let server = limited(World::new(), limits).await;
    let head = format!("POST /v1/plan HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n", server.address);
    let chunk = format!("{:x}\r\n{}\r\n", 500, "#".repeat(500));
    let body = chunk.repeat(20);
    Reply::parse(&server.raw(format!("{head}{body}").as_bytes()).await).problem(413);
}

#[tokio::test]
async fn a_stranger_sends_no_body_past_the_gate() {
    let server = guarded(World::new()).await;
    let head = format!("POST /v1/plan HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000\r\n\r\n", server.address);
    Reply::parse(&server.raw(head.as_bytes()).await).problem(401);
}

#[tokio::test]
async fn headers_come_in_time_or_the_connection_ends() {
    let server = limited(World::new(), Limits { header_timeout: BRIEF, ..Limits::default() }).await;
    for start in ["", "GET /healthz HT", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "] {
        let mut stream = server.connect().await;
        stream.write_all(start.as_bytes()).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{start:?}: {answer:?}");
    }
    let mut idle = server.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert_eq!(Reply::parse(&read_all(&mut idle).await).status, 200, "and then it is closed for being idle");
}

#[tokio::test]
async fn a_body_comes_in_time_or_is_given_up() {
    let server = limited(World::new(), Limits { body_timeout: SHORT, ..Limits::default() }).await;
    for path in ["/v1/plan", "/webhooks/graph"] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 10\r\n\r\nkind", server.address);
        Reply::parse(&server.raw(head.as_bytes()).await).problem(408);
    }
}

#[tokio::test]
async fn headers_have_a_limit() {
    let server = local(World::new()).await;
    let long = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "x".repeat(64 * 1024));
    let answer = server.raw(long.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{:?}", String::from_utf8_lossy(&answer));
    let many = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X-Many: 1\r\n".repeat(200));
    let answer = server.raw(many.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{:?}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn what_is_not_http_gets_no_answer_of_worth() {
    let server = local(World::new()).await;
    for nonsense in [
        b"\x16\x03\x01\x02\x00\x01\x00".as_slice(),
        b"\r\n\r\n\r\n GET",
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = server.connect().await;
        stream.write_all(nonsense).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{:?}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(server.get("/healthz").await.status, 200);
}

/// Waits until so many plans are being made.
async fn until_planning(world: &World, count: usize) {
    while world.planning.load(Ordering::SeqCst) < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn plans_are_made_two_at_a_time() {
    let world = World::braked();
    let limits = Limits { turn_timeout: SHORT, ..Limits::default() };
    let server = Arc::new(limited(Arc::clone(&world) as _, limits).await);
    let ask = || {
        let server = Arc::clone(&server);
        tokio::spawn(async move { server.post("/v1/plan", "").await })
    };
    let (first, second) = (ask(), ask());
    until_planning(&world, 2).await;
    let third = ask().await.unwrap();
    third.problem(503);
    assert!(third.header("retry-after").is_some());
    assert_eq!(server.get("/v1/export").await.status, 503, "it shares the lane");
    assert_eq!(server.get("/v1/tenants").await.status, 200, "cheap questions go on");
    world.brake.add_permits(2);
    assert_eq!((first.await.unwrap().status, second.await.unwrap().status), (200, 200));
    world.brake.add_permits(1);
    assert_eq!(ask().await.unwrap().status, 200);
}

#[tokio::test]
async fn who_goes_away_keeps_its_turn_until_the_work_is_done() {
    let world = World::braked();
    let limits = Limits { expensive: 1, turn_timeout: SHORT, ..Limits::default() };
    let server = limited(Arc::clone(&world) as _, limits).await;
    let mut gone = server.connect().await;
    let head = format!("POST /v1/plan HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n", server.address);
    gone.write_all(head.as_bytes()).await.unwrap();
    until_planning(&world, 1).await;
    drop(gone);
    server.post("/v1/plan", "").await.problem(503);
    world.brake.close();
    let again = async { while server.post("/v1/plan", "").await.status != 200 {} };
    tokio::time::timeout(PATIENCE, again).await.expect("the turn is given back");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let world = World::braked();
    let limits = Limits { answer_timeout: SHORT, ..Limits::default() };
    let server = limited(Arc::clone(&world) as _, limits).await;
    let slow = server.post("/v1/plan", "").await;
    assert_eq!(slow.problem(503)["type"], "urn:bmsync:problem:slow");
}

#[tokio::test]
async fn connections_have_a_limit_and_the_next_waits() {
    let server = limited(World::new(), Limits { connections: 1, header_timeout: BRIEF, ..Limits::default() }).await;
    let idle = server.connect().await;
    assert_eq!(server.get("/healthz").await.status, 200, "as soon as the idle one is let go");
    drop(idle);
}

#[tokio::test]
async fn shutdown_lets_the_request_under_way_end() {
    let world = World::braked();
    let mut server = local(Arc::clone(&world) as _).await;
    let head = format!("POST /v1/plan HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n", server.address);
    let mut under_way = server.connect().await;
    under_way.write_all(head.as_bytes()).await.unwrap();
    until_planning(&world, 1).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut idle, &mut first).await.unwrap();
    server.stop();
    read_all(&mut idle).await;
    world.brake.close();
    let reply = Reply::parse(&read_all(&mut under_way).await);
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    let address = server.address;
    server.ended().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever() {
    let world = World::braked();
    let mut server = limited(Arc::clone(&world) as _, Limits { farewell: SHORT, ..Limits::default() }).await;
    let mut stuck = server.connect().await;
    let head = format!("POST /v1/plan HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n", server.address);
    stuck.write_all(head.as_bytes()).await.unwrap();
    until_planning(&world, 1).await;
    server.stop();
    server.ended().await;
    assert!(read_all(&mut stuck).await.is_empty());
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_it() {
    let server = local(World::new()).await;
    let error = Server::bind(server.address, bmsync::server::Options::default()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {}", server.address));
}
