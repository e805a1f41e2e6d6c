//! A crate that only the bus would use.

use signal_bus::{publisher, subscriber};

/// Publishes, if the linker keeps it.
#[publisher("link.linked")]
pub async fn publish_linked() -> u32 {
    1
}

#[subscriber("link.linked")]
async fn hear_linked(_number: u32) {}
