//! `completions`: what a shell needs to complete our arguments.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::console::Console;
use super::exit::Failure;
use super::options::{Cli, program};

const AFTER_HELP: &str = "\
Examples:
  pgjobs completions bash > ~/.local/share/bash-completion/completions/pgjobs
  pgjobs completions zsh > ~/.zfunc/_pgjobs
  pgjobs completions fish > ~/.config/fish/completions/pgjobs.fish";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(asked: &Completions, console: &Console) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Cli::command(), program(), &mut script);
    let script = String::from_utf8_lossy(&script);
    if console.json {
        return console.document(&serde_json::json!({ "shell": asked.shell.to_string(), "script": script }));
    }
    console.raw(&script)
}
