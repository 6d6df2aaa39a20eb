//! The state of a worker, which its tasks ask for by type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use crate::types::task_error::TaskError;

/// Values shared by all jobs of a worker, one for each type.
#[derive(Clone, Default)]
pub(crate) struct State(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl State {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }

    pub(crate) fn holds(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }

    /// The value of type `T`, or a fatal error of this task.
    pub(crate) fn get<T: Send + Sync + 'static>(&self, task: &str) -> Result<Arc<T>, TaskError> {
        let value = self.0.get(&TypeId::of::<T>()).and_then(|value| value.clone().downcast().ok());
        value.ok_or_else(|| {
            TaskError::fatal(format!(
                "task `{task}` needs state `{}`; add .state(…) to the worker",
                std::any::type_name::<T>()
            ))
        })
    }
}

/// One type of state that a task asks for with `#[inject]`.
#[derive(Clone, Copy)]
pub struct StateType {
    /// The id of the type.
    pub id: fn() -> TypeId,
    /// The type's name, for the error when the worker does not have it.
    pub name: fn() -> &'static str,
}

impl StateType {
    /// The state type `T`.
    pub const fn of<T: Send + Sync + 'static>() -> Self {
        StateType { id: TypeId::of::<T>, name: std::any::type_name::<T> }
    }
}
