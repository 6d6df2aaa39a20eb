//! The pages of the tutorial, and what they show.

use std::fs;
use std::path::Path;

pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// All of them, in their order, which is that of their names.
pub(crate) fn pages() -> Vec<Page> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/tutorial");
    let files = fs::read_dir(folder)
        .expect("the tutorial")
        .map(|file| file.expect("a file").path());
    let mut pages: Vec<Page> = files
        .map(|path| Page {
            name: path.file_name().expect("a name").display().to_string(),
            text: fs::read_to_string(&path).expect("a page"),
        })
        .collect();
    pages.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(pages.len(), 7, "seven steps");
    pages
}

impl Page {
    /// The blocks of code whose language begins like this.
    pub(crate) fn blocks<'p>(&'p self, language: &'p str) -> impl Iterator<Item = &'p str> {
        let parts = self.text.split("\n```").skip(1).step_by(2);
        parts
            .filter_map(|part| part.split_once('\n'))
            .filter(move |(first, _)| first.starts_with(language))
            .map(|(_, code)| code)
    }
}
