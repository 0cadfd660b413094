//! The attempts that are under way in a process: bounded, each for a limited time, each used up by its first redirect.
//! Whoever began one follows it by an ID that nobody can guess.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;
use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

use super::super::error::person;
use super::super::random;
use super::attempt::LIFE;
use super::{Attempt, Consent, Device, Reception, Redirect, Reply, Step, Welcome};
use crate::model::Id;
use crate::source::{SourceError, SourceErrorClass};

/// So many are known at a time, of which nobody waits for those that came to an end.
const MOST: usize = 64;

/// The attempts of a process. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Attempts(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<Vec<Known>>,
    moved: Notify,
}

#[derive(Debug)]
struct Known {
    id: String,
    reception: Arc<Reception>,
    /// Not there while a redirect of it is followed, or once one was.
    attempt: Option<Attempt>,
    progress: Progress,
    until: Instant,
}

/// An attempt that was begun.
#[derive(Clone, Debug)]
pub struct Started {
    /// By which it is followed.
    pub id: String,
    /// Where the browser goes; nothing where a code is typed.
    pub url: Option<Url>,
}

/// How far an attempt is.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A person is at it.
    Waiting,
    /// It came to an end.
    Ended(Outcome),
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Somebody was let in.
    Welcome(Welcome),
    /// Nobody was.
    Failed {
        /// Why.
        message: String,
        /// The next step for a person.
        hint: Option<String>,
    },
}

impl Attempts {
    /// Begins an attempt whose browser comes back to `redirect`.
    ///
    /// # Errors
    /// When too many are under way.
    pub fn begin(&self, reception: Reception, redirect: &Url, consent: Consent) -> Result<Started, SourceError> {
        let attempt = reception.begin(redirect, consent)?;
        let url = attempt.url().clone();
        let id = self.add(reception, Some(attempt))?;
        Ok(Started { id, url: Some(url) })
    }

    /// Waits in the background until a person has typed the code.
    ///
    /// # Errors
    /// When too many are under way.
    pub fn begin_device(
        &self,
        reception: Reception,
        device: Device,
        then: impl FnOnce(&Id) + Send + 'static,
    ) -> Result<Started, SourceError> {
        let id = self.add(reception.clone(), None)?;
        let (attempts, known) = (self.clone(), id.clone());
        tokio::spawn(async move {
            let outcome = match reception.wait(&device).await {
                Ok(arrival) => reception.admit(arrival).await,
                Err(error) => Err(error),
            };
            if outcome.is_ok() {
                then(&reception.tenant().id);
            }
            attempts.end(&known, &outcome);
        });
        Ok(Started { id, url: None })
    }

    fn add(&self, reception: Reception, attempt: Option<Attempt>) -> Result<String, SourceError> {
        let id = random::secret()?.expose_secret().to_owned();
        let mut known = self.known();
        known.retain(|one| Instant::now() < one.until);
        if known.len() >= MOST {
            known.retain(|one| matches!(one.progress, Progress::Waiting));
        }
        if known.len() >= MOST {
            let next = "wait until some have ended; each does within 10 minutes";
            let error = person(format!("{MOST} sign-ins are under way already"), next);
            return Err(SourceError { class: SourceErrorClass::Transient, ..error });
        }
        // It is known a little longer than it may be used, so that whoever began it hears of its end.
        let until = Instant::now() + 2 * LIFE;
        let reception = Arc::new(reception);
        known.push(Known { id: id.clone(), reception, attempt, progress: Progress::Waiting, until });
        Ok(id)
    }

    /// Takes what a browser brought back; says of which tenant somebody was let in.
    pub async fn receive(&self, query: &str) -> (Reply, Option<Id>) {
        let taken = Redirect::parse(query).and_then(|redirect| Some((self.take(&redirect)?, redirect)));
        let Some(((id, reception, attempt), redirect)) = taken else {
            return (Reply::unknown(), None);
        };
        match reception.follow(attempt, redirect).await {
            Ok(Step::Onward(next)) => {
                let url = next.url().clone();
                self.put_back(&id, next);
                (Reply::Onward(url), None)
            }
            Ok(Step::Arrived(arrival)) => {
                let outcome = reception.admit(arrival).await;
                self.end(&id, &outcome);
                match outcome {
                    Ok(welcome) => (Reply::welcome(&welcome), Some(welcome.tenant_id)),
                    Err(error) => (Reply::refusal(&error), None),
                }
            }
            Err(error) => {
                let reply = Reply::refusal(&error);
                self.end(&id, &Err(error));
                (reply, None)
            }
        }
    }

    /// The attempt of a redirect, which is used up by that. All are compared, so that time tells nothing.
    fn take(&self, redirect: &Redirect) -> Option<(String, Arc<Reception>, Attempt)> {
        let mut known = self.known();
        let takes = |one: &Known| one.attempt.as_ref().is_some_and(|attempt| attempt.takes(redirect));
        let found = known.iter().enumerate().filter(|(_, one)| takes(one)).map(|(place, _)| place).next_back()?;
        let one = &mut known[found];
        Some((one.id.clone(), Arc::clone(&one.reception), one.attempt.take()?))
    }

    fn put_back(&self, id: &str, attempt: Attempt) {
        if let Some(one) = self.known().iter_mut().find(|one| one.id == id) {
            one.attempt = Some(attempt);
        }
    }

    fn end(&self, id: &str, outcome: &Result<Welcome, SourceError>) {
        let outcome = match outcome {
            Ok(welcome) => Outcome::Welcome(welcome.clone()),
            Err(error) => Outcome::Failed { message: error.message.clone(), hint: error.hint.clone() },
        };
        if let Some(one) = self.known().iter_mut().find(|one| one.id == id) {
            one.progress = Progress::Ended(outcome);
        }
        self.0.moved.notify_waiters();
    }

    /// How far an attempt is; nothing when there is none of that ID.
    #[must_use]
    pub fn progress(&self, id: &str) -> Option<Progress> {
        let known = self.known();
        let same = |one: &&Known| bool::from(one.id.as_bytes().ct_eq(id.as_bytes()));
        let one = known.iter().rfind(same)?;
        let lapsed = one.attempt.as_ref().is_some_and(Attempt::is_over);
        Some(if lapsed { Progress::Ended(too_late(&one.reception)) } else { one.progress.clone() })
    }

    /// Waits for what comes of an attempt; nothing when there is none of that ID.
    pub async fn ended(&self, id: &str) -> Option<Outcome> {
        loop {
            let moved = self.0.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            match self.progress(id)? {
                Progress::Ended(outcome) => return Some(outcome),
                Progress::Waiting => {
                    // Nobody tells that the time is up.
                    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), moved).await;
                }
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_late(reception: &Reception) -> Outcome {
    Outcome::Failed {
        message: "nobody came back from the login service within 10 minutes".to_owned(),
        hint: Some(format!("run `bmsync connect {}` again", reception.tenant().name)),
    }
}
