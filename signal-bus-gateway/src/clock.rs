//! The time of day, which clients see.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, as Python counts them.
pub(crate) fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// The time as HTTP writes it.
pub(crate) fn http_date() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}
