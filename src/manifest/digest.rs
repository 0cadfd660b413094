//! The digest of a configuration: the same for the same meaning, however it is written and spread over files. Holds names
//! of variables and files where secrets are, never a secret.

use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::config::{
    Bms, Config, Credential, DisabledAccounts, Drift, EmailSource, Guards, Guests, ItGlue, Limit, NameOrId, Policy,
    Reconnect, Rule, SecretRef, SignIn, Tenant, Unmatched,
};
use crate::model::Fields;

/// The digest of everything but the digest itself.
pub(super) fn digest(config: &Config) -> String {
    let Config { tenants, rules, employee_defaults, policy, bms, it_glue, digest: _ } = config;
    let mut canon = Canon(Sha256::new());
    canon.text("bmsync/v1");
    canon.list(tenants, Canon::tenant);
    canon.list(rules, Canon::rule);
    canon.fields(employee_defaults);
    canon.policy(policy);
    // Nothing where there is none, so that what was declared before keeps its digest.
    if let Some(it_glue) = it_glue {
        canon.it_glue(it_glue);
    }
    if let Some(bms) = bms {
        canon.bms(bms);
    }
    let mut out = "sha256:".to_owned();
    for byte in canon.0.finalize() {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Feeds a hash with framed parts, so that no two configurations feed it alike.
struct Canon(Sha256);

impl Canon {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn list<T>(&mut self, items: &[T], each: impl Fn(&mut Self, &T)) {
        self.number(items.len() as u64);
        for item in items {
            each(self, item);
        }
    }

    fn tenant(&mut self, tenant: &Tenant) {
        let Tenant {
            name,
            id,
            domain,
            application_id,
            credential,
            sign_in,
            login_root,
            graph_root,
            nested_groups,
            suspend,
        } = tenant;
        for text in [name, id.to_string().as_str(), domain, application_id, login_root, graph_root] {
            self.text(text);
        }
        self.credential(credential);
        self.text(match sign_in {
            SignIn::Delegated => "delegated",
            SignIn::Application => "application",
        });
        self.number(u64::from(*nested_groups));
        self.number(u64::from(*suspend));
    }

    fn credential(&mut self, credential: &Credential) {
        self.text(match credential {
            Credential::Key(_) => "key",
            Credential::Certificate(_) => "certificate",
            Credential::Federated(_) => "federated",
        });
        self.place(credential.place());
    }

    fn place(&mut self, place: &SecretRef) {
        match place {
            SecretRef::Env(name) => {
                self.text("env");
                self.text(name);
            }
            SecretRef::File(path) => {
                self.text("file");
                self.text(&path.to_string_lossy());
            }
        }
    }

    fn it_glue(&mut self, it_glue: &ItGlue) {
        let ItGlue { name, root, api_key, mode, organizations, inactive_type, requests } = it_glue;
        for text in ["ItGlue", name.as_str(), root.as_str(), mode.word()] {
            self.text(text);
        }
        self.place(api_key);
        self.number(organizations.len() as u64);
        for (account, chosen) in organizations {
            self.text(account);
            self.chosen(chosen);
        }
        self.number(u64::from(inactive_type.is_some()));
        if let Some(chosen) = inactive_type {
            self.chosen(chosen);
        }
        self.number(u64::from(*requests));
    }

    fn chosen(&mut self, chosen: &NameOrId) {
        match chosen {
            NameOrId::Name(name) => {
                self.text("name");
                self.text(name);
            }
            NameOrId::Id(id) => {
                self.text("id");
                self.number(*id);
            }
        }
    }

    fn rule(&mut self, rule: &Rule) {
        let Rule { name, tenant, group, order, kind, email, values, suspend } = rule;
        for text in [name.as_str(), &tenant.to_string(), &group.to_string(), kind.word()] {
            self.text(text);
        }
        self.number(*order);
        self.text(match email {
            EmailSource::Auto => "auto",
            EmailSource::UserPrincipalName => "userPrincipalName",
            EmailSource::Mail => "mail",
        });
        self.fields(values);
        self.number(u64::from(*suspend));
    }

    fn fields(&mut self, fields: &Fields) {
        self.number(fields.iter().count() as u64);
        for (field, value) in fields.iter() {
            self.text(field.word());
            self.text(value);
        }
    }

    fn policy(&mut self, policy: &Policy) {
        let Policy {
            drift,
            unmatched,
            disabled_accounts,
            guests,
            guards,
            poll_interval,
            full_sync_interval,
            reconnect: Reconnect { failures, after },
        } = policy;
        self.text(match drift {
            Drift::Preserve => "preserve",
            Drift::Enforce => "enforce",
        });
        self.text(match unmatched {
            Unmatched::Deactivate => "deactivate",
            Unmatched::Keep => "keep",
        });
        self.text(match disabled_accounts {
            DisabledAccounts::Ignore => "ignore",
            DisabledAccounts::Deactivate => "deactivate",
        });
        self.text(match guests {
            Guests::Include => "include",
            Guests::Exclude => "exclude",
        });
        self.guards(guards);
        for duration in [poll_interval, full_sync_interval, after] {
            self.duration(*duration);
        }
        self.number(u64::from(*failures));
    }

    /// Which BMS it is and which of its values are read; who signs in, how often and how fast changes no plan.
    fn bms(&mut self, bms: &Bms) {
        let Bms {
            name: _,
            root,
            company,
            username: _,
            password: _,
            totp: _,
            phone_type,
            email_type,
            calls_per_hour: _,
            full_read_interval: _,
        } = bms;
        for text in ["KaseyaBms", root, company] {
            self.text(text);
        }
        for kind in [phone_type, email_type] {
            self.list(kind.as_slice(), |canon, kind| canon.text(kind));
        }
    }

    fn guards(&mut self, guards: &Guards) {
        let Guards { max_deactivations, max_archives, max_creates } = guards;
        for limit in [max_deactivations, max_archives, max_creates] {
            match limit {
                None => self.text("none"),
                Some(Limit::Count(count)) => {
                    self.text("count");
                    self.number(*count);
                }
                Some(Limit::Percent(share)) => {
                    self.text("percent");
                    self.number(share.to_bits());
                }
            }
        }
    }

    fn duration(&mut self, duration: Duration) {
        self.number(duration.as_secs());
        self.number(u64::from(duration.subsec_nanos()));
    }
}
