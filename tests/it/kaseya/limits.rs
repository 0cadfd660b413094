//! The calls of an hour: what waits is told, nothing is lost, and the directory's later word is the one that is written.

use jiff::SignedDuration;

use super::stage::{PLAIN, Person, Stage, company, config};

#[tokio::test]
async fn what_the_hour_has_no_room_for_waits_and_later_changes_win() {
    const PEOPLE: u32 = 10_000;
    let people: Vec<Person> = (1..=PEOPLE).map(|number| Person::new(number, &format!("user{number}"), PLAIN)).collect();
    let stage = Stage::of(company("").await, config(""), &people, 1500);
    let mut hours = 0;
    let mut written = 0;
    loop {
        // Each hour another process: what was spent is not forgotten.
        let store = stage.open().await;
        let report =
            stage.round(&store).await.unwrap_or_else(|error| panic!("{error:?} at {} after {written}", stage.now()));
        assert!(report.failures.is_empty(), "{:?}", report.failures.first());
        let done = report.done.len();
        written += done;
        if hours == 3 {
            // Of those who wait, and of one who is done.
            stage.person(PEOPLE, |last| last.title = Some("Later".into()));
            stage.person(PEOPLE - 1, |gone| gone.group = None);
            stage.person(1, |first| first.title = Some("Later".into()));
        }
        if report.waiting.is_empty() {
            break;
        }
        let until = report.waits_until().unwrap();
        assert!(until > stage.now() && until <= stage.now() + SignedDuration::from_mins(62), "{until}");
        assert!(report.waiting[0].what.contains("/v2/crm/contacts"), "{}", report.waiting[0].what);
        let standing = bmsync::store::Store::standing(&store).unwrap();
        assert_eq!(standing.waiting, report.waiting.len());
        stage.pass(until.duration_since(stage.now()) + SignedDuration::from_secs(1));
        hours += 1;
        assert!(hours < 40, "it does not end: {written} written");
    }
    let stats = stage.company().stats().to_string();
    assert!(!stats.contains("\"429\""), "never one call too many: {stats}");
    assert_eq!(stage.company().contacts(), PEOPLE as usize - 1, "who left before it had its turn was not made");
    assert_eq!(stage.having("user10000@contoso.com")[0]["jobTitle"], "Later");
    assert_eq!(stage.having("user1@contoso.com")[0]["jobTitle"], "Later");
    assert!(stage.having("user9999@contoso.com").is_empty());
    assert!(hours >= 6, "{hours} hours for {PEOPLE} contacts");
}
