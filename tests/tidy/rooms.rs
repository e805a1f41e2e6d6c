//! The order of `mod` lines in `lib.rs` is the architecture: a room uses only rooms above it.

use std::path::Path;

use crate::paths::{Module, Names, RootPath};
use crate::source::{Finding, Source};

/// A file with its place in the tree of modules.
struct Part<'a> {
    source: &'a Source,
    /// The names that lead to it: `["queue", "ring"]`, none for `lib.rs`.
    module: Vec<String>,
    names: Names,
}

/// Checks the files of a library.
pub(crate) fn check(files: &[Source]) -> Vec<Finding> {
    let parts: Vec<Part<'_>> = files.iter().map(Part::read).collect();
    let front = parts.iter().find(|part| part.module.is_empty());
    let rooms = &front.expect("a library has a `lib.rs`").names.modules;
    assert!(1 < rooms.len(), "`lib.rs` declares no rooms");
    let tests: Vec<Vec<String>> = parts.iter().flat_map(Part::modules_for_tests).collect();
    parts
        .iter()
        .filter(|part| !part.module.is_empty())
        .filter(|part| !tests.iter().any(|tests| part.module.starts_with(tests)))
        .flat_map(|part| part.findings(rooms))
        .collect()
}

impl<'a> Part<'a> {
    fn read(source: &'a Source) -> Self {
        let module = module_of(&source.path);
        let names = Names::read(&source.text, module.len());
        Self {
            source,
            module,
            names,
        }
    }

    /// Returns the paths of the modules declared here which exist only in tests.
    fn modules_for_tests(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        let inner = self.names.modules.iter().filter(|inner| inner.tests_only);
        inner.map(|inner| [&self.module[..], std::slice::from_ref(&inner.name)].concat())
    }

    fn findings(&self, rooms: &[Module]) -> Vec<Finding> {
        let place = |name: &str| rooms.iter().position(|room| room.name == name);
        let Some(own) = place(&self.module[0]) else {
            let sentence = "no `mod` line in lib.rs leads to this file";
            return vec![self.source.finding(1, sentence)];
        };
        let wrong = self.names.from_root.iter().filter_map(|path| {
            let sentence = match place(&path.first) {
                Some(used) if used <= own => return None,
                Some(_) => uses_below(&rooms[own].name, &path.first),
                // Macros have no home: `macro_rules` are exported at the root.
                None if path.is_macro => return None,
                None => through_the_front_door(path),
            };
            Some(self.source.finding(path.line, sentence))
        });
        wrong.collect()
    }
}

fn uses_below(room: &str, used: &str) -> String {
    format!(
        "`{room}` uses `{used}`, which stands below it in lib.rs; \
         a room uses only rooms above it: move what both need upwards"
    )
}

fn through_the_front_door(path: &RootPath) -> String {
    format!(
        "`crate::{}` goes through the front door, which is for users; \
         name the room it lives in: `crate::<room>::{}`",
        path.first, path.first
    )
}

/// Returns the names that lead to a file below a `src` folder.
fn module_of(path: &Path) -> Vec<String> {
    let names = path.iter().map(|name| name.to_string_lossy().into_owned());
    let mut names: Vec<String> = names.skip_while(|name| name != "src").skip(1).collect();
    let file = names.pop().unwrap_or_default();
    match file.strip_suffix(".rs") {
        Some("lib" | "mod") | None => {}
        Some(name) => names.push(name.to_owned()),
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{check, module_of};
    use crate::source::{Finding, Source};

    const LIB: &str = "\
mod error;
pub mod topic;
#[cfg(feature = \"testing\")]
pub mod testing;
#[doc(hidden)]
pub mod private;
pub use crate::topic::Topic;
";

    /// Checks one file of a library that has the rooms of `LIB`.
    fn findings(path: &str, text: &str) -> Vec<String> {
        let files = [Source::of("a/src/lib.rs", LIB), Source::of(path, text)];
        check(&files).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_room_below_is_refused_at_its_line() {
        let found = findings(
            "a/src/error.rs",
            "use std::fmt;\n\nuse crate::topic::Topic;\n",
        );
        assert_eq!(found.len(), 1);
        let start = "a/src/error.rs:3: `error` uses `topic`, which stands below it in lib.rs;";
        assert!(found[0].starts_with(start), "{found:?}");
    }

    #[test]
    fn rooms_above_and_the_room_itself_are_fine() {
        let text = "use crate::error::Error;\nuse crate::topic::name::Name;\n";
        assert_eq!(findings("a/src/topic.rs", text), [""; 0]);
        assert_eq!(findings("a/src/topic/name.rs", text), [""; 0]);
        let text = "pub use crate::{error::Error, testing::TestBus, topic::Topic};";
        assert_eq!(findings("a/src/private.rs", text), [""; 0]);
    }

    #[test]
    fn a_file_in_a_folder_belongs_to_the_room_of_the_folder() {
        let found = findings("a/src/error/kind.rs", "use crate::topic::Topic;\n");
        assert!(
            found[0].starts_with("a/src/error/kind.rs:1: `error` uses `topic`"),
            "{found:?}"
        );
        let found = findings("a/src/error/mod.rs", "use crate::topic::Topic;\n");
        assert!(
            found[0].starts_with("a/src/error/mod.rs:1: `error` uses `topic`"),
            "{found:?}"
        );
    }

    #[test]
    fn the_front_door_is_refused_except_for_macros() {
        let found = findings("a/src/private.rs", "use crate::Topic;\nuse crate::*;\n");
        assert_eq!(found.len(), 2);
        assert!(
            found[0].contains("`crate::Topic` goes through the front door"),
            "{found:?}"
        );
        assert!(found[1].starts_with("a/src/private.rs:2: "), "{found:?}");
        assert_eq!(findings("a/src/error.rs", "crate::link!(orders);"), [""; 0]);
    }

    #[test]
    fn a_file_without_a_mod_line_is_refused() {
        let found = findings("a/src/forgotten.rs", "");
        let expected = ["a/src/forgotten.rs:1: no `mod` line in lib.rs leads to this file"];
        assert_eq!(found, expected);
    }

    #[test]
    fn files_that_exist_only_in_tests_may_use_every_room() {
        let files = [
            Source::of("a/src/lib.rs", LIB),
            Source::of("a/src/error.rs", "#[cfg(all(loom, test))]\nmod loom;"),
            Source::of("a/src/error/loom.rs", "use crate::topic::Topic;"),
        ];
        assert!(check(&files).is_empty());
    }

    #[test]
    fn module_of_a_file_is_its_path_below_src() {
        assert_eq!(module_of("a/src/lib.rs".as_ref()), [""; 0]);
        assert_eq!(module_of("a/src/queue/mod.rs".as_ref()), ["queue"]);
        assert_eq!(module_of("a/src/queue/ring.rs".as_ref()), ["queue", "ring"]);
    }
}
