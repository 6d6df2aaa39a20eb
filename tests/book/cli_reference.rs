//! The page of the command line is what `--help` prints, command by command.

use std::fmt::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::reference::is_generated;

const INTRODUCTION: &str = "\
# The command line

The program `pgjobs`, and your own with `pgjobs::cli::main()` in it, have these commands; only your own has your tasks. The text is that of
`--help`. Options of every command stand [at the end](#options-of-every-command), exit codes and codes of errors on [a page of their own](errors.md).

";

/// A command with what its help says.
struct Help {
    /// As it is called: `pgjobs schedule list`.
    call: String,
    about: String,
    /// The usage, the arguments and the options.
    usage: String,
    /// The options of every command, and what comes after them.
    global: String,
    /// The names of the commands below it.
    commands: Vec<String>,
}

fn print(path: &[String]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    // No variable of who runs the test shows in the text, and no terminal decides the width.
    command.arg0("pgjobs").env_clear().args(path).arg("--help");
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{path:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn help(path: &[String]) -> Help {
    let text = print(path);
    let (about, rest) = text.split_once("\n\nUsage: ").unwrap_or_else(|| panic!("{path:?}: {text}"));
    let (usage, global) = rest.split_once("\n\nOptions of every command:").unwrap_or((rest, ""));
    let after_global = global.split_once("\n\n").map_or("", |(_, after)| after);
    Help {
        call: [&["pgjobs".to_owned()], path].concat().join(" "),
        about: about.to_owned(),
        usage: shortened(&format!("Usage: {usage}"), after_global),
        global: global.to_owned(),
        commands: commands(&text),
    }
}

/// Without what each command has: the option `--help`, and the command `help`.
fn shortened(usage: &str, after: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in usage.split("\n\n").chain(Some(after)) {
        let is_help =
            |line: &&str| !line.trim_start().starts_with("-h, --help") && !line.starts_with("  help ");
        let part: Vec<&str> = part.lines().filter(is_help).collect();
        let is_empty = part.iter().all(|line| line.trim().is_empty() || *line == "Options:");
        if !is_empty && part.first() != Some(&"Commands:") {
            parts.push(part.join("\n"));
        }
    }
    parts.join("\n\n")
}

fn commands(help: &str) -> Vec<String> {
    let Some((_, list)) = help.split_once("\n\nCommands:\n") else { return Vec::new() };
    let list = list.split("\n\n").next().unwrap_or_default();
    let names = list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !["", "help"].contains(name)).map(str::to_owned).collect()
}

/// All commands in the order of the help, those below a command after it.
fn all(path: &[String], found: &mut Vec<Help>) {
    let help = help(path);
    let below = help.commands.clone();
    found.push(help);
    for name in below {
        all(&[path, &[name]].concat(), found);
    }
}

fn first_sentence(about: &str) -> String {
    let line = about.lines().next().unwrap_or_default().trim_end_matches('.');
    line.replace('|', "\\|")
}

fn page() -> String {
    let mut commands = Vec::new();
    all(&[], &mut commands);
    assert!(commands.len() > 50, "{} commands", commands.len());
    let mut page = format!("{INTRODUCTION}| command | does |\n|---|---|\n");
    for help in &commands[1..] {
        let anchor = help.call.replace(' ', "-");
        writeln!(page, "| [`{}`](#{anchor}) | {} |", help.call, first_sentence(&help.about)).expect("a text");
    }
    for help in &commands[1..] {
        let rank = if help.call.matches(' ').count() > 1 { "###" } else { "##" };
        writeln!(page, "\n{rank} `{}`\n\n{}\n\n```text\n{}\n```", help.call, help.about, help.usage)
            .expect("a text");
    }
    let global = commands[0].global.trim_start_matches('\n');
    let after = global.split_once("\n\nDatabase:").map_or(global, |(options, _)| options);
    writeln!(page, "\n## Options of every command\n\n```text\n{after}\n```").expect("a text");
    page
}

#[test]
fn the_page_of_the_command_line_is_its_help() {
    is_generated("cli.md", &page());
}
