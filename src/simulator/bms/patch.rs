//! A JSON Patch on a contact or an employee, as far as BMS is known to take it: `replace` and `add` of single fields, with
//! one spelling of paths or the other. All of it is taken or nothing.

use serde_json::Value;

use super::held::Held;
use super::rows::{Contact, Employee};
use super::{BmsFault, BmsRequest, Company, Refusal, refuse};

/// A field and what it shall be.
pub(super) struct Step {
    pub field: String,
    pub value: Value,
}

impl Company {
    /// Reads the patch of a request; empty where BMS is deaf to its spelling.
    pub(super) fn steps(&mut self, request: &BmsRequest) -> Result<Vec<Step>, Refusal> {
        let path = request.shown_path();
        let wants_slash = self.struck(BmsFault::SlashedPaths, &path).is_some();
        let is_deaf = self.struck(BmsFault::DeafPaths, &path).is_some();
        let Ok(Value::Array(operations)) = serde_json::from_slice(&request.body) else {
            return refuse(400, "The body is not a JSON Patch.");
        };
        let mut steps = Vec::new();
        for operation in operations {
            let (Some("replace" | "add"), Some(target)) = (operation["op"].as_str(), operation["path"].as_str()) else {
                return refuse(400, "The operation is not supported.");
            };
            let slashed = target.strip_prefix('/');
            if slashed.is_none() && wants_slash {
                return refuse(400, format!("The target location '{target}' is not valid."));
            }
            if slashed.is_none() && is_deaf {
                continue;
            }
            let field = slashed.unwrap_or(target).to_lowercase();
            steps.push(Step { field, value: operation["value"].clone() });
        }
        Ok(steps)
    }
}

impl Step {
    fn text(self) -> Result<Option<String>, Refusal> {
        match self.value {
            Value::Null => Ok(None),
            Value::String(text) if text.chars().count() > 200 => refuse(400, format!("{} is too long.", self.field)),
            Value::String(text) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                refuse(400, format!("The value of {} is invalid.", self.field))
            }
        }
    }

    fn flag(&self) -> Result<bool, Refusal> {
        self.value.as_bool().map_or_else(|| refuse(400, format!("The value of {} is invalid.", self.field)), Ok)
    }

    fn id(&self) -> Result<u32, Refusal> {
        let id = self.value.as_u64().and_then(|id| u32::try_from(id).ok());
        id.map_or_else(|| refuse(400, format!("The value of {} is invalid.", self.field)), Ok)
    }
}

/// The contact after the patch.
pub(super) fn contact(held: &Held, mut contact: Contact, steps: Vec<Step>) -> Result<Contact, Refusal> {
    for step in steps {
        match step.field.as_str() {
            "firstname" => contact.first_name = step.text()?,
            "middlename" => contact.middle_name = step.text()?,
            "lastname" => contact.last_name = step.text()?,
            "jobtitle" => contact.job_title = step.text()?,
            "isactive" => contact.active = step.flag()?,
            "poc" => contact.poc = step.flag()?,
            "billbycontact" => contact.billed = step.flag()?,
            "accountid" => {
                let id = step.id()?;
                let account = held.accounts.iter().find(|account| account.id == id);
                let Some(account) = account else { return refuse(400, "Account not found.") };
                if contact.account != account.name {
                    (contact.account, contact.location) = (account.name.clone(), None);
                }
            }
            "locationid" => {
                let id = step.id()?;
                let locations = held.account(&contact.account).map_or(&[][..], |account| &account.locations);
                let location = locations.iter().find(|location| location.id == id);
                let Some(location) = location else { return refuse(400, "Location not found.") };
                contact.location = Some(location.name.clone());
            }
            field => return refuse(400, format!("The target location '{field}' was not found.")),
        }
    }
    Ok(contact)
}

/// The employee after the patch.
pub(super) fn employee(mut employee: Employee, steps: Vec<Step>) -> Result<Employee, Refusal> {
    for step in steps {
        match step.field.as_str() {
            "firstname" => employee.first_name = step.text()?,
            "lastname" => employee.last_name = step.text()?,
            "jobtitle" => employee.job_title = step.text()?,
            "isactive" => employee.active = step.flag()?,
            field => return refuse(400, format!("The target location '{field}' was not found.")),
        }
    }
    Ok(employee)
}
