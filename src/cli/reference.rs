//! `bmsync reference`: pages of the reference that are made from the code. That of the command line, from the definitions
//! that the parser itself uses, is made here.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::args::{Cli, Page, ReferenceArgs};
use super::error::{Error, Exit};
use super::output::Output;
use crate::controller::metrics;
use crate::source::graph::refusals;

const OPENING: &str = "\
# Command line

<!-- Made by `bmsync reference > docs/reference/cli.md` from the definitions in src/cli/args.rs; a test compares. -->
";

/// Prints the page.
pub fn run(args: &ReferenceArgs, output: &Output) -> Result<Exit, Error> {
    output.data(match args.page {
        Page::Cli => page(),
        Page::Metrics => metrics::reference::page(),
        Page::SignIn => refusals(),
    })?;
    Ok(Exit::Done)
}

/// The page.
#[must_use]
pub fn page() -> String {
    let mut command = Cli::command();
    command.build();
    let mut page = String::from(OPENING);
    section(&mut page, &command, "##");
    options(&mut page, "Options of every verb", command.get_arguments().filter(|arg| arg.is_global_set()));
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        section(&mut page, verb, "##");
        options(&mut page, "Arguments", verb.get_arguments().filter(|arg| arg.is_positional()));
        let own = |arg: &&Arg| !arg.is_positional() && !arg.is_global_set() && !is_built_in(arg);
        options(&mut page, "Options", verb.get_arguments().filter(own));
    }
    page
}

fn section(page: &mut String, command: &Command, level: &str) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let _ = write!(page, "\n{level} {name}\n\n");
    if let Some(about) = command.get_long_about().or_else(|| command.get_about()) {
        let _ = write!(page, "{about}\n\n");
    }
    let usage = command.clone().render_usage().to_string();
    let _ = write!(page, "```text\n{}\n```\n", usage.strip_prefix("Usage: ").unwrap_or(&usage).trim());
    let more = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    more.split("\n\n").filter(|block| !block.is_empty()).for_each(|block| paragraph(page, block));
}

/// A block of the help: prose, or a title ending in a colon with lines that are kept as they are.
fn paragraph(page: &mut String, block: &str) {
    let _ = match block.split_once(":\n") {
        Some((title, lines)) if !title.contains('\n') => {
            let lines =
                lines.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
            write!(page, "\n{title}:\n\n```text\n{lines}\n```\n")
        }
        Some(_) | None => write!(page, "\n{}\n", block.lines().map(str::trim).collect::<Vec<_>>().join(" ")),
    };
}

fn options<'a>(page: &mut String, title: &str, args: impl Iterator<Item = &'a Arg>) {
    let mut lines = args.map(option).peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = write!(page, "\n{title}:\n\n");
    lines.for_each(|line| page.push_str(&line));
}

fn option(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut line = format!("- `{}`: {}", spelling(arg), help.trim().trim_end_matches('.'));
    let values: Vec<String> = possible_values(arg);
    if !values.is_empty() {
        let _ = write!(line, "; one of {}", values.join(", "));
    }
    let defaults: Vec<String> = arg.get_default_values().iter().map(|value| format!("`{}`", value.display())).collect();
    if !defaults.is_empty() && takes_value(arg) {
        let _ = write!(line, "; default {}", defaults.join(", "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(line, "; environment `{}`", variable.display());
    }
    line + "\n"
}

fn spelling(arg: &Arg) -> String {
    let value = arg.get_value_names().and_then(<[_]>::first).map(ToString::to_string).unwrap_or_default();
    if arg.is_positional() {
        return value;
    }
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let value = if takes_value(arg) { format!(" {value}") } else { String::new() };
    names.join(", ") + &value
}

fn possible_values(arg: &Arg) -> Vec<String> {
    if !takes_value(arg) {
        return Vec::new();
    }
    arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect()
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

fn is_built_in(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}
