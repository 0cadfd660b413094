//! The floors: a token, then the pages of users and groups, each downloaded, parsed into its fields and dropped.
//!
//! They ask what bmsync asks, over the same HTTP client with the same settings and on the same kind of runtime, and
//! keep nothing beyond the page. The strict one borrows its fields from the page: no program that reads these pages
//! with `serde_json` can do less. The other has fields of its own, as a client has after `response.json()`.

use std::borrow::Cow;
use std::hint::black_box;

use bmsync::simulator::GENERATED_TENANT;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, redirect};
use serde::Deserialize;

use super::owned;
use crate::Failure;

/// What a page is parsed into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// What borrows from the page.
    Borrowed,
    /// What a typed client holds.
    Owned,
}

const USERS: &str = "id,displayName,givenName,surname,userPrincipalName,mail,otherMails,proxyAddresses,identities,\
businessPhones,mobilePhone,faxNumber,jobTitle,department,companyName,officeLocation,employeeId,accountEnabled,userType,\
onPremisesSyncEnabled";
const GROUPS: &str = "id,displayName,createdDateTime,securityEnabled,members";

/// Downloads and parses everything that the service serves.
pub fn run(url: &str, fields: Fields) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let read = Reader::sign_in(url).await?.everything(url, fields).await?;
        if read.iter().any(|read| read.objects == 0) { Err("the service served nobody".into()) } else { Ok(()) }
    })
}

/// Somebody with a token, who reads pages.
pub struct Reader {
    client: Client,
    token: String,
}

/// What is left of pages that were read.
pub struct Read {
    /// How many objects they had.
    pub objects: usize,
    /// Where what is new since then can be asked for.
    pub onward: String,
}

impl Reader {
    /// Signs in.
    pub async fn sign_in(url: &str) -> Result<Self, Failure> {
        // The client wants one, even to speak in plain text; an error only says that it has one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder().user_agent("floor").redirect(redirect::Policy::none()).referer(false);
        let client = builder.no_proxy().http1_only().tls_certs_only([]).build()?;
        let token = token(&client, url).await?;
        Ok(Self { client, token })
    }

    /// All users, and all groups at the same time.
    pub async fn everything(&self, url: &str, fields: Fields) -> Result<[Read; 2], Failure> {
        let (person, group) = fields.parsers();
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        let users = self.pages(format!("{url}/v1.0/users/delta?$select={USERS}"), person, &mut users);
        let groups = self.pages(format!("{url}/v1.0/groups/delta?$select={GROUPS}"), group, &mut groups);
        let (users, groups) = tokio::try_join!(users, groups)?;
        Ok([users, groups])
    }

    /// Follows the pages to the last one. The buffer holds one after the other.
    pub async fn pages(&self, first: String, parse: Parse, buffer: &mut Vec<u8>) -> Result<Read, Failure> {
        let (mut next, mut objects) = (first, 0);
        loop {
            let request = self.client.get(next).header(AUTHORIZATION, &self.token).header(ACCEPT, "application/json");
            let mut answer = request.send().await?.error_for_status()?;
            buffer.clear();
            while let Some(chunk) = answer.chunk().await? {
                buffer.extend_from_slice(&chunk);
            }
            let (more, link) = parse(buffer)?;
            objects += more;
            match link {
                Link::Next(link) => next = link,
                Link::Delta(onward) => return Ok(Read { objects, onward }),
            }
        }
    }
}

impl Fields {
    /// How pages of users and pages of groups are parsed.
    pub fn parsers(self) -> (Parse, Parse) {
        match self {
            Self::Borrowed => (|page| parse::<Person>(page), |page| parse::<Group>(page)),
            Self::Owned => (|page| parse::<owned::Person>(page), |page| parse::<owned::Group>(page)),
        }
    }
}

async fn token(client: &Client, url: &str) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Token {
        access_token: String,
    }
    let form = format!(
        "grant_type=client_credentials&client_id=floor&client_secret=any-secret-is-accepted&scope={url}/.default"
    );
    let request = client.post(format!("{url}/{GENERATED_TENANT}/oauth2/v2.0/token"));
    let answer = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form).send().await?;
    let token: Token = serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?;
    Ok(format!("Bearer {}", token.access_token))
}

/// Where a page leads.
pub enum Link {
    /// To the next one.
    Next(String),
    /// To what will be new.
    Delta(String),
}

/// How a page is parsed: how many objects it has, and where it leads.
pub type Parse = fn(&[u8]) -> Result<(usize, Link), Failure>;

fn parse<'a, T: Deserialize<'a>>(page: &'a [u8]) -> Result<(usize, Link), Failure> {
    let Page { value, next, delta } = serde_json::from_slice::<Page<'a, T>>(page)?;
    let link = match (next, delta) {
        (Some(Text(next)), _) => Link::Next(next.into_owned()),
        (None, Some(Text(delta))) => Link::Delta(delta.into_owned()),
        (None, None) => return Err("a page leads nowhere".into()),
    };
    Ok((black_box(&value).len(), link))
}

#[derive(Deserialize)]
struct Page<'a, T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink", default, borrow)]
    next: Option<Text<'a>>,
    #[serde(rename = "@odata.deltaLink", default, borrow)]
    delta: Option<Text<'a>>,
}

/// Text that is borrowed from the page wherever it is written without escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "parsed and dropped: that is the floor")]
struct Person<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    display_name: Option<Text<'a>>,
    given_name: Option<Text<'a>>,
    surname: Option<Text<'a>>,
    user_principal_name: Option<Text<'a>>,
    mail: Option<Text<'a>>,
    other_mails: Option<Vec<Text<'a>>>,
    proxy_addresses: Option<Vec<Text<'a>>>,
    identities: Option<Vec<Identity<'a>>>,
    business_phones: Option<Vec<Text<'a>>>,
    mobile_phone: Option<Text<'a>>,
    fax_number: Option<Text<'a>>,
    job_title: Option<Text<'a>>,
    department: Option<Text<'a>>,
    company_name: Option<Text<'a>>,
    office_location: Option<Text<'a>>,
    employee_id: Option<Text<'a>>,
    account_enabled: Option<bool>,
    user_type: Option<Text<'a>>,
    on_premises_sync_enabled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "parsed and dropped: that is the floor")]
struct Identity<'a> {
    #[serde(borrow)]
    sign_in_type: Option<Text<'a>>,
    issuer: Option<Text<'a>>,
    issuer_assigned_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "parsed and dropped: that is the floor")]
struct Group<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    display_name: Option<Text<'a>>,
    created_date_time: Option<Text<'a>>,
    security_enabled: Option<bool>,
    #[serde(rename = "members@delta")]
    members: Option<Vec<Member<'a>>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed and dropped: that is the floor")]
struct Member<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(rename = "@odata.type")]
    kind: Option<Text<'a>>,
}
