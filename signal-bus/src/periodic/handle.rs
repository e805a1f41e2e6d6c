//! The periodic functions of a running bus, in the hands of others.

use std::{fmt, sync::Arc, time::Duration};

#[cfg(feature = "transport")]
use crate::report::lease::LeaseState;
use crate::{
    scope::{control::Controls, running::BusHandle},
    site::Site,
};

/// A periodic function of a running bus; found by [`BusHandle::periodic`].
#[derive(Clone)]
pub struct PeriodicHandle {
    controls: Arc<Controls>,
    bus: BusHandle,
}

impl fmt::Debug for PeriodicHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeriodicHandle({})", self.controls.site)
    }
}

impl PeriodicHandle {
    /// Asks for a run now, also while it is paused or rests.
    ///
    /// A run never overlaps another: if one is under way, the next follows it. Several calls before that run are one. The
    /// times of a cron expression or of a fixed rate stay as they are; a fixed delay begins anew.
    ///
    /// The run counts from now on: [`settled`](BusHandle::settled) and a close wait for it. A bus that closes takes no
    /// more of them.
    pub fn trigger(&self) {
        self.controls
            .trigger(|| self.bus.running().exchange.begin_run());
    }

    /// Keeps it from running, until it is resumed; a run that is under way comes to its end.
    pub fn pause(&self) {
        self.controls.pause(true);
    }

    /// Lets it run again. A run that was due meanwhile comes at once; what becomes of the others `missed` says.
    pub fn resume(&self) {
        self.controls.pause(false);
    }

    /// Whether it is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.controls.is_paused()
    }

    /// Whether it runs right now.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.controls.is_running()
    }

    /// Whether it rests, because it has [panicked too often](crate::Bus::panic_limit).
    #[must_use]
    pub fn is_tripped(&self) -> bool {
        self.controls.trip.is_tripped()
    }

    /// How long it is until its next run begins, by the runtime's clock; zero if it is due or asked for.
    ///
    /// `None` if that is not known: while it runs, while it is paused, and while another bus has its lease; and if there is no next run, because the bus is
    /// closed or a cron expression names no later time. A system clock that is set moves times of day, which this knows
    /// within a minute.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use signal_bus::{Bus, periodic};
    /// use std::time::Duration;
    ///
    /// #[periodic("1h", after = "5m")]
    /// async fn report() {}
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let bus = Bus::new().start().await?;
    /// let next = bus.periodic("report").next_run().expect("it waits");
    /// assert!(next <= Duration::from_secs(300));
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn next_run(&self) -> Option<Duration> {
        self.controls.next_run()
    }

    /// Who has its lease, as far as this bus knows; `None` if it does not run [once in a
    /// cluster](macro@crate::periodic#once-in-a-cluster).
    #[cfg(feature = "transport")]
    #[must_use]
    pub fn lease(&self) -> Option<LeaseState> {
        self.controls.standing.state()
    }

    /// The function.
    #[must_use]
    pub fn site(&self) -> Site {
        self.controls.site
    }
}

impl BusHandle {
    /// The periodic function of a name: `poll`, `Mailer::sweep`, or, to tell it from others, `my_app::jobs::poll`.
    ///
    /// # Panics
    ///
    /// Panics if this bus has no such function, or more than one, with the names it has: a name is a part of the program.
    /// [`periodics`](Self::periodics) has all of them, for names that come from elsewhere.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use signal_bus::{Bus, periodic};
    ///
    /// #[periodic("1h")]
    /// async fn report() {}
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let bus = Bus::new().start().await?;
    /// bus.periodic("report").trigger();
    /// bus.periodic("report").pause();
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn periodic(&self, name: &str) -> PeriodicHandle {
        let mut named = self.periodics().filter(|one| is_named(one.site(), name));
        match (named.next(), named.next()) {
            (Some(one), None) => one,
            (Some(one), Some(other)) => panic!(
                "two periodic functions of the bus are named `{name}`: {} and {}",
                one.site(),
                other.site()
            ),
            (None, _) => {
                let names = self.periodics().map(|one| one.site().to_string());
                let names = names.collect::<Vec<_>>().join(", ");
                panic!("no periodic function of the bus is named `{name}`; there are: [{names}]")
            }
        }
    }

    /// All periodic functions of the bus.
    pub fn periodics(&self) -> impl Iterator<Item = PeriodicHandle> + '_ {
        let all = self.running().periodics.iter();
        all.map(|controls| PeriodicHandle {
            controls: Arc::clone(controls),
            bus: self.clone(),
        })
    }
}

fn is_named(site: Site, name: &str) -> bool {
    let path = format!("{}::{}", site.module, site.function);
    path.strip_suffix(name)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with("::"))
}
