//! What the server reads from files, and reads again while it runs: tokens and certificate. What cannot be used leaves the
//! last good ones in force, and is said once.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::Notify;

use super::auth::Access;
use super::tls::{Certificates, Reload};

/// Tokens and certificate as they are in force.
#[derive(Debug)]
pub struct Files {
    access: RwLock<Arc<Access>>,
    certificates: Option<Arc<Certificates>>,
    asked: Notify,
    /// What was last said of each, so that it is not said again at every look.
    said: Mutex<[Option<String>; 2]>,
}

/// What may be wrong.
#[derive(Clone, Copy, Debug)]
enum Subject {
    Tokens,
    Certificate,
}

impl Files {
    /// These are in force.
    pub fn new(access: Access, certificates: Option<Arc<Certificates>>) -> Self {
        Self { access: RwLock::new(Arc::new(access)), certificates, asked: Notify::new(), said: Mutex::default() }
    }

    /// Who may ask.
    pub fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The certificate's files.
    pub const fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.certificates.as_ref()
    }

    /// Asks for a look now.
    pub fn ask(&self) {
        self.asked.notify_one();
    }

    /// Resolves when somebody asks for a look.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Looks at the files. Blocks as long as the disk does.
    pub fn look(&self) {
        let known = self.access();
        match known.again() {
            Ok(found) if found.is_same(&known) => self.well(Subject::Tokens),
            Ok(found) => {
                *self.access.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
                self.well(Subject::Tokens);
                tracing::info!("the tokens were replaced");
            }
            Err(error) => self.complain(Subject::Tokens, &error),
        }
        match self.certificates.as_ref().map(|certificates| certificates.reload()) {
            None | Some(Ok(Reload::Unchanged)) => self.well(Subject::Certificate),
            Some(Ok(Reload::Replaced)) => {
                self.well(Subject::Certificate);
                tracing::info!("the server's certificate was replaced");
            }
            Some(Err(error)) => self.complain(Subject::Certificate, &error),
        }
    }

    fn well(&self, subject: Subject) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)[subject as usize] = None;
    }

    fn complain(&self, subject: Subject, error: &(dyn Error + 'static)) {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said[subject as usize].as_deref() == Some(&message) {
            return;
        }
        let error = crate::display::safe(&message);
        match subject {
            Subject::Tokens => tracing::warn!(%error, "the new tokens are not used; those before stay"),
            Subject::Certificate => {
                tracing::warn!(%error, "the server's new certificate is not used; the one before stays");
            }
        }
        said[subject as usize] = Some(message);
    }
}
