//! Notifications that wait to be sent: when each is due, which share a request, and when one is given up. Knows nothing
//! of HTTP.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

/// How soon notifications are sent, and sent again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// From the change to its notification.
    pub(super) after: Duration,
    /// From the first failure to the next try.
    pub(super) retry: Duration,
}

/// How often a notification is tried.
const TRIES: u32 = 5;
/// Notifications that are kept; the oldest go first. Graph loses some too.
const KEPT: usize = 10_000;

/// A notification of one subscription.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) subscription: String,
    pub(super) body: Value,
}

/// Whether a notification goes alone or waits for company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    Alone,
    Shared,
}

/// A request to a webhook.
#[derive(Clone, Debug)]
pub(super) struct Post {
    pub(super) url: String,
    pub(super) items: Vec<Item>,
    due: Instant,
    company: Company,
    tries: u32,
}

impl Post {
    pub(super) fn new(url: &str, item: Item, due: Instant, company: Company) -> Self {
        Self { url: url.to_owned(), items: vec![item], due, company, tries: 0 }
    }

    /// The body of the request.
    pub(super) fn body(&self) -> String {
        let items: Vec<&Value> = self.items.iter().map(|item| &item.body).collect();
        json!({ "value": items }).to_string()
    }

    /// The same, to be tried again; nothing when it was tried often enough.
    pub(super) fn again(mut self, now: Instant, pace: Pace) -> Option<Self> {
        self.tries += 1;
        self.due = now + pace.retry * 2_u32.pow(self.tries - 1);
        self.company = Company::Alone;
        (self.tries < TRIES).then_some(self)
    }
}

/// All that waits.
#[derive(Default)]
pub(super) struct Outbox(Vec<Post>);

impl Outbox {
    pub(super) fn put(&mut self, post: Post) {
        if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push(post);
    }

    /// Takes out what is due; a shared one takes all the others of its webhook along.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Post> {
        let (due, waiting) = std::mem::take(&mut self.0).into_iter().partition(|post| post.due <= now);
        self.0 = waiting;
        let mut posts: Vec<Post> = Vec::new();
        for post in due {
            let with = |other: &&mut Post| other.company == Company::Shared && other.url == post.url;
            match posts.iter_mut().find(with).filter(|_| post.company == Company::Shared) {
                Some(shared) => shared.items.extend(post.items),
                None => posts.push(post),
            }
        }
        posts.iter_mut().filter(|post| post.company == Company::Shared).for_each(|post| self.join(post));
        posts
    }

    /// Moves what waits for company at a webhook into a request to it.
    fn join(&mut self, post: &mut Post) {
        let joins = |other: &mut Post| other.company == Company::Shared && other.url == post.url;
        post.items.extend(self.0.extract_if(.., joins).flat_map(|other| other.items));
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().map(|post| post.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(url: &str, name: &str, due: Instant, company: Company) -> Post {
        Post::new(url, Item { subscription: name.to_owned(), body: Value::Null }, due, company)
    }

    fn names(posts: &[Post]) -> Vec<Vec<&str>> {
        posts.iter().map(|post| post.items.iter().map(|item| item.subscription.as_str()).collect()).collect()
    }

    #[test]
    fn shared_ones_leave_together_and_others_alone_when_due() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut outbox = Outbox::default();
        outbox.put(post("a", "1", now, Company::Shared));
        outbox.put(post("a", "2", now + second, Company::Shared));
        outbox.put(post("b", "3", now + second, Company::Shared));
        outbox.put(post("a", "4", now, Company::Alone));
        outbox.put(post("a", "5", now + second, Company::Alone));
        assert_eq!(names(&outbox.take_due(now)), [vec!["1", "2"], vec!["4"]]);
        assert_eq!(outbox.next(), Some(now + second));
        assert_eq!(names(&outbox.take_due(now + second)), [vec!["3"], vec!["5"]]);
        assert_eq!(outbox.next(), None);
    }

    #[test]
    fn a_failed_one_is_tried_again_ever_later_and_then_given_up() {
        let pace = Pace { after: Duration::ZERO, retry: Duration::from_secs(1) };
        let now = Instant::now();
        let mut waits = Vec::new();
        let mut next = Some(post("a", "1", now, Company::Alone));
        while let Some(again) = next.take().and_then(|post| post.again(now, pace)) {
            waits.push((again.due - now).as_secs());
            next = Some(again);
        }
        assert_eq!(waits, [1, 2, 4, 8]);
    }
}
