//! HTTPS and tokens together, between two real processes: the server with a certificate of one's own, and the command
//! line that is told to trust it.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use super::stage::Stage;
use super::world::CONTOSO;

/// The file of certificates that the command line trusts.
const TRUSTED: &str = "SSL_CERT_FILE";

struct Served {
    stage: Stage,
    certificate: PathBuf,
}

/// A server with a certificate for 127.0.0.1 and a token of each role.
fn served() -> Served {
    let mut stage = Stage::new(&[(&CONTOSO, 3)], "{ pollInterval: 1h, guards: { maxDeactivations: 0 } }");
    let issued = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    stage.write("tls.crt", &issued.cert.pem());
    stage.write("tls.key", &issued.signing_key.serialize_pem());
    stage.write("tokens", "viewer look\noperator act\n");
    let args =
        ["run", "--listen", "127.0.0.1:0", "--tokens", "tokens", "--tls-cert", "tls.crt", "--tls-key", "tls.key"];
    stage.launch(stage.command(&args));
    let certificate = stage.path("tls.crt");
    Served { stage, certificate }
}

impl Served {
    fn ask(&self, token: &str, trusted: Option<&PathBuf>, args: &[&str]) -> Output {
        let mut command = self.stage.command(args);
        command.env("BMSYNC_SERVER", self.stage.address()).env("BMSYNC_TOKEN", token).env_remove(CONTOSO.variable);
        match trusted {
            Some(file) => command.env(TRUSTED, file),
            None => command.env_remove(TRUSTED),
        };
        command.output().expect("the binary starts")
    }

    fn list(&self, token: &str, kind: &str) -> Vec<Value> {
        let output = self.ask(token, Some(&self.certificate), &["get", kind, "-o", "json"]);
        assert!(output.status.success(), "{}", said(&output));
        serde_json::from_slice(&output.stdout).expect("a list")
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_command_line_reads_plans_and_orders_over_https_with_a_token() {
    let served = served();
    assert!(served.stage.address().starts_with("https://127.0.0.1:"), "{}", served.stage.address());
    served.stage.wait_until("everybody is there", |_| served.list("look", "employees").len() == 3);

    let plan = served.ask("look", Some(&served.certificate), &["plan", "-o", "json"]);
    assert!(plan.status.success(), "{}", said(&plan));
    let plan: Value = serde_json::from_slice(&plan.stdout).expect("a plan");
    assert_eq!(plan["summary"]["unchanged"], 3, "{plan}");

    let refused = served.ask("look", Some(&served.certificate), &["sync"]);
    assert_eq!(refused.status.code(), Some(1), "a viewer gives no orders: {}", said(&refused));
    served.stage.delete(&CONTOSO, 1);
    let ordered = served.ask("act", Some(&served.certificate), &["sync"]);
    assert!(ordered.status.success(), "{}", said(&ordered));
    served.stage.wait_until("its removal is held", |_| served.list("look", "tenants")[0]["held"] == 1);
    let approved = served.ask("act", Some(&served.certificate), &["approve", "contoso", "--yes"]);
    assert!(approved.status.success(), "{}", said(&approved));
    let gone = |one: &Value| one["status"] == "inactive";
    served.stage.wait_until("it is applied", |_| served.list("look", "employees").iter().any(gone));
}

#[test]
fn who_is_not_trusted_or_not_known_gets_nothing() {
    let served = served();
    let unknown = served.ask("look", None, &["get", "employees"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(unknown.stdout.is_empty() && said(&unknown).contains("hint: "), "{}", said(&unknown));
    assert!(said(&unknown).contains(TRUSTED), "how to trust it is said: {}", said(&unknown));

    for token in ["guess", "loo", "LOOK"] {
        let refused = served.ask(token, Some(&served.certificate), &["get", "employees"]);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(refused.stdout.is_empty() && said(&refused).contains("BMSYNC_TOKEN"), "{}", said(&refused));
    }
}
