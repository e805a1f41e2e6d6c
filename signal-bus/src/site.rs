//! Where a function of the user's program stands, and where in it something went wrong.

use std::{
    fmt,
    hash::{Hash, Hasher},
    panic::Location,
};

/// The place of an annotated function: its name, module, file and line.
///
/// Displayed as `shop::print (src/main.rs:14)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// Path of the file, as the compiler was given it.
    pub file: &'static str,
    /// Line of the function's name, from 1.
    pub line: u32,
    /// Path of the module the function stands in; empty for a call, such as `subscribe`.
    pub module: &'static str,
    /// Name of the function; `Type::method` for a service's methods.
    pub function: &'static str,
}

impl Site {
    /// Describes a function; written by the attributes.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        function: &'static str,
        module: &'static str,
        file: &'static str,
        line: u32,
    ) -> Self {
        Self {
            file,
            line,
            module,
            function,
        }
    }

    /// Describes a call of one of the bus's own methods.
    pub(crate) const fn call(method: &'static str, at: &'static Location<'static>) -> Self {
        Self::new(method, "", at.file(), at.line())
    }

    /// Whether the function stands in `module` or below it.
    pub(crate) fn is_within(&self, module: &str) -> bool {
        match self.module.strip_prefix(module) {
            Some(rest) => rest.is_empty() || rest.starts_with("::"),
            None => false,
        }
    }
}

/// Of functions that stand in the same line of files, few have the same name: to look at their paths would cost more.
impl Hash for Site {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.line, self.function).hash(hasher);
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            module,
            function,
            file,
            line,
        } = self;
        if module.is_empty() {
            // A call has no function of its own.
            return write!(f, "{function} ({file}:{line})");
        }
        write!(f, "{module}::{function} ({file}:{line})")
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Site;

    #[test]
    fn within_compares_whole_path_segments() {
        let site = Site::new("print", "shop::mail", "src/mail.rs", 3);
        assert!(site.is_within("shop"));
        assert!(site.is_within("shop::mail"));
        assert!(!site.is_within("sho"));
        assert!(!site.is_within("shop::mail::more"));
        assert_eq!(site.to_string(), "shop::mail::print (src/mail.rs:3)");
    }
}
