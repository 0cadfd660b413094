//! Every trouble that a directory can make, through `plan` and `apply`: either it is overcome and the plan is the same,
//! or the tenant has failed, with a message that helps; nothing of it changes, and the other tenant is done.

use serde_json::{Value, json};

use bmsync::simulator::Deletion;

use super::bench::{Bench, CONTOSO, FABRIKAM, FAY, STAFF, TECHNICIANS, actions, person};

/// A bench that was applied once, and then changed: one person gone, one renamed, one new; one new at Fabrikam.
fn changed() -> Bench {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    let control = bench.control();
    control.delete_user(CONTOSO, &person(1), Deletion::Soft).expect("deleted");
    control.patch_user(CONTOSO, &person(2), json!({ "surname": "Holm" })).expect("renamed");
    let hugo = json!({ "userPrincipalName": "hugo@contoso.com", "givenName": "Hugo", "accountEnabled": true });
    control.put_user(CONTOSO, &person(11), hugo).expect("made");
    control.add_member(CONTOSO, TECHNICIANS, &person(11)).expect("added");
    let gus = json!({ "userPrincipalName": "gus@fabrikam.com", "givenName": "Gus", "accountEnabled": true });
    bench.fabrikam().put_user(FABRIKAM, &person(99), gus).expect("made");
    bench.fabrikam().add_member(FABRIKAM, STAFF, &person(99)).expect("added");
    bench
}

/// What a bench plans while nothing is wrong.
fn undisturbed(bench: &Bench) -> Value {
    let (code, plan) = bench.plan(&[]);
    assert_eq!(code, 0);
    assert_eq!(actions(&plan), ["deactivate 1", "update 2", "create 11", "create 99"]);
    plan
}

/// Runs a check for each, side by side: most of the time they wait for the next try.
fn each<T: Sync>(cases: &[T], check: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            let check = &check;
            scope.spawn(move || check(case));
        }
    });
}

/// Troubles that pass, and how many requests to Contoso's Graph they spoil.
const PASSING: &[&str] = &[
    "throttle=next2:0.25",
    "throttle=next1after2:1.5",
    "unavailable=next2:0.3",
    "unavailable=next1@token:0.3",
    "server-error=next1after1",
    "bad-gateway=next2",
    "gateway-timeout=next2after1",
    "cut=next2",
    "cut=next1after3",
    "not-json=next1",
    "truncated-json=next2",
    "wrong-content=next1",
    "expire-token=next1",
    "expire-token=next1after2",
    "expire-page-token=next1",
    "sign-in=next1:90033",
];

/// Ways in which a healthy directory may answer.
const ODD: &[&str] = &[
    "slow=always:60",
    "duplicate=always",
    "reorder=always",
    "empty-page=50%",
    "slice=always",
    "replay=always",
    "unknown-removed=always",
    "removed-members=always",
];

#[test]
fn a_trouble_that_passes_changes_nothing_of_the_plan() {
    let bench = changed();
    let expected = undisturbed(&bench);
    for fault in PASSING {
        bench.fault(fault);
        let (code, plan) = bench.plan(&[]);
        assert_eq!((code, &plan), (0, &expected), "{fault}");
        assert_eq!(bench.control().faults().iter().count(), 0, "{fault} never struck");
    }
}

#[test]
fn a_directory_may_answer_oddly_and_the_plan_is_the_same() {
    let bench = changed();
    let expected = undisturbed(&bench);
    for fault in ODD {
        bench.fault(fault);
        assert_eq!(bench.plan(&[]), (0, expected.clone()), "{fault}");
        bench.control().clear_faults();
    }
    for fault in ODD {
        bench.fault(fault);
    }
    assert_eq!(bench.plan(&[]), (0, expected), "all at once");
    bench.run(&["apply", "--yes"]).ends(0);
    assert_eq!(actions(&bench.plan(&[]).1), Vec::<String>::new());
}

/// Troubles that do not pass, and what the message must say.
const LASTING: &[(&str, &[&str])] = &[
    ("foreign-link=always", &["http://127.0.0.2:9", "not followed"]),
    ("foreign-link=next1@groups", &["groups page 1", "http://127.0.0.2:9"]),
    ("redirect=next1after1", &["redirects to another origin", "endpoints"]),
    ("no-roles=always", &["permission", "Directory.Read.All", "admin consent"]),
    ("no-roles=always@users", &["permission", "User.Read.All", "consent"]),
    ("huge-page=next1:70", &["larger than 64 MiB"]),
    ("not-json=always@users", &["users page 1", "gave up after 5 tries"]),
    ("truncated-json=always@groups", &["groups page 1", "gave up"]),
    ("wrong-content=always", &["page 1", "gave up"]),
    ("cut=always@users", &["broke off", "gave up"]),
    ("unavailable=always:0", &["503", "gave up"]),
    ("throttle=always:0.05", &["429", "gave up"]),
    ("server-error=next9after2", &["500", "gave up"]),
    ("expire-token=always", &["401"]),
    ("sign-in=always:7000222", &["AADSTS7000222", "expired", "CONTOSO_KEY", "Certificates & secrets"]),
    ("sign-in=always:7000215", &["AADSTS7000215", "wrong", "CONTOSO_KEY"]),
    ("sign-in=always:700016", &["AADSTS700016", "1f3c5d7e-0000-4000-8000-000000000001", "applicationId"]),
    ("sign-in=always:90002", &["AADSTS90002", "contoso.onmicrosoft.com"]),
    ("sign-in=always:65001", &["AADSTS65001", "consent"]),
    ("sign-in=always:53003", &["AADSTS53003", "Conditional Access"]),
];

#[test]
fn a_trouble_that_lasts_fails_its_tenant_alone_and_removes_nothing() {
    each(LASTING, |(fault, parts)| {
        let bench = changed();
        let expected = undisturbed(&bench);
        let before = contoso_records(&bench);
        bench.fault(fault);
        let told = bench.run(&["apply", "--yes", "-o", "json"]).ends(1);
        let plan = &told.json();
        assert_eq!(actions(plan), ["create 99"], "{fault}: nothing of contoso, all of fabrikam");
        assert_eq!(plan["applied"]["written"]["create"], 1, "{fault}");
        assert_eq!(
            (&plan["tenants"][0]["state"], &plan["tenants"][1]["state"]),
            (&json!("failed"), &json!("complete"))
        );
        assert_eq!(plan["tenants"][0]["name"], "contoso");
        let message = plan["tenants"][0]["message"].as_str().expect("a message");
        for part in *parts {
            assert!(message.contains(part) && told.err.contains(part), "{fault}: `{part}` is missing in {message}");
        }
        assert_eq!(contoso_records(&bench), before, "{fault}");
        bench.control().clear_faults();
        let (code, plan) = bench.plan(&["--detailed-exitcode"]);
        assert_eq!((code, actions(&plan)), (2, vec!["deactivate 1".into(), "update 2".into(), "create 11".into()]));
        assert_eq!(plan["tenants"][0], expected["tenants"][0], "{fault}: the directory is read as before");
    });
}

#[test]
fn plan_too_exits_1_for_a_failed_tenant_and_prints_the_whole_plan() {
    let bench = changed();
    undisturbed(&bench);
    for fault in ["foreign-link=always", "no-roles=always", "sign-in=always:7000222"] {
        bench.fault(fault);
        for format in ["json", "text", "markdown"] {
            let told = bench.run(&["plan", "-o", format]).ends(1);
            assert!(told.out.contains("gus@fabrikam.com") && !told.out.contains("hugo@contoso.com"), "{told:#?}");
        }
        bench.control().clear_faults();
    }
}

fn contoso_records(bench: &Bench) -> Vec<String> {
    bench.export(".bmsync/state").lines().filter(|line| line.contains(CONTOSO)).map(str::to_owned).collect()
}

#[test]
fn a_wrong_key_or_none_is_told_with_the_place_where_it_comes_from() {
    let bench = Bench::new();
    let told = |key: Option<&str>| {
        let mut command = bench.command(&["plan"]);
        match key {
            Some(key) => command.env("CONTOSO_KEY", key),
            None => command.env_remove("CONTOSO_KEY"),
        };
        super::bench::Told::of(command.output().expect("it starts")).ends(1)
    };
    let wrong = told(Some("not-the-key-at-all")).says(&[]);
    assert!(
        wrong.out.contains("AADSTS7000215") && wrong.out.contains("environment variable CONTOSO_KEY"),
        "{wrong:#?}"
    );
    assert!(!wrong.out.contains("not-the-key-at-all") && !wrong.err.contains("not-the-key-at-all"));
    for key in [None, Some(""), Some("  \n")] {
        let told = told(key);
        assert!(told.out.contains("CONTOSO_KEY") && told.out.contains("fay@fabrikam.com"), "{told:#?}");
    }
    bench.run(&["plan"]).ends(0);
    bench.declare("1f3c5d7e-0000-4000-8000-000000000001", "1f3c5d7e-0000-4000-8000-0000000000ff");
    assert!(bench.run(&["plan"]).ends(1).out.contains("AADSTS700016"));
    bench.declare("domain: contoso.onmicrosoft.com", "domain: nowhere.onmicrosoft.com");
    assert!(bench.run(&["plan"]).ends(1).out.contains("there is no tenant nowhere.onmicrosoft.com (AADSTS90002)"));
}

#[test]
fn a_directory_that_cannot_be_reached_is_failed_and_the_other_is_planned() {
    let bench = Bench::new();
    // A port that was free a moment ago: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let manifests = bench.manifests();
    let url = manifests.split("login: \"").nth(1).and_then(|rest| rest.split('"').next()).expect("an address");
    bench.write("manifests/all.yaml", manifests.replace(url, &format!("http://{port}")));
    let plan = bench.run(&["plan", "-o", "json"]).ends(1).says(&["cannot be reached", "endpoints"]).json();
    assert_eq!(plan["tenants"][0]["state"], "failed");
    assert_eq!(actions(&plan), ["create 1"], "Fay is planned");
    assert_eq!(plan["changes"][0]["user"]["id"], FAY);
}
