//! One registration for several tenants: each consents by itself, and where one has not, the address that is named lets an
//! administrator do so.

use url::Url;

use super::place::Place;
use super::world::{APPLICATION, DIRECTORY, HOME, KEY, agree};

const PIER: &str = "9a1f6f0e-52c4-4d3b-8f57-0c2b6d1e7a10";

#[tokio::test]
async fn a_child_that_has_not_consented_stops_no_other_and_is_told_where_to() {
    let (before, after) = DIRECTORY.split_once("domain: pier").unwrap();
    let consented = format!("applications: [{{ id: {APPLICATION}, scopes: [] }}]");
    assert!(after.contains(&consented));
    let place = Place::of(&format!("{before}domain: pier{}", after.replace(&consented, "applications: []"))).await;
    place.declare("endpoints:", "signIn: application\n  endpoints:");
    let parent = std::fs::read_to_string(place.path().join("manifests/tenant.yaml")).unwrap();
    let child = parent.replace("name: harbor", "name: pier").replace("harbor.onmicrosoft", "pier.onmicrosoft");
    std::fs::write(place.path().join("manifests/child.yaml"), child.replace(HOME, PIER)).unwrap();

    let (exit, said) = place.done(&["plan"]).await;
    assert!(exit == 1 && said.contains("harbor  complete    2 users"), "{said}");
    assert!(said.contains("AADSTS700016") && said.contains("the tenant has not consented yet"), "{said}");
    let address = said.split_whitespace().find(|word| word.contains("/adminconsent?client_id=")).expect("an address");
    let address = Url::parse(address).unwrap();
    assert!(address.path().contains(PIER) && !said.contains(KEY), "{said}");

    let back = agree(&address, "ines@pier.example").await;
    assert!(back.query().is_some_and(|query| query.contains("admin_consent=True")), "{back}");
    let (exit, said) = place.done(&["plan"]).await;
    assert!(exit == 0 && said.contains("pier") && said.contains("1 user"), "{said}");
}
