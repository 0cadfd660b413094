//! Several tenants: none waits for another that fails, and who is slow does not decide who gets a name.

use std::collections::BTreeSet;

use bmsync::simulator::Class;
use serde_json::json;

use super::stage::Stage;
use super::world::{CONTOSO, FABRIKAM};

#[test]
fn a_wrong_secret_stops_only_its_own_tenant() {
    let mut stage = Stage::new(&[(&CONTOSO, 4), (&FABRIKAM, 4)], "{ pollInterval: 1s }");
    let mut command = stage.command(&["run", "--listen", "127.0.0.1:0"]);
    command.env("FABRIKAM_KEY", "an-old-key");
    stage.launch(command);
    stage.wait_until("the other tenant's people are there", |stage| stage.employees().len() == 4);
    stage.wait_until("it shows", |stage| stage.condition(&FABRIKAM, "Connected")["status"] == "False");
    let message = stage.condition(&FABRIKAM, "Connected")["message"].as_str().expect("a text").to_owned();
    assert!(message.contains("AADSTS7000215"), "{message}");
    assert!(message.contains("secret") || message.contains("applicationKey"), "{message}");
    assert!(!message.contains("an-old-key"), "{message}");
    assert_eq!(stage.condition(&CONTOSO, "Connected")["status"], "True");
    let ready = stage.get("/readyz");
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &true.into()), "{}", ready.body);
    stage.delete(&CONTOSO, 1);
    stage.wait_until("it goes on", |stage| stage.inactive() == 1);
}

#[test]
fn a_tenant_that_is_throttled_holds_up_only_itself() {
    let mut stage = Stage::new(&[(&CONTOSO, 4), (&FABRIKAM, 4)], "{ pollInterval: 1h }");
    stage.start();
    stage.wait_until("both were read", |stage| stage.get("/readyz").status == 200);
    stage.wait_for_rest(&FABRIKAM);
    let before = stage.tenant(&FABRIKAM)["lastSuccess"].clone();
    stage.control(&FABRIKAM).set_fault("throttle=always:50").expect("a fault");
    assert_eq!(stage.post("/v1/sync", "").status, 202);
    stage.wait_until("it is told to wait", |stage| {
        [Class::UsersDelta, Class::GroupsDelta]
            .iter()
            .any(|class| stage.control(&FABRIKAM).stats().requests(*class, 429) > 0)
    });
    stage.delete(&CONTOSO, 1);
    assert_eq!(stage.post("/v1/sync/contoso", "").status, 202);
    stage.wait_until("the other tenant goes on", |stage| stage.inactive() == 1);
    let fabrikam = stage.tenant(&FABRIKAM);
    assert_eq!((&fabrikam["lastSuccess"], &fabrikam["failures"]), (&before, &json!(0)), "it waits all the while");
}

#[test]
fn r12_whoever_is_slow_the_same_user_gets_the_name() {
    let mut winners = BTreeSet::new();
    let mut stage = Stage::new(&[(&CONTOSO, 1), (&FABRIKAM, 1)], "{ pollInterval: 1s }");
    for (state, slow) in ["1", "2", "3", "4", "5"].into_iter().zip([&CONTOSO, &FABRIKAM].into_iter().cycle()) {
        stage.control(slow).set_fault("slow=always:400").expect("a fault");
        stage.launch(stage.command(&["--state", state, "run", "--listen", "127.0.0.1:0"]));
        let blocked = |stage: &Stage, tenant| stage.tenant(tenant)["blocked"].as_u64().unwrap_or_default();
        stage.wait_until("one has the name, the other is blocked", |stage| {
            stage.employees().len() == 1 && blocked(stage, &CONTOSO) + blocked(stage, &FABRIKAM) == 1
        });
        let employee = stage.employees().remove(0);
        assert_eq!(employee["username"], "adele");
        winners.insert(employee["source"]["tenantId"].to_string());
        assert!(stage.stop().is_some_and(|status| status.success()));
        stage.control(slow).clear_faults();
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
}
