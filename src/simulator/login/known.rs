//! The table of refusals: AADSTS number, `error`, HTTP status, suberror and message. The numbers are Microsoft's, the
//! words are not. Where Microsoft's `error` or status is not known, the likeliest one stands here.

type Row = (u64, &'static str, u16, &'static str, &'static str);

pub(super) const KNOWN: &[Row] = &[
    // The application and its credential.
    (7_000_215, "invalid_client", 401, "", "Invalid client secret provided."),
    (7_000_222, "invalid_client", 401, "", "The provided client secret keys are expired."),
    (7_000_216, "invalid_client", 401, "", "A client secret or a client assertion is required."),
    (7_000_218, "invalid_client", 401, "", "The request body must contain client_assertion or client_secret."),
    (7_000_229, "invalid_client", 401, "", "The application has no service principal in this tenant."),
    (7_000_112, "unauthorized_client", 400, "", "The application is disabled."),
    (700_016, "unauthorized_client", 400, "", "The application was not found in this tenant."),
    (700_021, "invalid_client", 401, "", "The application of the client assertion is not the one of the request."),
    (700_024, "invalid_client", 401, "", "The client assertion is not within its valid time range."),
    (700_027, "invalid_client", 401, "", "The client assertion failed signature validation."),
    (700_211, "invalid_client", 401, "", "No federated credential matches the issuer of the assertion."),
    (700_212, "invalid_client", 401, "", "No federated credential matches the audience of the assertion."),
    (700_213, "invalid_client", 401, "", "No federated credential matches the subject of the assertion."),
    (50_027, "invalid_client", 401, "", "The assertion is no valid JWT for this place."),
    // Consent.
    (65_001, INVALID_GRANT, 400, CONSENT, "The user or administrator has not consented to use the application."),
    (65_004, "consent_required", 400, "", "The user declined to consent to the application."),
    (90_094, "access_denied", 400, "", "An administrator must grant this permission."),
    (90_095, "access_denied", 400, "", "Consent of an administrator has been requested."),
    (90_099, "unauthorized_client", 400, "", "The partner has not consented to the application for this tenant."),
    (90_023, "invalid_request", 400, "", "The value of a parameter is not known."),
    // The person.
    (50_072, INTERACTION, 400, BASIC, "The user must enrol for multi-factor authentication."),
    (50_074, INTERACTION, 400, BASIC, "Strong authentication is required."),
    (50_076, INVALID_GRANT, 400, BASIC, "You must use multi-factor authentication to access the resource."),
    (50_079, INTERACTION, 400, BASIC, "You must enrol in multi-factor authentication to access the resource."),
    (50_020, INVALID_GRANT, 400, "", "The user account does not exist in this tenant."),
    (50_034, INVALID_GRANT, 400, "", "The user account does not exist in this directory."),
    (50_053, INVALID_GRANT, 400, "", "The account is locked."),
    (50_055, INVALID_GRANT, 400, "", "The password is expired."),
    (50_057, INVALID_GRANT, 400, "", "The user account is disabled."),
    (50_058, "login_required", 400, "", "A silent sign-in was asked for, but nobody is signed in."),
    (50_126, INVALID_GRANT, 400, "", "Invalid username or password."),
    // Conditional Access.
    (50_131, INVALID_GRANT, 400, BASIC, "The device or the place does not meet the Conditional Access policies."),
    (53_000, INVALID_GRANT, 400, "message_only", "The device is not compliant."),
    (53_001, INVALID_GRANT, 400, "message_only", "The device is not domain joined."),
    (53_002, INVALID_GRANT, 400, "message_only", "The application is not an approved one."),
    (53_003, INVALID_GRANT, 400, "message_only", "Access has been blocked by Conditional Access policies."),
    (53_004, INVALID_GRANT, 400, "message_only", "The user must enrol in multi-factor authentication first."),
    (530_032, INVALID_GRANT, 400, "message_only", "Access has been blocked by a tenant-wide policy."),
    // Refresh tokens and codes.
    (50_133, INVALID_GRANT, 400, BAD_TOKEN, "The session is not valid any more: the password expired or was changed."),
    (50_173, INVALID_GRANT, 400, BAD_TOKEN, "The grant was revoked; a fresh sign-in is needed."),
    (54_005, INVALID_GRANT, 400, "", "The authorization code was already redeemed."),
    (70_000, INVALID_GRANT, 400, "", "The provided grant is invalid or malformed."),
    (70_008, INVALID_GRANT, 400, "", "The authorization code or refresh token has expired."),
    (70_043, INVALID_GRANT, 400, BAD_TOKEN, "The refresh token has expired by Conditional Access' sign-in frequency."),
    (700_082, INVALID_GRANT, 400, BAD_TOKEN, "The refresh token has expired due to inactivity."),
    (700_084, INVALID_GRANT, 400, BAD_TOKEN, "The refresh token was issued to a single page app and has expired."),
    (
        501_481,
        INVALID_GRANT,
        400,
        "",
        "The code_verifier does not match the code_challenge of the authorization request.",
    ),
    (50_147, "invalid_request", 400, "", "The code_challenge_method is not valid."),
    (501_491, "invalid_request", 400, "", "The code_challenge is not valid."),
    // Device codes.
    (70_016, "authorization_pending", 400, "", "Nobody has entered the code yet."),
    (70_018, "bad_verification_code", 400, "", "The device code is not known."),
    (70_020, "expired_token", 400, "", "The device code has expired."),
    // What is asked for.
    (28_002, "invalid_scope", 400, "", "The scope is not valid for this request."),
    (70_011, "invalid_scope", 400, "", "The provided scope is not valid."),
    (650_053, "invalid_client", 400, "", "The scope does not exist on the resource."),
    (700_022, "invalid_scope", 400, "", "The scopes belong to more than one resource."),
    (700_023, "invalid_scope", 400, "", "The scopes belong to no resource."),
    (500_011, "invalid_resource", 400, "", "The resource principal was not found in the tenant."),
    (50_011, INVALID_GRANT, 400, "", "The redirect URI is not one of those that are registered."),
    (70_003, "unsupported_grant_type", 400, "", "The grant type is not supported."),
    (70_005, "unsupported_response_type", 400, "", "The response type is not supported."),
    (900_144, "invalid_request", 400, "", "The request body must contain the parameter."),
    // The tenant and the cloud.
    (90_002, "invalid_request", 400, "", "The tenant was not found. Check that the tenant ID or domain is right."),
    (
        50_194,
        "unauthorized_client",
        400,
        "",
        "The application is of one tenant; /common and /organizations are not for it.",
    ),
    (9_001_023, "invalid_request", 400, "", "This is not supported over the /common or /organizations endpoints."),
    (90_038, "invalid_request", 400, "", "The tenant belongs to another cloud."),
    (900_382, "invalid_request", 400, "", "A confidential client is not supported in requests that cross clouds."),
    (900_432, "invalid_request", 400, "", "The application is not known in this cloud."),
    // Trouble.
    (50_196, INVALID_GRANT, 400, "", "The client is in a loop: it asked for the same too often."),
    (50_033, "temporarily_unavailable", 503, "", "A retryable error has occurred. Please try again."),
    (90_006, "temporarily_unavailable", 503, "", "The service has a temporary error. Please try again."),
    (90_024, "temporarily_unavailable", 503, "", "The request budget was exceeded. Please try again."),
    (90_033, "temporarily_unavailable", 503, "", "A transient error has occurred. Please try again."),
    (90_055, "temporarily_unavailable", 503, "", "There are too many requests. Please try again."),
];

const INVALID_GRANT: &str = "invalid_grant";
const INTERACTION: &str = "interaction_required";
const CONSENT: &str = "consent_required";
const BASIC: &str = "basic_action";
const BAD_TOKEN: &str = "bad_token";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_stands_once() {
        let mut numbers: Vec<u64> = KNOWN.iter().map(|(number, ..)| *number).collect();
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "{numbers:?}");
    }
}
