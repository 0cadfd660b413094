//! A process that is stopped, or hears nothing, at every single step: no contact is made twice, nothing is lost, and the
//! end is the same.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::stage::{Fate, PLAIN, PORTAL, Person, Stage, company, config};

const BEN: &str = "  contacts:
    - { id: 7, account: Tailwind, location: Pier, firstName: Bob, lastName: Vance,
        emails: [{ value: ben@contoso.com, type: 1, default: true }] }\n";

fn people() -> [Person; 3] {
    [Person::new(1, "adele", PLAIN), Person::new(2, "ben", PLAIN), Person::new(3, "cara", PORTAL)]
}

/// What BMS holds, without the IDs and times that a retry may change.
fn shape(stage: &Stage) -> Vec<String> {
    let emails = ["adele@contoso.com", "ben@contoso.com", "cara@contoso.com"];
    let mut shapes = Vec::new();
    for email in emails {
        for mut contact in stage.having(email) {
            for key in ["id", "createdOn", "modifiedOn"] {
                contact.as_object_mut().unwrap().remove(key);
            }
            shapes.push(contact.to_string());
        }
    }
    shapes
}

#[tokio::test(start_paused = true)]
async fn no_stop_at_any_step_makes_a_second_contact() {
    let fresh = company(BEN).await;
    let stage = || Stage::of(fresh.clone(), config(""), &people(), 1500);
    let smooth = stage();
    let report = smooth.mortal_round().await.expect("it lives").unwrap();
    assert!(report.failures.is_empty() && report.done.len() == 3, "{report:?}");
    let (steps, wanted) = (smooth.steps(), shape(&smooth));
    assert_eq!(wanted.len(), 3);
    assert!(steps > 25, "{steps} steps");
    let mut spoilt = BTreeSet::new();
    for (step, fate) in (0..steps).flat_map(|step| Fate::ALL.map(|fate| (step, fate))) {
        let stage = stage();
        stage.trap(step, fate);
        let mut quiet = false;
        for round in 0..12 {
            let rounded = stage.mortal_round().await;
            if round == 0 && !matches!(&rounded, Some(Ok(report)) if report.failures.is_empty()) {
                spoilt.insert(step);
            }
            assert!(stage.company().contacts() <= 3, "a second contact after {fate:?} at step {step}");
            stage.pass(SignedDuration::from_mins(3));
            let Some(Ok(report)) = rounded else { continue };
            quiet = report.failures.is_empty() && report.done.is_empty() && report.waiting.is_empty();
            if quiet {
                break;
            }
        }
        assert!(quiet, "no end after {fate:?} at step {step}");
        assert_eq!(shape(&stage), wanted, "after {fate:?} at step {step}");
        let store = stage.open().await;
        let owed = bmsync::store::Store::to_do(&store).await.unwrap();
        assert_eq!(owed.len(), 1, "the portal login is still to be set, after {fate:?} at step {step}");
    }
    assert!(spoilt.len() > steps / 2, "only {} of {steps} steps were spoilt", spoilt.len());
}
