//! What the login service's refusals mean: each known AADSTS number with what happened, whose job it is and the next
//! step. A table, and the page of the reference that is made of it; it knows nothing of requests.

use std::fmt::Write as _;

use crate::source::Job;

/// Whose job it is, and whether asking again helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mend {
    /// Whoever runs bmsync must change something.
    Operator,
    /// An administrator of the tenant must.
    TenantAdmin,
    /// The person who signed in must sign in again, or mend the account.
    User,
    /// It passes; asking again at once makes it worse.
    Later,
    /// It passes; the same request may do in a moment.
    Again,
}

impl Mend {
    const fn job(self) -> Job {
        match self {
            Self::Operator => Job::Operator,
            Self::TenantAdmin => Job::TenantAdmin,
            Self::User => Job::User,
            Self::Later | Self::Again => Job::Wait,
        }
    }
}

/// One row: a refusal that is known.
#[derive(Debug)]
pub(super) struct Refusal {
    codes: &'static [u32],
    /// Whose job it is.
    pub mend: Mend,
    /// What happened: a lower-case fragment; may name `{tenant}`, `{domain}`, `{application}`, `{key}` and `{consent}`.
    pub what: &'static str,
    /// The next step for a person; may name the same.
    pub next: &'static str,
}

/// Refusals of a proof that may just have been replaced: worth another look at where it is found.
pub(super) const REPLACEABLE: [u32; 4] = [7_000_215, 7_000_222, 700_027, 700_024];

/// The row of the first number that is known.
pub(super) fn find(codes: &[u32]) -> Option<(u32, &'static Refusal)> {
    codes.iter().find_map(|code| Some((*code, TABLE.iter().find(|row| row.codes.contains(code))?)))
}

/// The page of the reference.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Sign-in errors\n\n<!-- Made by `bmsync reference sign-in > docs/reference/sign-in.md` from the table in \
         src/source/graph/aadsts.rs; a test compares. -->\n\nWhat the login service refuses with, whose job it is to end \
         it, and what to do. The names in brackets are put in from the\nmanifest. `bmsync get tenants --server URL` and \
         `bmsync doctor` say the same of a tenant. A refusal that waits for a person is not\nasked about again and again: \
         bmsync waits longer each time, and looks at once when the secret, the manifest or the sign-in changes.\n\n\
         | AADSTS | what happened | whose job | next step |\n|---|---|---|---|\n",
    );
    for Refusal { codes, mend, what, next } in TABLE {
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        let shown = |text: &str| text.replace('{', "‹").replace('}', "›").replace('|', "\\|");
        let _ = writeln!(page, "| {} | {} | {} | {} |", codes.join(", "), shown(what), mend.job().text(), shown(next));
    }
    page
}

const fn row(codes: &'static [u32], mend: Mend, what: &'static str, next: &'static str) -> Refusal {
    Refusal { codes, mend, what, next }
}

const NEW_SECRET: &str = "in Entra > App registrations > {application} > Certificates & secrets make a new client secret \
     and put its Value (not its Secret ID) into {key}";
const CONSENT: &str = "let an administrator of {domain} open {consent} and accept: each tenant consents by itself, also \
     where one registration serves several";
const SIGN_IN: &str = "sign in again: `bmsync connect {tenant}`";
const ACCOUNT: &str = "let an administrator of {domain} look at the account in Entra > Users, or sign in with another one: \
     `bmsync connect {tenant}`";
const CONDITIONAL_ACCESS: &str = "let an administrator of {domain} look at Entra > Sign-in logs for the policy, and leave \
     the account, this application or this machine's address out of it; then `bmsync connect {tenant}`";
const CLOUD: &str = "let the tenant's `cloud` be the one it lives in: global, usGov, usGovDod or china";
const SCOPE: &str = "check the tenant's `cloud` or `endpoints.graph`: the permission that is asked for is made from it";
const TRUST: &str = "under Entra > App registrations > {application} > Certificates & secrets > Federated credentials let \
     issuer, subject and audience be those of the token in {key}";

use Mend::{Again, Later, Operator, TenantAdmin, User};

static TABLE: &[Refusal] = &[
    row(&[7_000_215], Operator, "the application key is wrong", NEW_SECRET),
    row(&[7_000_222], Operator, "the application key has expired", NEW_SECRET),
    row(
        &[7_000_216, 7_000_218],
        Operator,
        "the login service got no proof of the application that it takes",
        "put the Value of a client secret into {key}, and let the application be a confidential client (Entra > App \
         registrations > {application} > Authentication > Allow public client flows: No)",
    ),
    row(
        &[700_027],
        Operator,
        "the signature made with the certificate is not accepted",
        "upload the certificate in {key} under Entra > App registrations > {application} > Certificates & secrets, and \
         check this machine's clock",
    ),
    row(
        &[700_024],
        Operator,
        "the assertion of the application is too old or not good yet",
        "check this machine's clock (`bmsync doctor {tenant}`); a federated token must be renewed in {key}",
    ),
    row(
        &[70_021, 700_211, 700_212, 700_213],
        Operator,
        "application {application} does not trust the issuer, the subject or the audience of the federated token",
        TRUST,
    ),
    row(
        &[700_016],
        TenantAdmin,
        "tenant {domain} does not know application {application}",
        "check applicationId and domain; if they are right, the tenant has not consented yet: let an administrator of \
         {domain} open {consent} and accept",
    ),
    row(
        &[7_000_112],
        TenantAdmin,
        "application {application} is disabled in tenant {domain}",
        "let an administrator of {domain} set Entra > Enterprise applications > the application > Properties > Enabled \
         for users to sign-in to Yes",
    ),
    row(&[7_000_229], TenantAdmin, "application {application} has no service principal in tenant {domain}", CONSENT),
    row(&[65_001], TenantAdmin, "nobody has consented to application {application} in tenant {domain}", CONSENT),
    row(&[65_004], TenantAdmin, "consent to application {application} was declined", CONSENT),
    row(
        &[90_094, 90_095],
        TenantAdmin,
        "an administrator of {domain} must consent to application {application}",
        CONSENT,
    ),
    row(
        &[90_099],
        TenantAdmin,
        "the partner has not consented to application {application} for tenant {domain}",
        "grant the application its consent as a partner (CSP) for this customer, or let an administrator of {domain} open \
         {consent} and accept",
    ),
    row(&[50_076, 50_079, 50_074, 50_072], User, "tenant {domain} wants multi-factor authentication", SIGN_IN),
    row(
        &[53_000, 53_001, 53_002, 53_003, 53_004, 50_131, 530_032],
        TenantAdmin,
        "a Conditional Access policy of tenant {domain} blocks the sign-in",
        CONDITIONAL_ACCESS,
    ),
    row(&[50_057], TenantAdmin, "the account that signed in is disabled", ACCOUNT),
    row(&[50_055], User, "the password of the account that signed in has expired", SIGN_IN),
    row(&[50_126], User, "the user name or password of the account that signs in is wrong", SIGN_IN),
    row(&[50_053], TenantAdmin, "the account that signs in is locked", ACCOUNT),
    row(&[50_034], User, "tenant {domain} does not know the account that signs in", ACCOUNT),
    row(
        &[70_008, 700_082, 50_173, 50_133, 700_084, 70_043],
        User,
        "the sign-in of the person has expired or was revoked",
        SIGN_IN,
    ),
    row(&[54_005], User, "the code of this sign-in was used before", SIGN_IN),
    row(
        &[501_481, 50_147, 501_491],
        User,
        "the code of this sign-in was not made for this request",
        "sign in again: `bmsync connect {tenant}`; do not open an address of another sign-in",
    ),
    row(
        &[90_002],
        Operator,
        "there is no tenant {domain}",
        "check domain for typing errors (`bmsync tenant-id {domain}`), and cloud: a tenant of another cloud is not found \
         either",
    ),
    row(&[500_011], Operator, "tenant {domain} does not know Microsoft Graph under this address", SCOPE),
    row(&[70_011, 700_022, 700_023, 28_002], Operator, "the permission that bmsync asks for is not accepted", SCOPE),
    row(
        &[50_194, 9_001_023],
        Operator,
        "this way of signing in needs the tenant's own login address",
        "let domain be the tenant's domain name or ID, not common, organizations or consumers",
    ),
    row(&[90_038, 900_432, 900_382], Operator, "tenant {domain} lives in another cloud", CLOUD),
    row(
        &[50_196],
        Later,
        "the login service finds that application {application} signs in too often",
        "wait some minutes; if another program uses the same application, stop it or give bmsync an application of its own",
    ),
    row(
        &[90_033, 90_006, 90_024, 50_033, 90_055],
        Again,
        "the login service is busy or out of order",
        "try again later; https://status.cloud.microsoft tells of outages",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number that the login service is known to refuse with, and whose job it then is.
    const KNOWN: &[(&str, &[Job])] = &[
        ("7000215 7000222 7000216 7000218 700027 700024 70021 700211 700212 700213", &[Job::Operator]),
        ("700016 7000112 7000229 65001 65004 90094 90095 90099", &[Job::TenantAdmin]),
        ("50076 50079 50074 50072", &[Job::User]),
        ("53000 53001 53002 53003 53004 50131 530032", &[Job::TenantAdmin]),
        ("50057 50055 50126 50053 50034", &[Job::User, Job::TenantAdmin]),
        ("70008 700082 50173 50133 700084 70043 54005 501481 50147 501491", &[Job::User]),
        ("90002 500011 70011 700022 700023 28002 50194 9001023 90038 900432 900382", &[Job::Operator]),
        ("50196 90033 90006 90024 50033 90055", &[Job::Wait]),
    ];

    #[test]
    fn every_known_number_has_exactly_one_row_with_a_job_and_a_next_step() {
        let mut count = 0;
        for (codes, jobs) in KNOWN {
            for code in codes.split_whitespace().map(|code| code.parse().unwrap()) {
                let rows: Vec<_> = TABLE.iter().filter(|row| row.codes.contains(&code)).collect();
                assert_eq!(rows.len(), 1, "{code}");
                assert!(rows[0].what.len() > 10 && rows[0].next.len() > 20, "{code}");
                assert!(jobs.contains(&rows[0].mend.job()), "{code}");
                assert_eq!(find(&[1, code]).unwrap().0, code);
                count += 1;
            }
        }
        assert_eq!(TABLE.iter().map(|row| row.codes.len()).sum::<usize>(), count);
        assert!(find(&[4711]).is_none());
    }

    #[test]
    fn no_placeholder_is_left_open() {
        let tenant = ["{tenant}", "{domain}", "{application}", "{key}", "{consent}"];
        for row in TABLE {
            let text = tenant.iter().fold(format!("{} {}", row.what, row.next), |text, name| text.replace(name, ""));
            assert!(!text.contains(['{', '}']), "{text}");
        }
    }
}
