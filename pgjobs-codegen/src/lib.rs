#![doc = include_str!("../README.md")]

mod cycles;
mod error;
mod language;
mod lower;
mod model;
mod module;
mod names;
mod python;
mod rust;
mod scalar;
mod schema;
mod source;
mod task;
mod text;
mod typescript;

pub use error::Error;
pub use language::Language;
pub use task::{Param, Task};

/// The source code of a client in a language, with a function for each task that publishes it.
///
/// `header` is the comment on the first line: what made the file, so that a reader finds out how to make it
/// anew. The text is the same for the same tasks, in whichever order they come.
///
/// # Errors
///
/// Two tasks have one name, or a task's timeout is not finite.
///
/// ```
/// use pgjobs_codegen::{Language, Task, generate};
///
/// let source = generate(&[Task::new("mail.welcome")], Language::Rust, "Generated. Do not edit.")?;
/// assert!(source.starts_with("// Generated. Do not edit.\n"));
/// assert!(source.contains("pub async fn mail_welcome("));
/// # Ok::<(), pgjobs_codegen::Error>(())
/// ```
pub fn generate(tasks: &[Task], language: Language, header: &str) -> Result<String, Error> {
    let module = module::module(tasks)?;
    // A header may name what a user wrote, and must not end its comment.
    let header = source::lines(header).join(" ");
    Ok(match language {
        Language::Python => python::write(&module, &header),
        Language::Typescript => typescript::write(&module, &header),
        Language::Rust => rust::write(&module, &header),
    })
}
