//! Every refusal of the facts can be switched on, in the shape that Microsoft gives it.

use super::browser::{HOME, refusal};
use super::client::Sim;

/// `error`, status, suberror, and the AADSTS numbers of it.
const ROWS: &[(&str, u16, Option<&str>, &[u64])] = &[
    ("invalid_client", 401, None, &[7_000_215, 7_000_222, 7_000_216, 7_000_218, 700_027, 7_000_229]),
    ("unauthorized_client", 400, None, &[700_016, 7_000_112, 90_099, 50_194]),
    ("invalid_grant", 400, Some("consent_required"), &[65_001]),
    ("consent_required", 400, None, &[65_004]),
    ("access_denied", 400, None, &[90_094, 90_095]),
    ("invalid_grant", 400, Some("basic_action"), &[50_076, 50_131]),
    ("interaction_required", 400, Some("basic_action"), &[50_079, 50_074, 50_072]),
    ("invalid_grant", 400, Some("message_only"), &[53_000, 53_001, 53_002, 53_003, 53_004, 530_032]),
    ("invalid_grant", 400, None, &[50_057, 50_055, 50_126, 50_053, 50_034, 50_196, 70_008, 54_005, 501_481]),
    ("invalid_grant", 400, Some("bad_token"), &[700_082, 50_173, 50_133, 700_084, 70_043]),
    ("invalid_request", 400, None, &[90_002, 9_001_023, 90_038, 900_432, 900_382, 50_147, 501_491]),
    ("invalid_resource", 400, None, &[500_011]),
    ("invalid_scope", 400, None, &[70_011, 700_022, 700_023, 28_002]),
    ("temporarily_unavailable", 503, None, &[90_033, 90_006, 90_024, 50_033, 90_055]),
];

#[tokio::test]
async fn every_refusal_can_be_switched_on() {
    let sim = Sim::sign_in_world().await;
    for (error, status, suberror, codes) in ROWS {
        for code in *codes {
            sim.running.control().set_fault(&format!("sign-in=next1:{code}")).unwrap();
            let answer = sim.ask_login(HOME, &[("grant_type", "client_credentials")], &[]).await;
            assert_eq!(refusal(&answer), (*status, (*error).to_owned(), *code));
            assert_eq!(answer.json()["suberror"].as_str(), *suberror, "{code}");
            assert_eq!(answer.headers["cache-control"], "no-store");
        }
    }
}

#[tokio::test]
async fn a_refusal_has_its_parts() {
    let sim = Sim::sign_in_world().await;
    let ask = async || sim.ask_login("nowhere.example", &[("grant_type", "client_credentials")], &[]).await.json();
    let body = ask().await;
    for part in ["timestamp", "trace_id", "correlation_id", "error_uri"] {
        assert!(body[part].is_string(), "{part}: {body}");
    }
    let description = body["error_description"].as_str().unwrap();
    assert_eq!(description.matches("\r\n").count(), 3, "{description}");
    assert!(description.contains(body["trace_id"].as_str().unwrap()), "{description}");
    sim.running.control().set_fault("plain-error=next1").unwrap();
    let plain = ask().await;
    assert!(plain.get("error_uri").is_none() && !plain["error_description"].as_str().unwrap().contains('\n'));
    sim.running.control().set_fault("sign-in=next1:50076").unwrap();
    let challenged = ask().await;
    let claims: serde_json::Value = serde_json::from_str(challenged["claims"].as_str().unwrap()).unwrap();
    assert!(claims["access_token"].is_object());
}
