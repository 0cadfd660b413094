//! What the simulated BMS tells: lists in pages, single records, lists of values. Changes nothing.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::render::employee_item;
use super::rows::{Account, Choice, Contact, Employee};
use super::{Answered, BmsFault, BmsRequest, Company, Outcome, refuse};

/// No page is longer, whatever is asked for.
const LONGEST_PAGE: usize = 500;

pub(super) fn contacts(company: &mut Company, request: &BmsRequest) -> Answered {
    let since = match request.option("Filter.ModifiedOnFrom") {
        None => None,
        Some(text) => match moment(text) {
            Some(since) => Some(since),
            None => return refuse(400, "Filter.ModifiedOnFrom is not a date."),
        },
    };
    let email = request.option("Filter.Email").map(str::to_lowercase);
    let wanted = |contact: &&Contact| {
        since.is_none_or(|since| contact.modified_on >= since)
            && email.as_ref().is_none_or(|email| has_email(contact, email))
            && is_as_asked(request, "Filter.IsActive", contact.active)
    };
    let found: Vec<u32> = company.held.contacts.rows.values().filter(wanted).map(|contact| contact.id).collect();
    let (page, total) = company.page(request, &found)?;
    let items = page.iter().filter_map(|id| company.held.contacts.rows.get(id).cloned()).collect::<Vec<_>>();
    Ok(Outcome::Page(items.iter().map(|contact| company.contact_item(contact)).collect(), Some(total)))
}

pub(super) fn contact(company: &mut Company, request: &BmsRequest) -> Answered {
    let contact = company.contact_at(request, 4)?;
    Ok(Outcome::One(company.contact_item(&contact)))
}

pub(super) fn search(company: &mut Company, request: &BmsRequest) -> Answered {
    let ids: Vec<&str> = request.options("Filter.Ids").flat_map(|ids| ids.split(',')).collect();
    let email = request.option("Filter.EmailAddress").map(str::to_lowercase);
    let wanted = |contact: &&Contact| {
        (ids.is_empty() || ids.contains(&contact.id.to_string().as_str()))
            && email.as_ref().is_none_or(|email| has_email(contact, email))
            && is_as_asked(request, "Filter.HasClientPortalAccess", contact.portal_access)
            && is_as_asked(request, "Filter.IsActive", contact.active)
    };
    let found: Vec<u32> = company.held.contacts.rows.values().filter(wanted).map(|contact| contact.id).collect();
    let (page, _) = company.page(request, &found)?;
    let items = page.iter().filter_map(|id| company.held.contacts.rows.get(id).cloned()).collect::<Vec<_>>();
    Ok(Outcome::Page(items.iter().map(|contact| company.found_contact(contact)).collect(), None))
}

pub(super) fn employees(company: &mut Company, request: &BmsRequest) -> Answered {
    let text = request.option("Filter.Filter_Text").map(str::to_lowercase);
    let wanted = |employee: &&Employee| {
        is_as_asked(request, "Filter.IsActive", employee.active)
            && text.as_ref().is_none_or(|text| employee.email.to_lowercase().contains(text))
    };
    let found: Vec<u32> = company.held.employees.rows.values().filter(wanted).map(|employee| employee.id).collect();
    let (page, _) = company.page(request, &found)?;
    let items = page.iter().filter_map(|id| company.held.employees.rows.get(id)).map(employee_item).collect();
    Ok(Outcome::Page(items, None))
}

pub(super) fn accounts(company: &mut Company, request: &BmsRequest) -> Answered {
    let accounts: Vec<Account> = company.held.accounts.clone();
    let (page, total) = company.page(request, &accounts)?;
    Ok(Outcome::Page(page.iter().map(|account| company.account_item(account)).collect(), Some(total)))
}

pub(super) fn accounts_lookup(company: &mut Company, request: &BmsRequest) -> Answered {
    let name = request.option("Filter.Name").map(str::to_lowercase);
    let with_inactive = request.option("Filter.WithInactiveAccounts").is_some_and(|is| is.eq_ignore_ascii_case("true"));
    let wanted = |account: &&Account| {
        (account.active || with_inactive)
            && name.as_ref().is_none_or(|name| account.name.to_lowercase().contains(name.as_str()))
    };
    let found: Vec<Account> = company.held.accounts.iter().filter(wanted).cloned().collect();
    let (page, _) = company.page(request, &found)?;
    let tenant = &company.held.company;
    let item = |account: &Account| json!({ "id": account.id, "name": account.name, "tenantName": tenant, "isActive": account.active });
    Ok(Outcome::Page(page.iter().map(item).collect(), None))
}

pub(super) fn account_locations(company: &mut Company, request: &BmsRequest) -> Answered {
    let id = id_at(request, 3)?;
    let Some(account) = company.held.accounts.iter().find(|account| account.id == id) else {
        return refuse(404, "Account not found.");
    };
    let item = |(place, location): (usize, &Choice)| json!({ "id": location.id, "name": location.name, "accountId": id, "isMain": place == 0 });
    Ok(Outcome::Page(account.locations.iter().enumerate().map(item).collect(), None))
}

/// The lists of values, each under its own address.
pub(super) fn lookup(company: &mut Company, request: &BmsRequest) -> Answered {
    let path: Vec<&str> = request.path.iter().skip(1).map(String::as_str).collect();
    let name = match path.as_slice() {
        ["system", "lookup", table] => table,
        ["system", "locations", ..] => "locations",
        ["system", "roles", ..] => "employeeRoles",
        ["admin", "hr", "departments", ..] => "departments",
        ["admin", "hr", ..] => "jobTitles",
        _ => "securityRoles",
    };
    let known = company.held.lists.iter().find(|(list, _)| list.eq_ignore_ascii_case(name));
    let Some((_, list)) = known else { return refuse(400, "The table is not known.") };
    let item = |(place, choice): (usize, &Choice)| {
        let Choice { id, name, active } = choice;
        json!({ "id": id, "name": name, "isDefault": place == 0, "isMain": place == 0, "isActive": active })
    };
    Ok(Outcome::Page(list.iter().enumerate().map(item).collect(), None))
}

pub(super) fn tickets(company: &mut Company, request: &BmsRequest) -> Answered {
    let Some(id) = request.option("ContactId").and_then(|id| id.parse::<u32>().ok()) else {
        return refuse(400, "ContactId is not a number.");
    };
    let contact = company.held.contacts.rows.get(&id);
    Ok(Outcome::One(json!(contact.map_or(0, |contact| contact.tickets))))
}

#[expect(clippy::unnecessary_wraps, reason = "as every operation answers")]
pub(super) fn it_glue(company: &mut Company, _: &BmsRequest) -> Answered {
    Ok(Outcome::One(json!({ "isEnabled": company.held.it_glue })))
}

pub(super) fn it_glue_contact(company: &mut Company, request: &BmsRequest) -> Answered {
    let contact = company.contact_at(request, 4)?;
    let name = [contact.first_name, contact.last_name].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Ok(Outcome::One(contact.it_glue_id.map_or(Value::Null, |id| json!({ "id": id, "name": name }))))
}

pub(super) fn custom_fields(company: &mut Company, request: &BmsRequest) -> Answered {
    let (module, record) = (id_at(request, 3)?, id_at(request, 4)?);
    let fields = company.held.custom_fields.iter().filter(|field| field.module == module);
    let item = |field: &super::rows::CustomField| {
        let data = field.values.get(&record);
        json!({ "id": 0, "customFieldId": field.field, "name": field.name, "data": data, "settingsId": null })
    };
    Ok(Outcome::Page(fields.map(item).collect(), None))
}

impl Company {
    /// The contact whose ID stands there in the path.
    pub(super) fn contact_at(&self, request: &BmsRequest, place: usize) -> Result<Contact, super::Refusal> {
        match self.held.contacts.rows.get(&id_at(request, place)?) {
            Some(contact) => Ok(contact.clone()),
            None => refuse(404, "Contact not found."),
        }
    }

    fn found_contact(&mut self, contact: &Contact) -> Value {
        let mut item = self.contact_item(contact);
        let email = contact.emails.iter().find(|email| email.default).or(contact.emails.first());
        if let Value::Object(map) = &mut item {
            map.retain(|name, _| !matches!(name.as_str(), "emails" | "phones" | "createdOn" | "modifiedOn"));
            map.insert("emailAddress".to_owned(), json!(email.map(|email| &email.value)));
            map.insert("hasClientPortalAccess".to_owned(), contact.portal_access.into());
        }
        item
    }

    /// The page that is asked for, and how many items there are.
    fn page<T: Clone>(&mut self, request: &BmsRequest, all: &[T]) -> Result<(Vec<T>, usize), super::Refusal> {
        let number = |name| request.option(name).map_or(Some(0), |text| text.parse::<usize>().ok());
        let (Some(size), Some(page)) = (number("PageSize"), number("PageNumber")) else {
            return refuse(400, "PageSize and PageNumber are numbers.");
        };
        let path = request.shown_path();
        let small = self.struck(BmsFault::SmallPages, &path).and_then(|most| usize::try_from(most).ok());
        let size = if size == 0 { 25 } else { size }.min(small.unwrap_or(LONGEST_PAGE)).max(1);
        let page = if self.struck(BmsFault::SamePage, &path).is_some() { 1 } else { page.max(1) };
        let from = (page - 1).saturating_mul(size).min(all.len());
        let to = from.saturating_add(size).min(all.len());
        let is_last = to == all.len() && from < to;
        if is_last && self.struck(BmsFault::MissingLastPage, &path).is_some() {
            return Ok((Vec::new(), all.len()));
        }
        let again = self.struck(BmsFault::Duplicate, &path).and_then(|count| usize::try_from(count).ok());
        let from = if from < to { from.saturating_sub(again.unwrap_or(0)) } else { from };
        Ok((all[from..to].to_vec(), all.len()))
    }
}

pub(super) fn id_at(request: &BmsRequest, place: usize) -> Result<u32, super::Refusal> {
    match request.path.get(place).and_then(|id| id.parse().ok()) {
        Some(id) => Ok(id),
        None => refuse(400, "The ID is not a number."),
    }
}

fn has_email(contact: &Contact, lower: &str) -> bool {
    contact.emails.iter().any(|email| email.value.to_lowercase() == lower)
}

/// Whether something is as a yes-or-no filter wants it.
fn is_as_asked(request: &BmsRequest, filter: &str, is: bool) -> bool {
    request.option(filter).is_none_or(|wanted| wanted.eq_ignore_ascii_case("true") == is)
}

/// A date with or without an offset.
fn moment(text: &str) -> Option<Timestamp> {
    let local = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    text.parse().ok().or_else(local)
}
