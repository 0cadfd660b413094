//! What the demo plays on: a temporary folder with the example's manifests, and the simulator.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::cli::args::Global;
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::plan::Change;
use crate::simulator::{Company, Control, Deletion, Options, Running, Simulator, World};

/// The worked example: the tenants of the simulator's directory.
const MANIFESTS: [(&str, &str); 4] = [
    ("contoso", include_str!("../../../manifests/contoso.yaml")),
    ("fabrikam", include_str!("../../../manifests/fabrikam.yaml")),
    ("northwind", include_str!("../../../manifests/northwind.yaml")),
    ("policy", include_str!("../../../manifests/policy.yaml")),
];

/// Where the example's manifests expect the simulator.
const ADDRESS: &str = "http://127.0.0.1:8400";

/// Everything that the demo plays on. Gone when it is dropped.
pub struct Stage {
    options: Global,
    simulator: Running,
    _folder: TempDir,
}

impl Stage {
    /// Starts the simulator and writes the manifests.
    pub async fn set(global: &Global) -> Result<Self, Error> {
        let failed = |error: &(dyn std::error::Error + 'static)| Error::new("cannot prepare the demo").because(error);
        let world = World::example().map_err(|error| failed(&error))?;
        let simulator = Simulator::start(world, Options::default()).await.map_err(|error| failed(&error))?;
        let folder = tempfile::tempdir().map_err(|error| failed(&error))?;
        write_manifests(folder.path(), &simulator.url()).map_err(|error| failed(&error))?;
        let options = Global {
            manifests: folder.path().join("manifests"),
            state: folder.path().join("state").display().to_string(),
            ..global.clone()
        };
        Ok(Self { options, simulator, _folder: folder })
    }

    /// The options that the verbs are called with.
    pub const fn options(&self) -> &Global {
        &self.options
    }

    /// An output for what is not part of the story.
    pub fn quiet(&self) -> Output {
        Output::new(&Global { quiet: true, ..self.options.clone() })
    }

    /// Gives the user another office phone.
    pub fn change_phone(&self, change: &Change) -> Result<(), Error> {
        let phone = json!({ "businessPhones": ["+1 425 555 0199"] });
        self.change(change, |control, tenant, user| control.patch_user(tenant, user, phone))
    }

    /// Puts the user into the recycle bin.
    pub fn delete(&self, change: &Change) -> Result<(), Error> {
        self.change(change, |control, tenant, user| control.delete_user(tenant, user, Deletion::Soft))
    }

    /// Takes the user out of the recycle bin.
    pub fn restore(&self, change: &Change) -> Result<(), Error> {
        self.change(change, Control::restore_user)
    }

    /// Lets the sign-in to one tenant fail from now on: its secret has expired.
    pub fn fail(&self) -> Result<(), Error> {
        let failed = self.simulator.control().set_fault("sign-in=always@fabrikam");
        failed.map_err(|error| Error::new("cannot switch a fault on").because(&error))
    }

    /// Declares the live BMS that the simulator serves too, on a state of its own; every tenant can be read again.
    pub fn go_live(&mut self) -> Result<(), Error> {
        let failed = |error: std::io::Error| Error::new("cannot declare a live BMS").because(&error);
        self.simulator.control().clear_faults();
        let folder = &self.options.manifests;
        let password = folder.with_file_name("bms.password");
        fs::write(&password, "demo-bms-password").map_err(failed)?;
        let manifest = json!({
            "apiVersion": "bmsync/v1",
            "kind": "KaseyaBms",
            "metadata": { "name": "bms" },
            "spec": {
                "server": format!("{}/bms", self.simulator.url()),
                "company": "Contoso IT",
                "username": "bmsync-api",
                "password": { "file": password.display().to_string() },
            },
        });
        fs::write(folder.join("bms.yaml"), manifest.to_string()).map_err(failed)?;
        self.options.state = folder.with_file_name("live").display().to_string();
        Ok(())
    }

    /// Lets the answer to the next contact that is made in BMS get lost.
    pub fn lose_an_answer_of_bms(&self) -> Result<(), Error> {
        let set = self.company(|company| company.set_fault("cut-after=next1@contacts/summary"))?;
        set.map_err(|error| Error::new("cannot switch a fault on").because(&error))
    }

    /// What a person does in BMS: the contact may use the client portal.
    pub fn open_the_portal(&self, contact: u64) -> Result<(), Error> {
        let contact = u32::try_from(contact).unwrap_or_default();
        let username = format!("portal{contact}");
        let opened = json!({ "portalAccess": true, "username": username, "securityRole": "External User" });
        let changed = self.company(|company| company.change("contacts", contact, opened))?;
        changed.map_err(|error| Error::new("cannot change BMS").because(&error))
    }

    /// The emails of the contacts in BMS.
    pub fn bms_emails(&self) -> Vec<String> {
        let held = self.company(|company| company.to_json()).unwrap_or_default();
        let contacts = held["contacts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let emails = contacts.iter().filter_map(|contact| contact["emails"].as_array()).flatten();
        emails.filter_map(|email| Some(email["value"].as_str().or(email.as_str())?.to_owned())).collect()
    }

    fn company<T>(&self, work: impl FnOnce(&mut Company) -> T) -> Result<T, Error> {
        self.simulator.control().bms(work).ok_or_else(|| Error::new("the simulator serves no BMS"))
    }

    /// Declares the IT Glue that the simulator serves too.
    pub fn declare_it_glue(&self, mode: &str) -> Result<(), Error> {
        let failed = |error: std::io::Error| Error::new("cannot declare IT Glue").because(&error);
        let folder = &self.options.manifests;
        let key = folder.with_file_name("it-glue.key");
        fs::write(&key, "demo-itglue-key").map_err(failed)?;
        let manifest = json!({
            "apiVersion": "bmsync/v1",
            "kind": "ItGlue",
            "metadata": { "name": "it-glue" },
            "spec": {
                "region": format!("{}/itglue", self.simulator.url()),
                "apiKey": { "file": key.display().to_string() },
                "mode": mode,
                "inactiveContactType": "Former employee",
            },
        });
        fs::write(folder.join("it-glue.yaml"), manifest.to_string()).map_err(failed)
    }

    /// Lets the answer to the next write get lost.
    pub fn lose_an_answer_of_it_glue(&self) -> Result<(), Error> {
        let set = self.simulator.control().it_glue(|it_glue| it_glue.set_trouble("cut-after=next1"));
        set.map_err(|error| Error::new("cannot switch a trouble on").because(&error))
    }

    /// The primary emails of the contacts in IT Glue.
    pub fn it_glue_emails(&self) -> Vec<String> {
        let held = self.simulator.control().it_glue(|it_glue| it_glue.to_json());
        let contacts = held["contacts"].as_array().map(Vec::as_slice).unwrap_or_default();
        contacts.iter().filter_map(|contact| Some(contact["primaryEmail"].as_str()?.to_owned())).collect()
    }

    /// Stops the simulator.
    pub async fn strike(self) {
        self.simulator.stop().await;
    }

    fn change<E: std::error::Error + 'static>(
        &self,
        change: &Change,
        make: impl FnOnce(&Control, &str, &str) -> Result<(), E>,
    ) -> Result<(), Error> {
        let (tenant, user) = (change.user.key.tenant.to_string(), change.user.key.user.to_string());
        make(self.simulator.control(), &tenant, &user)
            .map_err(|error| Error::new("cannot change the directory").because(&error))
    }
}

/// The manifests as they are in the repository, but for the address and where the secrets are.
fn write_manifests(folder: &Path, url: &str) -> std::io::Result<()> {
    fs::create_dir(folder.join("manifests"))?;
    for (name, manifest) in MANIFESTS {
        let key = folder.join(name).with_extension("key");
        fs::write(&key, format!("demo-{name}-key"))?;
        let variable = format!("env: {}_APPLICATION_KEY", name.to_uppercase());
        let file = format!("file: {}", json!(key.display().to_string()));
        let manifest = manifest.replace(ADDRESS, url).replace(&variable, &file);
        fs::write(folder.join("manifests").join(name).with_extension("yaml"), manifest)?;
    }
    Ok(())
}
