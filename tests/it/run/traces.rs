//! Traces: what a collector is sent, and what is said where they are not built in.

#[cfg(not(feature = "otlp"))]
use std::process::Stdio;

use super::stage::Stage;
use super::world::CONTOSO;

#[cfg(feature = "otlp")]
#[test]
fn a_collector_is_sent_spans_of_rounds_and_requests_and_nothing_of_anybody() {
    use std::io::{Read as _, Write as _};
    use std::sync::{Arc, Mutex};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let sent = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&sent);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, kept) = (stream.expect("a connection"), Arc::clone(&kept));
            std::thread::spawn(move || {
                let mut buffer = [0; 65_536];
                let mut bytes = Vec::new();
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    bytes.extend_from_slice(&buffer[..read]);
                    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                    if bytes.len() < end + 4 + length.unwrap_or(0_usize) {
                        continue;
                    }
                    kept.lock().unwrap().extend_from_slice(&std::mem::take(&mut bytes));
                    let answer =
                        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let mut stage = Stage::new(&[(&CONTOSO, 3)], "{ pollInterval: 1h }");
    let mut command = stage.command(&["run", "--listen", "127.0.0.1:0"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("OTEL_BSP_SCHEDULE_DELAY", "50");
    stage.launch(command);
    stage.wait_until("everybody is there", |stage| stage.employees().len() == 3);
    assert_eq!(stage.get("/v1/explain?user=adele@contoso.com").status, 200);
    let has = |word: &str| sent.lock().unwrap().windows(word.len()).any(|window| window == word.as_bytes());
    stage.wait_until("the request is sent", |_| has("/v1/explain"));
    assert!(stage.stop().is_some_and(|status| status.success()));
    for word in ["POST /v1/traces", "bmsync", "round", "read", "plan", "apply", "request", "http.route", "contoso"] {
        assert!(has(word), "{word}");
    }
    for secret in ["adele", "Adele", CONTOSO.key, "Vance", CONTOSO.user(1).as_str()] {
        assert!(!has(secret), "{secret}");
    }
}

#[cfg(not(feature = "otlp"))]
#[test]
fn without_traces_built_in_asking_for_them_is_answered_once() {
    use std::io::Read as _;

    let stage = Stage::new(&[(&CONTOSO, 1)], "{ pollInterval: 1h }");
    let mut command = stage.command(&["run", "--listen", "127.0.0.1:0"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut byte = [0; 1];
    child.stdout.as_mut().expect("its stdout").read_exact(&mut byte).expect("its address");
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().expect("it is told").success());
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("OTEL_EXPORTER_OTLP_ENDPOINT").count(), 1, "{said}");
    assert!(said.contains("built without traces"), "{said}");
}
