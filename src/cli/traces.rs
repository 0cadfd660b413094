//! Traces over OTLP, where the standard variables name a collector. Built in with the feature `otlp`; without it, asking
//! for traces is answered with one warning.

/// Variables that name a collector.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Whether the environment asks for traces.
#[must_use]
pub fn are_wanted() -> bool {
    wanted(|name| std::env::var(name).ok())
}

fn wanted(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, word: &str| variable(name).is_some_and(|value| value.trim().eq_ignore_ascii_case(word));
    let named = ENDPOINTS.iter().any(|name| variable(name).is_some_and(|value| !value.trim().is_empty()));
    named && !is("OTEL_SDK_DISABLED", "true") && !is("OTEL_TRACES_EXPORTER", "none")
}

#[cfg(feature = "otlp")]
pub use self::otlp::{Traces, collect};

#[cfg(feature = "otlp")]
mod otlp {
    use std::time::Duration;

    use opentelemetry::KeyValue;
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
    use reqwest::blocking::Client;
    use reqwest::redirect::Policy;
    use tracing::Subscriber;
    use tracing_opentelemetry::OpenTelemetryLayer;
    use tracing_subscriber::registry::LookupSpan;

    /// A collector that takes longer is given up for that batch.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// Sends what is left when it ends.
    #[derive(Debug)]
    pub struct Traces(SdkTracerProvider);

    impl Traces {
        /// Sends what is left, and no more.
        pub fn end(self) {
            if let Err(error) = self.0.shutdown() {
                tracing::warn!(%error, "the last traces could not be sent");
            }
        }
    }

    /// A layer that collects spans for the collector of the environment. Must not be called inside a runtime.
    ///
    /// # Errors
    /// What is wrong with the variables, for a person to read.
    pub fn collect<S>() -> Result<(OpenTelemetryLayer<S, SdkTracer>, Traces), String>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        // An error only says that a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(Policy::none()).timeout(PATIENCE).build();
        let client = client.map_err(|error| error.without_url().to_string())?;
        let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
        let exporter = exporter.map_err(|error| error.to_string())?;
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bmsync"));
        Ok((layer.with_location(false).with_threads(false).with_tracked_inactivity(false), Traces(provider)))
    }

    /// Who sends: named by the environment, else by its own name.
    fn resource() -> Resource {
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let named = |name| std::env::var(name).is_ok_and(|value: String| value.contains("service.name="));
        let builder = Resource::builder().with_attribute(version);
        if std::env::var_os("OTEL_SERVICE_NAME").is_some() || named("OTEL_RESOURCE_ATTRIBUTES") {
            builder.build()
        } else {
            builder.with_service_name("bmsync").build()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::wanted;

    #[test]
    fn an_endpoint_asks_for_traces_and_the_standard_switches_turn_them_off() {
        let with = |set: &[(&str, &str)]| {
            wanted(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        assert!(with(&[endpoint]) && with(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://x")]));
        assert!(!with(&[]) && !with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]));
        assert!(!with(&[endpoint, ("OTEL_SDK_DISABLED", "True")]));
        assert!(!with(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]));
    }
}
