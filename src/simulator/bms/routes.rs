//! Which request is which operation. Knows nothing of what they do.

use super::{Answered, BmsRequest, Company, read, sign_in, write};

/// Does what an operation does.
pub(super) type Handler = fn(&mut Company, &BmsRequest) -> Answered;

type Route = (&'static str, Handler);

/// The name of the operation, as the documentation of BMS writes it, and what does it; else the status of an address with
/// nothing behind it.
pub(super) fn find(request: &BmsRequest) -> (&'static str, Result<Handler, u16>) {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let ["v2", path @ ..] = path.as_slice() else { return ("other", Err(404)) };
    match route(&request.method, path) {
        Some((name, handler)) => (name, Ok(handler)),
        None if METHODS.iter().any(|method| route(method, path).is_some()) => ("other", Err(405)),
        None => ("other", Err(404)),
    }
}

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "PATCH"];

fn route(method: &str, path: &[&str]) -> Option<Route> {
    Some(match (method, path) {
        ("POST", ["security", "authenticate"]) => ("POST /v2/security/authenticate", sign_in::authenticate),
        ("POST", ["security", "refreshtoken"]) => ("POST /v2/security/refreshtoken", sign_in::refresh),
        ("GET", ["security", "userinfo"]) => ("GET /v2/security/userinfo", sign_in::user_info),
        ("GET", ["crm", "contacts", "summary"]) => ("GET /v2/crm/contacts/summary", read::contacts),
        ("GET", ["crm", "contacts", "summary", _]) => ("GET /v2/crm/contacts/summary/{id}", read::contact),
        ("GET", ["crm", "contacts", "search"]) => ("GET /v2/crm/contacts/search", read::search),
        ("POST", ["crm", "contacts", "summary"]) => ("POST /v2/crm/contacts/summary", write::create),
        ("PATCH", ["crm", "contacts", _]) => ("PATCH /v2/crm/contacts/{id}", write::patch),
        ("PATCH", ["crm", "contacts", _, "emails"]) => ("PATCH /v2/crm/contacts/{contactId}/emails", write::emails),
        ("PATCH", ["crm", "contacts", _, "phones"]) => ("PATCH /v2/crm/contacts/{contactId}/phones", write::phones),
        ("GET", ["crm", "accounts", "summary"]) => ("GET /v2/crm/accounts/summary", read::accounts),
        ("GET", ["crm", "accounts", "lookup"]) => ("GET /v2/crm/accounts/lookup", read::accounts_lookup),
        ("GET", ["crm", "accounts", _, "locations", "lookup"]) => {
            ("GET /v2/crm/accounts/{accountId}/locations/lookup", read::account_locations)
        }
        ("GET", ["hr", "employees", "searchselect"]) => ("GET /v2/hr/employees/searchselect", read::employees),
        // Not there unless the fault `writable-employees` is on; then as for contacts.
        ("PATCH", ["hr", "employees", _]) => ("PATCH /v2/hr/employees/{id}", write::patch_employee),
        ("GET", ["servicedesk", "tickets", "count"]) => ("GET /v2/servicedesk/tickets/count", read::tickets),
        ("GET", ["integrations", "itglue", "status"]) => ("GET /v2/integrations/itglue/status", read::it_glue),
        ("GET", ["integrations", "itglue", "contacts", _, "lookup"]) => {
            ("GET /v2/integrations/itglue/contacts/{contactId}/lookup", read::it_glue_contact)
        }
        ("GET", ["system", "customFields", _, _]) => {
            ("GET /v2/system/customFields/{moduleId}/{objectId}", read::custom_fields)
        }
        ("PUT", ["system", "customFields", "data", _, _, _]) => {
            ("PUT /v2/system/customFields/data/{moduleId}/{entityId}/{customFieldId}", write::custom_field)
        }
        _ => return lookup(method, path),
    })
}

fn lookup(method: &str, path: &[&str]) -> Option<Route> {
    let name = match (method, path) {
        ("GET", ["system", "lookup", _]) => "GET /v2/system/lookup/{tableName}",
        ("GET", ["system", "locations", "lookup"]) => "GET /v2/system/locations/lookup",
        ("GET", ["system", "roles", "lookup"]) => "GET /v2/system/roles/lookup",
        ("GET", ["admin", "hr", "departments", "lookup"]) => "GET /v2/admin/hr/departments/lookup",
        ("GET", ["admin", "hr", "jobtitles", "lookup"]) => "GET /v2/admin/hr/jobtitles/lookup",
        ("GET", ["admin", "security", "roles", "lookup"]) => "GET /v2/admin/security/roles/lookup",
        _ => return None,
    };
    Some((name, read::lookup))
}
