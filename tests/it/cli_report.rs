//! A plan as JSON, text and Markdown, and beside another plan.

use bmsync::model::{Field, Id, Kind, RecordKey, Revision, Seen, UserKey};
use bmsync::plan::{
    Action, Basis, Blocked, Change, Code, FieldChange, Hand, Hold, LinkChange, Plan, Preserved, PreservedField,
    Provenance, Slot, TenantHead, TenantState, Touch, UserRef,
};
use bmsync::report::palette::Palette;
use bmsync::report::saved::Saved;
use bmsync::report::text::{Detail, People, View};
use bmsync::report::{decode, json, markdown, moved, text};
use jiff::Timestamp;

const CONTOSO: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
const FABRIKAM: &str = "9c7d2a10-0000-4000-8000-00000000000f";

fn now() -> Timestamp {
    "2026-11-23T10:00:00.75Z".parse().expect("a timestamp")
}

fn user(tenant: &str, id: &str, name: Option<&str>) -> UserRef {
    UserRef { key: UserKey { tenant: Id::new(tenant), user: Id::new(id) }, user_principal_name: name.map(Into::into) }
}

fn field<'a>(slot: Slot, before: Option<&'a str>, after: Option<&'a str>, from: Provenance) -> FieldChange<'a> {
    FieldChange { slot, before, after, from }
}

fn change(
    action: Action,
    kind: Kind,
    id: Option<u64>,
    user: UserRef,
    reason: &str,
    fields: Vec<FieldChange<'_>>,
) -> Change {
    let seen = Seen::Absent { kept: false };
    let link = match action {
        Action::Archive => LinkChange::Archived,
        Action::Create | Action::Merge | Action::Restore | Action::Update | Action::Deactivate | Action::Reactivate => {
            LinkChange::Set(seen)
        }
    };
    let rule = (action != Action::Deactivate).then(|| "contoso-portal".into());
    Change {
        action,
        kind,
        id,
        user,
        rule,
        reason: reason.to_owned().into(),
        held: None,
        fields: fields.into_iter().collect(),
        link,
        hand: Hand::Nothing,
    }
}

fn head(name: &str, tenant: &str, state: TenantState) -> TenantHead {
    let complete = state == TenantState::Complete;
    TenantHead {
        name: Some(name.into()),
        tenant: Id::new(tenant),
        state,
        users: if complete { 1_200 } else { 0 },
        groups: if complete { 14 } else { 0 },
        read_at: complete.then(|| "2026-11-23T09:57:00Z".parse().expect("a timestamp")),
        digest: complete.then(|| "sha256:d1".into()),
        message: (!complete).then(|| "the login service refused the secret: it has expired".into()),
    }
}

/// A plan with something of everything.
pub(crate) fn rich() -> Plan {
    let moving = || user(CONTOSO, "01", Some("adele@contoso.com"));
    let username = |before, after| field(Slot::Field(Field::Username), before, after, Provenance::Record);
    let held = Change {
        held: Some(Hold::MaxDeactivations),
        ..change(
            Action::Deactivate,
            Kind::Employee,
            Some(9),
            user(CONTOSO, "03", Some("gone@contoso.com")),
            "the user is gone from the directory",
            vec![field(Slot::Status, Some("active"), Some("inactive"), Provenance::Directory)],
        )
    };
    Plan {
        basis: Basis {
            config_digest: "sha256:0123456789abcdef0123".into(),
            config_commit: None,
            state_revision: Revision(42),
            tenants: vec![
                head("contoso", CONTOSO, TenantState::Complete),
                head("fabrikam", FABRIKAM, TenantState::Failed),
            ],
        },
        changes: vec![
            change(
                Action::Archive,
                Kind::Employee,
                Some(7),
                moving(),
                "the rule now makes a contact",
                vec![
                    field(Slot::Status, Some("active"), Some("archived"), Provenance::Directory),
                    username(Some("adele"), Some("adele_Archived")),
                ],
            ),
            change(
                Action::Create,
                Kind::Contact,
                None,
                moving(),
                "no record has the email adele@contoso.com",
                vec![
                    field(Slot::Field(Field::FirstName), None, Some("Adele"), Provenance::Directory),
                    field(Slot::Field(Field::PortalAccess), None, Some("true"), Provenance::Rule),
                ],
            ),
            change(
                Action::Update,
                Kind::Contact,
                Some(3),
                user(CONTOSO, "02", None),
                "the directory user changed",
                vec![field(Slot::Field(Field::Phone), Some("1\u{1b}[2J"), Some("2"), Provenance::Directory)],
            ),
            held,
        ],
        touched: vec![Touch {
            record: RecordKey { kind: Kind::Contact, id: 4 },
            user: user(CONTOSO, "04", None),
            seen: Seen::Unknown,
        }],
        preserved: vec![Preserved {
            record: RecordKey { kind: Kind::Employee, id: 5 },
            user: user(CONTOSO, "05", Some("kept@contoso.com")),
            fields: vec![
                PreservedField { slot: Slot::Field(Field::JobTitle), actual: Some("CEO".into()), desired: None },
                PreservedField {
                    slot: Slot::Field(Field::PortalAccess),
                    actual: Some("false".into()),
                    desired: Some("true".into()),
                },
            ],
        }],
        blocked: vec![Blocked {
            user: user(CONTOSO, "06", Some("twin@contoso.com")),
            rule: "contoso-technicians".into(),
            code: Code::AmbiguousEmail,
            message: "two records have the email twin@contoso.com".into(),
            candidates: vec![RecordKey { kind: Kind::Employee, id: 1 }, RecordKey { kind: Kind::Employee, id: 2 }],
        }],
        unchanged: 1_195,
    }
}

fn empty() -> Plan {
    let mut plan = rich();
    plan.basis.tenants.truncate(1);
    let Plan { basis: _, changes, touched, preserved, blocked, unchanged: _ } = &mut plan;
    changes.clear();
    touched.clear();
    preserved.clear();
    blocked.clear();
    plan
}

fn as_text(plan: &Plan, palette: Palette, preserved: Detail) -> String {
    text::text(plan, View { now: now(), palette, preserved, people: People::All, blocked: Detail::Listed })
}

fn as_json(plan: &Plan) -> String {
    let mut bytes = Vec::new();
    json::write(plan, now(), &mut bytes).expect("a vector takes everything");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

#[test]
fn json_is_what_the_format_says() {
    let expected = r#"{
  "formatVersion": "1",
  "createdAt": "2026-11-23T10:00:00Z",
  "configDigest": "sha256:0123456789abcdef0123",
  "stateRevision": 42,
  "tenants": [
    {"name":"contoso","tenantId":"84841066-274d-4ec0-a5c1-276be684bdd3","state":"complete","users":1200,"message":null,"groups":14,"readAt":"2026-11-23T09:57:00Z","digest":"sha256:d1"},
    {"name":"fabrikam","tenantId":"9c7d2a10-0000-4000-8000-00000000000f","state":"failed","users":0,"message":"the login service refused the secret: it has expired","groups":0,"readAt":null,"digest":null}
  ],
  "summary": {
    "create": 1,
    "merge": 0,
    "update": 1,
    "archive": 1,
    "restore": 0,
    "deactivate": 0,
    "reactivate": 0,
    "unchanged": 1195,
    "touched": 1,
    "preserved": 1,
    "blocked": 1,
    "held": 1
  },
  "changes": [
    {"action":"archive","kind":"employee","id":7,"user":{"tenantId":"84841066-274d-4ec0-a5c1-276be684bdd3","id":"01","userPrincipalName":"adele@contoso.com"},"rule":"contoso-portal","reason":"the rule now makes a contact","held":null,"fields":[{"name":"status","before":"active","after":"archived","from":"directory"},{"name":"username","before":"adele","after":"adele_Archived","from":"record"}]},
    {"action":"create","kind":"contact","id":null,"user":{"tenantId":"84841066-274d-4ec0-a5c1-276be684bdd3","id":"01","userPrincipalName":"adele@contoso.com"},"rule":"contoso-portal","reason":"no record has the email adele@contoso.com","held":null,"fields":[{"name":"firstName","before":null,"after":"Adele","from":"directory"},{"name":"portalAccess","before":null,"after":true,"from":"rule"}]},
    {"action":"update","kind":"contact","id":3,"user":{"tenantId":"84841066-274d-4ec0-a5c1-276be684bdd3","id":"02","userPrincipalName":null},"rule":"contoso-portal","reason":"the directory user changed","held":null,"fields":[{"name":"phone","before":"1\u001b[2J","after":"2","from":"directory"}]},
    {"action":"deactivate","kind":"employee","id":9,"user":{"tenantId":"84841066-274d-4ec0-a5c1-276be684bdd3","id":"03","userPrincipalName":"gone@contoso.com"},"rule":null,"reason":"the user is gone from the directory","held":"maxDeactivations","fields":[{"name":"status","before":"active","after":"inactive","from":"directory"}]}
  ],
  "preserved": [
    {"kind":"employee","id":5,"user":{"tenantId":"84841066-274d-4ec0-a5c1-276be684bdd3","id":"05","userPrincipalName":"kept@contoso.com"},"fields":[{"name":"jobTitle","actual":"CEO","desired":null},{"name":"portalAccess","actual":false,"desired":true}]}
  ],
  "blocked": [
    {"user":{"tenantId":"84841066-274d-4ec0-a5c1-276be684bdd3","id":"06","userPrincipalName":"twin@contoso.com"},"rule":"contoso-technicians","code":"AmbiguousEmail","message":"two records have the email twin@contoso.com","candidates":[{"kind":"employee","id":1},{"kind":"employee","id":2}]}
  ]
}
"#;
    assert_eq!(as_json(&rich()), expected);
}

#[test]
fn an_empty_plan_is_valid_json_too() {
    let text = as_json(&empty());
    assert!(text.contains("\"changes\": [],\n"), "{text}");
    serde_json::from_str::<serde_json::Value>(&text).expect("valid JSON");
}

#[test]
fn the_written_plan_and_the_tree_agree() {
    let written: serde_json::Value = serde_json::from_str(&as_json(&rich())).expect("valid JSON");
    assert_eq!(written, json::value(&rich(), now()).expect("a tree"));
}

#[test]
fn text_shows_head_people_holds_blocks_and_sum() {
    let expected = "\
Made from configuration 0123456789ab, BMS state at revision 42 and
  contoso   complete    1,200 users, 14 groups, read 3 min ago
  fabrikam  failed      could not be read: nothing of it changes
            ! the login service refused the secret: it has expired

contoso
  adele@contoso.com
    - archive employee 7 (rule contoso-portal): the rule now makes a contact
        status: active → archived (directory)
        username: \"adele\" → \"adele_Archived\" (record)
    + create new contact (rule contoso-portal): no record has the email adele@contoso.com
        firstName: \"Adele\" (directory)
        portalAccess: true (rule)
  02
    ~ update contact 3 (rule contoso-portal): the directory user changed
        phone: \"1\\u{1b}[2J\" → \"2\" (directory)

Held back: 1. To approve exactly these: `bmsync apply --approve-held`
  contoso: maxDeactivations: more deactivations than the policy's guard allows in one round
  gone@contoso.com
    ⏸ deactivate employee 9: the user is gone from the directory
        status: active → inactive (directory)

Blocked: 1. These users are left as they are until somebody decides
  twin@contoso.com (contoso, rule contoso-technicians)
    ! AmbiguousEmail: two records have the email twin@contoso.com
        candidates: employee 1, employee 2

Kept as edited in BMS: 1

Plan: 1 to archive, 1 to create, 1 to update. 1,195 unchanged, 1 kept as edited in BMS, 1 to note as seen, 1 held back, 1 blocked.
Not every tenant could be read; see the head.
";
    assert_eq!(as_text(&rich(), Palette::Plain, Detail::Counted), expected);
}

#[test]
fn kept_edits_are_listed_on_demand() {
    let shown = as_text(&rich(), Palette::Plain, Detail::Listed);
    assert!(
        shown.contains("  kept@contoso.com (employee 5)\n        jobTitle: \"CEO\" stays, the rules say ∅\n"),
        "{shown}"
    );
    assert!(shown.contains("portalAccess: false stays, the rules say true\n"), "{shown}");
}

#[test]
fn colour_only_repeats_what_the_text_says() {
    let coloured = as_text(&rich(), Palette::Colour, Detail::Listed);
    assert!(coloured.contains('\u{1b}'));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), as_text(&rich(), Palette::Plain, Detail::Listed));
}

#[test]
fn nothing_to_do_claims_no_more_than_is_known() {
    assert_eq!(text::sum(&empty()), "No changes. BMS matches the directory.");
    let mut failed = empty();
    failed.basis.tenants.push(head("fabrikam", FABRIKAM, TenantState::Failed));
    assert_eq!(text::sum(&failed), "No changes. 1,195 unchanged.");
    let mut blocked = empty();
    blocked.blocked = rich().blocked;
    assert_eq!(text::sum(&blocked), "No changes. 1,195 unchanged, 1 blocked.");
}

#[test]
fn markdown_folds_what_adds_and_never_what_takes_away() {
    let comment = markdown::markdown(&rich(), now());
    let fold = comment.find("<details>").expect("creates are folded");
    for open in ["**archive** employee 7", "**deactivate** employee 9", "**AmbiguousEmail**", "| contoso | complete |"]
    {
        assert!(comment.find(open).is_some_and(|at| at < fold), "{open}: {comment}");
    }
    for folded in ["**create** new contact", "**update** contact 3", "employee 5"] {
        assert!(comment.find(folded).is_some_and(|at| at > fold), "{folded}: {comment}");
    }
    assert_eq!(comment.matches("<details>").count(), 3);
    assert_eq!(comment.matches("</details>").count(), 3);
    assert!(comment.contains("| 1 | 0 | 1 | 1 | 0 | 0 | 0 | 1 | 1 |"), "{comment}");
    assert!(!comment.contains('\u{1b}') && !comment.contains("Cut to fit"));
}

#[test]
fn markdown_is_not_steered_by_names() {
    let mut plan = rich();
    plan.changes[0].user.user_principal_name = Some("`</details>@acme/all|x`".into());
    plan.changes[0].reason = "</details> <script> | @acme/all https://evil.example".into();
    let comment = markdown::markdown(&plan, now());
    assert!(comment.contains("`` `</details>@acme/all|x` ``"), "{comment}");
    assert!(comment.contains("&lt;/details&gt; &lt;script&gt; \\| @&#8203;acme/all https:&#8203;//evil"), "{comment}");
}

#[test]
fn a_long_comment_is_cut_between_entries_and_says_what_is_missing() {
    for (destructive, adding) in [(10, 5_000), (5_000, 10), (3_000, 3_000)] {
        let mut plan = rich();
        let (archive, create) = (plan.changes[0].clone(), plan.changes[1].clone());
        let wide = |change: &Change| Change { reason: "ü".repeat(200).into(), ..change.clone() };
        plan.changes = vec![wide(&archive); destructive];
        plan.changes.extend(vec![wide(&create); adding]);
        let comment = markdown::markdown(&plan, now());
        let chars = comment.chars().count();
        assert!(chars <= markdown::LIMIT && chars > markdown::LIMIT * 8 / 10, "{chars}");
        assert_eq!(comment.matches("<details>").count(), comment.matches("</details>").count());
        assert!(comment.contains("Cut to fit 60,000 characters. Not shown: "), "the notice");
        assert!(comment.contains("**AmbiguousEmail**"), "later open sections keep a share");
        let shown = comment.matches("**archive**").count();
        assert!(shown == destructive || shown > 80, "what takes away comes first: {shown}");
        let items = comment.lines().filter(|line| line.starts_with("- **"));
        assert!(items.clone().count() > 0 && items.clone().all(|line| line.ends_with('ü') || line.contains("twin")));
    }
}

#[test]
fn a_thousand_tenants_do_not_push_the_changes_out() {
    let mut plan = rich();
    plan.basis.tenants.extend((0..1_000).map(|n| head(&format!("tenant-{n}"), &n.to_string(), TenantState::Failed)));
    let comment = markdown::markdown(&plan, now());
    assert!(comment.chars().count() <= markdown::LIMIT);
    assert!(comment.contains("**archive** employee 7") && comment.contains("Cut to fit"));
}

#[test]
fn the_same_plan_made_later_has_not_moved() {
    let saved = moved::parse(as_json(&rich()).as_bytes()).expect("a saved plan");
    let mut later = rich();
    later.basis.tenants[0].read_at = Some(now());
    later.basis.tenants[0].users += 1;
    let fresh = json::value(&later, Timestamp::UNIX_EPOCH).expect("a tree");
    assert_eq!(moved::moved(&saved, &fresh), Vec::<String>::new());
    assert_eq!(moved::diff(&saved, &fresh), Vec::<String>::new());
}

#[test]
fn a_commit_is_named_where_it_is_known_and_makes_no_plan_stale() {
    let plan = rich().of_commit(Some("0123456789abcdef0123456789abcdef01234567".into()));
    let text = as_text(&plan, Palette::Plain, Detail::Counted);
    assert!(text.starts_with("Made from configuration 0123456789ab (commit 0123456789ab), BMS state"), "{text}");
    assert!(markdown::markdown(&plan, now()).contains("`0123456789ab` (commit `0123456789ab`) and BMS state"));
    let json = as_json(&plan);
    assert!(json.contains("\"configCommit\": \"0123456789abcdef0123456789abcdef01234567\""), "{json}");
    assert!(!as_json(&rich()).contains("configCommit"));
    let read = decode::plan(json.as_bytes()).expect("a plan");
    let view = View {
        now: now(),
        palette: Palette::Plain,
        preserved: Detail::Counted,
        people: People::All,
        blocked: Detail::Listed,
    };
    assert_eq!(text::shown(&read.shown(), view), text);
    let (saved, fresh) = (moved::parse(json.as_bytes()).expect("a saved plan"), json::value(&rich(), now()));
    assert_eq!(moved::moved(&saved, &fresh.expect("a tree")), Vec::<String>::new());
}

#[test]
fn what_moved_is_named() {
    let saved = moved::parse(as_json(&rich()).as_bytes()).expect("a saved plan");
    let mut plan = rich();
    plan.basis.config_digest = "sha256:ffff".into();
    plan.basis.state_revision = Revision(43);
    plan.basis.tenants[0].digest = Some("sha256:d2".into());
    plan.basis.tenants[1].state = TenantState::Complete;
    let edited = plan.changes[2].fields.iter().enumerate();
    let edited =
        edited.map(|(at, field)| if at == 0 { FieldChange { after: Some("3\u{1b}c"), ..field } } else { field });
    plan.changes[2].fields = edited.collect();
    plan.blocked.clear();
    let fresh = json::value(&plan, now()).expect("a tree");
    assert_eq!(
        moved::moved(&saved, &fresh),
        [
            "the configuration: 0123456789ab then, ffff now",
            "the BMS state: revision 42 then, 43 now",
            "the directory of tenant contoso",
            "tenant fabrikam: failed then, complete now",
            "the plan's changes: 4 then, 4 now",
            "the plan's blocked: 1 then, 0 now",
        ]
    );
    let diff = moved::diff(&saved, &fresh).join("\n");
    assert!(diff.contains("-    phone: \"1\\u{1b}[2J\" → \"2\" (directory)"), "{diff}");
    assert!(diff.contains("+    phone: \"1\\u{1b}[2J\" → \"3\\u{1b}c\" (directory)"), "{diff}");
    assert!(diff.contains("-twin@contoso.com: blocked AmbiguousEmail"), "{diff}");
    assert!(!diff.contains("adele"), "only where they differ: {diff}");
}

#[test]
fn a_tampered_plan_has_moved() {
    for (from, to) in [
        ("\"after\":\"Adele\"", "\"after\":\"Eve\""),
        ("\"held\":\"maxDeactivations\"", "\"held\":null"),
        ("\"held\":\"maxDeactivations\",", ""),
        ("\"digest\":\"sha256:d1\"", "\"digest\":null"),
        ("\"id\":7", "\"id\":8"),
    ] {
        let text = as_json(&rich());
        assert!(text.contains(from), "{from}");
        let saved = moved::parse(text.replacen(from, to, 1).as_bytes()).expect("still a plan");
        assert!(!moved::moved(&saved, &json::value(&rich(), now()).expect("a tree")).is_empty(), "{from} → {to}");
    }
}

#[test]
fn a_plan_of_a_later_bmsync_may_hold_more() {
    let text =
        as_json(&rich()).replacen("\"reason\":", "\"newThing\":1,\"reason\":", 4).replacen('{', "{\"extra\":[],", 1);
    let saved = moved::parse(text.as_bytes()).expect("a saved plan");
    assert_eq!(moved::moved(&saved, &json::value(&rich(), now()).expect("a tree")), Vec::<String>::new());
}

#[test]
fn what_is_no_plan_is_refused_in_words() {
    for (bytes, said) in [
        (&b"not json"[..], "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[]", "no formatVersion"),
        (br#"{"formatVersion":"2"}"#, "formatVersion \"2\", and this bmsync reads \"1\""),
        (br#"{"formatVersion":"1"}"#, "no configDigest"),
    ] {
        let error = moved::parse(bytes).expect_err("refused");
        assert!(error.contains(said), "{error}");
    }
    let deep = "[".repeat(100_000);
    assert!(moved::parse(deep.as_bytes()).is_err());
}

#[test]
fn a_saved_plan_is_recognised_without_reading_all_of_it() {
    let saved = Saved::read(as_json(&rich()).into_bytes()).expect("a saved plan");
    let mut later = rich();
    later.basis.tenants[0].read_at = Some(now());
    assert!(saved.is(as_json(&later).as_bytes()), "later");
    later.basis.state_revision = Revision(43);
    assert!(!saved.is(as_json(&later).as_bytes()), "the head moved");
    let mut other = rich();
    other.changes.pop();
    assert!(!saved.is(as_json(&other).as_bytes()), "the changes moved");
}

#[test]
fn a_saved_plan_may_be_laid_out_in_any_way() {
    let value: serde_json::Value = serde_json::from_str(&as_json(&rich())).expect("valid JSON");
    for text in [value.to_string(), format!("{value:#}")] {
        let saved = Saved::read(text.into_bytes()).expect("a saved plan");
        assert!(!saved.is(as_json(&rich()).as_bytes()), "it cannot tell");
        let tree = saved.value().expect("a plan");
        assert_eq!(moved::moved(&tree, &json::value(&rich(), now()).expect("a tree")), Vec::<String>::new());
        assert_eq!(saved.tenants().collect::<Vec<_>>(), [CONTOSO, FABRIKAM]);
    }
}

#[test]
fn a_plan_that_is_read_back_reads_the_same() {
    for plan in [rich(), empty()] {
        let mut bytes = Vec::new();
        json::write(&plan, now(), &mut bytes).expect("it is written");
        let decoded = decode::plan(&bytes).expect("it is read");
        assert_eq!(decoded.created_at.as_second(), now().as_second());
        let view = View {
            now: now(),
            palette: Palette::Plain,
            preserved: Detail::Listed,
            people: People::All,
            blocked: Detail::Listed,
        };
        assert_eq!(text::shown(&decoded.shown(), view), text::text(&plan, view));
        assert_eq!(markdown::shown(&decoded.shown(), now()), markdown::markdown(&plan, now()));
    }
}

#[test]
fn a_plan_of_a_stranger_is_read_strictly_and_shown_safely() {
    let plan = json::value(&rich(), now()).expect("a plan");
    let decoded = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut plan = plan.clone();
        change(&mut plan);
        decode::plan(plan.to_string().as_bytes())
    };
    let added = decoded(&|plan| {
        plan["new"] = 1.into();
        plan["changes"][0]["new"] = 1.into();
        plan["tenants"][0]["new"] = 1.into();
    });
    assert!(added.is_ok(), "keys are only ever added");
    let lie = decoded(&|plan| plan["summary"]["deactivate"] = 0.into()).expect("it is read");
    assert_eq!(lie.shown().summary, rich().summary(), "what can be counted is counted");
    let hostile = decoded(&|plan| plan["changes"][0]["reason"] = "\u{1b}[2J\u{202e}".into()).expect("it is read");
    let view = View {
        now: now(),
        palette: Palette::Plain,
        preserved: Detail::Listed,
        people: People::All,
        blocked: Detail::Listed,
    };
    assert!(!text::shown(&hostile.shown(), view).contains(['\u{1b}', '\u{202e}']));
    for (key, value) in [("formatVersion", "2".into()), ("stateRevision", serde_json::json!(-1)), ("changes", 7.into())]
    {
        assert!(decoded(&|plan| plan[key] = value.clone()).is_err(), "{key}");
    }
    for (key, value) in [("action", "delete"), ("kind", "planet"), ("held", "mood"), ("cause", "fate")] {
        let error = decoded(&|plan| plan["changes"][0][key] = value.into()).map(|_| ()).expect_err(key);
        assert!(error.to_string().contains(value), "{error}");
    }
    assert!(decode::plan(b"<html>").is_err() && decode::plan(&vec![b'['; 100_000]).is_err());
}
