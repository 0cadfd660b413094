//! The command line as it is written: options, verbs and their help. Knows nothing of what the verbs do.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use super::diagnosis::{CloudWord, DoctorArgs, TenantIdArgs};
use super::error::Error;
use super::help;
pub use super::options::{ColorChoice, Format, Global, LogFormat};

/// Keeps people in step between Microsoft Entra ID and Kaseya BMS, from manifests in git.
///
/// An admin declares tenants and mapping rules in YAML. bmsync reads the tenants' directories from Microsoft Graph,
/// computes what BMS should hold, shows the difference as a plan, and makes it true. It never deletes a record.
#[derive(Debug, Parser)]
#[command(name = "bmsync", version, after_help = help::EXIT_CODES, after_long_help = help::TOP)]
#[command(max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// Options of every verb.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check the manifests: no network, no state, no secrets.
    #[command(after_long_help = help::VALIDATE)]
    Validate,
    /// Show what apply would do, and change nothing.
    #[command(after_long_help = help::PLAN)]
    Plan(PlanArgs),
    /// Plan, show it, ask, and make it true.
    #[command(after_long_help = help::APPLY)]
    Apply(ApplyArgs),
    /// List employees, contacts, tenants, rules, events, the work list or findings of IT Glue, or show one.
    #[command(after_long_help = help::GET)]
    Get(GetArgs),
    /// Explain one user: rules, fields and where each comes from, what would happen, what blocks it.
    #[command(after_long_help = help::EXPLAIN)]
    Explain(ExplainArgs),
    /// Have a running bmsync look again now, at one tenant or at all.
    #[command(after_long_help = help::SYNC)]
    Sync(SyncArgs),
    /// Show what a running bmsync holds back of a tenant, ask, and approve exactly that.
    #[command(after_long_help = help::APPROVE)]
    Approve(ApproveArgs),
    /// Sign in to a tenant as a person, once: in a browser, or with a code.
    #[command(after_long_help = help::CONNECT)]
    Connect(ConnectArgs),
    /// Forget the sign-in of a tenant.
    #[command(after_long_help = help::DISCONNECT)]
    Disconnect(DisconnectArgs),
    /// Seal the sign-ins that are kept with a new key.
    #[command(after_long_help = help::REKEY)]
    Rekey(RekeyArgs),
    /// Load what BMS already holds: accounts, employees, contacts.
    #[command(after_long_help = help::IMPORT)]
    Import(ImportArgs),
    /// Say that something on the work list was done that BMS does not let bmsync see.
    #[command(after_long_help = help::CONFIRM)]
    Confirm(ConfirmArgs),
    /// Write the whole BMS state in the import format, sorted, the same bytes for the same state.
    #[command(after_long_help = help::EXPORT)]
    Export(ExportArgs),
    /// Bring contacts to IT Glue once: what waits in the state.
    #[command(after_long_help = help::DELIVER)]
    Deliver,
    /// Reconcile continuously and serve HTTP: plans for CI, records, metrics, notifications.
    #[command(after_long_help = help::RUN)]
    Run(RunArgs),
    /// Serve a simulated Microsoft Graph and login service on loopback, from a directory file.
    #[command(after_long_help = help::SIMULATE)]
    Simulate(SimulateArgs),
    /// Tell the whole story in a minute, on a temporary state and the simulator.
    #[command(after_long_help = help::DEMO)]
    Demo(DemoArgs),
    /// Look at everything that a synchronization needs, and say what to do about what is wrong.
    #[command(after_long_help = help::DOCTOR)]
    Doctor(DoctorArgs),
    /// Find the tenant ID of a domain name.
    #[command(after_long_help = help::TENANT_ID)]
    TenantId(TenantIdArgs),
    /// Make a configuration repository: manifests, schemas, a CI workflow.
    #[command(after_long_help = help::INIT)]
    Init(InitArgs),
    /// Print or write the JSON Schemas of the manifests.
    #[command(after_long_help = help::SCHEMA)]
    Schema(SchemaArgs),
    /// Print a completion script for a shell.
    #[command(after_long_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print a page of the reference, as Markdown.
    #[command(hide = true)]
    Reference(ReferenceArgs),
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Address to serve HTTP on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: std::net::SocketAddr,
    /// File of bearer tokens, one `viewer TOKEN` or `operator TOKEN` a line; a token may be `sha256:HEX`.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub tokens: Option<PathBuf>,
    /// URL under which Microsoft Graph reaches this server; with it, changes are told instead of only polled.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Git repository to take the manifests from, in place of a folder.
    #[arg(long, value_name = "URL", env = "BMSYNC_GIT", hide_env_values = true)]
    pub git: Option<String>,
    /// Branch, tag or commit of the repository.
    #[arg(long = "ref", value_name = "REF", default_value = "main", requires = "git")]
    pub reference: String,
    /// Folder of the manifests in the repository.
    #[arg(long, value_name = "DIR", default_value = "manifests", requires = "git")]
    pub git_path: PathBuf,
    /// Seconds between looks at the repository.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "git", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub git_interval: u64,
    /// Certificate chain (PEM) to serve HTTPS with.
    #[arg(long, value_name = "FILE", requires = "tls_key", value_hint = clap::ValueHint::FilePath)]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) of the certificate.
    #[arg(long, value_name = "FILE", requires = "tls_cert", value_hint = clap::ValueHint::FilePath)]
    pub tls_key: Option<PathBuf>,
}

/// Arguments of `plan`.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// Also save the plan, as JSON, for `bmsync apply FILE`.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Exit 2 when there are changes, 3 when something is held or blocked.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Plan this tenant alone.
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
}

/// Arguments of `apply`.
#[derive(Args, Debug)]
pub struct ApplyArgs {
    /// A plan saved by `plan --out`: applied only if it is still what would be planned now.
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub plan: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// Also apply what a guard or a broken rule holds back.
    #[arg(long)]
    pub approve_held: bool,
    /// Apply this tenant alone.
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
}

/// Arguments of `get`.
#[derive(Args, Debug)]
pub struct GetArgs {
    /// What to list.
    #[arg(value_name = "KIND")]
    pub kind: Listing,
    /// Show this one alone: the number of a record or event, of IT Glue the number of the contact in BMS, the name or ID of a tenant, the name of a rule.
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// Of events: only those after this one.
    #[arg(long, value_name = "ID", conflicts_with = "id")]
    pub after: Option<u64>,
    /// Of events: at most so many.
    #[arg(long, value_name = "COUNT", conflicts_with = "id", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Of events, from a server: go on with new ones as they come, one a line.
    #[arg(long, conflicts_with = "id")]
    pub follow: bool,
}

/// Arguments of `sync`.
#[derive(Args, Debug)]
pub struct SyncArgs {
    /// Name or ID of the tenant; without one, every tenant.
    #[arg(value_name = "TENANT")]
    pub tenant: Option<String>,
}

/// Arguments of `approve`.
#[derive(Args, Debug)]
pub struct ApproveArgs {
    /// Name or ID of the tenant.
    #[arg(value_name = "TENANT")]
    pub tenant: String,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// Arguments of `connect`.
#[derive(Args, Debug)]
pub struct ConnectArgs {
    /// Name or ID of the tenant.
    #[arg(value_name = "TENANT")]
    pub tenant: String,
    /// Show a code to be entered in a browser on any machine.
    #[arg(long)]
    pub device_code: bool,
    /// Let an administrator of the tenant consent for everybody first.
    #[arg(long, conflicts_with = "device_code")]
    pub admin_consent: bool,
    /// Only print the address; open no browser.
    #[arg(long)]
    pub no_browser: bool,
}

/// Arguments of `disconnect`.
#[derive(Args, Debug)]
pub struct DisconnectArgs {
    /// Name or ID of the tenant; the ID also of one that is no longer declared.
    #[arg(value_name = "TENANT")]
    pub tenant: String,
}

/// Arguments of `rekey`.
#[derive(Args, Debug)]
pub struct RekeyArgs {
    /// File of the new key; made if it is not there. Without it, the new key takes the old one's place.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub new_key_file: Option<PathBuf>,
}

/// What `get` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listing {
    /// Records of HR > Employees.
    #[value(alias = "employee")]
    Employees,
    /// Records of CRM > Contacts.
    #[value(alias = "contact")]
    Contacts,
    /// Declared tenants.
    #[value(alias = "tenant")]
    Tenants,
    /// Declared mapping rules.
    #[value(alias = "rule")]
    Rules,
    /// What happened, oldest first.
    #[value(alias = "event")]
    Events,
    /// What is not as it should be, or is left alone, in IT Glue.
    #[value(name = "itglue")]
    ItGlue,
    /// What a person has to do in a live BMS, because its API cannot do it.
    Worklist,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// User principal name, email or object ID.
    #[arg(value_name = "USER")]
    pub user: String,
}

/// Arguments of `import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// JSON Lines or CSV (by the name's ending); `-` is the standard input, as JSON Lines.
    #[arg(value_name = "FILE", required = true, value_hint = clap::ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// The kind of rows that do not say it themselves.
    #[arg(long, value_name = "KIND")]
    pub kind: Option<ImportKind>,
}

/// What a row of an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "each is the kind of that name")]
pub enum ImportKind {
    Account,
    Employee,
    Contact,
}

/// Arguments of `confirm`.
#[derive(Args, Debug)]
pub struct ConfirmArgs {
    /// The kind of the record.
    #[arg(value_name = "KIND")]
    pub kind: RecordKind,
    /// Its ID.
    #[arg(value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    pub id: u64,
}

/// What kind of record is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "each is the kind of that name")]
pub enum RecordKind {
    Employee,
    Contact,
}

/// Arguments of `export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Write to this file instead of stdout, as a whole or not at all.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub out: Option<PathBuf>,
}

/// Arguments of `simulate`.
#[derive(Args, Debug)]
pub struct SimulateArgs {
    /// Directory file (YAML); without one, the example of more than 200 people in three tenants.
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Serve a made-up world of so many users in so many groups instead; the same seed makes the same world.
    #[arg(long, value_name = "USERS,GROUPS", conflicts_with = "file")]
    pub generate: Option<Sizes>,
    /// What chance depends on: a made-up world, and faults of a probability.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// Address to listen on; loopback only.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8400")]
    pub listen: std::net::SocketAddr,
    /// Objects per page.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=999))]
    pub page_size: u32,
    /// Switch a fault on, as NAME=WHEN[@PATH][:VALUE], such as throttle=0.05; repeat for more.
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<String>,
}

/// How big a made-up world is, as in `100000,200`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// People.
    pub users: u32,
    /// Security groups.
    pub groups: u32,
}

impl FromStr for Sizes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once(',').and_then(|(users, groups)| {
            Some(Self { users: users.trim().parse().ok()?, groups: groups.trim().parse().ok()? })
        });
        numbers.ok_or("two numbers with a comma between them are wanted, as in 100000,200")
    }
}

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Also tell how it goes with a live Kaseya BMS: what its API writes, and what is left to a person.
    #[arg(long = "kaseya")]
    pub bms: bool,

    /// Also tell how contacts come to IT Glue.
    #[arg(long = "itglue")]
    pub it_glue: bool,
}

/// Arguments of `init`.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// Where; made if it is not there. Files that exist are never touched.
    #[arg(value_name = "DIR", default_value = ".", value_hint = clap::ValueHint::DirPath)]
    pub folder: PathBuf,
}

/// Arguments of `schema`.
#[derive(Args, Debug)]
pub struct SchemaArgs {
    /// Kind of manifest, as in `kind: Tenant`; without one, the union of all.
    #[arg(value_name = "KIND")]
    pub kind: Option<String>,
    /// Write one file per kind and manifest.json into this folder instead.
    #[arg(long, value_name = "DIR", conflicts_with = "kind", value_hint = clap::ValueHint::DirPath)]
    pub write: Option<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// Which shell.
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Arguments of `reference`.
#[derive(Args, Debug)]
pub struct ReferenceArgs {
    /// Which page.
    #[arg(value_name = "PAGE", default_value = "cli")]
    pub page: Page,
}

/// A page of the reference that is made from the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// This command line.
    Cli,
    /// The metrics of a running bmsync.
    Metrics,
    /// What the login service refuses with.
    SignIn,
}

/// What a verb works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stance {
    /// A server if one is named, else the state.
    Either,
    /// A server, which must be named.
    Server,
    /// The state alone, which would surprise whoever means a server.
    State,
    /// Neither a server nor a state that a server could have.
    Neither,
}

impl Verb {
    /// The word on the command line.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Plan(_) => "plan",
            Self::Apply(_) => "apply",
            Self::Get(_) => "get",
            Self::Explain(_) => "explain",
            Self::Sync(_) => "sync",
            Self::Approve(_) => "approve",
            Self::Connect(_) => "connect",
            Self::Disconnect(_) => "disconnect",
            Self::Rekey(_) => "rekey",
            Self::Import(_) => "import",
            Self::Confirm(_) => "confirm",
            Self::Export(_) => "export",
            Self::Deliver => "deliver",
            Self::Run(_) => "run",
            Self::Simulate(_) => "simulate",
            Self::Demo(_) => "demo",
            Self::Doctor(_) => "doctor",
            Self::TenantId(_) => "tenant-id",
            Self::Init(_) => "init",
            Self::Schema(_) => "schema",
            Self::Completions(_) => "completions",
            Self::Reference(_) => "reference",
        }
    }

    /// What `--server` means to it.
    pub(super) const fn stance(&self) -> Stance {
        match self {
            Self::Plan(_)
            | Self::Apply(_)
            | Self::Get(_)
            | Self::Explain(_)
            | Self::Export(_)
            | Self::Connect(_)
            | Self::Disconnect(_) => Stance::Either,
            Self::Sync(_) | Self::Approve(_) => Stance::Server,
            Self::Import(_) | Self::Confirm(_) | Self::Rekey(_) | Self::Deliver => Stance::State,
            Self::Validate
            | Self::Run(_)
            | Self::Simulate(_)
            | Self::Demo(_)
            | Self::Doctor(_)
            | Self::TenantId(_)
            | Self::Init(_)
            | Self::Schema(_)
            | Self::Completions(_)
            | Self::Reference(_) => Stance::Neither,
        }
    }

    /// The formats that it prints.
    const fn formats(&self) -> &'static [Format] {
        match self {
            Self::Plan(_) => &[Format::Text, Format::Json, Format::Markdown],
            Self::Get(_) => &[Format::Text, Format::Json, Format::Yaml, Format::Csv],
            Self::Validate
            | Self::Apply(_)
            | Self::Explain(_)
            | Self::Sync(_)
            | Self::Approve(_)
            | Self::Connect(_)
            | Self::Disconnect(_)
            | Self::Rekey(_)
            | Self::Deliver
            | Self::Import(_)
            | Self::Confirm(_)
            | Self::Export(_)
            | Self::Simulate(_)
            | Self::Doctor(_)
            | Self::TenantId(_)
            | Self::Schema(_) => &[Format::Text, Format::Json],
            Self::Run(_) | Self::Demo(_) | Self::Init(_) | Self::Completions(_) | Self::Reference(_) => &[Format::Text],
        }
    }
}

impl Cli {
    /// Reads a command line.
    ///
    /// # Errors
    /// What the parser has to say: wrong usage, but help and version too.
    pub fn read<T: AsRef<OsStr>>(args: impl IntoIterator<Item = T>) -> Result<Self, clap::Error> {
        Self::try_parse_from(args.into_iter().map(|arg| arg.as_ref().to_owned()))
    }

    /// Checks what the parser cannot.
    ///
    /// # Errors
    /// Wrong usage.
    pub fn check(&self) -> Result<(), Error> {
        let formats = self.verb.formats();
        if !formats.contains(&self.global.output) {
            return Err(self.no_format(formats));
        }
        if let Verb::Get(args) = &self.verb { args.check(&self.global) } else { Ok(()) }
    }

    fn no_format(&self, formats: &[Format]) -> Error {
        let word = self.verb.word();
        let known: Vec<String> = formats.iter().map(|format| format!("{format:?}").to_lowercase()).collect();
        let asked = format!("{:?}", self.global.output).to_lowercase();
        Error::usage(format!("`{word}` has no output format `{asked}`")).hint(format!("it has {}", known.join(", ")))
    }
}

impl GetArgs {
    /// Checks what belongs to events alone.
    fn check(&self, global: &Global) -> Result<(), Error> {
        let Self { kind, id: _, after, limit, follow } = self;
        if *kind != Listing::Events && (after.is_some() || limit.is_some() || *follow) {
            return Err(Error::usage("`--after`, `--limit` and `--follow` are for `get events`"));
        }
        match global.output {
            Format::Yaml | Format::Csv if *follow => {
                Err(Error::usage("what is followed has no end, so it is text or JSON Lines")
                    .hint("give -o text or -o json"))
            }
            Format::Text | Format::Json | Format::Markdown | Format::Yaml | Format::Csv => Ok(()),
        }
    }
}
