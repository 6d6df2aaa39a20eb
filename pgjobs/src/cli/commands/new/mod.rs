//! `new`: writes a service that compiles, to begin with.

mod name;
mod source;
mod template;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use self::name::Name;
use self::source::Source;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;

const AFTER_HELP: &str = "\
A service of a library with two tasks, one of them on a schedule and one with a limit; a worker, which is \
the whole command line; a web server that publishes in its transactions, with the dashboard; tests; a \
README with the commands; a Dockerfile. Nothing that exists is changed.

Without --pgjobs a program that was built in a clone of pgjobs makes services that depend on that clone \
by its path, and any other program makes services that depend on its own version of pgjobs.

Examples:
  pgjobs new my-service
  pgjobs new my-service --path ~/src/my-service
  pgjobs new my-service --pgjobs https://git.example.org/pgjobs.git";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct NewArgs {
    /// The name of the service, which is a name for a crate.
    name: Name,
    /// The folder to make; without this option it is called like the service.
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Where pgjobs comes from: the folder of a clone, or the URL of a Git repository.
    #[arg(long, value_name = "PATH_OR_GIT")]
    pgjobs: Option<String>,
}

pub(crate) fn run(args: &NewArgs, console: &Console) -> Result<(), Failure> {
    let source = match &args.pgjobs {
        Some(named) => Source::named(named).map_err(Failure::usage)?,
        None => Source::of_this_program(),
    };
    let folder = args.path.clone().unwrap_or_else(|| PathBuf::from(args.name.package()));
    template::write(&folder, &args.name, &source)?;
    let files = template::paths();
    let next = next(&folder);
    let document = json!({
        "name": args.name.package(),
        "folder": folder.display().to_string(),
        "files": files,
        "pgjobs": source.document(),
        "next": next,
    });
    console.data(&document, || {
        let made = format!("made {} with {} files; pgjobs: {source}", folder.display(), files.len());
        [vec![made, "next:".to_owned()], next.iter().map(|step| format!("  {step}")).collect()].concat()
    })
}

/// What to do with it, as commands of a shell.
fn next(folder: &Path) -> Vec<String> {
    vec![
        format!("cd {}", quoted(&folder.display().to_string())),
        "cargo run -- dev".to_owned(),
        "eval \"$(cargo run -q -- dev --print)\" && cargo run --bin web".to_owned(),
        "curl -d ada@example.org http://127.0.0.1:3000/sign-ups".to_owned(),
        "cargo test".to_owned(),
    ]
}

/// A word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_odd_letters_is_one_word_of_a_shell() {
        for (path, word) in
            [("../a-b_c.d", "../a-b_c.d"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''")]
        {
            assert_eq!(quoted(path), word);
        }
    }
}
