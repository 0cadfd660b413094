//! What the login service's refusals mean: each known AADSTS number with what happened, whose move it is and the next
//! step. A table; it knows nothing of requests.

/// Whose move it is, and whether asking again helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mend {
    /// A person must change something.
    Person,
    /// It passes; asking again at once makes it worse.
    Later,
    /// It passes; the same request may do in a moment.
    Again,
}

/// One row: a refusal that is known.
#[derive(Debug)]
pub(super) struct Refusal {
    codes: &'static [u32],
    /// Whose move it is.
    pub mend: Mend,
    /// What happened: a lower-case fragment; may name `{domain}`, `{application}` and `{key}`.
    pub what: &'static str,
    /// The next step for a person; may name the same.
    pub next: &'static str,
}

/// The row of the first number that is known.
pub(super) fn find(codes: &[u32]) -> Option<(u32, &'static Refusal)> {
    codes.iter().find_map(|code| Some((*code, TABLE.iter().find(|row| row.codes.contains(code))?)))
}

const fn row(codes: &'static [u32], mend: Mend, what: &'static str, next: &'static str) -> Refusal {
    Refusal { codes, mend, what, next }
}

const NEW_SECRET: &str = "in Entra > App registrations > {application} > Certificates & secrets make a new client secret \
     and put its Value (not its Secret ID) into {key}";
const CONSENT: &str = "let an administrator of {domain} open Entra > Enterprise applications > the application > \
     Permissions and grant admin consent for User.Read.All and GroupMember.Read.All";
const APPLICATION_SIGN_IN: &str = "let the tenant say `signIn: application`, which needs no person's account, and grant \
     the application permissions User.Read.All and GroupMember.Read.All";
const CONDITIONAL_ACCESS: &str = "let an administrator of {domain} look at Entra > Sign-in logs > Service principal \
     sign-ins for the policy, and leave this application or this machine's address out of it";
const CLOUD: &str = "let the tenant's `cloud` be the one it lives in: global, usGov, usGovDod or china";
const SCOPE: &str = "check the tenant's `cloud` or `endpoints.graph`: the permission that is asked for is made from it";

use Mend::{Again, Later, Person};

static TABLE: &[Refusal] = &[
    row(&[7_000_215], Person, "the application key is wrong", NEW_SECRET),
    row(&[7_000_222], Person, "the application key has expired", NEW_SECRET),
    row(
        &[7_000_216, 7_000_218],
        Person,
        "the login service got no application key that it takes",
        "put the Value of a client secret into {key}, and let the application be a confidential client (Entra > App \
         registrations > {application} > Authentication > Allow public client flows: No)",
    ),
    row(
        &[700_027],
        Person,
        "the signature made with the certificate is not accepted",
        "upload the certificate that belongs to the private key under Entra > App registrations > {application} > \
         Certificates & secrets, and check this machine's clock",
    ),
    row(
        &[700_016],
        Person,
        "tenant {domain} does not know application {application}",
        "check applicationId and domain; an application of another tenant needs the consent of an administrator of {domain}",
    ),
    row(
        &[7_000_112],
        Person,
        "application {application} is disabled in tenant {domain}",
        "let an administrator of {domain} set Entra > Enterprise applications > the application > Properties > Enabled \
         for users to sign-in to Yes",
    ),
    row(&[7_000_229], Person, "application {application} has no service principal in tenant {domain}", CONSENT),
    row(&[65_001], Person, "nobody has consented to application {application} in tenant {domain}", CONSENT),
    row(&[65_004], Person, "consent to application {application} was declined", CONSENT),
    row(&[90_094, 90_095], Person, "an administrator of {domain} must consent to application {application}", CONSENT),
    row(
        &[90_099],
        Person,
        "the partner has not consented to application {application} for tenant {domain}",
        "grant the application its consent as a partner (CSP) for this customer, or let an administrator of {domain} consent",
    ),
    row(
        &[50_076, 50_079, 50_074, 50_072],
        Person,
        "tenant {domain} wants multi-factor authentication",
        APPLICATION_SIGN_IN,
    ),
    row(
        &[53_000, 53_001, 53_002, 53_003, 53_004, 50_131, 530_032],
        Person,
        "a Conditional Access policy of tenant {domain} blocks the sign-in",
        CONDITIONAL_ACCESS,
    ),
    row(&[50_057], Person, "the account that signs in is disabled", APPLICATION_SIGN_IN),
    row(&[50_055], Person, "the password of the account that signs in has expired", APPLICATION_SIGN_IN),
    row(&[50_126], Person, "the user name or password of the account that signs in is wrong", APPLICATION_SIGN_IN),
    row(&[50_053], Person, "the account that signs in is locked", APPLICATION_SIGN_IN),
    row(&[50_034], Person, "tenant {domain} does not know the account that signs in", APPLICATION_SIGN_IN),
    row(
        &[70_008, 700_082, 50_173, 50_133, 700_084, 70_043],
        Person,
        "the sign-in of the person who consented has expired or was revoked",
        "sign in again with `bmsync connect {tenant}`",
    ),
    row(
        &[90_002],
        Person,
        "there is no tenant {domain}",
        "check domain for typing errors, and cloud: a tenant of another cloud is not found either",
    ),
    row(&[500_011], Person, "tenant {domain} does not know Microsoft Graph under this address", SCOPE),
    row(&[70_011, 700_022, 700_023, 28_002], Person, "the permission that bmsync asks for is not accepted", SCOPE),
    row(
        &[50_194, 9_001_023],
        Person,
        "this way of signing in needs the tenant's own login address",
        "let domain be the tenant's domain name or ID, not common, organizations or consumers",
    ),
    row(&[90_038, 900_432, 900_382], Person, "tenant {domain} lives in another cloud", CLOUD),
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

    /// Every number that the login service is known to refuse with.
    const KNOWN: &str = "7000215 7000222 7000216 7000218 700027 700016 7000112 7000229 65001 65004 90094 90095 90099 \
        50076 50079 50074 50072 53000 53001 53002 53003 53004 50131 530032 50057 50055 50126 50053 50034 \
        70008 700082 50173 50133 700084 70043 90002 500011 70011 700022 700023 28002 50194 9001023 90038 \
        900432 900382 50196 90033 90006 90024 50033 90055";

    #[test]
    fn every_known_number_has_exactly_one_row_with_a_next_step() {
        let known: Vec<u32> = KNOWN.split_whitespace().map(|code| code.parse().unwrap()).collect();
        for code in &known {
            let rows: Vec<_> = TABLE.iter().filter(|row| row.codes.contains(code)).collect();
            assert_eq!(rows.len(), 1, "{code}");
            assert!(rows[0].what.len() > 10 && rows[0].next.len() > 20, "{code}");
            assert_eq!(find(&[1, *code]).unwrap().0, *code);
        }
        assert_eq!(TABLE.iter().map(|row| row.codes.len()).sum::<usize>(), known.len());
        assert!(find(&[4711]).is_none());
    }
}
