//! What a mistake in an option is answered with.

use proc_macro2::TokenStream;
use quote::quote;

/// The messages of the mistakes of a task with this option.
fn mistakes(options: TokenStream) -> Vec<String> {
    let mut errors = crate::errors::Errors::default();
    let item = quote!(
        async fn invoice(
            #[inject] mailer: &Mailer,
            customer: i64,
            #[sensitive] card: String,
            #[kwargs] rest: Map,
        ) {
        }
    );
    let options = crate::options::Options::read(options, &mut errors);
    let function = crate::signature::Function::read(item, "task").expect("a function");
    let task = crate::model::Task::new(function, options, &mut errors);
    crate::check::check(&task, &mut errors);
    errors.messages()
}

#[test]
fn mistakes_in_unique_are_named_with_what_is_allowed() {
    let known = "it has `customer`, `card`, `rest`";
    for (option, expected) in [
        (quote!(unique(key = custommer)), "the task has no argument `custommer`; did you mean `customer`?"),
        (quote!(unique(key = (customer, day))), &*format!("the task has no argument `day`; {known}")),
        (
            quote!(unique(key = mailer)),
            "`mailer` is injected by the worker; a key is made of published arguments",
        ),
        (quote!(unique(key = rest)), "`rest` takes any keyword; a key is made of named arguments"),
        (quote!(unique(key = (customer, customer))), "`customer` is in the key twice; keep one"),
        (quote!(unique), "this task takes any keyword; name the arguments of the key: unique(key = …)"),
        (
            quote!(unique(key = "customer")),
            "`key` names arguments of the task: key = customer, key = (customer, day)",
        ),
        (quote!(unique = "customer"), "`unique` takes a list: unique(key = customer)"),
        (
            quote!(unique(key = customer, until = "end")),
            "`until` is \"started\", \"ended\", or how long: \"1h\", \"10m\"",
        ),
        (
            quote!(unique(key = customer, wait = "5s")),
            "only on_conflict = \"postpone\" waits; add it, or remove this",
        ),
        (quote!(unique(key = customer, until = "0s")), "this time is more than zero, and 3650 days at most"),
    ] {
        assert_eq!(mistakes(option.clone()), [expected], "{option}");
    }
}

#[test]
fn mistakes_in_steps_are_named_with_what_is_allowed() {
    let form = "`steps` takes names: steps(\"charge\", \"approve/*\")";
    let name = "the name of a step has 1 to 200 characters, none of them a control character";
    for (option, expected) in [
        (quote!(steps = "charge"), form),
        (quote!(steps()), form),
        (quote!(steps(charge)), form),
        (quote!(steps("")), name),
        (quote!(steps("a\n")), name),
        (
            quote!(steps("a*b")),
            "`*` stands at the end of a step's name, for any that begins so: \"charge/*\"",
        ),
        (quote!(steps("a", "b", "a")), "the step `a` is given twice; keep one"),
    ] {
        assert_eq!(mistakes(option.clone()), [expected], "{option}");
    }
    let batch = mistakes(quote!(steps("a"), batch = 10));
    assert!(
        batch.iter().any(|mistake| mistake.contains("steps are those of one; remove `steps`")),
        "{batch:?}"
    );
}

#[test]
fn mistakes_in_limits_are_named_with_what_is_allowed() {
    let rate = "a rate is a count and a span (s, m, h, d): \"100/s\", \"300/m\", \"1000/h\", \"100/10s\"";
    for (option, expected) in [
        (
            quote!(limit(key = custommer, max = 2)),
            "the task has no argument `custommer`; did you mean `customer`?",
        ),
        (
            quote!(limit(max = 2, cost = mailer)),
            "`mailer` is injected by the worker; a key is made of published arguments",
        ),
        (quote!(limit(key = rest, max = 2)), "`rest` takes any keyword; a key is made of named arguments"),
        (
            quote!(limit(key = card, max = 2)),
            "`card` is sensitive, and the keys of limits are shown; take another argument",
        ),
        (
            quote!(limit(key = "customer", max = 2)),
            "`key` names arguments of the task: key = customer, key = (customer, day)",
        ),
        (
            quote!(limit(max = 2, cost = 5)),
            "`cost` names the argument that says how much a job takes: cost = units",
        ),
        (quote!(limit(max = 0)), "`max` is how many run at once, 1 to 1000000000; pgjobs pause stops a task"),
        (quote!(limit(max = "2")), "`max` takes a whole number, how many run at once: max = 2"),
        (quote!(limit(max = 2, bursts = 3)), "unknown option `bursts`; did you mean `burst`?"),
        (
            quote!(limit(max = 2, fields = 3)),
            "unknown option `fields`; the options are `name`, `key`, `max`, `rate`, `rates`, `burst`, `cost`",
        ),
        (quote!(limit(rate = "100")), &*format!("`100` is no rate; {rate}")),
        (quote!(limit(rates = "100/s")), "`rates` takes a list of strings: rates = [\"10/s\", \"1000/h\"]"),
        (
            quote!(limit(rates = ["1/s", "60/m"])),
            "this rate is there already; several differ, as \"10/s\" and \"1000/h\"",
        ),
        (quote!(limit(rate = "0/s")), "a rate has 1 start or more in its span, and at most 1000000 a second"),
        (quote!(limit(max = 1, burst = 5)), "`burst` belongs to a rate: limit(rate = \"100/s\", burst = 20)"),
        (quote!(limit(rate = "1/s", burst = 0)), "`burst` is how many start at once, 1 to 9999999"),
        (
            quote!(limit(key = customer)),
            "a limit says how many run or start: limit(max = 2), limit(rate = \"100/s\")",
        ),
        (quote!(limit = 5), "`limit` takes a list: limit(key = customer, max = 2), limit(rate = \"100/s\")"),
        (
            quote!(limit(max = 1, name = "a"), limit(max = 2, name = "a")),
            "several limits of a task need different names",
        ),
        (
            quote!(in_order(key = customer, max = 2)),
            "`in_order` runs one job of a key at a time; remove `max`, or write limit(max = …)",
        ),
        (
            quote!(in_order(on_dead = "stop")),
            "`on_dead` is \"skip\", \"hold\" or \"pause\"; it says what follows when a job in order fails for good",
        ),
        (quote!(in_order(key = customer), in_order), "`in_order` is given twice; keep one"),
        (quote!(fair_by = "customer"), "`fair_by` names arguments of the task: fair_by = tenant"),
        (quote!(fair_by = ()), "`fair_by` names arguments of the task: fair_by = tenant"),
        (quote!(fair_by = (customer, customer)), "`customer` is in the key twice; keep one"),
    ] {
        assert_eq!(mistakes(option.clone()), [expected], "{option}");
    }
}
