//! What several servers give: `cargo run --release -p pgjobs-benches --bin pgjobs-servers -- [--json]`.
//!
//! A simulation, because the questions need more servers and keys than one machine has: how evenly skewed keys lie,
//! what shared slots are worth, how long a server that was away takes to catch up, what adding and removing one moves,
//! and what a bigger machine would do. It uses the product's own assignment of keys to servers, and is the same
//! with every run: all randomness comes from a fixed seed. The tables are in the book (`how-to/sizing.md`), and the test
//! below keeps them so: `BLESS=1 cargo test -p pgjobs-benches` writes them.
#![allow(clippy::print_stdout, reason = "a bench answers on stdout")]
#![allow(clippy::cast_precision_loss, reason = "counts of jobs and keys are far below 2^52")]

mod flood;
mod keys;
mod machine;
mod moves;
mod outage;
mod queue;
mod random;
mod slots;
mod spread;
mod table;

use table::Table;

fn tables() -> Vec<Table> {
    vec![
        spread::table(),
        spread::one_hot_key(),
        slots::table(),
        flood::table(),
        outage::of_the_others(),
        outage::table(),
        moves::table(),
        machine::table(),
    ]
}

fn main() {
    let tables = tables();
    if std::env::args().any(|word| word == "--json") {
        println!("{}", serde_json::Value::from_iter(tables.iter().map(|table| (table.name, table.json()))));
    } else {
        for table in tables {
            println!("## {}\n\n{}", table.name, table.markdown());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/how-to/sizing.md");

    #[test]
    fn the_tables_of_the_book_are_what_the_simulation_prints() {
        let found = std::fs::read_to_string(PAGE).unwrap();
        let wanted = tables().iter().fold(found.clone(), |page, table| {
            let (begin, end) = (format!("<!-- simulated: {} -->\n", table.name), "<!-- end -->");
            let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("no `{begin}`"));
            let after = &rest[rest.find(end).unwrap()..];
            format!("{before}{begin}{}{after}", table.markdown())
        });
        if std::env::var_os("BLESS").is_some_and(|bless| bless != "0") {
            std::fs::write(PAGE, &wanted).unwrap();
        } else {
            let differs = wanted.lines().zip(found.lines()).find(|(wanted, found)| wanted != found);
            assert!(found == wanted, "`BLESS=1 cargo test -p pgjobs-benches` writes them: {differs:#?}");
        }
    }
}
