//! Outside of any bus an annotated function is the plain function.

use std::sync::Arc;

use signal_bus::{inject, publisher, subscriber};

async fn name() -> String {
    "Frank".into()
}

#[publisher("calls")]
async fn publish(number: u32) -> u32 {
    number + 1
}

#[publisher("calls.plain")]
fn plain(number: u32) -> Option<u32> {
    number.checked_sub(1)
}

#[subscriber("calls")]
async fn subscribe(number: u32) -> anyhow::Result<()> {
    anyhow::ensure!(number != 0);
    Ok(())
}

#[subscriber("greeting")]
#[inject(name = name)]
async fn print_greeting(greeting: String, name: String, #[inject] missing: Option<Arc<u8>>) {
    assert!(missing.is_none());
    assert_eq!(greeting, format!("hi {name}"));
}

#[inject]
async fn needs(#[inject] _number: &u16) {}

#[inject]
async fn may_fail(#[inject] number: &u16) -> anyhow::Result<u16> {
    Ok(*number)
}

struct Shop;

impl Shop {
    #[publisher("calls.shop")]
    #[inject(name = name)]
    async fn sell(&self, what: &str, name: String) -> String {
        format!("{what} for {name}")
    }
}

#[tokio::test]
async fn annotated_functions_are_called_as_written() {
    assert_eq!(publish(1).await, 2);
    assert_eq!((plain(0), plain(1)), (None, Some(0)));
    assert!(subscribe(0).await.is_err() && subscribe(1).await.is_ok());
    assert_eq!(Shop.sell("tea").await, "tea for Frank");
}

#[tokio::test]
async fn factories_inject_outside_of_a_bus_and_direct_takes_everything() {
    print_greeting("hi Frank".into()).await;
    print_greeting::direct("hi Ann".into(), "Ann".into(), None).await;
}

#[tokio::test]
#[should_panic(
    expected = "was called outside of a running bus, so its parameter `_number` cannot be injected"
)]
async fn what_only_a_bus_provides_cannot_be_injected_outside_of_one() {
    needs().await;
}

#[tokio::test]
async fn where_the_function_can_return_the_error_it_does() {
    let error = may_fail().await.unwrap_err();
    assert!(
        error.downcast_ref::<signal_bus::InjectError>().is_some(),
        "{error}"
    );
    assert_eq!(may_fail::direct(&7).await.unwrap(), 7);
}
