//! The table of routes: the router and the `OpenAPI` document are made from it, so they cannot say different things.

use super::auth::Role;
use super::problem::ProblemKind;
use super::query::{Asked, Parameter};
use super::route::{Gives, Lane, Need, Route, Takes, Verb, now};
use super::{connecting, health, lists, orders, planning, webhook};
use crate::source::graph::connect::CALLBACK_PATH;

const VIEWER: Need = Need::Role(Role::Viewer);
const OPERATOR: Need = Need::Role(Role::Operator);
const NOTHING: Asked = Asked::Only(&[]);
const PAGE: Asked = Asked::Only(&[Parameter::Limit, Parameter::After]);

/// A cheap question that a viewer may ask; the others are variations of it.
const READ: Route = Route {
    verb: Verb::Get,
    path: "",
    need: VIEWER,
    lane: Lane::Open,
    query: NOTHING,
    takes: Takes::Nothing,
    gives: Gives::Json(""),
    fails: &[],
    about: "",
    run: |_| now(Ok(health::alive())),
};

/// One thing, by its ID.
const ONE: Route = Route { fails: &[ProblemKind::NotFound], ..READ };

/// A page of things.
const MANY: Route = Route { query: PAGE, ..READ };

/// For monitoring: anybody may ask.
const OPEN: Route = Route { need: Need::Nobody, query: Asked::Among(&[]), ..READ };

/// Something is done.
const ORDER: Route = Route { verb: Verb::Post, need: OPERATOR, ..READ };

/// Every route.
pub static ROUTES: [Route; 30] = [
    Route {
        path: "/healthz",
        gives: Gives::Text("text/plain; charset=utf-8"),
        about: "Whether the process is alive.",
        run: |_| now(Ok(health::alive())),
        ..OPEN
    },
    Route {
        path: "/readyz",
        gives: Gives::Json("Readiness"),
        fails: &[ProblemKind::Unavailable],
        about: "Whether the process can do its work; if not, what is missing.",
        run: |call| now(health::ready(&call)),
        ..OPEN
    },
    Route {
        path: "/metrics",
        gives: Gives::Text("text/plain; version=0.0.4; charset=utf-8"),
        about: "Metrics in the Prometheus text format. They name tenants, never users.",
        run: |call| now(Ok(health::metrics(&call))),
        ..OPEN
    },
    Route {
        path: "/openapi.json",
        gives: Gives::Text("application/json"),
        about: "This document.",
        run: |_| now(Ok(health::openapi())),
        ..OPEN
    },
    Route {
        verb: Verb::Post,
        path: "/webhooks/graph",
        lane: Lane::Notification,
        query: Asked::Among(&[Parameter::ValidationToken]),
        takes: Takes::Notifications,
        gives: Gives::Handshake,
        fails: &[ProblemKind::BadRequest],
        about: "Change and lifecycle notifications of Microsoft Graph, and its validation handshake. The answer does not \
                tell whether a notification was genuine.",
        run: |call| now(webhook::receive(&call)),
        ..OPEN
    },
    Route {
        path: CALLBACK_PATH,
        lane: Lane::Notification,
        gives: Gives::Person,
        fails: &[ProblemKind::MethodNotAllowed],
        about: "Where a person's browser comes back to from the login service: the redirect URI of the application.",
        run: |call| Box::pin(connecting::returned(call)),
        ..OPEN
    },
    Route {
        verb: Verb::Post,
        path: "/v1/plan",
        lane: Lane::Expensive,
        query: Asked::Only(&[Parameter::Tenant]),
        takes: Takes::Manifests,
        gives: Gives::Json("Plan"),
        fails: &[ProblemKind::NotFound, ProblemKind::InvalidManifests],
        about: "Plans the manifests in the body, or those in force when it is empty, against what the server knows. Changes \
                nothing and asks no directory service. A tenant may be used only exactly as the server declares it.",
        run: |call| Box::pin(planning::plan(call)),
        ..READ
    },
    Route {
        path: "/v1/sync",
        gives: Gives::Accepted("SyncAccepted"),
        about: "Looks again at every tenant, now.",
        run: |call| now(orders::sync_all(&call)),
        ..ORDER
    },
    Route {
        path: "/v1/sync/{tenant}",
        gives: Gives::Accepted("SyncAccepted"),
        fails: &[ProblemKind::NotFound],
        about: "Looks again at one tenant (name or ID), now.",
        run: |call| now(orders::sync_one(&call)),
        ..ORDER
    },
    Route {
        path: "/v1/connect/{tenantOrAttempt}",
        need: OPERATOR,
        gives: Gives::Json("SignInProgress"),
        about: "How far a sign-in is, by the ID that beginning it answered. To follow, ask again.",
        run: |call| now(connecting::progress(&call)),
        ..ONE
    },
    Route {
        path: "/v1/connect/{tenantOrAttempt}",
        lane: Lane::Notification,
        query: Asked::Only(&[Parameter::DeviceCode, Parameter::AdminConsent]),
        gives: Gives::Accepted("SignInBegun"),
        fails: &[ProblemKind::NotFound, ProblemKind::Conflict],
        about: "Begins the sign-in of a person to a tenant (name or ID): answers where a browser goes, or what code is \
                entered. It lives for 10 minutes.",
        run: |call| Box::pin(connecting::begin(call)),
        ..ORDER
    },
    Route {
        path: "/v1/disconnect/{tenant}",
        gives: Gives::Json("Disconnected"),
        fails: &[ProblemKind::NotFound],
        about: "Forgets the sign-in of a tenant (name or ID). In Entra ID it must be revoked besides.",
        run: |call| Box::pin(connecting::disconnect(call)),
        ..ORDER
    },
    Route {
        path: "/v1/approve/{tenant}",
        gives: Gives::Json("Held"),
        about: "Shows what is held back of a tenant (name or ID), with the digest that names exactly these changes.",
        run: |call| Box::pin(orders::held(call)),
        ..ONE
    },
    Route {
        path: "/v1/approve/{tenant}",
        takes: Takes::Approval,
        gives: Gives::Json("Held"),
        fails: &[ProblemKind::NotFound, ProblemKind::Conflict],
        about: "Approves what is held back of a tenant (name or ID): exactly the changes of the digest in the body, or with \
                an empty body those that are held at this moment. Answers what was approved.",
        run: |call| Box::pin(orders::approve(call)),
        ..ORDER
    },
    Route {
        path: "/v1/apply",
        lane: Lane::Expensive,
        query: Asked::Only(&[Parameter::ApproveHeld]),
        takes: Takes::Plan,
        gives: Gives::Json("Report"),
        fails: &[ProblemKind::Conflict, ProblemKind::Unprocessable],
        about: "Applies a saved plan, if it is still what would be planned now.",
        run: |call| Box::pin(orders::apply(call)),
        ..ORDER
    },
    Route {
        path: "/v1/employees",
        gives: Gives::Page("Employee"),
        about: "Employees, by ID.",
        run: |call| Box::pin(lists::employees(call)),
        ..MANY
    },
    Route {
        path: "/v1/employees/{id}",
        gives: Gives::Json("Employee"),
        about: "One employee.",
        run: |call| Box::pin(lists::employee(call)),
        ..ONE
    },
    Route {
        path: "/v1/contacts",
        gives: Gives::Page("Contact"),
        about: "Contacts, by ID.",
        run: |call| Box::pin(lists::contacts(call)),
        ..MANY
    },
    Route {
        path: "/v1/contacts/{id}",
        gives: Gives::Json("Contact"),
        about: "One contact.",
        run: |call| Box::pin(lists::contact(call)),
        ..ONE
    },
    Route {
        path: "/v1/tenants",
        gives: Gives::Page("Tenant"),
        about: "Tenants with the state of their connections, by tenant ID.",
        run: |call| Box::pin(lists::tenants(call)),
        ..MANY
    },
    Route {
        path: "/v1/tenants/{tenant}",
        gives: Gives::Json("Tenant"),
        about: "One tenant, by name or ID.",
        run: |call| Box::pin(lists::tenant(call)),
        ..ONE
    },
    Route {
        path: "/v1/rules",
        gives: Gives::Page("Rule"),
        about: "Rules with their conditions, by tenant ID, order and group ID.",
        run: |call| Box::pin(lists::rules(call)),
        ..MANY
    },
    Route {
        path: "/v1/rules/{rule}",
        gives: Gives::Json("Rule"),
        about: "One rule, by name.",
        run: |call| Box::pin(lists::rule(call)),
        ..ONE
    },
    Route {
        path: "/v1/worklist",
        gives: Gives::Page("ToDo"),
        about: "What a person has to do in a live BMS, because its API cannot do it: the steps, and how it is seen to be done.",
        run: |call| Box::pin(lists::worklist(call)),
        ..MANY
    },
    Route {
        path: "/v1/events",
        gives: Gives::Page("Event"),
        about: "What happened, oldest first. To follow, ask again after the ID of the last event.",
        run: |call| Box::pin(lists::events(call)),
        ..MANY
    },
    Route {
        path: "/v1/events/{id}",
        gives: Gives::Json("Event"),
        about: "One event.",
        run: |call| Box::pin(lists::event(call)),
        ..ONE
    },
    Route {
        path: "/v1/itglue",
        gives: Gives::Page("ItGlueFinding"),
        fails: &[ProblemKind::NotFound],
        about: "What is not as it should be, or is left alone, in IT Glue, by the ID of the contact in BMS.",
        run: |call| Box::pin(lists::it_glue_findings(call)),
        ..MANY
    },
    Route {
        path: "/v1/itglue/status",
        gives: Gives::Json("ItGlueStatus"),
        about: "How far the deliveries to IT Glue are: what waits, what was found, and whether IT Glue can be used.",
        run: |call| Box::pin(lists::it_glue_status(call)),
        ..ONE
    },
    Route {
        path: "/v1/explain",
        lane: Lane::Expensive,
        query: Asked::Only(&[Parameter::User]),
        gives: Gives::Page("Explanation"),
        fails: &[ProblemKind::NotFound],
        about: "Explains a user: which rules match and why, the fields and where each comes from, what would happen. \
                Several tenants may know a user of that name.",
        run: |call| Box::pin(planning::explain(call)),
        ..READ
    },
    Route {
        path: "/v1/export",
        lane: Lane::Expensive,
        gives: Gives::Text("application/x-ndjson"),
        about: "The whole state in the import format: a JSON object per line, sorted.",
        run: |call| Box::pin(planning::export(call)),
        ..READ
    },
];
