//! Objects and pages as the JSON that Graph sends, written straight to bytes. Decides nothing about what is sent.

use super::object::{Attributes, Name, Object, ObjectId, Presence, write_text};
use super::properties::{Membership, Resource, Select};
use super::rounds::{Edge, Entry, News};
use super::world::Tenant;

/// Where a page leads.
pub(super) enum Onward {
    Next(String),
    Delta(String),
    Nowhere,
}

/// `@odata.context` of a delta page; the selected properties stand on the first one only.
pub(super) fn delta_context(origin: &str, resource: Resource, select: &Select, page: usize) -> String {
    let names = match (page, select.written.is_some()) {
        (0, true) => format!("({})", select.names.join(",")),
        (0, false) | (1.., true | false) => String::new(),
    };
    format!("{origin}/v1.0/$metadata#{}{names}", resource.path())
}

/// A page: the context, the onward link and the objects.
pub(super) fn page(context: &str, onward: &Onward, items: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = b"{\"@odata.context\":".to_vec();
    write_text(&mut out, context);
    match onward {
        Onward::Next(link) => write_link(&mut out, "@odata.nextLink", link),
        Onward::Delta(link) => write_link(&mut out, "@odata.deltaLink", link),
        Onward::Nowhere => {}
    }
    out.extend_from_slice(b",\"value\":[");
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&item);
    }
    out.extend_from_slice(b"]}");
    out
}

fn write_link(out: &mut Vec<u8>, name: &str, link: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    write_text(out, link);
}

/// One object of a delta page, as it is now.
pub(super) fn entry(tenant: &Tenant, resource: Resource, select: &Select, entry: &Entry) -> Vec<u8> {
    let (number, edges) = match entry {
        Entry::Object(number) => (*number, &[] as &[Edge]),
        Entry::Group(number, edges) => (*number, &**edges),
        Entry::Stranger(id) => return removed(&ObjectId::Guid(*id), "deleted"),
    };
    match tenant.table(resource).get(number) {
        Some(object) => told(tenant, select, object, edges),
        None => Vec::new(),
    }
}

fn told(tenant: &Tenant, select: &Select, object: &Object, edges: &[Edge]) -> Vec<u8> {
    let Object { id, attributes, presence } = object;
    match presence {
        Presence::Live => live(tenant, select, id, attributes, edges),
        Presence::SoftDeleted => removed(id, "changed"),
        Presence::Purged => removed(id, "deleted"),
    }
}

fn live(tenant: &Tenant, select: &Select, id: &ObjectId, attributes: &Attributes, edges: &[Edge]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + edges.len() * 96);
    out.extend_from_slice(b"{\"id\":");
    id.write_json(&mut out);
    for name in &select.names {
        write_attribute(&mut out, attributes, name);
    }
    if select.membership == Membership::Included && !edges.is_empty() {
        write_edges(&mut out, tenant, edges);
    }
    out.push(b'}');
    out
}

/// One that was never set is left out.
fn write_attribute(out: &mut Vec<u8>, attributes: &Attributes, name: &Name) {
    let start = out.len();
    write_key(out, name);
    if !attributes.write_value(name, out) {
        out.truncate(start);
    }
}

fn write_key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn write_edges(out: &mut Vec<u8>, tenant: &Tenant, edges: &[Edge]) {
    write_key(out, "members@delta");
    out.push(b'[');
    for (at, Edge { member, news }) in edges.iter().enumerate() {
        let Some((id, kind)) = tenant.describe(*member) else { continue };
        out.extend_from_slice(if at > 0 { b"," } else { b"" });
        write_typed(out, id, kind);
        match news {
            News::Holds => {}
            News::Ended => out.extend_from_slice(b",\"@removed\":{\"reason\":\"deleted\"}"),
        }
        out.push(b'}');
    }
    out.push(b']');
}

/// The open beginning of an object with its type.
fn write_typed(out: &mut Vec<u8>, id: &ObjectId, kind: &str) {
    out.extend_from_slice(b"{\"@odata.type\":");
    write_text(out, &format!("#microsoft.graph.{kind}"));
    out.extend_from_slice(b",\"id\":");
    id.write_json(out);
}

fn removed(id: &ObjectId, reason: &str) -> Vec<u8> {
    let mut out = b"{\"id\":".to_vec();
    id.write_json(&mut out);
    out.extend_from_slice(format!(",\"@removed\":{{\"reason\":\"{reason}\"}}}}").as_bytes());
    out
}

/// One object read by its ID: what was never set is null.
pub(super) fn single(context: &str, select: &Select, object: &Object) -> Vec<u8> {
    let mut out = b"{\"@odata.context\":".to_vec();
    write_text(&mut out, context);
    out.extend_from_slice(b",\"id\":");
    object.id.write_json(&mut out);
    write_nullable(&mut out, &object.attributes, &select.names);
    out.push(b'}');
    out
}

/// One object of a list of users or groups: what was never set is null.
pub(super) fn item(select: &Select, object: &Object) -> Vec<u8> {
    let mut out = b"{\"id\":".to_vec();
    object.id.write_json(&mut out);
    write_nullable(&mut out, &object.attributes, &select.names);
    out.push(b'}');
    out
}

/// One object of a list of members.
pub(super) fn listed(id: &ObjectId, kind: &str, attributes: Option<&Attributes>, names: &[Name]) -> Vec<u8> {
    let mut out = Vec::new();
    write_typed(&mut out, id, kind);
    if let Some(attributes) = attributes {
        write_nullable(&mut out, attributes, names);
    }
    out.push(b'}');
    out
}

fn write_nullable(out: &mut Vec<u8>, attributes: &Attributes, names: &[Name]) {
    for name in names {
        write_key(out, name);
        if !attributes.write_value(name, out) {
            out.extend_from_slice(b"null");
        }
    }
}
