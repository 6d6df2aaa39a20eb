//! `completions`: prints the script that completes our arguments in a shell.

use clap::Args;
use clap_complete::Shell;

use crate::cli::args::global::program;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  pgjobs completions bash > ~/.local/share/bash-completion/completions/pgjobs
  pgjobs completions zsh > ~/.zfunc/_pgjobs
  pgjobs completions fish > ~/.config/fish/completions/pgjobs.fish";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script of this command line.
pub(crate) fn run(args: &Completions, mut all: clap::Command, console: &Console) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut all, program(), &mut script);
    let script = String::from_utf8_lossy(&script);
    if console.json {
        return console.document(&serde_json::json!({ "shell": args.shell.to_string(), "script": script }));
    }
    console.raw(&script)
}
