//! Errors that no retry can mend.

use std::fmt;

/// An error that no retry can mend: its signal is a dead letter at once.
///
/// It is displayed as the error that it marks, and found wherever it stands in the chain of what a handler returns: as the
/// error itself, below the context of [`anyhow`], or as the source of an error of your own.
///
/// ```
/// use signal_bus::{MarkPermanent, Permanent};
///
/// async fn store(order: &str) -> anyhow::Result<()> {
///     let id: u32 = order.parse().permanent()?;       // what is no number now will not be one later
///     write(id).await?;                               // this may succeed the next time
///     Ok(())
/// }
///
/// #[derive(Debug, thiserror::Error)]
/// enum StoreError {
///     #[error("the store is away")]
///     Away,
///     #[error("the order is wrong")]
///     Wrong(#[from] Permanent),                       // as the source of an error of one's own
/// }
///
/// async fn store_too(order: &str) -> Result<(), StoreError> {
///     let id: u32 = order.parse().permanent()?;
///     write(id).await.map_err(|_| StoreError::Away)
/// }
/// # async fn write(_: u32) -> anyhow::Result<()> { Ok(()) }
/// ```
pub struct Permanent(anyhow::Error);

impl Permanent {
    /// The error that it marks.
    #[must_use]
    pub fn error(&self) -> &anyhow::Error {
        &self.0
    }

    /// Takes the mark off.
    #[must_use]
    pub fn into_error(self) -> anyhow::Error {
        self.0
    }
}

impl fmt::Display for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for Permanent {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // It stands in the place of the error that it marks, so it is not told twice.
        self.0.source()
    }
}

/// Marks an error as one that no retry can mend.
///
/// ```
/// # fn find(_: u32) -> Option<()> { None }
/// async fn refund(order: u32) -> anyhow::Result<()> {
///     let Some(order) = find(order) else {
///         return Err(signal_bus::permanent(anyhow::anyhow!("there is no order {order}")).into());
///     };
///     # Ok(order)
/// }
/// ```
#[must_use = "an error matters where it is returned"]
pub fn permanent(error: impl Into<anyhow::Error>) -> Permanent {
    Permanent(error.into())
}

/// Marks the error of a result as [`Permanent`]: `order.parse::<u32>().permanent()?`.
pub trait MarkPermanent<T> {
    /// Marks the error, if there is one, as one that no retry can mend.
    ///
    /// # Errors
    ///
    /// The error of the result, marked.
    fn permanent(self) -> Result<T, Permanent>;
}

impl<T, E: Into<anyhow::Error>> MarkPermanent<T> for Result<T, E> {
    fn permanent(self) -> Result<T, Permanent> {
        self.map_err(permanent)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::{MarkPermanent as _, Permanent, permanent};
    use crate::error::{Failure, publish::Refusal};

    #[derive(Debug, thiserror::Error)]
    #[error("the order is wrong")]
    struct Wrong(#[source] Permanent);

    #[test]
    fn the_mark_is_found_wherever_it_stands_in_the_chain() {
        let marked = || "x".parse::<u32>().permanent();
        for error in [
            anyhow::Error::from(marked().unwrap_err()),
            marked().context("on top").unwrap_err(),
            anyhow::Error::from(Wrong(marked().unwrap_err())).context("on top"),
            permanent(anyhow::anyhow!("said").context("on top")).into(),
        ] {
            let text = format!("{error:#}");
            assert!(Failure::returned(error).is_permanent(), "{text}");
        }
        let error = "x".parse::<u32>().context("on top").unwrap_err();
        assert!(!Failure::returned(error).is_permanent());
    }

    #[test]
    fn the_mark_changes_no_text() {
        let error = anyhow::anyhow!("below").context("middle").context("above");
        let text = format!("{error:#}");
        let marked = permanent(error);
        assert_eq!(marked.error().to_string(), "above");
        assert_eq!(format!("{marked:#}"), text);
        let marked = anyhow::Error::from(marked).context("top");
        assert_eq!(format!("{marked:#}"), format!("top: {text}"));
    }

    #[test]
    fn what_was_refused_for_good_is_permanent() {
        assert!(Failure::from(Refusal::Closed).is_permanent());
        assert!(!Failure::from(Refusal::Full).is_permanent());
    }
}
