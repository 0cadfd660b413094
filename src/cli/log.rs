//! The log: what happened inside, on stderr. Never on stdout, and never what a request held.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::{Cli, Global, LogFormat, Verb};
use super::output::Output;
use super::traces;

/// What is to be ended with the process.
#[derive(Debug, Default)]
pub struct Started {
    #[cfg(feature = "otlp")]
    traces: Option<traces::Traces>,
}

impl Started {
    /// Sends what is left of the traces.
    pub fn end(self) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = self.traces {
            traces.end();
        }
    }
}

/// Starts the log once for the process: `RUST_LOG` decides what is in it, else `-v` and `-q`. What runs for long is also
/// traced, where the environment names a collector.
pub fn start(cli: &Cli, output: &Output) -> Started {
    let Cli { global, verb } = cli;
    let silence = if matches!(verb, Verb::Run(_)) { "warn" } else { "error" };
    let (filter, trouble) = filter(global, silence, std::env::var("RUST_LOG").ok());
    let filter = filter.and(filter_fn(|line| !is_span(line) && is_discreet(line.target(), *line.level())));
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(output.aside_is_coloured());
    let layer = match global.log_format {
        LogFormat::Text => layer.with_target(false).with_filter(filter).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let registry = tracing_subscriber::registry().with(layer);
    let started = if matches!(verb, Verb::Run(_)) && traces::are_wanted() {
        traced(registry, output)
    } else {
        // A second start in one process (tests) keeps the first.
        let _ = registry.try_init();
        Started::default()
    };
    if let Some(trouble) = trouble {
        output.warn(format!("RUST_LOG is not understood and does not count: {}", crate::display::safe(&trouble)));
    }
    started
}

/// Starts the log with traces beside it.
#[cfg(feature = "otlp")]
fn traced<S>(registry: S, output: &Output) -> Started
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static,
{
    match traces::collect() {
        Ok((layer, traces)) => {
            let _ = registry.with(layer.with_filter(filter_fn(is_span))).try_init();
            Started { traces: Some(traces) }
        }
        Err(error) => {
            let _ = registry.try_init();
            output.warn(format!("traces cannot be sent: {}", crate::display::safe(&error)));
            Started::default()
        }
    }
}

/// Starts the log, and says that there will be no traces.
#[cfg(not(feature = "otlp"))]
fn traced<S>(registry: S, output: &Output) -> Started
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static,
{
    let _ = registry.try_init();
    output.warn("OTEL_EXPORTER_OTLP_ENDPOINT is set, but this bmsync was built without traces (cargo feature `otlp`)");
    Started::default()
}

/// Whether it is one of the spans that traces are made of; the log leaves them out.
fn is_span(line: &tracing::Metadata<'_>) -> bool {
    line.is_span() && line.target() == crate::spans::TARGET
}

/// What is logged, and what was wrong with `RUST_LOG`.
fn filter(global: &Global, silence: &str, rust_log: Option<String>) -> (EnvFilter, Option<String>) {
    match rust_log.filter(|directives| !directives.trim().is_empty()).map(EnvFilter::try_new) {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (by_options(global, silence), Some(error.to_string())),
        None => (by_options(global, silence), None),
    }
}

/// Without options errors alone: what goes wrong is told anyhow, by the verb and in its own words. What runs for long has
/// nobody to tell but the log, so there warnings are in it.
fn by_options(global: &Global, silence: &str) -> EnvFilter {
    let own = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => silence,
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    // The database's errors come back to whoever asked, and are told once; in its own words only to who wants detail.
    let database = if global.verbose == 0 { ",sled=off" } else { "" };
    let directives = format!("error,bmsync={own}{database}");
    EnvFilter::builder().with_default_directive(LevelFilter::ERROR.into()).parse_lossy(directives)
}

/// Libraries may not trace: at that level an HTTP stack may show what it sends, tokens included.
fn is_discreet(target: &str, level: tracing::Level) -> bool {
    level < tracing::Level::TRACE || target.starts_with("bmsync")
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::is_discreet;

    #[test]
    fn no_library_traces_whatever_rust_log_says() {
        assert!(!is_discreet("hyper::proto::h1::io", Level::TRACE));
        assert!(is_discreet("hyper::proto::h1::io", Level::DEBUG));
        assert!(is_discreet("bmsync::engine", Level::TRACE));
    }
}
