//! The second attribute was not imported.

use signal_bus::subscriber;

fn name() -> String {
    "Frank".to_owned()
}

#[subscriber("greeting")]
#[inject(name = name)]
async fn print(greeting: String, name: String) {
    println!("{greeting} from {name}");
}

fn main() {}
