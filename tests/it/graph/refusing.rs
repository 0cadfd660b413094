//! What is refused: foreign links, redirects, circles, wrong types, pages without end. And the odd text that is not.

use bmsync::model::Id;
use bmsync::source::SourceErrorClass;

use super::server::{Reply, Server};
use super::world::{GROUPS, TOKEN, USERS, World, last, next, script, status, with};

#[tokio::test]
async fn links_to_other_origins_are_refused_before_a_token_leaves() {
    let other = Server::start(script([])).await;
    let foreign = format!("{}/v1.0/users/delta?$skiptoken=x", other.base);
    let page = |key: &str, link: &str| status(200, &format!(r#"{{"value":[],"{key}":"{link}"}}"#));
    for reply in [
        page("@odata.nextLink", &foreign),
        page("@odata.deltaLink", &foreign),
        page("@odata.nextLink", "{base}0/v1.0/users/delta"),
        page("@odata.nextLink", "https://graph.evil.example/"),
        page("@odata.nextLink", "/v1.0/users/delta"),
        page("@odata.nextLink", "nonsense"),
    ] {
        let world = World::new([(USERS, vec![reply])]).await;
        let error = world.fail().await;
        assert_eq!(error.class, SourceErrorClass::Protocol, "{error}");
        assert!(error.message.starts_with("users page 1 leads to "), "{error}");
        assert!(!format!("{error:?}").contains("skiptoken"), "{error:?}");
        assert_eq!(world.server.count(USERS), 1, "a foreign link is not retried");
    }
    assert_eq!(other.count("*"), 0);
}

#[tokio::test]
async fn redirects_are_not_followed_and_take_nothing_along() {
    let other = Server::start(script([])).await;
    for (target, location) in [
        (TOKEN, format!("{}{TOKEN}", other.base)),
        (USERS, format!("{}/v1.0/users/delta", other.base)),
        (USERS, "/elsewhere".to_owned()),
        (TOKEN, "/elsewhere".to_owned()),
    ] {
        for code in [301, 302, 307, 308] {
            let world = World::new([(target, vec![with(status(code, ""), &format!("location: {location}"))])]).await;
            let error = world.fail().await;
            assert_eq!(error.class, SourceErrorClass::Protocol, "{error}");
            assert!(error.message.contains("redirects to another"), "{error}");
            assert_eq!((world.server.count(target), world.server.count("/elsewhere")), (1, 0));
        }
    }
    assert_eq!(other.count("*"), 0);
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_are_refused() {
    let world =
        World::new([(USERS, vec![next("", "/u2")]), ("/u2", vec![next("", "/u3")]), ("/u3", vec![next("", "/u2")])])
            .await;
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Protocol);
    assert!(error.message.contains("users page 3 leads back"), "{error}");
    assert_eq!(world.server.count("/u2"), 1);
}

#[tokio::test]
async fn attributes_of_another_type_are_named_and_never_taken_for_nothing() {
    for (target, object, place) in [
        (
            USERS,
            r#"{"id":"a","jobTitle":5}"#,
            "users page 1: the answer is not what a page must be: `value[0].jobTitle`",
        ),
        (USERS, r#"{"id":"a","accountEnabled":"yes"}"#, "`value[0].accountEnabled`"),
        (USERS, r#"{"id":"a"},{"id":"b","businessPhones":"1"}"#, "`value[1].businessPhones`"),
        (USERS, r#"{"id":"a","otherMails":[1]}"#, "`value[0].otherMails[0]`"),
        (USERS, r#"{"displayName":"x"}"#, "missing field `id`"),
        (USERS, r#"{"id":7}"#, "`value[0].id`"),
        (USERS, r#"{"id":" "}"#, "an ID that is empty"),
        (USERS, r#""text""#, "`value[0]`"),
        (USERS, r#"{"id":"a","@removed":"yes"}"#, "`value[0].@removed`"),
        (GROUPS, r#"{"id":"g","members@delta":[{"id":""}]}"#, "`value[0].members@delta[0].id`"),
        (GROUPS, r#"{"id":"g","members@delta":{}}"#, "`value[0].members@delta`"),
        (GROUPS, r#"{"id":"g","createdDateTime":5}"#, "`value[0].createdDateTime`"),
    ] {
        let world = World::new([(target, vec![last(object, "/d")])]).await;
        let error = world.fail().await;
        assert_eq!(error.class, SourceErrorClass::Protocol, "{error}");
        assert!(error.message.contains(place), "{error}");
        assert!(error.message.ends_with("gave up after 5 tries"), "{error}");
    }
}

#[tokio::test]
async fn hostile_text_is_data() {
    let name = "n".repeat(64 * 1024);
    let user = format!(r#"{{"id":"u1","displayName":"{name}","surname":"\u001b[31m\u0000","mail":"\ud800x"}}"#);
    let world = World::new([(USERS, vec![last(&user, "/users-delta-1")])]).await;
    let directory = world.read().await;
    let user = directory.user(&Id::new("u1")).unwrap();
    assert_eq!(user.display_name().map(str::len), Some(64 * 1024));
    assert_eq!(user.surname(), Some("\u{1b}[31m\0"));
    assert!(user.mail().unwrap().ends_with("\u{fffd}x"));
}

#[tokio::test]
async fn a_page_without_end_is_given_up() {
    let world = World::new([(USERS, vec![Reply::Blanks(70)])]).await;
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Protocol);
    assert!(error.message.ends_with("users page 1: the answer is larger than 64 MiB"), "{error}");
    assert_eq!(world.server.count(USERS), 1);
}
