//! The longer part of the help: examples and exit codes of each verb, also printed into the reference.

/// What exit codes mean, in short.
pub const EXIT_CODES: &str = "\
Exit codes: 0 done, or nothing to do · 1 failed · 2 changes (plan --detailed-exitcode) · 3
  something is held back or blocked · 64 wrong usage. Of several the gravest: 1 before 3
  before 2.";

/// After the help of `bmsync` itself.
pub const TOP: &str = "\
Examples:
  bmsync demo                          see the whole story first
  bmsync init people && cd people      start a configuration repository
  bmsync validate                      check the manifests
  bmsync plan                          what would happen
  bmsync apply                         make it happen

Environment:
  BMSYNC_STATE   default of --state
  BMSYNC_KEY     key that sign-ins are sealed with: 32 bytes in base64 or hex
  BMSYNC_KEY_FILE  default of --key-file
  BMSYNC_SERVER  default of --server, for the verbs that can ask a server
  BMSYNC_TOKEN   bearer token for the server; it is never an argument
  NO_COLOR       no colour
  RUST_LOG       what is logged, such as bmsync=debug; -v is shorter

Exit codes:
  0   done, or nothing to do
  1   failed: a bad manifest, something unreachable, something refused
  2   plan --detailed-exitcode: there are changes
  3   a guard held something back, or a user is blocked (plan --detailed-exitcode, apply)
  64  wrong usage
  Of several the gravest applies: 1 before 3 before 2.";

/// After the help of `validate`.
pub const VALIDATE: &str = "\
Every error is reported at once, with file, line and column. Warnings (a rule that can never
win, for instance) do not fail the check. As text the diagnostics go to stderr, as JSON to
stdout.

Examples:
  bmsync validate
  bmsync validate -f config/manifests -o json

Exit codes: 0 no errors · 1 errors · 64 wrong usage";

/// After the help of `plan`.
pub const PLAN: &str = "\
Reads the BMS state and every declared tenant's directory. A tenant that cannot be read is
left as it is; the others are planned all the same, and the exit code is 1. Planning changes
nothing in BMS.

With --server the manifests are sent to a running bmsync, which answers from what it knows:
no directory is read and no secret is needed here. Each change says whether these manifests
cause it or it would happen anyway. A tenant may be used only as the server declares it.

Examples:
  bmsync plan
  bmsync plan --tenant contoso
  bmsync plan --out round.plan.json && bmsync apply round.plan.json
  bmsync plan -o markdown > comment.md         for a pull request
  bmsync plan -o json --detailed-exitcode      for a script
  bmsync plan --server https://bmsync.example.com -o markdown

Exit codes: 0 planned · 1 a bad manifest, a tenant could not be read, or the server refused · 64 wrong usage with
  --detailed-exitcode also: 2 there are changes · 3 something is held back or blocked";

/// After the help of `apply`.
pub const APPLY: &str = "\
Without FILE: plans, shows the plan, asks, applies. With FILE: plans again, and refuses when
configuration, directory or state have moved on since the plan was saved; it says what moved.
The changes of one user happen together or not at all. What a guard or a broken rule holds
back is not applied without --approve-held.

With --server only a saved plan can be applied, and only if it is what the server would do
with its own manifests: it applies those by itself. See `bmsync sync` and `bmsync approve`.

Examples:
  bmsync apply
  bmsync apply --yes                           for a timer or a pipeline
  bmsync apply round.plan.json                 exactly the plan that was reviewed
  bmsync apply --approve-held                  also what a guard held back

Exit codes: 0 applied, or nothing to do · 1 failed, refused or not confirmed · 3 applied, and
  something is held back or blocked · 64 wrong usage";

/// After the help of `get`.
pub const GET: &str = "\
Records and events come from the BMS state, tenants and rules from the manifests. With
--server all come from there, and tenants and rules with their conditions. Without, tenants
tell who signed in, until when that holds, and whether a person is needed. --follow prints new
events as they come, as text or JSON Lines, until it is stopped.

Examples:
  bmsync get employees
  bmsync get contact 7 -o yaml
  bmsync get employees -o csv > employees.csv
  bmsync get events -o json
  bmsync get events --after 1200 --limit 50
  bmsync get events --follow --server http://localhost:8080
  bmsync get tenants --server http://localhost:8080

Exit codes: 0 shown · 1 there is no such one, or the state cannot be read · 64 wrong usage";

/// After the help of `explain`.
pub const EXPLAIN: &str = "\
USER is a user principal name, an email or an object ID; letter case does not count. Every
rule of the user's tenant is listed with why it matched, lost or did not match.

Examples:
  bmsync explain adele@contoso.com
  bmsync explain 87d349ed-44d7-43e1-9a83-5f2406dee5bd -o json

Exit codes: 0 explained · 1 no such user, more than one, or the tenant could not be read · 64
  wrong usage";

/// After the help of `sync`.
pub const SYNC: &str = "\
A running bmsync looks by itself; this only ends its waiting. It needs --server or
BMSYNC_SERVER, and a token of role operator in BMSYNC_TOKEN where the server wants one.

Examples:
  bmsync sync --server http://localhost:8080
  BMSYNC_SERVER=https://bmsync.example.com bmsync sync contoso

Exit codes: 0 told · 1 no such tenant, or the server refused or cannot be reached · 64 wrong usage";

/// After the help of `approve`.
pub const APPROVE: &str = "\
Shows every change that guards hold back of the tenant, and approves exactly what it showed,
for an hour. When something else is held by then, nothing is approved: run it again. It needs
--server or BMSYNC_SERVER, and a token of role operator in BMSYNC_TOKEN where the server wants
one.

Examples:
  bmsync approve contoso --server http://localhost:8080
  bmsync approve contoso --yes -o json

Exit codes: 0 approved, or nothing is held · 1 not confirmed, no such tenant, or the server
  refused or cannot be reached · 64 wrong usage";

/// After the help of `connect`.
pub const CONNECT: &str = "\
For a tenant that says `signIn: delegated`. Opens the login service in a browser, which comes
back to a port of this machine; the application must have the redirect URI
http://localhost/OAuth/IntegrationCallback.aspx for that. With --server the running bmsync is
what the browser comes back to, below its --public-url: register that address. With
--device-code nothing comes back: a code is entered in a browser on any machine. All ways work
with --server too.

Only an account of the declared tenant is let in. What the sign-in can read is tried, and what
is missing is named. The refresh token is kept sealed in the state; no password is seen.

Examples:
  bmsync connect contoso
  bmsync connect contoso --admin-consent
  bmsync connect contoso --device-code
  bmsync connect contoso --server https://bmsync.example.com --no-browser

Exit codes: 0 signed in, and directories can be read · 1 nobody signed in, or they cannot be
  read · 64 wrong usage";

/// After the help of `disconnect`.
pub const DISCONNECT: &str = "\
Removes the refresh token that is kept for the tenant; it needs no key, so a sign-in whose key
is lost can be forgotten too. The grant itself still exists in Entra ID: what is printed says
where an administrator revokes it. It works on the local state, or with --server has a running
bmsync forget.

Examples:
  bmsync disconnect contoso
  bmsync disconnect 84841066-274d-4ec0-a5c1-276be684bdd3 -o json

Exit codes: 0 forgotten, or there was nothing · 1 no such tenant, or the state cannot be used
  · 64 wrong usage";

/// After the help of `rekey`.
pub const REKEY: &str = "\
Seals every sign-in that is kept with a new key, all in one commit. The new key is on the disk
before, the old one goes after, so being killed at any point loses nothing. Without
--new-key-file a new key takes the place of the file that held the old one; with it, both files
stay, and the new one is given from then on. Backups of the state from before need the old key.
It works on the local state, while no `bmsync run` has it open.

Examples:
  bmsync rekey
  bmsync rekey --new-key-file /etc/bmsync/key-2027

Exit codes: 0 done · 1 the old key is wrong or lost, or something cannot be written; then nothing
  is changed · 64 wrong usage";

/// After the help of `import`.
pub const IMPORT: &str = "\
A row with the kind and ID of a record changes the keys that it gives; a row without an ID
makes a new record. All files are stored in one commit: one bad line, and nothing is stored.
CSV takes the keys as headers (source.tenantId, …) and several locations separated by `;`.

Examples:
  bmsync import bms.jsonl
  bmsync import --kind employee employees.csv
  bmsync export | bmsync --state other import -

Exit codes: 0 stored · 1 a bad line, or the state cannot be written · 64 wrong usage";

/// After the help of `confirm`.
pub const CONFIRM: &str = "\
Only for a live BMS (`KaseyaBms`): what its API does not show, such as a phone of an employee or
the user name of a client portal login, stays on the work list until a person says that it is so.

Examples:
  bmsync get worklist
  bmsync confirm employee 12

Exit codes: 0 confirmed · 1 nothing is on the work list for that record · 64 wrong usage";

/// After the help of `export`.
pub const EXPORT: &str = "\
JSON Lines: accounts, employees, contacts, each by ID, with all keys.

Examples:
  bmsync export > backup.jsonl
  bmsync export --out backup.jsonl

Exit codes: 0 written · 1 the state cannot be read, or the file not written · 64 wrong usage";

/// After the help of `run`.
pub const RUN: &str = "\
Looks at every tenant each `pollInterval` of the SyncPolicy and makes BMS follow. `/v1` answers only to
this machine unless tokens are configured: by --tokens, or by BMSYNC_VIEWER_TOKEN and
BMSYNC_OPERATOR_TOKEN. SIGHUP reads the manifests, tokens and certificate again; SIGTERM and Ctrl-C
stop it cleanly.

Examples:
  bmsync run
  bmsync run --listen 0.0.0.0:8080 --tokens tokens --tls-cert cert.pem --tls-key key.pem

Exit codes: 0 stopped · 1 bad manifests, the state is in use, or the address is taken · 64 wrong usage";

/// After the help of `simulate`.
pub const SIMULATE: &str = "\
Runs until it is stopped with Ctrl-C. Manifests reach it through `endpoints: { login: …,
graph: … }` of a Tenant.

Examples:
  bmsync simulate
  bmsync simulate people.yaml --listen 127.0.0.1:8400 --page-size 10
  bmsync simulate --fault throttle=0.05 --fault cut=next1@users/delta
  bmsync simulate --generate 100000,200 --seed 7 --page-size 999

Exit codes: 0 stopped · 1 a bad directory file, or the address is taken · 64 wrong usage";

/// After the help of `demo`.
pub const DEMO: &str = "\
Needs nothing and leaves nothing: no tenant, no network beyond loopback, no file outside a
temporary folder.

Examples:
  bmsync demo
  bmsync demo --kaseya --itglue    # with a live BMS, and IT Glue beside it

Exit codes: 0 the story went as told · 1 it did not · 64 wrong usage";

/// After the help of `deliver`.
pub const DELIVER: &str = "\
Compares the contacts that changed since the last time with the IT Glue that an `ItGlue` manifest
declares, the first time all of them; with `mode: write` it also creates and updates them there.
`bmsync run` does the same all the time. Beginning again does no harm, and nothing is lost when it
ends early. What it found is shown by `bmsync get itglue`.

Examples:
  bmsync deliver
  bmsync deliver -o json
  bmsync get itglue

Exit codes: 0 everything that waited was looked at · 1 failed · 64 wrong usage";

/// After the help of `doctor`.
pub const DOCTOR: &str = "\
Looks at the manifests, the state and its disk, and of each tenant: its secret (which is never
shown) and when it ends, login service and Graph, the clock, sign-in, each permission by a
real call, the groups of the rules, and their accounts in BMS. Changes nothing. It looks from
this machine: run it where bmsync runs. As JSON, `checks` lists tenant, check, status (ok,
warning, failed, skipped), message, hint and job, and `summary` counts.

Examples:
  bmsync doctor
  bmsync doctor contoso
  bmsync doctor --public-url https://bmsync.example.com
  bmsync doctor -o json

Exit codes: 0 nothing is wrong · 1 something is · 64 wrong usage";

/// After the help of `tenant-id`.
pub const TENANT_ID: &str = "\
Asks the login service, without any sign-in. The ID alone goes to stdout.

Examples:
  bmsync tenant-id contoso.com
  bmsync tenant-id contoso.us --cloud usGov -o json

Exit codes: 0 found · 1 no tenant has the domain, or the service cannot be reached · 64 wrong usage";

/// After the help of `init`.
pub const INIT: &str = "\
Writes manifests to start from, their JSON Schemas for the editor, and a GitHub workflow that
validates, plans and comments on pull requests. Files that exist are left alone and listed.

Examples:
  bmsync init
  bmsync init people

Exit codes: 0 made · 1 a file cannot be written · 64 wrong usage";

/// After the help of `schema`.
pub const SCHEMA: &str = "\
Examples:
  bmsync schema > manifest.schema.json
  bmsync schema Tenant
  bmsync schema --write schemas

Exit codes: 0 printed or written · 1 a file cannot be written · 64 wrong usage, such as an
  unknown kind";

/// After the help of `completions`.
pub const COMPLETIONS: &str = "\
Examples:
  bmsync completions bash > ~/.local/share/bash-completion/completions/bmsync
  bmsync completions zsh > ~/.zfunc/_bmsync
  bmsync completions fish > ~/.config/fish/completions/bmsync.fish

Exit codes: 0 printed · 64 wrong usage";
