//! When a service wants to be asked again. It knows nothing of who asks.

use std::time::Duration;

use jiff::Timestamp;

/// Reads `Retry-After`: seconds, decimals too, or an HTTP date. Anything else says nothing.
#[must_use]
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        let seconds: f64 = value.parse().ok()?;
        return Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_comes_in_three_forms() {
        let now: Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        let seconds = |text| retry_after(text, now).map(|wait| wait.as_secs_f64());
        assert_eq!(seconds("3.75"), Some(3.75));
        assert_eq!(seconds(" 10 "), Some(10.0));
        assert_eq!(seconds("0"), Some(0.0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7.0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:01 GMT"), Some(0.0));
        assert_eq!(retry_after(&"9".repeat(400), now), Some(Duration::MAX));
        for nonsense in ["", "-1", "soon", "1e3", "NaN", "inf", ".", "1.2.3"] {
            assert_eq!(retry_after(nonsense, now), None, "{nonsense}");
        }
    }
}
