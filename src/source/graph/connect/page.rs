//! What a person's browser is shown when it comes back: a plain page without script, everything in it escaped, or the way
//! on. It knows nothing of connections.

use url::Url;

use super::{Kept, Welcome};
use crate::display::safe;
use crate::source::SourceError;

/// What the browser is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A page, with its status.
    Page {
        /// HTTP status.
        status: u16,
        /// HTML.
        html: String,
    },
    /// The browser goes on there.
    Onward(Url),
}

/// What a browser must know to show a page without danger; the page needs nothing.
pub(super) const CONTENT_POLICY: &str =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

impl Reply {
    /// Somebody was let in.
    pub(super) fn welcome(welcome: &Welcome) -> Self {
        let account = welcome.account.as_deref().unwrap_or("Somebody");
        let mut lines = match welcome.kept {
            Kept::Kept => vec![format!("{account} signed in. bmsync reads tenant {} with it now.", welcome.tenant)],
            Kept::Worse => vec![format!(
                "{account} signed in, but cannot read what bmsync needs. The sign-in of before stays in use for tenant {}.",
                welcome.tenant
            )],
        };
        let missing: Vec<&str> = welcome.missing().map(|reading| reading.permission).collect();
        if !missing.is_empty() {
            lines.push(format!("Not granted: {}.", missing.join(", ")));
        }
        lines.push(CLOSE.to_owned());
        Self::page(200, "Signed in", &lines)
    }

    /// Nobody was let in.
    pub(super) fn refusal(error: &SourceError) -> Self {
        let lines = [Some(error.message.clone()), error.hint.clone(), Some(CLOSE.to_owned())];
        Self::page(400, "Not signed in", &lines.into_iter().flatten().collect::<Vec<_>>())
    }

    /// A redirect of no attempt that is known.
    pub(super) fn unknown() -> Self {
        let why = "This sign-in is not known here: it was used already, has expired, or was begun elsewhere.";
        Self::page(400, "Not signed in", &[why.to_owned(), "Run `bmsync connect` again.".to_owned()])
    }

    /// Something that is no redirect at all.
    pub(super) fn nothing(status: u16, why: &str) -> Self {
        Self::page(status, "Nothing here", &[why.to_owned()])
    }

    fn page(status: u16, title: &str, lines: &[String]) -> Self {
        let text = lines.iter().fold(String::new(), |text, line| text + "<p>" + &escaped(line) + "</p>\n");
        let title = escaped(title);
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>bmsync: {title}</title></head>\n\
             <body>\n<h1>{title}</h1>\n{text}</body>\n</html>\n"
        );
        Self::Page { status, html }
    }
}

const CLOSE: &str = "You can close this page.";

/// Text as HTML, whoever wrote it.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for sign in safe(text).chars() {
        match sign {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            sign => html.push(sign),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceErrorClass;

    #[test]
    fn nothing_that_a_stranger_says_becomes_markup() {
        let error = SourceError {
            class: SourceErrorClass::Person,
            job: crate::source::Job::User,
            code: None,
            message: "<script>alert('x')</script>\u{202e}&\"".to_owned(),
            hint: Some("<b>".to_owned()),
            source: None,
        };
        let Reply::Page { status, html } = Reply::refusal(&error) else { panic!("a page") };
        assert_eq!(status, 400);
        assert!(
            html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") && html.contains("&lt;b&gt;"),
            "{html}"
        );
        assert!(!html.contains("<script") && !html.contains('\u{202e}'), "{html}");
    }
}
