//! Users and groups as an ordinary typed client holds them: every attribute in memory of its own.

use serde::Deserialize;

/// A user.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "parsed and dropped: that is the floor")]
pub struct Person {
    id: String,
    display_name: Option<String>,
    given_name: Option<String>,
    surname: Option<String>,
    user_principal_name: Option<String>,
    mail: Option<String>,
    other_mails: Option<Vec<String>>,
    proxy_addresses: Option<Vec<String>>,
    identities: Option<Vec<Identity>>,
    business_phones: Option<Vec<String>>,
    mobile_phone: Option<String>,
    fax_number: Option<String>,
    job_title: Option<String>,
    department: Option<String>,
    company_name: Option<String>,
    office_location: Option<String>,
    employee_id: Option<String>,
    account_enabled: Option<bool>,
    user_type: Option<String>,
    on_premises_sync_enabled: Option<bool>,
}

/// A way of signing in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "parsed and dropped: that is the floor")]
struct Identity {
    sign_in_type: Option<String>,
    issuer: Option<String>,
    issuer_assigned_id: Option<String>,
}

/// A group.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "parsed and dropped: that is the floor")]
pub struct Group {
    id: String,
    display_name: Option<String>,
    created_date_time: Option<String>,
    security_enabled: Option<bool>,
    #[serde(rename = "members@delta")]
    members: Option<Vec<Member>>,
}

/// A member.
#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed and dropped: that is the floor")]
struct Member {
    id: String,
    #[serde(rename = "@odata.type")]
    kind: Option<String>,
}
