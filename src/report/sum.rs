//! What a plan comes to, in a line. Knows nothing of colours and pages.

use crate::display::count;
use crate::plan::{Summary, TenantState};

use super::shown::{Part, Shown};
use super::words;

/// `Plan: 3 to create, 1 to update. 12 unchanged.`, and where it is known how much the manifests cause.
#[must_use]
pub fn sum(shown: &Shown<'_>) -> String {
    let summary = &shown.summary;
    let total = match words::to_do(summary) {
        Some(to_do) => format!("Plan: {to_do}. {}.", capital(&words::standing(summary))),
        None => format!("No changes. {}", nothing_to_do(shown)),
    };
    match apart(&shown.parts()) {
        Some(apart) => format!("{total} {apart}."),
        None => total,
    }
}

/// `Because of these manifests: 2 to create; pending anyway: nothing`; nothing where nothing was compared.
fn apart(parts: &[Part<'_>]) -> Option<String> {
    let counted = |part: &Part<'_>| part.title().map(|title| format!("{title}: {}", amount(&part.summary())));
    let texts: Option<Vec<String>> = parts.iter().map(counted).collect();
    Some(capital(&texts?.join("; ").replace("; Pending", "; pending")))
}

fn amount(summary: &Summary) -> String {
    let held = (summary.held > 0).then(|| format!("{} held back", count(summary.held)));
    let parts: Vec<String> = words::to_do(summary).into_iter().chain(held).collect();
    if parts.is_empty() { "nothing".into() } else { parts.join(", ") }
}

/// Why there is nothing to do, without claiming more than is known.
fn nothing_to_do(shown: &Shown<'_>) -> String {
    let whole = shown.basis.tenants.iter().all(|head| head.state == TenantState::Complete);
    match &shown.summary {
        Summary { held: 0, blocked: 0, preserved: 0, touched: 0, .. } if whole => "BMS matches the directory.".into(),
        summary @ Summary { held: 0, blocked: 0, .. } if whole => {
            format!("BMS matches the directory: {}.", words::standing(summary))
        }
        summary => format!("{}.", capital(&words::standing(summary))),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
