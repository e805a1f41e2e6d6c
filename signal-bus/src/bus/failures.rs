//! What becomes of failures, as the description says it.

use crate::bus::Bus;

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
}
