//! The pages that people see: templates with their blanks filled in. Everything that is filled in is escaped.
//! Knows nothing of what a page is about.

use crate::simulator::reply::Reply;

const LAYOUT: &str = include_str!("pages/layout.html");
const SIGN_IN: &str = include_str!("pages/sign-in.html");
const CONSENT: &str = include_str!("pages/consent.html");
const REFUSED: &str = include_str!("pages/refused.html");
const FORM_POST: &str = include_str!("pages/form-post.html");
const DEVICE: &str = include_str!("pages/device.html");
const DONE: &str = include_str!("pages/done.html");

/// Scripts and styles of the page itself, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/// A piece of HTML that needs no more escaping.
pub(super) struct Html(String);

impl Html {
    /// Escapes text, for content and for quoted attributes.
    fn text(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        for letter in text.chars() {
            match letter {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                other => out.push(other),
            }
        }
        Self(out)
    }

    fn all(pieces: impl Iterator<Item = Self>) -> Self {
        Self(pieces.map(|Self(piece)| piece).collect())
    }

    /// A field that is not seen.
    fn hidden(name: &str, value: &str) -> Self {
        fill(
            "<input type=\"hidden\" name=\"{{name}}\" value=\"{{value}}\">",
            &[("name", Self::text(name)), ("value", Self::text(value))],
        )
    }
}

/// Puts values into `{{blanks}}`; what is put in is not looked at again.
fn fill(template: &str, values: &[(&str, Html)]) -> Html {
    let (mut out, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, Html(value))| value));
        rest = after;
    }
    out.push_str(rest);
    Html(out)
}

fn page(status: u16, title: &str, body: Html) -> Reply {
    let Html(text) = fill(LAYOUT, &[("title", Html::text(title)), ("body", body)]);
    Reply::new(status, "text/html; charset=utf-8", text)
        .with("content-security-policy", POLICY)
        .with("x-content-type-options", "nosniff")
        .with("referrer-policy", "no-referrer")
}

/// What a sign-in page shows.
pub(super) struct SignIn<'a> {
    /// Where the form is sent.
    pub(super) action: &'a str,
    pub(super) application: &'a str,
    /// Names to choose from.
    pub(super) people: &'a [String],
    /// What stands in the field already.
    pub(super) name: &'a str,
    pub(super) error: Option<&'a str>,
    pub(super) kept: &'a [(&'a str, &'a str)],
}

pub(super) fn sign_in(shown: &SignIn<'_>) -> Reply {
    let SignIn { action, application, people, name, error, kept } = shown;
    let option = |name: &String| fill("<option value=\"{{name}}\">", &[("name", Html::text(name))]);
    let error =
        error.map(|error| fill("<p id=\"error\" role=\"alert\">{{error}}</p>", &[("error", Html::text(error))]));
    let body = fill(
        SIGN_IN,
        &[
            ("action", Html::text(action)),
            ("application", Html::text(application)),
            ("people", Html::all(people.iter().map(option))),
            ("name", Html::text(name)),
            ("error", Html::all(error.into_iter())),
            ("kept", Html::all(kept.iter().map(|(name, value)| Html::hidden(name, value)))),
        ],
    );
    page(200, "Sign in", body)
}

/// What a consent page shows.
pub(super) struct Consent<'a> {
    pub(super) action: &'a str,
    pub(super) application: &'a str,
    /// Who is signed in.
    pub(super) name: &'a str,
    pub(super) question: &'a str,
    pub(super) permissions: &'a [String],
    pub(super) offer: Offer,
    pub(super) kept: &'a [(&'a str, &'a str)],
}

/// What a person may choose on a consent page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    Accept,
    /// Also for everybody of the tenant.
    AcceptForAll,
    /// An admin would have to.
    GoBack,
}

pub(super) fn consent(shown: &Consent<'_>) -> Reply {
    let Consent { action, application, name, question, permissions, offer, kept } = shown;
    let line = |name: &String| fill("<li>{{name}}</li>", &[("name", Html::text(name))]);
    let (accept, for_all) = match offer {
        Offer::Accept => (ACCEPT, ""),
        Offer::AcceptForAll => (ACCEPT, FOR_ALL),
        Offer::GoBack => (NEED_ADMIN, ""),
    };
    let body = fill(
        CONSENT,
        &[
            ("action", Html::text(action)),
            ("application", Html::text(application)),
            ("name", Html::text(name)),
            ("question", Html::text(question)),
            ("permissions", Html::all(permissions.iter().map(line))),
            ("accept", Html(accept.to_owned())),
            ("for-all", Html(for_all.to_owned())),
            ("kept", Html::all(kept.iter().map(|(name, value)| Html::hidden(name, value)))),
        ],
    );
    page(200, "Permissions requested", body)
}

const ACCEPT: &str = include_str!("pages/accept.html");
const FOR_ALL: &str = include_str!("pages/for-all.html");
const NEED_ADMIN: &str = include_str!("pages/need-admin.html");

/// A refusal that cannot be taken back to the application.
pub(super) fn refused(status: u16, code: u64, description: &str) -> Reply {
    let values = [("code", Html::text(&format!("AADSTS{code}"))), ("description", Html::text(description))];
    page(status, "Sign-in failed", fill(REFUSED, &values))
}

/// A form that takes the answer back, by itself where there are scripts.
pub(super) fn form_post(action: &str, parameters: &[(&str, String)]) -> Reply {
    let fields = Html::all(parameters.iter().map(|(name, value)| Html::hidden(name, value)));
    page(200, "Continue", fill(FORM_POST, &[("action", Html::text(action)), ("fields", fields)]))
}

/// Where a person enters the code that a device shows.
pub(super) fn device(action: &str, error: Option<&str>) -> Reply {
    let error =
        error.map(|error| fill("<p id=\"error\" role=\"alert\">{{error}}</p>", &[("error", Html::text(error))]));
    let values = [("action", Html::text(action)), ("error", Html::all(error.into_iter()))];
    page(200, "Enter code", fill(DEVICE, &values))
}

/// The end, when there is nowhere to go.
pub(super) fn done(message: &str) -> Reply {
    page(200, "Done", fill(DONE, &[("message", Html::text(message))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_escaped_and_not_looked_at_again() {
        let Html(text) = fill(
            "<p title=\"{{a}}\">{{b}}</p>{{c}}",
            &[("a", Html::text("\"><b>{{b}}")), ("b", Html::text("it's & <i>"))],
        );
        assert_eq!(text, "<p title=\"&quot;&gt;&lt;b&gt;{{b}}\">it&#39;s &amp; &lt;i&gt;</p>");
    }
}
