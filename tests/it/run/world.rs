//! Two tenants as they are written down: directory files and manifests. Knows nothing of who serves or reads them.

/// A tenant with a simulator of its own.
pub struct Tenant {
    /// Its name in the manifests.
    pub name: &'static str,
    /// The tenant ID.
    pub id: &'static str,
    group: &'static str,
    application: &'static str,
    /// What the application signs in with.
    pub key: &'static str,
    /// Where bmsync finds the key.
    pub variable: &'static str,
    /// How the object IDs of its users begin.
    user: &'static str,
}

pub const CONTOSO: Tenant = Tenant {
    name: "contoso",
    id: "84841066-274d-4ec0-a5c1-276be684bdd3",
    group: "45b7d2e7-b882-4a80-ba97-10b7a63b8fa4",
    application: "1f3c5d7e-0000-4000-8000-000000000001",
    key: "the-key-of-contoso",
    variable: "CONTOSO_KEY",
    user: "a1c00000-0000-4000-8000-0000000000",
};

pub const FABRIKAM: Tenant = Tenant {
    name: "fabrikam",
    id: "94841066-274d-4ec0-a5c1-276be684bdd3",
    group: "55b7d2e7-b882-4a80-ba97-10b7a63b8fa4",
    application: "1f3c5d7e-0000-4000-8000-000000000002",
    key: "the-key-of-fabrikam",
    variable: "FABRIKAM_KEY",
    user: "b1c00000-0000-4000-8000-0000000000",
};

const NAMES: [&str; 10] = ["Adele", "Bruno", "Chloe", "David", "Elena", "Felix", "Greta", "Henry", "Irene", "Jonas"];

impl Tenant {
    /// The object ID of its nth user, from 1.
    pub fn user(&self, number: usize) -> String {
        format!("{}{number:02}", self.user)
    }

    /// The object ID of its group.
    pub fn group(&self) -> &'static str {
        self.group
    }

    /// The client ID of its application.
    pub fn application(&self) -> &'static str {
        self.application
    }

    /// A rule that comes after its own and makes contacts of a customer, with a login.
    pub fn portal_rule(&self, group: &str, account: &str) -> String {
        let Self { name, id, .. } = self;
        format!(
            "apiVersion: bmsync/v1\nkind: MappingRule\nmetadata: {{ name: {name}-portal }}\nspec:\n  tenantId: {id}\n  \
             groupId: {group}\n  order: 2\n  record: contact\n  contact: {{ account: {account} }}\n"
        )
    }

    /// Its directory file, with so many users, all of one group.
    pub fn directory(&self, users: usize) -> String {
        let Self { name, id, group, application, key, .. } = self;
        let user = |(number, first): (usize, &&str)| {
            let (user, low) = (self.user(number), first.to_lowercase());
            format!(
                "      - {{ id: {user}, userPrincipalName: {low}@{name}.com, mail: {low}@{name}.com, displayName: {first},\n          \
                 givenName: {first}, surname: Vance, accountEnabled: true, userType: Member }}\n"
            )
        };
        let people: String = (1..).zip(&NAMES).take(users).map(user).collect();
        let members = (1..=users).map(|number| self.user(number)).collect::<Vec<_>>().join(", ");
        format!(
            "tenants:\n  - id: {id}\n    domain: {name}.onmicrosoft.com\n    applications:\n      \
             - {{ id: {application}, key: {key} }}\n    users:\n{people}    groups:\n      \
             - {{ id: {group}, displayName: Staff, securityEnabled: true, groupTypes: [], \
             createdDateTime: '2020-01-01T00:00:00Z', members: [{members}] }}\n"
        )
    }

    /// Its manifest.
    pub fn manifest(&self, url: &str) -> String {
        let Self { name, id, application, variable, .. } = self;
        format!(
            "apiVersion: bmsync/v1\nkind: Tenant\nmetadata: {{ name: {name} }}\nspec:\n  \
             domain: {name}.onmicrosoft.com\n  tenantId: {id}\n  applicationId: {application}\n  \
             applicationKey: {{ env: {variable} }}\n  signIn: application\n  \
             endpoints: {{ login: \"{url}\", graph: \"{url}\" }}\n"
        )
    }

    /// Its only rule.
    pub fn rule(&self, employee: &str) -> String {
        let Self { name, id, group, .. } = self;
        format!(
            "apiVersion: bmsync/v1\nkind: MappingRule\nmetadata: {{ name: {name}-staff }}\nspec:\n  tenantId: {id}\n  \
             groupId: {group}\n  order: 1\n  record: employee\n  employee: {employee}\n"
        )
    }
}

/// What every employee has unless somebody says otherwise.
pub const DEFAULTS: &str = "apiVersion: bmsync/v1
kind: EmployeeDefaults
metadata: { name: defaults }
spec: { department: Operations, location: HQ, manager: jsmith, jobTitle: Technician, employmentType: Full Time,
        employeeRole: Engineer, securityRole: User }
";
