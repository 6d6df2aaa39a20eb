//! The files of a new service, which are those of the folder `template`.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::name::Name;
use super::source::Source;
use crate::cli::output::failure::Failure;

/// A file of the template: its path in the service, and its text.
struct Template {
    path: &'static str,
    text: &'static str,
}

macro_rules! templates {
    ($($path:literal: $file:literal),* $(,)?) => {
        &[$(Template { path: $path, text: include_str!(concat!("../../../../template/", $file)) }),*]
    };
}

// A file Cargo.toml would make a package of the folder, which cargo would leave out of ours.
const TEMPLATES: &[Template] = templates! {
    "Cargo.toml": "manifest.toml",
    "src/lib.rs": "src/lib.rs",
    "src/bin/worker.rs": "src/bin/worker.rs",
    "src/bin/web.rs": "src/bin/web.rs",
    "tests/sign_up.rs": "tests/sign_up.rs",
    "README.md": "README.md",
    "Dockerfile": "Dockerfile",
    ".gitignore": "gitignore",
};

/// The paths of the files, in the folder of the service.
pub(super) fn paths() -> Vec<&'static str> {
    TEMPLATES.iter().map(|template| template.path).collect()
}

/// Makes the folder, which must not exist, with all files.
pub(super) fn write(folder: &Path, name: &Name, source: &Source) -> Result<(), Failure> {
    make(folder)?;
    for template in TEMPLATES {
        let path = folder.join(template.path);
        create(&path, &filled(template.text, name, source)).map_err(|error| {
            Failure::failed(format!(
                "{} cannot be written: {error}; remove {} before the next try",
                path.display(),
                folder.display()
            ))
        })?;
    }
    Ok(())
}

fn make(folder: &Path) -> Result<(), Failure> {
    let failed = |reason: String| {
        Failure::failed(format!("{} {reason}: name another folder with --path", folder.display()))
    };
    let cannot = |error: io::Error| failed(format!("cannot be made ({error})"));
    folder.parent().map_or(Ok(()), fs::create_dir_all).map_err(cannot)?;
    fs::create_dir(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => failed("exists already, and nothing is changed in it".to_owned()),
        _ => cannot(error),
    })
}

/// The text with the names of the service and where pgjobs comes from.
fn filled(text: &str, name: &Name, source: &Source) -> String {
    let named = text.replace("my-service", name.package()).replace("my_service", &name.krate());
    named.replace("version = \"PGJOBS\"", &source.toml())
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    File::create_new(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_written() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("template");
        let (mut folders, mut files) = (vec![root], 0);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files += 1;
                    let text = fs::read_to_string(&path).unwrap();
                    assert!(TEMPLATES.iter().any(|template| template.text == text), "{}", path.display());
                }
            }
        }
        assert_eq!(files, TEMPLATES.len());
    }

    #[test]
    fn nothing_of_the_template_is_left_in_a_service() {
        let (name, source) = ("a-shop".parse().unwrap(), Source::Version("1.2.3"));
        for template in TEMPLATES {
            let text = filled(template.text, &name, &source);
            for word in ["my-service", "my_service", "PGJOBS\""] {
                assert!(!text.contains(word), "{}: {word}", template.path);
            }
        }
    }

    #[test]
    fn a_service_needs_the_rust_that_pgjobs_needs() {
        let manifest = TEMPLATES[0].text;
        assert!(
            manifest.contains(&format!("rust-version = \"{}\"", env!("CARGO_PKG_RUST_VERSION"))),
            "{manifest}"
        );
    }
}
