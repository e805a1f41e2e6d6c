//! What becomes of failures and stalls, as the description says it.

use std::time::Duration;

use crate::{bus::Bus, registry::trip::OnTrip, scope::trips::PanicLimit};

impl Bus {
    /// How many dead letters the bus keeps to be looked at and replayed; 1024 unless set, none if 0.
    ///
    /// The newest stay: [`DeadLetters::dropped`](crate::DeadLetters::dropped) counts those that had to go for them. A letter
    /// keeps the value of its signal alive. So, while letters are kept, a handler that takes its signal by value gets a clone of
    /// it, since the original may be needed; of a bus that keeps none, the last handler gets the value itself.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let bus = signal_bus::Bus::empty().keep_dead_letters(100).start().await?;
    /// assert!(bus.dead_letters().is_empty());
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    pub fn keep_dead_letters(mut self, letters: usize) -> Self {
        self.letters_max = letters;
        self
    }

    /// How many panics within a time a subscription or a periodic function may have; 5 within 10 s unless set. With one more it rests, or
    /// [closes the bus](Self::on_trip).
    ///
    /// While it rests it takes no signals: what is published waits for it, and publishers wait when it is full, so that nothing
    /// is lost. After a random wait of up to 1 s it is tried with one signal (or one batch). If that panics as well, it rests
    /// again, after each time up to twice as long, and up to 60 s; otherwise it goes on as before. Each panic is a failure and
    /// makes a dead letter as ever, and that a subscription rests is warned of once. A subscription that is closed, or whose
    /// bus is, does not rest: each signal is tried at once. Where several are handled at once, a signal that waits for another
    /// attempt of its [`Retry`](crate::Retry) rests as well, and may be the one that it is tried with.
    ///
    /// A periodic function that panics so often rests as well: of its runs, the first one that is due after the wait is made, and
    /// tried with; what becomes of the others `missed` says. A run that is [asked for](crate::PeriodicHandle::trigger) is made
    /// at once.
    ///
    /// [`SubscriptionReport::tripped`](crate::SubscriptionReport::tripped),
    /// [`PeriodicHandle::is_tripped`](crate::PeriodicHandle::is_tripped) and
    /// [`BusHandle::health`](crate::BusHandle::health) tell who rests. Errors and timeouts do not count,
    /// and the members of a group rest each by itself.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let careful = signal_bus::Bus::new().panic_limit(0, Duration::from_secs(1));    // rests after each panic
    /// let careless = signal_bus::Bus::new().panic_limit(usize::MAX, Duration::ZERO);  // never does
    /// ```
    pub fn panic_limit(mut self, panics: usize, within: Duration) -> Self {
        self.panic_limit = PanicLimit { panics, within };
        self
    }

    /// What happens when one that does not say itself (`on_trip = ..`) has panicked more often than it [may](Self::panic_limit); it
    /// rests unless set.
    ///
    /// With [`OnTrip::CloseBus`] the bus closes, as by [`close`](crate::BusHandle::close): it refuses what comes from outside, and
    /// handles what waits, of the one that has tripped as well, each signal at once. The close is an error then,
    /// [`CloseError::Tripped`](crate::CloseError::Tripped), of [`run`](Self::run) and [`serve`](Self::serve) too, and its report
    /// [names](crate::CloseReport::closed_by) the function.
    ///
    /// ```standalone_crate
    /// use signal_bus::{Bus, BusHandle, CloseError, publisher, subscriber};
    ///
    /// #[publisher("orders")]
    /// async fn order(number: u32) -> u32 { number }
    ///
    /// #[subscriber("orders", on_trip = close_bus)]
    /// async fn store(number: u32) { panic!("no room for {number}") }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let orders = async |bus: BusHandle| {
    ///     for number in 0..10 { order(number).await; }
    ///     bus.closing().await;
    /// };
    /// let error = Bus::new().on_error(|_, _| {}).run_with(orders).await.unwrap_err();
    /// let Some(CloseError::Tripped(report)) = error.downcast_ref() else { panic!("{error}") };
    /// assert_eq!(report.closed_by.unwrap().function, "store");
    /// # Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    pub fn on_trip(mut self, on_trip: OnTrip) -> Self {
        self.on_trip = on_trip;
        self
    }

    /// How long the handling of a signal or a periodic run may take, or a publish wait for room, until that is a stall; 30 s unless set.
    ///
    /// A stall is warned of in the log, once, with function, file and line, and [`BusHandle::health`](crate::BusHandle::health)
    /// tells of it as long as it lasts. Nothing else happens: what is to end a handler is its `timeout`. It is noticed up to an
    /// eighth of the time later, and at most 5 s; of an idle bus nothing is looked at. The wait between two attempts of a
    /// [`Retry`](crate::Retry) is none, nor is one for a reader that nobody publishes to.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let impatient = signal_bus::Bus::new().stall_after(Duration::from_secs(2));
    /// let silent = signal_bus::Bus::new().stall_after(Duration::MAX);
    /// ```
    pub fn stall_after(mut self, limit: Duration) -> Self {
        self.stall_after = limit;
        self
    }
}
