//! Every refusal of the login service that is known: what is said of it, whose job it is, the next step, and that asking
//! goes on seldom enough.

use std::time::Duration;

use bmsync::controller::connection::Connection;
use bmsync::directory::TenantDirectory;
use bmsync::manifest::config::{Credential, Policy, SecretRef, SignIn, Tenant};
use bmsync::simulator::Class;
use bmsync::source::graph::connect::Consent;
use bmsync::source::graph::{GraphSource, Http, Pace, refusals};
use bmsync::source::{Source as _, SourceError, SourceErrorClass};

use super::place::{Place, condition};
use super::world::{ADMIN, APPLICATION, HOME, World, page};

/// The numbers that Microsoft documents, or that were seen.
const KNOWN: &str = "7000215 7000222 7000216 7000218 700027 700016 7000112 7000229 65001 65004 90094 90095 90099 50076 50079 \
    50074 50072 53000 53001 53002 53003 53004 50131 530032 50057 50055 50126 50053 50034 70008 700082 50173 50133 700084 \
    70043 90002 500011 70011 700022 700023 28002 50194 9001023 90038 900432 900382 50196 90033 90006 90024 50033 90055";

/// A row of the page that people are given.
struct Row {
    code: u32,
    what: String,
    job: String,
    next: String,
}

/// The rows, with the names of a tenant put in.
fn rows(fill: impl Fn(&str) -> String) -> Vec<Row> {
    let page = refusals();
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = cells.filter(|line| line.starts_with(|sign: char| sign.is_ascii_digit())).flat_map(|line| {
        let [codes, what, job, next] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        let row =
            |code: &str| Row { code: code.parse().unwrap(), what: fill(what), job: job.to_owned(), next: fill(next) };
        codes.split(", ").map(row).collect::<Vec<_>>()
    });
    rows.collect()
}

/// What stands in brackets, for the usual tenant.
fn filled(text: &str, key: &str, login: &str) -> String {
    let consent = format!("{login}/{HOME}/adminconsent?client_id={APPLICATION}");
    let names = [("tenant", "harbor"), ("domain", "harbor.onmicrosoft.com"), ("application", APPLICATION)];
    let names = names.into_iter().chain([("key", key), ("consent", &consent)]);
    names.fold(text.to_owned(), |text, (name, value)| text.replace(&format!("‹{name}›"), value))
}

#[test]
fn every_number_that_is_documented_has_a_row() {
    let rows = rows(str::to_owned);
    for code in KNOWN.split_whitespace() {
        assert_eq!(rows.iter().filter(|row| row.code.to_string() == code).count(), 1, "{code}");
    }
}

/// One look by a process that remembers nothing of the last.
async fn look(world: &World, tenant: &Tenant) -> Result<(), SourceError> {
    let pace = Pace { first_wait: Duration::from_millis(1), longest_wait: Duration::from_millis(2), ..Pace::new(1) };
    let source = GraphSource::new(tenant, &Http::new(), pace, world.memory.delegation(&tenant.id))?;
    source.refresh(&mut TenantDirectory::default(), &()).await.map(drop)
}

/// How often a login service that refuses all day is asked for a token in that day, by the waits of the connection.
async fn asked_in_a_day(world: &World, tenant: &Tenant) -> u64 {
    let (mut connection, policy) = (Connection::default(), Policy::default());
    let stats = || world.sim.control().stats();
    let asked = || [400, 401, 503].iter().map(|status| stats().requests(Class::Token, *status)).sum::<u64>();
    let (before, mut waited) = (asked(), Duration::ZERO);
    while waited < Duration::from_hours(24) {
        let SourceError { class, job, message, .. } = look(world, tenant).await.unwrap_err();
        waited += connection.failed(message, class, job, &policy);
    }
    asked() - before
}

#[tokio::test]
async fn each_is_told_with_its_job_and_its_next_step_and_is_no_storm() {
    let world = World::new().await;
    let started = world.begin(Consent::Given);
    let query = world.query(&started, ADMIN).await;
    page(world.attempts.receive(&query).await.0);
    let Credential::Key(SecretRef::File(path)) = &world.tenant.credential else { panic!("a file") };
    let key = format!("the file {}", path.display());
    let rows = rows(|text| filled(text, &key, &world.sim.url()));
    assert!(rows.len() >= KNOWN.split_whitespace().count());
    for sign_in in [SignIn::Application, SignIn::Delegated] {
        let tenant = Tenant { sign_in, ..world.tenant.clone() };
        for Row { code, what, job, next } in &rows {
            world.sim.control().set_fault(&format!("sign-in=always:{code}")).unwrap();
            let error = look(&world, &tenant).await.unwrap_err();
            assert!(error.message.starts_with("sign-in: "), "{error}");
            assert!(error.message.contains(&format!("{what} (AADSTS{code})")), "{code}: {error}");
            assert_eq!((error.hint.as_deref(), error.job.text()), (Some(next.as_str()), job.as_str()), "{code}");
            match error.class {
                SourceErrorClass::Person => {
                    let asked = asked_in_a_day(&world, &tenant).await;
                    assert!((24..=50).contains(&asked), "{code}: asked {asked} times in a day");
                }
                // What the service calls its own trouble: tried five times, then as for any other.
                SourceErrorClass::Transient => assert_eq!(job, "wait", "{code}"),
                SourceErrorClass::Protocol => panic!("{code}: {error}"),
            }
        }
    }
    assert_eq!(world.kept().len(), 1, "no refusal changes what is kept");
}

#[tokio::test]
async fn get_tenants_tells_each_of_them() {
    let place = Place::new().await;
    place.declare("endpoints:", "signIn: application\n  endpoints:");
    let login = place.sim.url();
    let rows = rows(|text| filled(text, "the environment variable HARBOR_KEY", &login));
    place.fault("sign-in=always:7000215");
    let served = place.run(&[]).await;
    for Row { code, what, job, next } in rows.iter().filter(|row| !row.next.starts_with("try again later")) {
        place.fault(&format!("sign-in=always:{code}"));
        assert_eq!(place.done(&["sync", "harbor", "--server", &served.url]).await.0, 0);
        let number = format!("(AADSTS{code})");
        let says = |tenant: &serde_json::Value| {
            condition(tenant, "Connected")["message"].as_str().is_some_and(|said| said.contains(&number))
        };
        let told = served.until(&place, &number, says).await;
        let connected = condition(&told, "Connected");
        let message = connected["message"].as_str().unwrap();
        assert!(message.contains(what.as_str()) && message.contains(next.as_str()), "{code}: {message}");
        let reason = match job.as_str() {
            "operator" => "OperatorMustAct",
            "tenant admin" => "TenantAdminMustAct",
            "the user" => "SignInRequired",
            _ => "Disconnected",
        };
        assert_eq!((&connected["status"], &connected["reason"]), (&"False".into(), &reason.into()), "{code}");
    }
    served.kill().await;
}
