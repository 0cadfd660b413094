//! A directory in memory that tells what it is asked, and notes when it was asked. Knows nothing of who asks.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bmsync::directory::{
    Attribute, Changes, Coverage, DeltaLinks, GroupPatch, News, Patch, Removal, Said, TenantDirectory, Told,
};
use bmsync::model::Id;
use bmsync::source::subscription::{Subscription, SubscriptionError, SubscriptionWish, Subscriptions};
use bmsync::source::{Progress, Source, SourceError, SourceErrorClass};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::stage::Watch;

/// The group of everybody.
pub const GROUP: &str = "45b7d2e7-b882-4a80-ba97-10b7a63b8fa4";

/// What is asked of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Everything.
    Everything,
    /// What changed.
    Changes,
    /// A new subscription.
    Subscribe,
    /// A longer life of one.
    Renew,
    /// A subscription's end.
    Unsubscribe,
}

/// One tenant's directory; clones are the same one.
#[derive(Clone)]
pub struct Fake {
    watch: Watch,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    asked: Vec<(SignedDuration, Asked)>,
    failing: Option<SourceErrorClass>,
    subscription_gone: bool,
    whole: TenantDirectory,
    news: Vec<Told>,
}

/// The object ID of the nth user.
pub fn user(number: usize) -> Id {
    Id::new(&format!("a1c00000-0000-4000-8000-{number:012}"))
}

impl Fake {
    /// One of so many users of a domain, all in the group.
    pub fn new(watch: &Watch, domain: &str, users: usize) -> Self {
        let mut whole = TenantDirectory::default();
        let group = GroupPatch { security_enabled: Patch::Set(true), ..GroupPatch::default() };
        whole.upsert_group(&Id::new(GROUP), group);
        for number in 1..=users {
            let mut said = Said::default();
            said.text(Attribute::UserPrincipalName, Some(format!("user{number}.{domain}@{domain}.com").into()));
            said.text(Attribute::GivenName, Some(format!("User {number}").into()));
            whole.upsert_user(user(number), said);
            whole.add_member(&Id::new(GROUP), &user(number));
        }
        let inner = Inner { whole, ..Inner::default() };
        Self { watch: watch.clone(), inner: Arc::new(Mutex::new(inner)) }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap())
    }

    fn note(&self, asked: Asked) {
        let at = self.watch.elapsed();
        self.with(|inner| inner.asked.push((at, asked)));
    }

    /// From now on it cannot be read, or can be again.
    pub fn fail(&self, how: Option<SourceErrorClass>) {
        self.with(|inner| inner.failing = how);
    }

    /// Loses its subscriptions: to renew one is in vain, once.
    pub fn lose_subscription(&self) {
        self.with(|inner| inner.subscription_gone = true);
    }

    /// Somebody leaves; it is told with the next look.
    pub fn remove(&self, number: usize) {
        self.with(|inner| inner.news.push(Told::UserGone(user(number), Removal::Soft)));
    }

    /// Somebody leaves, and the changes never tell of it.
    pub fn remove_silently(&self, number: usize) {
        self.with(|inner| inner.whole.remove_user(&user(number), Removal::Hard));
    }

    /// When it was asked for anything of these, in seconds since the start.
    pub fn asked(&self, what: &[Asked]) -> Vec<f64> {
        let of = |inner: &mut Inner| {
            let asked = inner.asked.iter().filter(|(_, asked)| what.contains(asked));
            asked.map(|(at, _)| at.as_secs_f64()).collect()
        };
        self.with(of)
    }

    /// When it was read.
    pub fn looks(&self) -> Vec<f64> {
        self.asked(&[Asked::Everything, Asked::Changes])
    }
}

/// The time between one and the next.
pub fn gaps(times: &[f64]) -> Vec<f64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[async_trait]
impl Source for Fake {
    async fn read(&self, since: Option<&DeltaLinks>, _progress: &dyn Progress) -> Result<News, SourceError> {
        self.note(if since.is_some() { Asked::Changes } else { Asked::Everything });
        let links = DeltaLinks { users: String::from("u"), groups: String::from("g") };
        let read_at = self.watch.now();
        self.with(|inner| {
            if let Some(class) = inner.failing {
                let message = String::from("the directory is not there");
                return Err(SourceError { class, message, hint: None, source: None });
            }
            let told = std::mem::take(&mut inner.news);
            let news = Changes { told, read_at, links: links.clone() };
            let whole = &mut inner.whole;
            whole.follow(news.clone());
            (whole.coverage, whole.read_at, whole.links) = (Coverage::Complete, Some(read_at), Some(links));
            Ok(if since.is_some() { News::Changes(news) } else { News::Everything(Box::new(whole.clone())) })
        })
    }
}

#[async_trait]
impl Subscriptions for Fake {
    async fn subscribe(&self, wish: &SubscriptionWish) -> Result<Subscription, SourceError> {
        self.note(Asked::Subscribe);
        let (watched, until) = (wish.watched, wish.until);
        Ok(Subscription { id: watched.word().to_owned(), watched, client_state: SecretString::from("secret"), until })
    }

    async fn renew(&self, _id: &str, until: Timestamp) -> Result<Timestamp, SubscriptionError> {
        self.note(Asked::Renew);
        let gone = self.with(|inner| std::mem::take(&mut inner.subscription_gone));
        if gone { Err(SubscriptionError::Gone) } else { Ok(until) }
    }

    async fn reauthorize(&self, _id: &str) -> Result<(), SubscriptionError> {
        Ok(())
    }

    async fn unsubscribe(&self, _id: &str) -> Result<(), SourceError> {
        self.note(Asked::Unsubscribe);
        Ok(())
    }
}
