//! What can be learnt without a database.

use crate::app::{bare, run};

const COMMANDS: [&[&str]; 87] = [
    &["new"],
    &["dev"],
    &["dashboard"],
    &["migrate"],
    &["worker"],
    &["publish"],
    &["inspect"],
    &["inspect", "jobs"],
    &["inspect", "job"],
    &["inspect", "tasks"],
    &["inspect", "workers"],
    &["inspect", "pauses"],
    &["inspect", "statistics"],
    &["inspect", "errors"],
    &["explain"],
    &["servers"],
    &["servers", "list"],
    &["servers", "add"],
    &["servers", "drain"],
    &["signal"],
    &["tail"],
    &["doctor"],
    &["top"],
    &["schedule"],
    &["schedule", "list"],
    &["schedule", "show"],
    &["schedule", "set"],
    &["schedule", "pause"],
    &["schedule", "resume"],
    &["schedule", "run"],
    &["schedule", "next"],
    &["schedule", "backfill"],
    &["schedule", "log"],
    &["schedule", "explain"],
    &["schedule", "drop"],
    &["control"],
    &["control", "ping"],
    &["control", "pause"],
    &["control", "resume"],
    &["control", "slots"],
    &["control", "drain"],
    &["control", "stop"],
    &["control", "log"],
    &["control", "receipts"],
    &["pause"],
    &["resume"],
    &["limit"],
    &["limit", "list"],
    &["limit", "show"],
    &["limit", "set"],
    &["limit", "drop"],
    &["limit", "block"],
    &["limit", "release"],
    &["workflow"],
    &["workflow", "list"],
    &["workflow", "show"],
    &["workflow", "cancel"],
    &["workflow", "retry"],
    &["workflow", "results"],
    &["watch"],
    &["watch", "add"],
    &["watch", "remove"],
    &["watch", "list"],
    &["check"],
    &["retry"],
    &["redrive"],
    &["edit"],
    &["cancel"],
    &["purge"],
    &["operation"],
    &["operation", "list"],
    &["operation", "show"],
    &["operation", "pause"],
    &["operation", "resume"],
    &["operation", "cancel"],
    &["operation", "watch"],
    &["retention"],
    &["retention", "list"],
    &["retention", "set"],
    &["retention", "drop"],
    &["audit"],
    &["unique"],
    &["unique", "list"],
    &["unique", "release"],
    &["bench"],
    &["codegen"],
    &["completions"],
];

#[test]
fn every_command_has_help() {
    for command in COMMANDS {
        let help = run(bare(command).arg("--help")).data();
        assert!(help.contains(&format!("Usage: app {}", command.join(" "))), "{help}");
        assert!(help.contains("--dsn-file") && help.contains("--json"), "{help}");
    }
}

#[test]
fn the_help_lists_every_command_and_exit_code() {
    let help = run(&mut bare(&["--help"])).data();
    for command in COMMANDS.iter().filter(|command| command.len() == 1) {
        assert!(help.contains(&format!("\n  {} ", command[0])), "{command:?}: {help}");
    }
    for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "130 "] {
        assert!(help.contains(&format!("\n  {code}")), "{code}: {help}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_why_on_stderr() {
    for (arguments, reason) in [
        (&["nonsense"][..], "unrecognized subcommand"),
        (&["cancel"], "--topic"),
        (&["retry"], "--topic"),
        (&["retry"], "required"),
        (&["cancel", "x;y"], "letters and digits"),
        (&["cancel", "abc", "--topic", "*"], "cannot be used with"),
        (&["retry", "abc", "--rate", "5/s"], "--topic"),
        (&["redrive", "--topic", "*", "--rate", "fast"], "50/s"),
        (&["redrive", "--topic", "*", "--since", "yesterday"], "how long ago"),
        (&["redrive", "--topic", "*", "--dry-run", "--no-wait"], "cannot be used with"),
        (&["retention", "set", "*", "1", "--state", "pending"], "possible values"),
        (&["inspect", "jobs", "--state", "lost"], "possible values"),
        (&["inspect", "jobs", "--limit", "0"], "1..=1000"),
        (&["inspect", "jobs", "--topic", ""], "is empty"),
        (&["publish", "a", "--timeout", "5"], "250ms, 30s, 5m"),
        (&["publish", "a", "--at", "tomorrow"], "RFC3339"),
        (&["publish", "a", "--args", "{}"], "no JSON array"),
        (&["publish", "a", "--kwargs", "[]"], "no JSON object"),
        (&["publish", "a", "--kwarg", "b"], "NAME=VALUE"),
        (&["publish", "a", "--arg", "18446744073709551616"], "64 bits"),
        (&["publish", "a", "--unique", "7"], "no JSON object"),
        (&["publish", "a", "--wait-timeout", "1s"], "--wait"),
        (&["check", "--sample", "0"], "or `all`"),
        (&["tail", "--kind", "exploded"], "possible values"),
        (&["codegen"], "--lang"),
        (&["codegen", "--lang", "cobol"], "possible values"),
        (&["migrate", "--sql", "--dry-run"], "cannot be used with"),
    ] {
        let said = run(&mut bare(arguments));
        assert_eq!(said.code, Some(2), "{arguments:?}: {said:?}");
        assert!(said.err.contains(reason), "{arguments:?}: {said:?}");
        assert_eq!(said.out, "", "{arguments:?}");
    }
}

#[test]
fn without_a_database_it_ends_with_3_and_names_the_remedies() {
    let said = run(&mut bare(&["inspect"]));
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.err.contains("app dev") && said.err.contains("export DATABASE_URL="), "{said:?}");
    assert_eq!(said.err.lines().count(), 1, "{said:?}");

    let said = run(&mut bare(&["inspect", "--json"]));
    assert_eq!(said.json()["error"]["exit_code"], 3);
}

#[test]
fn colours_are_off_unless_asked_for() {
    assert!(!run(&mut bare(&["inspect"])).err.contains('\x1b'));
    assert!(run(&mut bare(&["inspect", "--color", "always"])).err.contains("\x1b["));
    assert!(run(&mut bare(&["--help", "--color=always"])).out.contains("\x1b["));
    assert!(!run(bare(&["--help"]).env("NO_COLOR", "1")).out.contains('\x1b'));
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&mut bare(&["completions", shell])).data();
        assert!(script.contains("app") && script.contains("burst"), "{shell}");
    }
}

/// What a job is given may be a secret, and whatever is printed is logged.
#[test]
fn no_message_about_usage_holds_an_argument_of_a_job() {
    for arguments in [
        &["--args", "[\"tok-SECRET\""][..],
        &["--args", "{\"a\": \"tok-SECRET\"}"],
        &["--kwargs", "[\"tok-SECRET\"]"],
        &["--kwarg", "tok-SECRET"],
        &["--kwarg", "=tok-SECRET"],
        &["--kwarg=tok-SECRET"],
        &["--arg", "[\"tok-SECRET\", 18446744073709551616]"],
        &["--kwarg", "a=my", "tok-SECRET"],
        &["--kwarg", "a=tok-SECRET", "--kwarg", "a=tok-SECRET"],
        &["--kwargs", "{\"a\": \"tok-SECRET\", \"a\": 1}"],
        &["--arg", "tok-SECRET", "--nonsense"],
    ] {
        let said = run(bare(&["publish", "app.echo"]).args(arguments));
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(!format!("{said:?}").contains("SECRET"), "{said:?}");
    }
    let said = run(&mut bare(&["publish", "app.echo", "--kwarg", "tok-SECRET"]));
    assert!(said.err.contains("--kwarg") && said.err.contains("write NAME=VALUE"), "{said:?}");
}

#[test]
fn a_variable_that_cannot_be_read_is_refused_by_its_name() {
    for (name, value) in [("PGPORT", "abc"), ("PGPORT", "1,x"), ("PGSSLMODE", "foo-SECRET")] {
        let said = run(bare(&["inspect"]).env("PGHOST", "127.0.0.1").env(name, value));
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(
            said.err.contains(&format!("the variable {name}")) && !said.err.contains("SECRET"),
            "{said:?}"
        );
    }
    let said = run(bare(&["inspect"]).env("PGHOSTADDR", "127.0.0.1").env("PGPORT", "1"));
    assert!(said.err.contains("127.0.0.1:1"), "{said:?}");
    let said = run(bare(&["inspect"]).env("PGSERVICE", "shop"));
    assert!(said.err.contains("PGSERVICE is not read") && said.err.contains("PGHOSTADDR"), "{said:?}");
}
