//! Pages as Microsoft Graph writes them, read straight into what a directory takes. It knows nothing of where a page
//! comes from.
//!
//! A key that comes twice in an object is an error, for nobody can say which one is meant; keys that are not read are
//! skipped. Odd text is repaired rather than refused: one odd name must not stop a tenant for good.

mod group;
mod repair;
mod user;
mod value;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub(super) use group::{GROUP_SELECT, GroupEntry, Membership};
pub(super) use user::{USER_SELECT, UserEntry};

use super::error::plain;
use repair::repaired;
use value::Objects;

/// One page of a collection.
#[derive(Debug)]
pub(super) struct Page<T> {
    /// What is on it.
    pub objects: Vec<T>,
    /// Where it leads.
    pub onward: Onward,
}

/// Where a page leads; text of the service, not yet to be trusted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Onward {
    /// To the next page of the round.
    Next(String),
    /// To the next round.
    Delta(String),
}

/// Why bytes are no page; names the place in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Garbled(pub String);

/// Reads a page.
pub(super) fn page<T: DeserializeOwned>(bytes: &[u8]) -> Result<Page<T>, Garbled> {
    let Written { value: Objects(objects), next, delta } = written(bytes)?;
    let onward = match (next, delta) {
        (Some(next), None) => Onward::Next(next),
        (None, Some(delta)) => Onward::Delta(delta),
        (Some(_), Some(_)) => return Err(Garbled("it has both a nextLink and a deltaLink".to_owned())),
        (None, None) => return Err(Garbled("it has neither a nextLink nor a deltaLink".to_owned())),
    };
    Ok(Page { objects, onward })
}

/// Checking the text of a whole page at once is cheap, and lets its parts be borrowed. What is odd about a page only
/// that page pays for.
fn written<T: DeserializeOwned>(bytes: &[u8]) -> Result<Written<T>, Garbled> {
    if let Some(written) = std::str::from_utf8(bytes).ok().and_then(|text| serde_json::from_str(text).ok()) {
        return Ok(written);
    }
    let text = repaired(bytes);
    serde_json::from_str(&text).map_err(|error| garbled::<T>(&text, &error))
}

/// Reads the text once more to find out where it goes wrong.
fn garbled<T: DeserializeOwned>(text: &str, error: &serde_json::Error) -> Garbled {
    let error = plain(&error.to_string(), 160);
    let again = &mut serde_json::Deserializer::from_str(text);
    let place = serde_path_to_error::deserialize::<_, Written<T>>(again).err().map(|error| error.path().to_string());
    match place.as_deref() {
        None | Some("." | "?") => Garbled(error),
        Some(place) => Garbled(format!("`{}`: {error}", plain(place, 80))),
    }
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Written<T> {
    value: Objects<T>,
    #[serde(rename = "@odata.nextLink", default)]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink", default)]
    delta: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{TenantDirectory, User};
    use crate::model::Id;

    fn user(json: &str) -> Result<Page<UserEntry>, Garbled> {
        page(format!(r#"{{"value":[{json}],"@odata.deltaLink":"d"}}"#).as_bytes())
    }

    #[test]
    fn everything_that_is_selected_is_read() {
        for attribute in USER_SELECT.split(',').skip(1) {
            let Garbled(why) = user(&format!(r#"{{"id":"a","{attribute}":{{"x":1}}}}"#)).unwrap_err();
            assert!(why.starts_with(&format!("`value[0].{attribute}`: invalid type: map")), "{why}");
        }
        assert_eq!(USER_SELECT.split(',').count(), 20);
    }

    /// What is known of somebody of whom two pages told, one after the other.
    fn known(pages: [&str; 2]) -> User {
        let mut directory = TenantDirectory::default();
        for page in pages {
            let UserEntry { id, told } = user(page).unwrap().objects.into_iter().next().unwrap();
            directory.upsert_user(id, told.unwrap());
        }
        directory.user(&Id::new("a")).unwrap().clone()
    }

    #[test]
    fn null_clears_and_absent_keeps() {
        let before = r#"{"id":"a","mail":"x","surname":"y","accountEnabled":true,"otherMails":["z"],"faxNumber":"1"}"#;
        let after = r#"{"id":"a","mail":null,"jobTitle":"x","accountEnabled":null,"faxNumber":null,"identities":null}"#;
        let read = known([before, after]);
        assert_eq!((read.mail(), read.surname(), read.other_mail()), (None, Some("y"), Some("z")));
        assert_eq!((read.job_title(), read.account_enabled), (Some("x"), None));
        assert_eq!(read, known([r#"{"id":"a"}"#, r#"{"id":"a","surname":"y","otherMails":["z"],"jobTitle":"x"}"#]));
    }

    #[test]
    fn keys_may_come_in_any_order() {
        let one = r#"{"userType":"Member","mail":"x","@odata.type":"y","id":"a","@removed":null,"surname":"z"}"#;
        let other = r#"{"id":"a","surname":"z","mail":"x","userType":"Member"}"#;
        assert_eq!(known([one, one]), known([other, other]));
        let Garbled(why) = user(r#"{"mail":"x"}"#).unwrap_err();
        assert!(why.contains("missing field `id`"), "{why}");
    }

    #[test]
    fn a_key_that_comes_twice_is_refused() {
        let Garbled(why) = user(r#"{"id":"a","mail":"x","mail":"y"}"#).unwrap_err();
        assert!(why.contains("duplicate field `mail`"), "{why}");
        assert!(user(r#"{"id":"a","other":1,"other":2}"#).is_ok());
    }

    #[test]
    fn odd_text_is_kept_or_repaired() {
        let odd = r#"{"id":"a","mail":"a\ud83d!","jobTitle":"\u0000\u001b\ud83d\ude00"}"#;
        let read = known([odd, odd]);
        assert_eq!(read.mail(), Some("a\u{fffd}\u{fffd}\u{fffd}!"));
        assert_eq!(read.job_title(), Some("\0\u{1b}😀"));
        assert_eq!(known([r#"{"id":"a"}"#, "{\"id\":\"a\",\"mail\":\"\u{1b}\"}"]).mail(), Some("\u{1b}"));
        assert!(
            page::<UserEntry>(b"{\"value\":[{\"id\":\"a\",\"mail\":\"\xff\"}],\"@odata.deltaLink\":\"d\"}").is_ok()
        );
    }

    #[test]
    fn deep_nesting_is_skipped_or_refused_but_never_overflows() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(user(&format!(r#"{{"id":"a","other":{deep}}}"#)).is_ok());
        assert!(user(&format!(r#"{{"id":"a","businessPhones":{deep}}}"#)).is_err());
        assert!(page::<UserEntry>(deep.as_bytes()).is_err());
    }

    #[test]
    fn a_page_of_too_many_objects_is_refused() {
        let many = vec![r#"{"id":"a"}"#; value::MAX_OBJECTS + 1].join(",");
        let Garbled(why) = user(&many).unwrap_err();
        assert!(why.contains("more than 50000 objects"), "{why}");
    }

    #[test]
    fn exactly_one_link_is_wanted() {
        for links in ["", r#","@odata.nextLink":"n","@odata.deltaLink":"d""#, r#","@odata.nextLink":null"#] {
            assert!(page::<UserEntry>(format!(r#"{{"value":[]{links}}}"#).as_bytes()).is_err(), "{links}");
        }
        let next = page::<UserEntry>(br#"{"@odata.nextLink":"n","@odata.deltaLink":null,"value":[]}"#).unwrap();
        assert_eq!(next.onward, Onward::Next("n".to_owned()));
    }
}
