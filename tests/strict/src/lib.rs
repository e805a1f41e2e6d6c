//! Generated code is silent here: every attribute and form, under every lint a strict user may deny.

#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    missing_copy_implementations,
    unreachable_pub,
    unused_qualifications,
    unused_results,
    trivial_casts,
    trivial_numeric_casts,
    single_use_lifetimes,
    let_underscore_drop,
    rust_2018_idioms,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::shadow_unrelated,
    clippy::str_to_string
)]

pub mod functions;
pub mod injection;
pub mod services;

use signal_bus::Bus;

/// Describes the bus of this crate.
pub fn bus() -> Bus {
    Bus::new().provide(injection::Config::default())
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn every_form_runs() -> anyhow::Result<()> {
        let bus = super::bus().start().await?;
        let _order = crate::functions::create("eu", 7).await;
        let _refund = crate::functions::refund(7);
        let _shared = crate::functions::share().await;
        let _generic = crate::functions::generic(7_u32).await?;
        let _letters = crate::injection::count_letters().await;
        bus.settled().await;
        let report = bus.close().await?;
        assert_eq!(report.stats.total.dead, 0, "{report}");
        assert!(10 < report.stats.total.done, "{report}");
        Ok(())
    }
}
