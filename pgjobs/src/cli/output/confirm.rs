//! Asks the user before a command changes or removes something.

use std::io::{self, BufRead, IsTerminal};

use super::console::Console;
use super::failure::Failure;

/// Returns `Ok` when the user agrees: beforehand with `--yes`, or at the prompt.
///
/// Without a terminal nobody can be asked, and this fails.
pub(crate) fn confirm(question: &str, yes: bool, console: &Console) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "{question} Nobody can be asked here (stdin is no terminal): add --yes"
        )));
    }
    if agrees(question, console)
        .map_err(|error| Failure::failed(format!("the answer cannot be read: {error}")))?
    {
        return Ok(());
    }
    Err(Failure::failed("not confirmed, nothing was changed"))
}

fn agrees(question: &str, console: &Console) -> io::Result<bool> {
    console.prompt(question)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
