//! What the simulated BMS lets itself be told: contacts made and changed, their emails and phones, custom fields. A request
//! is carried out whole or not at all.

use serde_json::{Value, json};

use super::read::id_at;
use super::rows::{Address, Contact};
use super::{Answered, BmsFault, BmsRequest, Company, Outcome, Refusal, patch, refuse};

pub(super) fn create(company: &mut Company, request: &BmsRequest) -> Answered {
    let body = body(request)?;
    let account =
        company.held.accounts.iter().find(|account| Some(u64::from(account.id)) == body["accountId"].as_u64());
    let Some(account) = account else { return refuse(400, "Account not found.") };
    let location = match body["locationId"].as_u64() {
        None => None,
        Some(id) => match account.locations.iter().find(|location| u64::from(location.id) == id) {
            Some(location) => Some(location.name.clone()),
            None => return refuse(400, "Location not found."),
        },
    };
    let (account, account_id) = (account.name.clone(), account.id);
    let emails = addresses(&body["emails"], "emailAddress", "emailTypeId")?;
    for email in &emails {
        company.check_email(&email.value, 0)?;
    }
    let text = |name: &str| body[name].as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned);
    let contact = Contact {
        id: 0,
        account,
        location,
        first_name: text("firstName"),
        middle_name: text("middleName"),
        last_name: text("lastName"),
        job_title: None,
        poc: false,
        billed: false,
        active: true,
        phones: addresses(&body["phones"], "phoneNumber", "phoneTypeId")?,
        emails,
        portal_access: false,
        username: None,
        security_role: None,
        tickets: 0,
        it_glue_id: None,
        created_on: company.now,
        modified_on: company.now,
    };
    let (first, last) = (contact.first_name.clone(), contact.last_name.clone());
    let (email, phone) = (value_of(&contact.emails), value_of(&contact.phones));
    let id = company.stored(contact)?;
    for datum in body["customFieldsData"].as_array().into_iter().flatten() {
        let field = datum["customFieldId"].as_u64();
        let known = company.held.custom_fields.iter_mut().find(|known| Some(u64::from(known.field)) == field);
        if let (Some(known), Some(data)) = (known, datum["data"].as_str()) {
            known.values.insert(id, data.to_owned());
        }
    }
    Ok(Outcome::One(json!({
        "id": id, "firstName": first, "lastName": last, "accountId": account_id,
        "locationId": body["locationId"], "phoneNumber": phone, "emailAddress": email,
    })))
}

pub(super) fn patch(company: &mut Company, request: &BmsRequest) -> Answered {
    let steps = company.steps(request)?;
    let contact = company.contact_at(request, 3)?;
    if steps.is_empty() {
        return Ok(Outcome::One(company.contact_record(&contact)));
    }
    let mut contact = patch::contact(&company.held, contact, steps)?;
    contact.modified_on = company.now;
    let record = company.contact_record(&contact);
    company.stored(contact)?;
    Ok(Outcome::One(record))
}

pub(super) fn patch_employee(company: &mut Company, request: &BmsRequest) -> Answered {
    let steps = company.steps(request)?;
    let Some(employee) = company.held.employees.rows.get(&id_at(request, 3)?).cloned() else {
        return refuse(404, "Employee not found.");
    };
    let mut employee = patch::employee(employee, steps)?;
    employee.modified_on = company.now;
    let record = super::render::employee_item(&employee);
    company.held.employees.put(employee);
    Ok(Outcome::One(record))
}

pub(super) fn emails(company: &mut Company, request: &BmsRequest) -> Answered {
    let before = company.contact_at(request, 3)?;
    let mut contact = before.clone();
    let counts = company.operated(request, &mut contact.emails, ["emailAddress", "newEmailAddress"])?;
    let is_new = |email: &&Address| !before.emails.iter().any(|known| known.value.eq_ignore_ascii_case(&email.value));
    for email in contact.emails.iter().filter(is_new) {
        company.check_email(&email.value, contact.id)?;
    }
    let items = company.held.emails_of(&contact);
    company.settle(contact, counts, "emails", &items)
}

pub(super) fn phones(company: &mut Company, request: &BmsRequest) -> Answered {
    let mut contact = company.contact_at(request, 3)?;
    let counts = company.operated(request, &mut contact.phones, ["phoneNumber", "newPhoneNumber"])?;
    let items = company.held.phones_of(&contact);
    company.settle(contact, counts, "phones", &items)
}

pub(super) fn custom_field(company: &mut Company, request: &BmsRequest) -> Answered {
    let (module, record, field) = (id_at(request, 4)?, id_at(request, 5)?, id_at(request, 6)?);
    let body = body(request)?;
    let Some(value) = body["value"].as_str() else { return refuse(400, "The value is missing.") };
    let known = company.held.custom_fields.iter_mut().find(|known| known.module == module && known.field == field);
    let Some(known) = known else { return refuse(404, "Custom field not found.") };
    known.values.insert(record, value.to_owned());
    Ok(Outcome::One(Value::Null))
}

/// How many were added, updated and deleted.
type Counts = [u32; 3];

impl Company {
    fn check_email(&self, email: &str, but: u32) -> Result<(), Refusal> {
        if !email.contains('@') {
            return refuse(400, "Email is not valid.");
        }
        if self.held.has_email(email, but) {
            return refuse(400, "Email is in use, it should be unique.");
        }
        Ok(())
    }

    fn stored(&mut self, contact: Contact) -> Result<u32, Refusal> {
        self.held.put_contact(contact).map_err(|error| Refusal { code: 400, message: error.to_string() })
    }

    fn settle(&mut self, mut contact: Contact, counts: Counts, name: &str, items: &[Value]) -> Answered {
        let [added, updated, deleted] = counts;
        if counts != [0, 0, 0] {
            contact.modified_on = self.now;
            self.stored(contact)?;
        }
        Ok(Outcome::One(json!({ "added": added, "updated": updated, "deleted": deleted, name: items })))
    }

    /// Carries out a list of operations on addresses.
    fn operated(
        &mut self,
        request: &BmsRequest,
        of: &mut Vec<Address>,
        [name, new_name]: [&str; 2],
    ) -> Result<Counts, Refusal> {
        let shift = u64::from(self.struck(BmsFault::OtherOperations, &request.shown_path()).is_some());
        let body = body(request)?;
        let Some(operations) = body.as_array() else { return refuse(400, "The body is not a list.") };
        let mut counts = [0; 3];
        for operation in operations {
            let Some(value) = operation[name].as_str().filter(|value| !value.trim().is_empty()) else {
                return refuse(400, format!("{name} is missing."));
            };
            let place = of.iter().position(|known| known.value.eq_ignore_ascii_case(value));
            let number = operation["operation"].as_u64().and_then(|number| number.checked_sub(shift));
            match (number, place) {
                (Some(0), Some(_)) => return refuse(400, format!("{value} is there already.")),
                (Some(0), None) => of.push(written(operation, value)?),
                (Some(1), Some(place)) => {
                    let value = operation[new_name].as_str().unwrap_or(value);
                    of[place] = written(operation, value)?;
                }
                (Some(2), Some(place)) => drop(of.remove(place)),
                (Some(1 | 2), None) => return refuse(404, format!("{value} was not found.")),
                (Some(_) | None, _) => return refuse(400, "The operation is not known."),
            }
            count(&mut counts, number);
            one_default(of, operation);
        }
        Ok(counts)
    }
}

fn count(counts: &mut Counts, number: Option<u64>) {
    let place = number.and_then(|number| usize::try_from(number).ok());
    if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
        *count += 1;
    }
}

/// An address as an operation writes it.
fn written(operation: &Value, value: &str) -> Result<Address, Refusal> {
    let Some(type_id) = operation["typeId"].as_u64().and_then(|id| u32::try_from(id).ok()) else {
        return refuse(400, "typeId is missing.");
    };
    Ok(Address { value: value.to_owned(), type_id, default: operation["isDefault"] == true })
}

/// The newest default is the only one; where there is none, the first is.
fn one_default(of: &mut [Address], operation: &Value) {
    if operation["isDefault"] == true {
        let newest = of.iter().rposition(|address| address.default);
        for (place, address) in of.iter_mut().enumerate() {
            address.default = Some(place) == newest;
        }
    }
    let has_default = of.iter().any(|address| address.default);
    if let Some(first) = of.first_mut().filter(|_| !has_default) {
        first.default = true;
    }
}

fn body(request: &BmsRequest) -> Result<Value, Refusal> {
    serde_json::from_slice(&request.body).or_else(|_| refuse(400, "The body is not JSON."))
}

fn addresses(list: &Value, name: &str, type_name: &str) -> Result<Vec<Address>, Refusal> {
    let item = |item: &Value| match (item[name].as_str(), item[type_name].as_u64()) {
        (Some(value), Some(type_id)) => Ok(Address {
            value: value.to_owned(),
            type_id: u32::try_from(type_id).unwrap_or_default(),
            default: item["isDefault"] == true,
        }),
        (_, _) => refuse(400, format!("{name} and {type_name} are needed.")),
    };
    list.as_array().into_iter().flatten().map(item).collect()
}

fn value_of(addresses: &[Address]) -> Option<String> {
    addresses.iter().find(|address| address.default).map(|address| address.value.clone())
}
