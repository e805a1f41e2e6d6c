//! The values of a running bus, by type.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use tokio::sync::OnceCell;

use crate::{
    guarded::discard,
    inject::{FunctionId, provider::Value},
    signal::{AnyValue, by_type::ByType},
};

type Shared = Arc<AnyValue>;
/// The place for what a factory makes once.
type Once = Arc<OnceCell<Shared>>;

/// Holds what is injected by type, and what factories made `once`.
#[derive(Default)]
pub struct Container {
    values: RwLock<ByType<Value>>,
    /// In the order in which they were made; disposed from the end.
    order: Mutex<Vec<Value>>,
    replacements: HashMap<TypeId, Shared>,
    once: Mutex<HashMap<(TypeId, TypeId), Once>>,
}

impl Container {
    pub(crate) fn new(replacements: HashMap<TypeId, Shared>) -> Self {
        let mut container = Self::default();
        container.replacements = replacements;
        container
    }

    pub(crate) fn insert(&self, value: Value) {
        self.order
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(value.clone());
        self.values
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(value.kind().id, value);
    }

    pub(crate) fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        values.get(&TypeId::of::<T>())?.get()
    }

    /// The function that stands in for a factory, if the factory was replaced.
    pub(crate) fn replacement<R: Any>(&self, factory: FunctionId) -> Option<&R> {
        self.replacements.get(&factory.id)?.downcast_ref()
    }

    pub(crate) fn is_replaced(&self, factory: FunctionId) -> bool {
        self.replacements.contains_key(&factory.id)
    }

    /// The place for what a factory makes once.
    pub(crate) fn once<P: 'static>(&self, factory: FunctionId) -> Once {
        let mut once = self.once.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(once.entry((factory.id, TypeId::of::<P>())).or_default())
    }

    /// Lets go of every value, the last one made first. A value that panics in `drop` stops nothing.
    pub(crate) fn dispose(&self) {
        let once = std::mem::take(&mut *self.once.lock().unwrap_or_else(PoisonError::into_inner));
        discard(once);
        self.values
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        while let Some(value) = self.pop() {
            discard(value);
        }
    }

    fn pop(&self) -> Option<Value> {
        self.order
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }
}

/// Whatever happens, values go in reverse order.
impl Drop for Container {
    fn drop(&mut self) {
        self.dispose();
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container").finish_non_exhaustive()
    }
}
