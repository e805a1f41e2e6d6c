//! A crate that only the bus would use.

use signal_bus::{publisher, subscriber};

/// Publishes, if the linker keeps it.
#[publisher("link.unlinked")]
pub async fn publish_unlinked() -> u32 {
    1
}

#[subscriber("link.unlinked")]
async fn hear_unlinked(_number: u32) {}
