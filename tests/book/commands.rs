//! Commands of the pages and of the README, as the command line itself reads them.

use crate::{Page, pages, read};

/// Programs that have the command line: `pgjobs`, and what pages call a reader's own.
const PROGRAMS: [&str; 5] = ["pgjobs", "app", "my_app", "my-app", "shop-worker"];

/// Where the shell ends a command, and what it reads is no argument any more.
const OPERATORS: [&str; 8] = ["|", "||", "&&", ";", "&", ">", ">>", "<"];

/// The commands of a block of `console`, whose lines begin with `$ `, or of `sh`, each with its line in the block.
fn commands(language: &str, code: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (at, line) in code.lines().enumerate() {
        let text = line.trim();
        let begins = match language {
            "console" => text.strip_prefix("$ "),
            "sh" => Some(text).filter(|text| !text.is_empty() && !text.starts_with('#')),
            _ => return found,
        };
        let text = if goes_on { Some(text) } else { begins };
        let Some(text) = text else { continue };
        let part = text.trim_end_matches('\\');
        match found.last_mut().filter(|_| goes_on) {
            Some((_, command)) => command.push_str(part),
            None => found.push((at, part.to_owned())),
        }
        goes_on = text.ends_with('\\');
    }
    found
}

/// The arguments of each call of the command line in a line for a shell.
fn calls(line: &str) -> Result<Vec<Vec<String>>, String> {
    let words = shlex::split(line).ok_or("a quote does not end")?;
    let parts = words.split(|word| OPERATORS.contains(&word.as_str()));
    Ok(parts.filter_map(arguments).collect())
}

/// The arguments of a call of the command line; none of another program.
fn arguments(words: &[String]) -> Option<Vec<String>> {
    let set = words.iter().take_while(|word| word.split_once('=').is_some_and(|(name, _)| is_variable(name)));
    let words = &words[set.count()..];
    let (program, rest) = words.split_first()?;
    match (program.rsplit('/').next()?, rest.first().map(String::as_str)) {
        ("cargo", Some("pgjobs")) => Some(rest[1..].to_vec()),
        // `cargo run -- worker` of a reader's own program; an example has arguments of its own.
        ("cargo", Some("run")) if !rest.iter().any(|word| word == "--example") => {
            let at = rest.iter().position(|word| word == "--")?;
            Some(rest[at + 1..].to_vec())
        }
        (name, _) => PROGRAMS.contains(&name).then(|| rest.to_vec()),
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// What the command line says of these arguments, unless it takes them.
fn refusal(arguments: &[String]) -> Option<(String, String)> {
    let words = std::iter::once("pgjobs".to_owned()).chain(arguments.iter().cloned());
    let error = pgjobs::cli::command().try_get_matches_from(words).err()?;
    let kind = format!("{:?}", error.kind());
    let said = error.to_string().lines().next().unwrap_or_default().to_owned();
    (!kind.starts_with("DisplayHelp") && kind != "DisplayVersion").then_some((kind, said))
}

/// The failures among the commands of a page's blocks.
fn failures(page: &Page) -> Vec<String> {
    let mut found = Vec::new();
    for block in page.blocks() {
        for (at, command) in commands(block.language, block.code) {
            let place = format!("docs/src/{}:{}: {command}", page.path, block.line + at);
            match calls(&command) {
                Err(error) => found.push(format!("{place}: {error}")),
                Ok(calls) => found.extend(
                    calls.iter().filter_map(|call| refusal(call)).map(|(_, said)| format!("{place}: {said}")),
                ),
            }
        }
    }
    found
}

#[test]
fn the_command_line_takes_each_command_of_the_book() {
    let pages = pages();
    let seen: usize = pages
        .iter()
        .flat_map(Page::blocks)
        .flat_map(|block| commands(block.language, block.code))
        .filter_map(|(_, command)| calls(&command).ok())
        .map(|calls| calls.len())
        .sum();
    assert!(seen > 40, "{seen} commands");
    let failures: Vec<String> = pages.iter().flat_map(failures).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A synopsis as a list of commands: `a [b | c ID]; a d` is `a b`, `a c ID` and `a d`. What an ellipsis stands for is left out.
fn spelled_out(synopsis: &str) -> Vec<String> {
    let mut found = Vec::new();
    for one in synopsis.split("; ").flat_map(|part| part.split(", ")) {
        let (head, choices) = match one.split_once('[') {
            Some((head, choices)) => (head, choices.split(']').next().unwrap_or_default()),
            None => ("", one),
        };
        for (nth, choice) in choices.split(" | ").enumerate() {
            // `pgjobs pause TOPIC | resume TOPIC`: the program is named once.
            let head = if head.is_empty() && nth > 0 { "pgjobs " } else { head };
            let told = choice.split('…').next().unwrap_or_default();
            found.push(format!("{head}{told}").trim().to_owned());
        }
    }
    found
}

/// Whether a command that leaves out values, or has words for them (`ID`), names what does not exist.
fn names_nothing(command: &str) -> Option<String> {
    let words = shlex::split(command).unwrap_or_default();
    let words = words.strip_prefix(&["cargo".to_owned()][..]).unwrap_or(&words);
    let (program, rest) = words.split_first()?;
    let (kind, said) = (program == "pgjobs").then(|| refusal(rest))??;
    ["InvalidSubcommand", "UnknownArgument"].contains(&kind.as_str()).then(|| format!("{command}: {said}"))
}

/// What begins like a command and is none: the name of a session in `pg_stat_activity`.
const NO_COMMANDS: [&str; 1] = ["pgjobs wait"];

/// The commands in the sentences and tables of a page, and in its blocks of plain text the lines that begin with one.
fn synopses(page: &Page) -> Vec<String> {
    let spans = page.text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let blocks = page.blocks();
    let plain = blocks.iter().filter(|block| block.language == "text").flat_map(|block| block.code.lines());
    let all = spans.chain(plain.filter_map(|line| line.split("  ").next()));
    let calls = |code: &&str| {
        let rest = code.strip_prefix("cargo ").unwrap_or(code).strip_prefix("pgjobs ");
        // `pgjobs 0.3.0` is a version.
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
            && !NO_COMMANDS.contains(code)
    };
    all.filter(calls).flat_map(spelled_out).collect()
}

#[test]
fn each_command_that_a_sentence_or_the_readme_names_exists() {
    let readme = Page { path: "../../README.md".to_owned(), text: read("README.md") };
    let (mut seen, mut found) = (0, Vec::new());
    for page in pages().iter().chain([&readme]) {
        let commands = synopses(page);
        seen += commands.len();
        let wrong = commands.iter().filter_map(|command| names_nothing(command));
        found.extend(wrong.map(|said| format!("docs/src/{}: {said}", page.path)));
    }
    assert!(seen > 60, "{seen} commands");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What these tests would overlook is overlooked by nobody else.
#[test]
fn a_command_that_does_not_exist_is_found() {
    let console = "$ pgjobs inspect job \\\n    0199d1f2a4b07c3e8f5a6b7c8d9e0f12\nWhat it says\n$ X=1 my_app wrok | cat";
    let commands = commands("console", console);
    assert_eq!(commands.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 3]);
    let calls: Vec<_> = commands.iter().flat_map(|(_, command)| calls(command).expect("words")).collect();
    assert_eq!(calls, [vec!["inspect", "job", "0199d1f2a4b07c3e8f5a6b7c8d9e0f12"], vec!["wrok"]]);
    assert_eq!(refusal(&calls[0]), None);
    assert!(refusal(&calls[1]).is_some_and(|(kind, _)| kind == "InvalidSubcommand"));
    assert_eq!(
        spelled_out("pgjobs a [b | c ID | d --x … | …]; pgjobs e"),
        ["pgjobs a b", "pgjobs a c ID", "pgjobs a d --x", "pgjobs a", "pgjobs e"]
    );
    assert!(names_nothing("pgjobs inspect job ID --nope").is_some());
    assert!(names_nothing("pgjobs inspect job ID").is_none());
}
