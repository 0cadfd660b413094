//! Records in and out: shapes, byte-exact round trips, and every kind of bad input with its message.

use std::sync::Arc;

use bmsync::actual::Actual;
use bmsync::interchange::import::{Format, parse};
use bmsync::interchange::row::{Row, RowKind};
use bmsync::interchange::{csv, event, export, record};
use bmsync::ledger::memory::MemoryLedger;
use bmsync::model::{Field, Kind, RecordKey, Seen};
use bmsync::store::local::{ImportError, LocalStore};
use proptest::prelude::*;

use crate::store::{open, rows};

const EXPORT: &str = r#"{"kind":"account","id":1,"name":"Northwind Traders","locations":["Main","Warehouse"]}
{"kind":"account","id":7,"name":"Empty","locations":[]}
{"kind":"employee","id":1,"status":"active","username":"adele","email":"adele@contoso.com","firstName":"Adele","lastName":"Vance","phone":"+1 425 555 0109","jobTitle":"Engineer","department":"Service Desk","location":"Headquarters","manager":"jsmith","employmentType":"Full Time","employeeRole":"Engineer","securityRole":"Technician","source":{"tenantId":"84841066-274d-4ec0-a5c1-276be684bdd3","userId":"45b7d2e7-b882-4a80-ba97-10b7a63b8fa4"},"references":{"tickets":3,"invoices":0},"archivedFrom":null}
{"kind":"employee","id":9,"status":"archived","username":"old_Archived","email":"old@contoso.com_Archived","firstName":null,"lastName":null,"phone":null,"jobTitle":null,"department":null,"location":null,"manager":null,"employmentType":null,"employeeRole":null,"securityRole":null,"source":null,"references":{"tickets":0,"invoices":2},"archivedFrom":{"tenantId":"84841066-274d-4ec0-a5c1-276be684bdd3","userId":"x"}}
{"kind":"contact","id":2,"status":"inactive","account":"Northwind Traders","location":"Main","email":"ünal@northwind.com","firstName":"=cmd()","lastName":"O'Neil, \"Jr\"","phone":"-x","jobTitle":"a\nb","portalAccess":true,"username":"unal","securityRole":"External User","source":null,"references":{"tickets":0,"invoices":0},"archivedFrom":null}
{"kind":"contact","id":3,"status":"active","account":null,"location":null,"email":"plain@northwind.com","firstName":null,"lastName":null,"phone":null,"jobTitle":null,"portalAccess":false,"username":null,"securityRole":null,"source":null,"references":{"tickets":0,"invoices":0},"archivedFrom":null}
"#;

async fn empty() -> LocalStore {
    open(Arc::new(MemoryLedger::new())).await
}

async fn exported(store: &LocalStore) -> String {
    let mut out = Vec::new();
    store.export(&mut out).await.unwrap().unwrap();
    String::from_utf8(out).unwrap()
}

async fn import(store: &LocalStore, text: &str) -> (u64, u64, u64) {
    let report = store.import(rows(text)).await.unwrap();
    (report.created, report.updated, report.unchanged)
}

async fn import_errors(store: &LocalStore, text: &str) -> String {
    match store.import(rows(text)).await {
        Err(ImportError::Rows(errors)) => errors.to_string(),
        other => panic!("{other:?}"),
    }
}

fn wrong(text: impl AsRef<[u8]>, format: Format, default: Option<RowKind>) -> String {
    parse(text.as_ref(), "f", format, default).unwrap_err().to_string()
}

fn wrong_line(text: &str) -> String {
    wrong(text, Format::JsonLines, None)
}

fn wrong_table(text: &str) -> String {
    wrong(text, Format::Csv, Some(RowKind::Person(Kind::Employee)))
}

async fn state(text: &str) -> Actual {
    let store = empty().await;
    import(&store, text).await;
    store.view(Clone::clone).await.unwrap()
}

#[tokio::test]
async fn export_and_import_give_the_same_bytes() {
    let store = empty().await;
    assert_eq!(import(&store, EXPORT).await, (6, 0, 0));
    assert_eq!(exported(&store).await, EXPORT);
    let revision = store.view(|actual| actual.revision).await.unwrap();
    assert_eq!(import(&store, EXPORT).await, (0, 0, 6), "importing it again changes nothing");
    assert_eq!(store.view(|actual| actual.revision).await.unwrap(), revision);
    assert_eq!(store.last_event().await.unwrap(), 4);
}

#[tokio::test]
async fn the_order_of_lines_does_not_show_in_the_export() {
    let backwards: Vec<&str> = EXPORT.lines().rev().collect();
    let store = empty().await;
    import(&store, &backwards.join("\r\n")).await;
    assert_eq!(exported(&store).await, EXPORT);
}

#[tokio::test]
async fn json_lists_and_single_objects_are_read_like_lines() {
    let expected = parse(EXPORT.as_bytes(), "f", Format::JsonLines, None).unwrap();
    let kinds = |rows: Vec<Row>| rows.into_iter().map(strip).collect::<Vec<_>>();
    let list = format!("\n[\n{}\n]\n", EXPORT.trim().replace('\n', ",\n"));
    assert_eq!(kinds(parse(list.as_bytes(), "f", Format::Json, None).unwrap()), kinds(expected.clone()));
    assert_eq!(kinds(parse(EXPORT.as_bytes(), "f", Format::Json, None).unwrap()), kinds(expected));
    let bad = "[\n{\"kind\":\"employee\",\n\"id\":0},\n{\"kind\":\"employee\",\"id\":1},\n{\"kind\":\"nobody\"}]";
    let message = wrong(bad, Format::Json, None);
    assert!(
        message.starts_with("f:2: `id` must be") && message.contains("\nf:5: `kind` cannot be `nobody`"),
        "{message}"
    );
    assert_eq!(wrong("[{\"kind\":", Format::Json, None), "f:1: the record is not closed");
    assert_eq!(wrong("[\n", Format::Json, None), "f:2: the list is not closed");
}

fn strip(row: Row) -> Row {
    let mut row = row;
    match &mut row {
        Row::Account(account) => account.place.line = 0,
        Row::Person(person) => person.place.line = 0,
    }
    row
}

#[tokio::test]
async fn csv_and_back_is_lossless() {
    let actual = state(EXPORT).await;
    let store = empty().await;
    let accounts: Vec<&str> = EXPORT.lines().take(2).collect();
    import(&store, &accounts.join("\n")).await;
    for kind in Kind::ALL {
        let mut table = Vec::new();
        let records = actual.sorted_records().into_iter().filter(|record| record.key.kind == kind);
        csv::write(kind, records, &mut table).unwrap();
        store.import(parse(&table[..], "f", Format::Csv, None).unwrap()).await.unwrap();
    }
    assert_eq!(exported(&store).await, EXPORT);
}

#[tokio::test]
async fn csv_has_dotted_headers_and_no_formulas() {
    let actual = state(EXPORT).await;
    let mut table = Vec::new();
    let records = actual.sorted_records().into_iter().filter(|record| record.key.kind == Kind::Contact).take(1);
    csv::write(Kind::Contact, records, &mut table).unwrap();
    let expected = "kind,id,status,account,location,email,firstName,lastName,phone,jobTitle,portalAccess,username,\
        securityRole,source.tenantId,source.userId,references.tickets,references.invoices,archivedFrom.tenantId,\
        archivedFrom.userId\n\
        contact,2,inactive,Northwind Traders,Main,ünal@northwind.com,'=cmd(),\"O'Neil, \"\"Jr\"\"\",'-x,\"a\nb\",true,unal,\
        External User,,,0,0,,\n";
    assert_eq!(String::from_utf8(table).unwrap(), expected);
}

#[tokio::test]
async fn only_given_keys_change() {
    let store = empty().await;
    import(&store, EXPORT).await;
    let rows = r#"{"kind":"employee","id":1,"phone":null,"jobTitle":"Lead","references":{"invoices":4}}
{"kind":"account","id":1,"locations":["Annex"]}
{"kind":"contact","id":2,"portalAccess":false}"#;
    assert_eq!(import(&store, rows).await, (0, 3, 0));
    let expected = EXPORT
        .replace(r#""phone":"+1 425 555 0109","jobTitle":"Engineer""#, r#""phone":null,"jobTitle":"Lead""#)
        .replace(r#""tickets":3,"invoices":0"#, r#""tickets":3,"invoices":4"#)
        .replace(r#"["Main","Warehouse"]"#, r#"["Annex"]"#)
        .replace(
            r#""portalAccess":true,"username":"unal","securityRole":"External User""#,
            r#""portalAccess":false,"username":null,"securityRole":null"#,
        );
    assert_eq!(exported(&store).await, expected);
}

#[tokio::test]
async fn a_source_is_kept_dropped_or_moved() {
    let store = empty().await;
    import(&store, EXPORT).await;
    let owner = async |store: &LocalStore| {
        let key = RecordKey { kind: Kind::Employee, id: 1 };
        store.view(move |actual| actual.record(key).unwrap().link.clone()).await.unwrap()
    };
    import(&store, r#"{"kind":"employee","id":1,"phone":"1"}"#).await;
    assert_eq!(owner(&store).await.unwrap().seen, Seen::Unknown);
    import(&store, r#"{"kind":"employee","id":1,"source":null}"#).await;
    assert_eq!(owner(&store).await, None);
    let rows = parse(&b"kind,id,source.tenantId,source.userId\nemployee,1,t,u\n"[..], "f", Format::Csv, None).unwrap();
    store.import(rows).await.unwrap();
    assert_eq!(owner(&store).await.unwrap().user.to_string(), "t/u");
    let blank =
        parse(&b"id,source.tenantId,source.userId\n1,,\n"[..], "f", Format::Csv, RowKind::from_word("employee"));
    store.import(blank.unwrap()).await.unwrap();
    assert_eq!(owner(&store).await, None);
}

#[tokio::test]
async fn ids_are_given_after_all_that_are_known() {
    let rows = r#"{"kind":"employee","email":"a@x.com"}
{"kind":"employee","id":null,"email":"b@x.com"}
{"kind":"employee","id":1,"email":"c@x.com"}
{"kind":"account","name":"A"}
{"kind":"contact","id":5,"email":"d@x.com"}
{"kind":"contact","email":"e@x.com"}"#;
    let actual = state(rows).await;
    let found: Vec<String> = actual
        .sorted_records()
        .iter()
        .map(|record| format!("{} {}", record.key, record.fields.get(Field::Email).unwrap()))
        .collect();
    let expected =
        ["employee 1 c@x.com", "employee 2 a@x.com", "employee 3 b@x.com", "contact 5 d@x.com", "contact 6 e@x.com"];
    assert_eq!(found, expected);
    assert_eq!(actual.account("A").unwrap().id, 1);
    let store = empty().await;
    import(&store, r#"{"kind":"employee","id":9007199254740991,"email":"a@x.com"}"#).await;
    let message = import_errors(&store, r#"{"kind":"employee","email":"b@x.com"}"#).await;
    assert_eq!(message, "rows.jsonl:1: the highest possible employee ID is in use: there is no next one");
}

#[tokio::test]
async fn the_same_record_twice_is_laid_over_itself() {
    let rows = r#"{"kind":"employee","id":1,"email":"a@x.com","phone":"1","source":{"tenantId":"t","userId":"u"}}
{"kind":"employee","id":1,"phone":"2"}"#;
    let actual = state(rows).await;
    let record = actual.record(RecordKey { kind: Kind::Employee, id: 1 }).unwrap();
    assert_eq!((record.fields.get(Field::Email), record.fields.get(Field::Phone)), (Some("a@x.com"), Some("2")));
    assert!(record.link.is_some());
}

#[tokio::test]
async fn two_owners_of_one_source_are_an_error_and_nothing_is_stored() {
    let store = empty().await;
    import(&store, EXPORT).await;
    let before = exported(&store).await;
    let source = r#""source":{"tenantId":"84841066-274D-4EC0-A5C1-276BE684BDD3","userId":"45b7d2e7-b882-4a80-ba97-10b7a63b8fa4"}"#;
    let stored = format!("{{\"kind\":\"contact\",\"id\":3,{source}}}");
    let message = import_errors(&store, &stored).await;
    assert_eq!(message, "rows.jsonl:1: the source belongs to employee 1 already");
    let two = format!(
        "{{\"kind\":\"employee\",\"id\":1,\"source\":null}}\n{stored}\n{{\"kind\":\"employee\",\"id\":9,{source}}}"
    );
    let message = import_errors(&store, &two).await;
    assert_eq!(message, "rows.jsonl:3: rows.jsonl:2 gives the same source to contact 3");
    assert_eq!(exported(&store).await, before);
    let moved = format!("{stored}\n{{\"kind\":\"employee\",\"id\":1,\"source\":null}}");
    assert_eq!(import(&store, &moved).await, (0, 2, 0), "a source may move within one import");
}

#[tokio::test]
async fn duplicates_of_names_and_unknown_accounts_are_what_bms_holds() {
    let rows = r#"{"kind":"employee","username":"same","email":"same@x.com"}
{"kind":"employee","username":"same","email":"same@x.com"}
{"kind":"contact","account":"Nowhere","email":"same@x.com"}"#;
    assert_eq!(state(rows).await.records().count(), 3);
}

#[tokio::test]
async fn a_login_without_portal_access_is_not_kept_and_counted() {
    let store = empty().await;
    let report = store.import(rows(r#"{"kind":"contact","email":"a@x.com","username":"a"}"#)).await.unwrap();
    assert_eq!(report.logins_dropped, 1);
    assert!(exported(&store).await.contains(r#""portalAccess":false,"username":null"#));
}

#[tokio::test]
async fn archived_from_is_for_archived_records() {
    let store = empty().await;
    import(&store, EXPORT).await;
    let row = r#"{"kind":"employee","id":1,"archivedFrom":{"tenantId":"t","userId":"u"}}"#;
    assert_eq!(import_errors(&store, row).await, "rows.jsonl:1: `archivedFrom` is only for an archived record");
    import(&store, r#"{"kind":"employee","id":9,"status":"active"}"#).await;
    let key = RecordKey { kind: Kind::Employee, id: 9 };
    assert_eq!(store.view(|actual| actual.record(key).unwrap().archived_from.clone()).await.unwrap(), None);
}

#[test]
fn bad_lines_are_all_named() {
    let long = format!("{{\"kind\":\"employee\",\"phone\":\"{}\"}}", "x".repeat(1 << 20));
    let text = [
        r#"{"kind":"employee","id":1,"emial":"a@x.com"}"#,
        r#"{"kind":"employee","id":-1,"status":"deleted","portalAccess":true,"phone":5}"#,
        "not json",
        "",
        r#"{"kind":"empolyee"}"#,
        r#"{"id":1}"#,
        r#"{"kind":"contact","id":1,"portalAccess":"yes","source":{"tenantId":"t"},"references":{"ticket":1}}"#,
        r#"{"kind":"contact","id":1,"id":2}"#,
        &long,
        r#"["employee"]"#,
        r#"{"kind":"employee"}"#,
        r#"{"kind":"account"}"#,
        r#"{"kind":"employee","id":1,"source.userId":"x"}"#,
        r#"{"kind":"account","id":1,"name":"A","email":"x"}"#,
    ];
    let expected = [
        "f:1: there is no key `emial`; did you mean `email`?",
        "f:2: an employee has no `portalAccess`",
        "f:2: `id` must be a whole number from 1 to 9007199254740991, not -1",
        "f:2: `status` cannot be `deleted`; it is one of active, inactive, archived",
        "f:2: `phone` must be text, not 5",
        "f:3: this is not JSON: expected ident (column 2)",
        "f:5: `kind` cannot be `empolyee`; did you mean `employee`?",
        "f:6: the kind is not given: `account`, `employee` or `contact`",
        "f:7: there is no key `references.ticket`; did you mean `references.tickets`?",
        "f:8: the key `id` is there twice",
        "f:9: the line is longer than 1 MiB",
        "f:10: invalid type: sequence, expected an object with the keys of a record",
        "f:11: the row says nothing of the employee",
        "f:12: an account needs a `name`",
        "f:13: `source.userId` is nested in JSON: `userId` in `source`",
        "f:14: an account has no `email`",
    ];
    assert_eq!(wrong_line(&text.join("\n")).lines().collect::<Vec<_>>(), expected);
    let both = r#"{"kind":"contact","id":1,"portalAccess":"yes","source":{"tenantId":"t"},"references":[]}"#;
    assert_eq!(wrong_line(both), "f:1: `references` must be an object or null");
    let flag = r#"{"kind":"contact","id":1,"portalAccess":"yes","source":{"tenantId":"t"}}"#;
    let expected = [
        "f:1: `portalAccess` must be true or false, not the text \"yes\"",
        "f:1: `source` needs both `tenantId` and `userId`",
    ];
    assert_eq!(wrong_line(flag).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn many_bad_lines_are_counted() {
    let message = wrong_line(&"x\n".repeat(250));
    assert_eq!(message.lines().count(), 101);
    assert!(message.ends_with("\nand 150 more"));
}

#[test]
fn bad_tables_are_named() {
    assert_eq!(wrong_table("id;email\n"), "f:1: columns must be separated by commas");
    assert_eq!(wrong_table("id,emial\n"), "f:1: there is no key `emial`; did you mean `email`?");
    assert_eq!(wrong_table("id,Email\n"), "f:1: there is no key `Email`; did you mean `email`?");
    assert_eq!(wrong_table("id,id\n"), "f:1: the column `id` is there twice");
    assert_eq!(wrong_table(""), "f:1: the file has no header");
    assert_eq!(
        wrong_table("id,email\n1\n,\n2,a,b\n"),
        "f:2: the row has 1 cells, the header 2\nf:4: the row has 3 cells, the header 2"
    );
    assert_eq!(wrong_table("id,references.tickets\n1.0,-1\n").lines().count(), 2);
    let kinds = "kind,email\ncontact,a@x.com\n";
    assert_eq!(wrong_table(kinds), "f:2: the row is of kind contact, but employee is asked for");
    let open = format!("id,email\n1,\"{}", "x\n".repeat(1 << 20));
    assert_eq!(wrong_table(&open), "f:2: the row is longer than 1 MiB; is a quote not closed?");
    assert_eq!(wrong(b"id,email\n1,\xff\n", Format::Csv, RowKind::from_word("employee")), "f:2: `email` is not UTF-8");
    assert_eq!(wrong(b"\xff\xfei\0d\0", Format::Csv, None), "f:1: the file is UTF-16; save it as UTF-8");
    assert_eq!(wrong(b"{\"kind\":\"\xff\"}", Format::JsonLines, None), "f:1: the line is not UTF-8");
}

#[test]
fn tables_of_spreadsheets_are_read() {
    let text = "\u{feff}kind,id,name,locations,email,portalAccess\r\naccount,,Northwind,Main; Warehouse;;Main,,\r\ncontact,,,,a@x.com,TRUE\r\n,,,,,\r\n";
    let rows = parse(text.as_bytes(), "f", Format::Csv, None).unwrap();
    let Row::Account(account) = &rows[0] else { panic!("{rows:?}") };
    assert_eq!(account.locations.as_deref(), Some(&["Main".into(), "Warehouse".into()][..]));
    let Row::Person(contact) = &rows[1] else { panic!("{rows:?}") };
    assert!(contact.fields.contains(&(Field::PortalAccess, Some("true".into()))));
    assert_eq!((rows.len(), contact.place.line), (2, 3));
}

#[tokio::test]
async fn records_have_all_their_keys_in_order_and_events_both_sides() {
    let store = empty().await;
    import(&store, EXPORT).await;
    import(&store, r#"{"kind":"contact","id":3,"phone":"1"}"#).await;
    let events = store.events(4, 10).await.unwrap();
    let json = event::event(&events[0]);
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    let expected = [
        "id",
        "at",
        "revision",
        "action",
        "kind",
        "recordId",
        "user",
        "rule",
        "reason",
        "configDigest",
        "configCommit",
        "before",
        "after",
    ];
    assert_eq!(keys, expected);
    assert_eq!(json["reason"], "imported from rows.jsonl:1");
    assert_eq!((&json["before"]["phone"], &json["after"]["phone"]), (&serde_json::Value::Null, &"1".into()));
    let yaml = record::yaml(&[json["after"].clone()]).unwrap();
    assert!(yaml.starts_with("- kind: contact\n  id: 3\n  status: active\n"), "{yaml}");
    assert!(yaml.contains("  phone: '1'\n"), "text stays text: {yaml}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_survives_json_and_csv(texts in proptest::collection::vec("\\PC{0,12}|['=+@-]{0,3}[a-z0-9 \n\"]{0,4}", 3)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let row = serde_json::json!({"kind": "contact", "id": 1, "firstName": texts[0], "phone": texts[1], "account": texts[2]});
            let actual = state(&row.to_string()).await;
            let mut out = Vec::new();
            export::write(&actual, &mut out).unwrap();
            let again = state(std::str::from_utf8(&out).unwrap()).await;
            assert_eq!(actual.sorted_records(), again.sorted_records());
            let mut table = Vec::new();
            csv::write(Kind::Contact, actual.sorted_records().into_iter(), &mut table).unwrap();
            let store = empty().await;
            store.import(parse(&table[..], "f", Format::Csv, None).unwrap()).await.unwrap();
            assert_eq!(actual.sorted_records(), store.view(Clone::clone).await.unwrap().sorted_records());
        });
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:\\\\a-z0-9 \n]{0,80}") {
        for format in [Format::JsonLines, Format::Json, Format::Csv] {
            let _either = parse(&bytes[..], "f", format, None);
            let _either = parse(text.as_bytes(), "f", format, Some(RowKind::Account));
        }
    }
}
