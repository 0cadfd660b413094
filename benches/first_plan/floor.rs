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

use crate::{Failure, owned};

/// What a page is parsed into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
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
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(read(url, fields))
}

async fn read(url: &str, fields: Fields) -> Result<(), Failure> {
    // The client wants one, even to speak in plain text; an error only says that it has one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().user_agent("floor").redirect(redirect::Policy::none()).referer(false);
    let client = builder.no_proxy().http1_only().tls_certs_only([]).build()?;
    let token = token(&client, url).await?;
    let person: Parse = match fields {
        Fields::Borrowed => |page| parse::<Person>(page),
        Fields::Owned => |page| parse::<owned::Person>(page),
    };
    let group: Parse = match fields {
        Fields::Borrowed => |page| parse::<Group>(page),
        Fields::Owned => |page| parse::<owned::Group>(page),
    };
    let users = pages(&client, &token, format!("{url}/v1.0/users/delta?$select={USERS}"), person);
    let groups = pages(&client, &token, format!("{url}/v1.0/groups/delta?$select={GROUPS}"), group);
    let (users, groups) = tokio::try_join!(users, groups)?;
    if users == 0 || groups == 0 { Err("the service served nobody".into()) } else { Ok(()) }
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

/// What is needed of a parsed page: how many objects it had, and the next one's address.
type Parsed = (usize, Option<String>);

/// How a page is parsed.
type Parse = fn(&[u8]) -> Result<Parsed, Failure>;

/// Follows the pages to the last one; how many objects they had.
async fn pages(client: &Client, token: &str, first: String, parse: Parse) -> Result<usize, Failure> {
    let (mut buffer, mut next, mut objects) = (Vec::new(), Some(first), 0);
    while let Some(link) = next {
        let request = client.get(link).header(AUTHORIZATION, token).header(ACCEPT, "application/json");
        let mut answer = request.send().await?.error_for_status()?;
        buffer.clear();
        while let Some(chunk) = answer.chunk().await? {
            buffer.extend_from_slice(&chunk);
        }
        let (more, onward) = parse(&buffer)?;
        objects += more;
        next = onward;
    }
    Ok(objects)
}

fn parse<'a, T: Deserialize<'a>>(page: &'a [u8]) -> Result<Parsed, Failure> {
    let page: Page<'a, T> = serde_json::from_slice(page)?;
    Ok((black_box(&page.value).len(), page.next.map(|Text(link)| link.into_owned())))
}

#[derive(Deserialize)]
struct Page<'a, T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink", default, borrow)]
    next: Option<Text<'a>>,
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
