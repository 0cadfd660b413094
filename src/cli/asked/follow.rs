//! `bmsync get events --follow --server`: events as they come, one a line, until it is stopped.

use std::time::Duration;

use serde_json::Value;

use crate::interchange::event;
use crate::remote::{Collection, Remote};

use super::super::args::{Format, GetArgs, Global};
use super::super::error::{Error, Exit};
use super::super::get::table;
use super::super::output::{Output, Reader};
use super::super::stop::told_to_stop;
use super::cannot;
use super::get::PAGE;

/// Between looks when nothing new came.
const INTERVAL: Duration = Duration::from_secs(1);

/// Between looks at a server that does not answer, at most.
const MAX_INTERVAL: Duration = Duration::from_secs(30);

/// Follows until told to stop, until there is nobody to read, or until so many as wanted came.
pub async fn run(remote: &Remote, args: &GetArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    tokio::select! {
        () = told_to_stop() => Ok(Exit::Done),
        followed = follow(remote, args, global.output, output) => followed,
    }
}

async fn follow(remote: &Remote, args: &GetArgs, format: Format, output: &Output) -> Result<Exit, Error> {
    let mut after = args.after.unwrap_or(0);
    let mut left = args.limit.unwrap_or(u64::MAX);
    let (mut answered, mut failures) = (false, 0_u32);
    loop {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(PAGE);
        let wait = match remote.page(Collection::Events, Some(&after.to_string()), most).await {
            Ok(page) => {
                (answered, failures) = (true, 0);
                for told in &page.items {
                    let (id, line) = line(remote, told, format)?;
                    if id <= after || left == 0 {
                        return Err(foreign(remote));
                    }
                    (after, left) = (id, left - 1);
                    if output.line(&line)? == Reader::Gone {
                        return Ok(Exit::Done);
                    }
                }
                if page.items.is_empty() || page.next.is_none() { INTERVAL } else { Duration::ZERO }
            }
            Err(error) if error.may_pass() && answered => {
                if failures == 0 {
                    output.warn(crate::display::safe(&format!("{error}; it is asked again")));
                }
                failures += 1;
                INTERVAL.saturating_mul(1 << failures.min(5)).min(MAX_INTERVAL)
            }
            Err(error) => return Err(cannot("follow the events", remote, &error)),
        };
        if left == 0 {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(wait).await;
    }
}

/// The ID and the line of an event.
fn line(remote: &Remote, told: &Value, format: Format) -> Result<(u64, String), Error> {
    let event = event::read(told).ok_or_else(|| foreign(remote))?;
    let line = match format {
        Format::Json => told.to_string(),
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => table::event_line(&event),
    };
    Ok((event.id, line))
}

fn foreign(remote: &Remote) -> Error {
    Error::new(format!("cannot use what {} answered", remote.address()))
        .hint("check --server: is that a bmsync of this version?")
}
