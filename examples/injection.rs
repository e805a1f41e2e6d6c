//! Injection: a factory makes an argument, a bus may replace the factory, a caller may pass the argument.

use signal_bus::{Bus, inject, publisher, subscriber};

#[publisher("greeting")]
async fn generate_greeting(greeting: &str) -> String {
    greeting.to_owned()
}

fn name_factory() -> String {
    "Frank".to_owned()
}

#[subscriber("greeting")]
#[inject(name = name_factory)]
async fn print_greeting(greeting: String, name: String) {
    println!("{greeting} from {name}");
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let greet = async || {
        generate_greeting("hello").await;
    };
    Bus::new().run(greet()).await?; // hello from Frank

    let bus = Bus::new().replace(name_factory, || "Bob".to_owned());
    bus.run(greet()).await?; // hello from Bob

    print_greeting("hi".to_owned()).await; // hi from Frank
    print_greeting::direct("hi".to_owned(), "Ann".to_owned()).await; // hi from Ann
    Ok(())
}
