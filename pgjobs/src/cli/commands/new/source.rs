//! Where the new service gets pgjobs from.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::types::text::shown;

/// What the manifest says of pgjobs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The folder of the crate, from the root of the file system.
    Path(String),
    /// The URL of a repository.
    Git(String),
    /// The version of this program.
    Version(&'static str),
}

impl Source {
    /// The clone that this program was built in, if it is still there, else this version.
    pub(super) fn of_this_program() -> Self {
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR"));
        // A copy that cargo made of a package or a repository is not for people, and may go at any time.
        let is_clone =
            built_in.join("../migrations/Cargo.toml").is_file() && !built_in.join("../.cargo-ok").exists();
        let path = is_clone.then(|| folder(built_in)).and_then(Result::ok);
        path.map_or(Source::Version(env!("CARGO_PKG_VERSION")), Source::Path)
    }

    /// What a user says: a folder, or else a URL.
    pub(super) fn named(text: &str) -> Result<Self, String> {
        let path = Path::new(text);
        if path.exists() {
            return crate_in(path).and_then(|found| folder(&found)).map(Source::Path);
        }
        let is_url = ["https://", "http://", "ssh://", "git://", "file://"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        if is_url {
            return Ok(Source::Git(text.to_owned()));
        }
        let shown = shown(text);
        Err(format!(
            "--pgjobs `{shown}` is no folder, and no URL such as https://host/pgjobs.git or ssh://git@host/pgjobs.git: \
             write the path of a clone or the URL of a Git repository"
        ))
    }

    /// The key and value of the dependency. Strings of JSON are strings of TOML.
    pub(super) fn toml(&self) -> String {
        let (key, value) = self.pair();
        format!("{key} = {}", Value::from(value))
    }

    /// For programs.
    pub(super) fn document(&self) -> Value {
        let (key, value) = self.pair();
        json!({ key: value })
    }

    fn pair(&self) -> (&'static str, &str) {
        match self {
            Source::Path(path) => ("path", path),
            Source::Git(url) => ("git", url),
            Source::Version(version) => ("version", version),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, value) = self.pair();
        write!(to, "{key} {value}")
    }
}

/// The folder of the crate, which is the one named or in it, as in a clone.
fn crate_in(path: &Path) -> Result<PathBuf, String> {
    let is_pgjobs = |folder: &Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().any(|line| line == "name = \"pgjobs\"")
    };
    [path.to_owned(), path.join("pgjobs")].into_iter().find(|folder| is_pgjobs(folder)).ok_or_else(|| {
        format!("--pgjobs `{}` holds no crate pgjobs: write the folder of a clone", path.display())
    })
}

fn folder(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let full =
        fs::canonicalize(path).map_err(|error| format!("--pgjobs `{shown}` cannot be read: {error}"))?;
    full.into_os_string().into_string().map_err(|_| {
        format!(
            "--pgjobs `{shown}` is no UTF-8, and Cargo.toml is: use a clone in a folder with another name"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_found_by_its_folder_and_by_that_of_the_crate() {
        let here = env!("CARGO_MANIFEST_DIR");
        let path = Source::Path(folder(Path::new(here)).unwrap());
        assert_eq!(Source::named(here), Ok(path));
        assert_eq!(Source::named(&format!("{here}/..")), Source::named(here));
        assert_eq!(Source::of_this_program(), Source::named(here).unwrap());
    }

    #[test]
    fn what_is_neither_a_clone_nor_a_url_is_refused() {
        for (text, reason) in [("nowhere", "no folder"), ("", "no folder"), ("/tmp", "holds no crate pgjobs")]
        {
            let error = Source::named(text).unwrap_err();
            assert!(error.contains(reason) && error.contains(": write the"), "{error}");
        }
    }

    #[test]
    fn no_source_breaks_out_of_its_string() {
        let odd = Source::Path("/a \"b\" \\c\n".to_owned());
        assert_eq!(odd.toml(), r#"path = "/a \"b\" \\c\n""#);
        let url = "https://host/pgjobs.git";
        assert_eq!(Source::named(url).unwrap().toml(), format!("git = \"{url}\""));
    }
}
