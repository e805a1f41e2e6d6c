//! What a Rust file names: the modules it declares, and its paths from the crate's root.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The root as seen from inside, and under the name by which generated code knows it.
const ROOTS: [&str; 2] = ["crate", "signal_bus"];

/// The names in one file that matter to the architecture.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The modules that live in files of their own, in order.
    pub(crate) modules: Vec<Module>,
    /// Every path from the root, outside of modules that exist only in tests.
    pub(crate) from_root: Vec<RootPath>,
    /// How many lines stand in modules that exist only in tests.
    pub(crate) test_lines_count: usize,
}

/// A `mod name;`.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) tests_only: bool,
}

/// A path such as `crate::topic::Topic`, or its like through `super`.
#[derive(Debug)]
pub(crate) struct RootPath {
    /// The name right below the root: `topic`.
    pub(crate) first: String,
    pub(crate) line: usize,
    /// Whether it is a call of a macro, `crate::first!`.
    pub(crate) is_macro: bool,
}

impl Names {
    /// Reads a file whose module stands `depth` steps below the root; `lib.rs` itself stands at 0.
    pub(crate) fn read(text: &str, depth: usize) -> Self {
        let mut names = Self::default();
        let tokens: TokenStream = text.parse().expect("what compiles splits into tokens");
        names.visit(tokens, depth);
        names
    }

    fn visit(&mut self, tokens: TokenStream, depth: usize) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let mut index = 0;
        while let Some(tree) = trees.get(index) {
            index += match tree {
                TokenTree::Ident(word) if word == "mod" => self.module(&trees, index, depth),
                TokenTree::Ident(_) => self.path(&trees, index, depth),
                TokenTree::Group(group) => {
                    self.visit(group.stream(), depth);
                    1
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => 1,
            };
        }
    }

    /// Reads a module whose `mod` stands at `index`; returns how many tokens it took.
    fn module(&mut self, trees: &[TokenTree], index: usize, depth: usize) -> usize {
        let tests_only = is_for_tests(&trees[..index]);
        match &trees[index + 1..] {
            [TokenTree::Ident(name), TokenTree::Punct(end), ..] if end.as_char() == ';' => {
                let name = plain(&name.to_string());
                self.modules.push(Module { name, tests_only });
                3
            }
            [TokenTree::Ident(_), TokenTree::Group(body), ..] if tests_only => {
                let (open, close) = (body.span_open().start(), body.span_close().end());
                self.test_lines_count += close.line - open.line + 1;
                3
            }
            [TokenTree::Ident(_), TokenTree::Group(body), ..] => {
                self.visit(body.stream(), depth + 1);
                3
            }
            _ => 1,
        }
    }

    /// Reads a path from the root if one begins at `index`; returns how many tokens are done.
    fn path(&mut self, trees: &[TokenTree], index: usize, depth: usize) -> usize {
        // `$crate` is expanded elsewhere, where the order of our rooms means nothing.
        let before = index.checked_sub(1).and_then(|before| trees.get(before));
        if is_sign(before, '$') {
            return 1;
        }
        let mut after = index + 1;
        if is_word(trees.get(index), "super") {
            let mut climbed = 1;
            while is_separator(trees, after) && is_word(trees.get(after + 2), "super") {
                climbed += 1;
                after += 3;
            }
            if climbed != depth {
                return after - index;
            }
        } else if !ROOTS.iter().any(|root| is_word(trees.get(index), root)) {
            return 1;
        }
        if is_separator(trees, after) {
            self.first_names(&trees[after + 2..]);
        }
        after - index
    }

    /// Records the names right below the root: one, a `*`, or those of a `{..}` group.
    fn first_names(&mut self, trees: &[TokenTree]) {
        match trees {
            [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
                let trees: Vec<TokenTree> = group.stream().into_iter().collect();
                for branch in trees.split(|tree| is_sign(Some(tree), ',')) {
                    self.first_names(branch);
                }
            }
            [
                first @ (TokenTree::Ident(_) | TokenTree::Punct(_)),
                rest @ ..,
            ] => {
                self.from_root.push(RootPath {
                    first: plain(&first.to_string()),
                    line: first.span().start().line,
                    is_macro: is_sign(rest.first(), '!'),
                });
            }
            _ => {}
        }
    }
}

/// Tells whether the attributes at the end of `before` keep what follows to tests.
fn is_for_tests(before: &[TokenTree]) -> bool {
    match before {
        // A visibility, `pub` or `pub(crate)`, stands between the attributes and `mod`.
        [rest @ .., TokenTree::Ident(word)] if word == "pub" => is_for_tests(rest),
        [rest @ .., TokenTree::Group(group)] if group.delimiter() == Delimiter::Parenthesis => {
            is_for_tests(rest)
        }
        [rest @ .., TokenTree::Punct(_), TokenTree::Group(attribute)]
            if attribute.delimiter() == Delimiter::Bracket =>
        {
            let condition = attribute.stream().to_string().replace(' ', "");
            let words: Vec<&str> = condition
                .split(|letter: char| !is_word_letter(letter))
                .collect();
            let for_tests = words.first() == Some(&"cfg")
                && !words.contains(&"not")
                && (words.contains(&"test") || words.contains(&"loom"));
            for_tests || is_for_tests(rest)
        }
        _ => false,
    }
}

fn is_word_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn is_word(tree: Option<&TokenTree>, word: &str) -> bool {
    matches!(tree, Some(TokenTree::Ident(ident)) if ident == word)
}

fn is_sign(tree: Option<&TokenTree>, sign: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn is_separator(trees: &[TokenTree], index: usize) -> bool {
    is_sign(trees.get(index), ':') && is_sign(trees.get(index + 1), ':')
}

fn plain(name: &str) -> String {
    name.strip_prefix("r#").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::Names;

    /// Returns the paths of a file at `depth` as `line:first`.
    fn paths(depth: usize, text: &str) -> Vec<String> {
        let names = Names::read(text, depth);
        names
            .from_root
            .iter()
            .map(|path| format!("{}:{}", path.line, path.first))
            .collect()
    }

    #[test]
    fn modules_are_listed_in_order_with_any_visibility() {
        let text = "mod a;\n#[macro_use] pub mod b;\npub(crate) mod r#move;\n// mod c;\nmod d {}";
        let names: Vec<String> = Names::read(text, 0)
            .modules
            .into_iter()
            .map(|module| module.name)
            .collect();
        assert_eq!(names, ["a", "b", "move"]);
    }

    #[test]
    fn only_modules_for_tests_are_for_tests() {
        let text =
            "#[cfg(test)] mod a;\n#[cfg(all(loom, test))]\n#[path = \"x.rs\"]\npub(crate) mod b;
            #[cfg(feature = \"testing\")] mod c;\n#[cfg(not(test))] mod d;\nmod e;";
        let tests_only: Vec<bool> = Names::read(text, 0)
            .modules
            .iter()
            .map(|module| module.tests_only)
            .collect();
        assert_eq!(tests_only, [true, true, false, false, false]);
    }

    #[test]
    fn paths_are_found_in_imports_types_and_bodies() {
        let text = "use crate::a::A;\npub(crate) fn f(b: crate::b::B) {\n    crate::c::run(&b);\n}";
        assert_eq!(paths(1, text), ["1:a", "2:b", "3:c"]);
        assert_eq!(
            paths(1, "use ::signal_bus::a;\nfn b(c: super::d::E);"),
            ["1:a", "2:d"]
        );
    }

    #[test]
    fn every_branch_of_a_group_counts_at_its_own_line() {
        let text = "use crate::{\n    a,\n    b::{self, c},\n    d::E as F,\n};";
        assert_eq!(paths(1, text), ["2:a", "3:b", "4:d"]);
    }

    #[test]
    fn a_glob_of_the_root_is_a_path() {
        assert_eq!(paths(1, "use crate::*;"), ["1:*"]);
        assert_eq!(paths(1, "use super::*;"), ["1:*"]);
    }

    #[test]
    fn super_counts_where_it_reaches_the_root() {
        assert_eq!(paths(1, "use super::a::A;"), ["1:a"]);
        assert_eq!(paths(2, "use super::a::A;"), [""; 0]);
        assert_eq!(paths(2, "use super::super::a::A;"), ["1:a"]);
        assert_eq!(
            paths(
                1,
                "mod inner {\n    use super::a;\n    use super::super::b;\n}"
            ),
            ["3:b"]
        );
    }

    #[test]
    fn comments_strings_and_expanded_paths_do_not_count() {
        let text = "//! [`crate::a`]\n/* crate::b */\nconst C: &str = \"crate::c\";
            macro_rules! d { () => { $crate::d::e() } }\nuse other::super_::x;";
        assert_eq!(paths(1, text), [""; 0]);
    }

    #[test]
    fn modules_for_tests_are_passed_over_and_measured() {
        let text = "use crate::a;\n#[cfg(test)]\nmod tests {\n    use crate::b;\n}\nuse crate::c;";
        assert_eq!(paths(1, text), ["1:a", "6:c"]);
        assert_eq!(Names::read(text, 1).test_lines_count, 3);
    }
}
