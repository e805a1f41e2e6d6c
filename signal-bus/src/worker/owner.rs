//! Who says that a worker has gone.

use std::{ops::Deref, sync::Arc};

use crate::worker::Work;

/// Says that a worker has gone, however that came.
pub(super) struct Gone(pub(super) Arc<Work>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.gone.open();
    }
}

/// The worker that a hand belongs to.
pub(super) enum Owner<'call> {
    /// It is the worker itself, which has gone when it is dropped.
    Own(Gone),
    Lent(&'call Arc<Work>),
}

impl Deref for Owner<'_> {
    type Target = Arc<Work>;

    #[inline]
    fn deref(&self) -> &Arc<Work> {
        match self {
            Self::Own(gone) => &gone.0,
            Self::Lent(work) => work,
        }
    }
}
