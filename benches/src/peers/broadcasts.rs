//! One queue for all subscribers.

use super::by_payload;

mod inner {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use tokio::sync::broadcast::error::RecvError;

    use crate::peers::{Value, begin, handle, over, round_of};
    use crate::shape::{CAPACITY, Shape};

    /// It overwrites what a slow subscriber has not read: what was missed counts as delivered, in its favour.
    pub(super) async fn tokio_broadcast<T: Value>(shape: Shape) -> Duration {
        let round = round_of(shape);
        let (sender, _) = tokio::sync::broadcast::channel::<T>(CAPACITY);
        let sender = Arc::new(sender);
        let mut readers = Vec::new();
        for _ in 0..shape.subscribers {
            let (mut receiver, round) = (sender.subscribe(), round.clone());
            readers.push(tokio::spawn(async move {
                let mut handled = 0;
                loop {
                    match receiver.recv().await {
                        Ok(value) => {
                            handle(&value, round.as_deref());
                            handled += 1;
                        }
                        Err(RecvError::Lagged(missed)) => {
                            handled += usize::try_from(missed).expect("it is few");
                        }
                        Err(RecvError::Closed) => return handled,
                    }
                }
            }));
        }
        let begun = Instant::now();
        let mut publishers = Vec::new();
        for _ in 0..shape.publishers {
            let (sender, round) = (Arc::clone(&sender), round.clone());
            publishers.push(tokio::spawn(async move {
                for number in 0..shape.signals() as u64 {
                    begin(round.as_deref(), shape);
                    assert!(sender.send(T::of(number)).is_ok());
                    over(round.as_deref()).await;
                    // Otherwise a runtime of one thread would never let a subscriber read.
                    tokio::task::coop::consume_budget().await;
                }
            }));
        }
        drop(sender);
        for publisher in publishers {
            publisher.await.expect("it publishes");
        }
        for reader in readers {
            let handled = reader.await.expect("it reads");
            assert_eq!(handled, shape.signals() * shape.publishers);
        }
        begun.elapsed()
    }

    pub(super) async fn async_broadcast<T: Value>(shape: Shape) -> Duration {
        let round = round_of(shape);
        let (sender, receiver) = async_broadcast::broadcast::<T>(CAPACITY);
        let mut readers = Vec::new();
        for _ in 0..shape.subscribers {
            let (mut receiver, round) = (receiver.clone(), round.clone());
            readers.push(tokio::spawn(async move {
                let mut handled = 0;
                while let Ok(value) = receiver.recv_direct().await {
                    handle(&value, round.as_deref());
                    handled += 1;
                }
                handled
            }));
        }
        drop(receiver);
        let begun = Instant::now();
        let mut publishers = Vec::new();
        for _ in 0..shape.publishers {
            let (sender, round) = (sender.clone(), round.clone());
            publishers.push(tokio::spawn(async move {
                for number in 0..shape.signals() as u64 {
                    begin(round.as_deref(), shape);
                    assert!(sender.broadcast_direct(T::of(number)).await.is_ok());
                    over(round.as_deref()).await;
                }
            }));
        }
        drop(sender);
        for publisher in publishers {
            publisher.await.expect("it publishes");
        }
        for reader in readers {
            let handled: usize = reader.await.expect("it reads");
            assert_eq!(handled, shape.signals() * shape.publishers);
        }
        begun.elapsed()
    }
}

by_payload!(tokio_broadcast);
by_payload!(async_broadcast);
