//! What to write where the two types of a topic differ in a way that is often met.

use std::any::type_name;

/// Says what is behind two types, of these names, that are not the same.
pub(crate) fn on_types(published: &str, wanted: &str) -> &'static str {
    if published == wanted {
        "; these are two types of one name, which two versions of a crate may have: see `cargo tree --duplicates`"
    } else {
        on_texts(published, wanted)
    }
}

/// Says how a text is published or taken, where one end has a `String` and the other a `&'static str`.
fn on_texts(published: &str, wanted: &str) -> &'static str {
    let (borrowed, owned) = (type_name::<&'static str>(), type_name::<String>());
    if (published, wanted) == (borrowed, owned) {
        "; publish a `String`: `\"text\".to_owned()`"
    } else if (published, wanted) == (owned, borrowed) {
        "; take a `String`, not a `&'static str`"
    } else {
        ""
    }
}

/// Says how a subscriber takes several signals, where it asks for one that is several values.
pub(crate) fn on_several(published: &str, wanted: &str) -> &'static str {
    let several = type_name::<Vec<()>>().strip_suffix("()>");
    let inside = several.and_then(|vec| wanted.strip_prefix(vec)?.strip_suffix('>'));
    if inside == Some(published) {
        "; to take several at once, write `batch = 100` in `#[subscriber(..)]`"
    } else {
        ""
    }
}
