//! Walks through the tutorial (docs/src/tutorial) as a reader does: writes down its files, types its
//! commands, and compares what they print with what the pages show.
//!
//! **The pages are the source.** Code in a page that begins with a comment such as `// src/mail.rs` is that
//! file, and the last one of a name is how it stays. The rest of this crate are these files, so that they are
//! compiled and can be run; where one differs, the test fails, and `BLESS=1` writes it anew from the page. Each
//! block of code is a doc test of the book as well, by itself, with hidden lines (`# …`) that no file has.
//!
//! **The commands** are the blocks `console`: a line `$ …` is run by a shell, and what stands below it has to
//! be printed. Ids, times and the like differ from run to run (`words.rs`); `…` stands for anything.

mod files;
mod pages;
mod running;
mod shell;
mod words;

#[test]
fn the_files_of_this_crate_are_those_of_the_pages() {
    files::compare(&pages::pages());
}

/// In the order of the pages, in one folder, with one database: each begins where the last one ended.
#[test]
fn each_command_prints_what_the_page_shows() {
    let mut shell = shell::Shell::new();
    let mut seen = 0;
    for page in pages::pages() {
        for block in page.blocks("console") {
            seen += shell.follow(&page.name, block);
        }
    }
    assert!(seen > 30, "{seen} commands");
}
