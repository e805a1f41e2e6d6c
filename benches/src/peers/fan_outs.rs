//! One bounded channel per subscriber.

use super::by_payload;

mod inner {
    use std::time::{Duration, Instant};

    use crate::peers::{Value, begin, handle, over, round_of};
    use crate::shape::{CAPACITY, Shape};

    /// A contest over channels that are opened by `$open`, and whose ends have `send` and `recv`.
    macro_rules! fan_out {
        ($name:ident, $open:expr) => {
            pub(super) async fn $name<T: Value>(shape: Shape) -> Duration {
                let round = round_of(shape);
                let (mut senders, mut readers) = (Vec::new(), Vec::new());
                for _ in 0..shape.subscribers {
                    #[allow(
                        unused_mut,
                        clippy::allow_attributes,
                        reason = "some receive by shared reference"
                    )]
                    let (sender, mut receiver) = $open(CAPACITY);
                    senders.push(sender);
                    let round = round.clone();
                    readers.push(tokio::spawn(async move {
                        let mut handled = 0_usize;
                        while let Some(value) = Option::<T>::from_ended(receiver.recv().await) {
                            handle(&value, round.as_deref());
                            handled += 1;
                        }
                        handled
                    }));
                }
                let begun = Instant::now();
                let mut publishers = Vec::new();
                for _ in 0..shape.publishers {
                    let (senders, round) = (senders.clone(), round.clone());
                    publishers.push(tokio::spawn(async move {
                        for number in 0..shape.signals() as u64 {
                            begin(round.as_deref(), shape);
                            let value = T::of(number);
                            for sender in &senders {
                                assert!(sender.send(value.clone()).await.is_ok());
                            }
                            over(round.as_deref()).await;
                        }
                    }));
                }
                drop(senders);
                for publisher in publishers {
                    publisher.await.expect("it publishes");
                }
                for reader in readers {
                    let handled = reader.await.expect("it reads");
                    assert_eq!(handled, shape.signals() * shape.publishers);
                }
                begun.elapsed()
            }
        };
    }

    /// Some channels end with `None`, others with an error.
    trait FromEnded<R> {
        fn from_ended(received: R) -> Self;
    }

    impl<T> FromEnded<Self> for Option<T> {
        fn from_ended(received: Self) -> Self {
            received
        }
    }

    impl<T, E> FromEnded<Result<T, E>> for Option<T> {
        fn from_ended(received: Result<T, E>) -> Self {
            received.ok()
        }
    }

    /// What differs by name only.
    struct Flume<T>(flume::Receiver<T>);

    impl<T> Flume<T> {
        async fn recv(&self) -> Result<T, flume::RecvError> {
            self.0.recv_async().await
        }
    }

    #[derive(Clone)]
    struct FlumeSender<T>(flume::Sender<T>);

    impl<T> FlumeSender<T> {
        async fn send(&self, value: T) -> Result<(), flume::SendError<T>> {
            self.0.send_async(value).await
        }
    }

    fn open_flume<T>(capacity: usize) -> (FlumeSender<T>, Flume<T>) {
        let (sender, receiver) = flume::bounded(capacity);
        (FlumeSender(sender), Flume(receiver))
    }

    fan_out!(tokio_mpsc, tokio::sync::mpsc::channel::<T>);
    fan_out!(kanal, kanal::bounded_async::<T>);
    fan_out!(flume, open_flume::<T>);
    fan_out!(async_channel, async_channel::bounded::<T>);
    fan_out!(crossfire, crossfire::mpsc::bounded_async::<T>);
}

by_payload!(tokio_mpsc);
by_payload!(kanal);
by_payload!(flume);
by_payload!(async_channel);
by_payload!(crossfire);
