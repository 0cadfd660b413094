//! Tokens: what they say, how long they live, and the reply that carries them. Decides nothing about who gets one.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::simulator::faults::Fault;
use crate::simulator::object::random_guid;
use crate::simulator::registration::{USUAL_APPLICATION, or_usual};
use crate::simulator::reply::{Call, Reply};
use crate::simulator::state::{Grant, State};
use crate::simulator::stats::Class;

use super::client::{Admission, Proof};
use super::memory::{Approval, Life, Refresh};
use super::signing::pairwise;

/// What is granted.
pub(super) enum Issue {
    /// To an application as itself.
    Itself { tenant: usize, client_id: String, proof: Proof },
    /// To an application in somebody's name, with these permissions of Graph.
    Person { approval: Approval, permissions: Vec<String>, proof: Proof, renewal: Renewal },
}

/// Whether a refresh token comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    /// If the person was asked for `offline_access`.
    New,
    None,
}

impl State {
    pub(super) fn issued(&mut self, issue: &Issue, call: &Call) -> Reply {
        let body = match issue {
            Issue::Itself { tenant, client_id, proof } => self.for_itself(*tenant, client_id, *proof, call),
            Issue::Person { approval, permissions, proof, renewal } => {
                self.for_person(approval, permissions, *proof, *renewal, call)
            }
        };
        Reply::json(200, &body).with("pragma", "no-cache")
    }

    fn for_itself(&mut self, tenant: usize, client_id: &str, proof: Proof, call: &Call) -> Value {
        let lifetime = self.token_lifetime.as_secs();
        let roles = match self.standing(tenant, client_id) {
            Admission::LetIn(application) => application.roles.clone(),
            Admission::Anyone | Admission::NotLetIn => None,
        };
        let tid = self.shown_tenant(tenant, call);
        let object = guid_of(&[&tid, client_id]);
        let mut claims = self.claims(&tid, client_id, proof, call);
        claims["oid"] = json!(object);
        claims["sub"] = json!(object);
        claims["idtyp"] = json!("app");
        let named = or_usual(roles.as_deref(), USUAL_APPLICATION);
        if !named.is_empty() {
            claims["roles"] = json!(named);
        }
        let token = self.access_token(&claims, call);
        self.remember(
            &token,
            Grant { tenant, application: client_id.to_owned(), user: None, permissions: roles, expires: self.until() },
        );
        json!({ "token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token })
    }

    fn for_person(
        &mut self,
        approval: &Approval,
        permissions: &[String],
        proof: Proof,
        renewal: Renewal,
        call: &Call,
    ) -> Value {
        let lifetime = self.token_lifetime.as_secs();
        let Approval { person, client_id, scopes, nonce: _ } = approval;
        let tid = self.shown_tenant(person.tenant, call);
        let who = self.who(approval);
        let mut claims = self.claims(&tid, client_id, proof, call);
        claims["oid"] = who["oid"].clone();
        claims["sub"] = json!(pairwise(&["graph", who["oid"].as_str().unwrap_or_default()]));
        claims["unique_name"] = who["preferred_username"].clone();
        claims["idtyp"] = json!("user");
        claims["scp"] = json!(permissions.join(" "));
        let token = self.access_token(&claims, call);
        let grant = Grant {
            tenant: person.tenant,
            application: client_id.clone(),
            user: Some(person.user),
            permissions: Some(permissions.to_vec()),
            expires: self.until(),
        };
        self.remember(&token, grant);
        let shown = permissions.iter().chain(scopes.openid.iter().filter(|word| *word != "offline_access"));
        let shown: Vec<&str> = shown.map(String::as_str).collect();
        let mut body = json!({
            "token_type": "Bearer", "scope": shown.join(" "), "expires_in": lifetime, "ext_expires_in": lifetime,
            "access_token": token,
        });
        if renewal == Renewal::New && scopes.has("offline_access") {
            body["refresh_token"] = json!(self.new_refresh(approval));
        }
        if scopes.has("openid") {
            body["id_token"] = json!(self.id_token(approval, &tid, who, call));
        }
        body
    }

    /// Signed claims, unless the switch gives a token that only the service can read.
    fn access_token(&mut self, claims: &Value, call: &Call) -> String {
        match self.strikes(Fault::OpaqueToken, Class::Token, call) {
            Some(_) => self.secret_text(),
            None => self.login.key.sign(claims),
        }
    }

    fn new_refresh(&mut self, approval: &Approval) -> String {
        let text = format!("1.{}", self.secret_text());
        let refresh = Refresh { approval: approval.clone(), issued: self.login.now(), life: Life::Good };
        self.login.remember_refresh(text.clone(), refresh);
        text
    }

    fn id_token(&mut self, approval: &Approval, tid: &str, who: Value, call: &Call) -> String {
        let now = Timestamp::now().as_second();
        let mut claims = json!({
            "aud": approval.client_id, "iss": format!("{}/{tid}/v2.0", call.origin), "iat": now, "nbf": now,
            "exp": now + 3600, "rh": format!("1.{}", pairwise(&[tid])), "tid": tid, "ver": "2.0",
            "uti": pairwise(&[&random_guid(&mut self.secrets)]),
            "sub": pairwise(&[&approval.client_id, who["oid"].as_str().unwrap_or_default()]),
        });
        let nonce = match (&approval.nonce, self.strikes(Fault::WrongNonce, Class::Token, call)) {
            (Some(_), Some(_)) => Some("another-nonce".to_owned()),
            (nonce, None) => nonce.clone(),
            (None, Some(_)) => None,
        };
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        for (fault, claim, lie) in [
            (Fault::WrongAudience, "aud", json!("0f0f0f0f-0000-4000-8000-00000000000f")),
            (Fault::WrongIssuer, "iss", json!(format!("https://login.example/{tid}/v2.0"))),
            (Fault::ExpiredIdToken, "exp", json!(now - 3600)),
        ] {
            if self.strikes(fault, Class::Token, call).is_some() {
                claims[claim] = lie;
            }
        }
        if let (Value::Object(claims), Value::Object(who)) = (&mut claims, who) {
            claims.extend(who.into_iter().filter(|(_, value)| !value.is_null()));
        }
        self.login.key.sign(&claims)
    }

    /// What an ID token says of a person.
    fn who(&self, approval: &Approval) -> Value {
        let Some(user) = self.user_of(approval.person) else { return json!({}) };
        let mut who = json!({
            "oid": user.id.to_string(),
            "name": user.attributes.text("displayName"),
            "preferred_username": user.attributes.text("userPrincipalName"),
        });
        if approval.scopes.has("email") {
            who["email"] = json!(user.attributes.text("mail"));
        }
        who
    }

    /// What every access token of version 1.0 says, as Graph's are.
    fn claims(&mut self, tid: &str, client_id: &str, proof: Proof, call: &Call) -> Value {
        let now = Timestamp::now().as_second();
        let appidacr = match proof {
            Proof::Nothing => "0",
            Proof::Secret => "1",
            Proof::Assertion => "2",
        };
        json!({
            "aud": call.origin, "iss": format!("{}/{tid}/", call.origin), "iat": now, "nbf": now,
            "exp": now + i64::try_from(self.token_lifetime.as_secs()).unwrap_or(0), "appid": client_id,
            "appidacr": appidacr, "tid": tid, "uti": pairwise(&[&random_guid(&mut self.secrets)]), "ver": "1.0",
        })
    }

    /// The tenant that tokens name: the right one, unless the switch gives another.
    fn shown_tenant(&mut self, tenant: usize, call: &Call) -> String {
        if self.strikes(Fault::ForeignTenant, Class::Token, call).is_some() {
            return random_guid(&mut self.secrets);
        }
        self.world.tenants[tenant].id.clone()
    }

    fn until(&self) -> Timestamp {
        let lifetime = SignedDuration::try_from(self.token_lifetime).unwrap_or(SignedDuration::MAX);
        self.login.now().saturating_add(lifetime).unwrap_or(Timestamp::MAX)
    }

    /// Random text that nobody can guess.
    pub(super) fn secret_text(&mut self) -> String {
        format!("{:032x}{:032x}", self.secrets.u128(..), self.secrets.u128(..))
    }
}

/// A GUID that is always the same for the same parts.
fn guid_of(parts: &[&str]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, parts.join("\u{0}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    crate::simulator::object::ObjectId::Guid(u128::from_be_bytes(bytes)).to_string()
}
