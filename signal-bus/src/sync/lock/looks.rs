//! How somebody waits for the lock: he looks again and again.

#[cfg(not(all(loom, test)))]
pub(super) use awake::Looks;
#[cfg(all(loom, test))]
pub(super) use modelled::Looks;

#[cfg(not(all(loom, test)))]
mod awake {
    use std::{hint::spin_loop, thread, time::Duration};

    /// So often somebody looks before he lets other threads run: for as long as the lock is usually held.
    const LOOKS: u32 = 100;
    /// And so often in all before he sleeps: whoever has the lock is not running, or has much to do.
    const LOOKS_AWAKE: u32 = 200;
    /// He sleeps for as long, so that whoever has the lock comes to run, however little its thread counts.
    const NAP: Duration = Duration::from_micros(50);

    /// How often somebody has looked who waits.
    #[derive(Default, Debug)]
    pub(in crate::sync::lock) struct Looks(u32);

    impl Looks {
        /// Waits a little before the next look, the longer the more there were.
        #[expect(
            clippy::disallowed_methods,
            reason = "to wait for the lock blocks the thread, as it does everywhere"
        )]
        pub(in crate::sync::lock) fn rest(&mut self) {
            match self.0 {
                ..LOOKS => spin_loop(),
                LOOKS..LOOKS_AWAKE => thread::yield_now(),
                LOOKS_AWAKE.. => {
                    thread::sleep(NAP);
                    // Where it is free for short whiles only, one look after each sleep would miss many.
                    self.0 = 0;
                    return;
                }
            }
            self.0 += 1;
        }
    }
}

#[cfg(all(loom, test))]
mod modelled {
    /// After so many a model tries no other orders.
    const LOOKS_MODELLED: u32 = 3;

    #[derive(Default, Debug)]
    pub(in crate::sync::lock) struct Looks(u32);

    impl Looks {
        /// Two who wait could let each other go on for ever, so what comes after some looks is run in one order only.
        pub(in crate::sync::lock) fn rest(&mut self) {
            self.0 += 1;
            if self.0 == LOOKS_MODELLED {
                loom::skip_branch();
            }
            loom::thread::yield_now();
        }
    }
}
