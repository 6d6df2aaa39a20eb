//! What a node gives to those that come after it: the compiler checks edges with these traits.

use super::after::Args;
use super::draft::{As, Given};
use super::node::{Group, Node};
use super::results::Results;
use crate::types::workflow::NodeFailure;

/// What may fill in an argument of type `In`.
///
/// | parent | the argument |
/// |---|---|
/// | [`Node<T>`](Node) | `T`; or `Result<T, NodeFailure>`, then the child runs also when the parent failed |
/// | [`Group<T>`](Group) | `Vec<T>`; or `Vec<Result<T, NodeFailure>>`, likewise |
/// | [`Group<T>`](Group) | [`Results<T>`](Results), read in pages: for groups of thousands |
/// | a tuple of parents | several arguments with `#[from]`, one of each |
///
/// An argument that may be absent, an `Option`, takes what its type takes, and an `Option<T>` that a parent
/// returns.
#[diagnostic::on_unimplemented(
    message = "the result of `{Self}` is not what the task takes there: `{In}`",
    label = "it gives another type",
    note = "a `Node<T>` gives `T` or `Result<T, NodeFailure>`; a `Group<T>` gives `Vec<T>`, `Vec<Result<T, NodeFailure>>` or `Results<T>`; a tuple of parents gives one to each argument with `#[from]`",
    note = "the argument is the function's first, or the one with `#[from]` before it; an `Option` takes what its type takes"
)]
pub trait Gives<In> {
    #[doc(hidden)]
    fn given(&self) -> Vec<Given>;
}

/// What has a list of elements of type `In`, for a job each.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of what the task takes: `{In}`",
    label = "expected a `Node<Vec<{In}>>` or a `Group<{In}>`",
    note = "the argument is the function's first, or the one with `#[from]` before it"
)]
pub trait GivesEach<In> {
    #[doc(hidden)]
    fn list(&self) -> Given;
}

/// What has a list of which parts of type `In`, a `Vec`, are for a job each.
#[diagnostic::on_unimplemented(
    message = "parts of `{Self}` are not what the task takes: `{In}`",
    label = "a `Node<Vec<T>>` and a `Group<T>` have parts `Vec<T>`",
    note = "the argument is the function's first, or the one with `#[from]` before it"
)]
pub trait GivesChunks<In> {
    #[doc(hidden)]
    fn list(&self) -> Given;
}

impl<T> Gives<T> for Node<T> {
    fn given(&self) -> Vec<Given> {
        vec![self.draft.given(As::Value)]
    }
}

impl<T> Gives<Option<T>> for Node<T> {
    fn given(&self) -> Vec<Given> {
        vec![self.draft.given(As::Value)]
    }
}

impl<T> Gives<Result<T, NodeFailure>> for Node<T> {
    fn given(&self) -> Vec<Given> {
        vec![self.draft.given(As::Results)]
    }
}

impl<T> Gives<Option<Result<T, NodeFailure>>> for Node<T> {
    fn given(&self) -> Vec<Given> {
        vec![self.draft.given(As::Results)]
    }
}

impl<T> Gives<Vec<T>> for Group<T> {
    fn given(&self) -> Vec<Given> {
        vec![self.draft.given(As::Value)]
    }
}

impl<T> Gives<Option<Vec<T>>> for Group<T> {
    fn given(&self) -> Vec<Given> {
        vec![self.draft.given(As::Value)]
    }
}

impl<T> Gives<Vec<Result<T, NodeFailure>>> for Group<T> {
    fn given(&self) -> Vec<Given> {
        vec![self.draft.given(As::Results)]
    }
}

impl<T> Gives<Option<Vec<Result<T, NodeFailure>>>> for Group<T> {
    fn given(&self) -> Vec<Given> {
        vec![self.draft.given(As::Results)]
    }
}

impl<T> Gives<Option<Results<T>>> for Group<T> {
    fn given(&self) -> Vec<Given> {
        vec![self.draft.given(As::Handle)]
    }
}

impl<T> Gives<Results<T>> for Group<T> {
    fn given(&self) -> Vec<Given> {
        vec![self.draft.given(As::Handle)]
    }
}

impl<In, P: Gives<In>> Gives<In> for &P {
    fn given(&self) -> Vec<Given> {
        (**self).given()
    }
}

macro_rules! several {
    ($($parent:ident $arg:ident $at:tt),+) => {
        impl<$($parent: Gives<$arg>, $arg),+> Gives<Args<($($arg,)+)>> for ($($parent,)+) {
            fn given(&self) -> Vec<Given> {
                [$(self.$at.given()),+].concat()
            }
        }
    };
}
several!(A X 0, B Y 1);
several!(A X 0, B Y 1, C Z 2);
several!(A X 0, B Y 1, C Z 2, D U 3);
several!(A X 0, B Y 1, C Z 2, D U 3, E V 4);
several!(A X 0, B Y 1, C Z 2, D U 3, E V 4, F W 5);

macro_rules! lists {
    ($($parent:ty),+) => {$(
        impl<T> GivesEach<T> for $parent {
            fn list(&self) -> Given {
                self.draft.given(As::Value)
            }
        }

        impl<T> GivesEach<Option<T>> for $parent {
            fn list(&self) -> Given {
                self.draft.given(As::Value)
            }
        }

        impl<T> GivesChunks<Vec<T>> for $parent {
            fn list(&self) -> Given {
                self.draft.given(As::Value)
            }
        }

        impl<T> GivesChunks<Option<Vec<T>>> for $parent {
            fn list(&self) -> Given {
                self.draft.given(As::Value)
            }
        }
    )+};
}
lists!(Node<Vec<T>>, Group<T>);

impl<In, P: GivesEach<In>> GivesEach<In> for &P {
    fn list(&self) -> Given {
        (**self).list()
    }
}

impl<In, P: GivesChunks<In>> GivesChunks<In> for &P {
    fn list(&self) -> Given {
        (**self).list()
    }
}
