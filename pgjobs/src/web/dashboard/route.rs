//! Which page or action a path means.

use super::url::decode;
use super::view::{Action, Page};

/// The parameters of a path, by name.
pub(super) type Params = Vec<(&'static str, String)>;

/// All pages and actions.
pub(super) struct Table {
    pub(super) pages: &'static [&'static [Page]],
    pub(super) actions: &'static [&'static [Action]],
}

impl Table {
    /// The page of a path; the first that fits.
    pub(super) fn page(&self, path: &str) -> Option<(&'static Page, Params)> {
        self.pages.iter().copied().flatten().find_map(|page| Some((page, fit(page.path, path)?)))
    }

    /// The action of a path.
    pub(super) fn action(&self, path: &str) -> Option<(&'static Action, Params)> {
        self.actions.iter().copied().flatten().find_map(|action| Some((action, fit(action.path, path)?)))
    }
}

/// The parameters, if the path fits the pattern.
fn fit(pattern: &'static str, path: &str) -> Option<Params> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut params = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(params),
            (Some(part), Some(text)) => {
                match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                    Some(name) if !text.is_empty() => params.push((name, decode(text)?)),
                    None if part == text => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_as_a_whole_and_its_parameters_are_decoded() {
        assert_eq!(fit("/jobs/{id}", "/jobs/a%2Fb"), Some(vec![("id", "a/b".to_owned())]));
        assert_eq!(fit("/jobs/{id}/edit", "/jobs/x/edit"), Some(vec![("id", "x".to_owned())]));
        assert_eq!(fit("/", "/"), Some(vec![]));
        for (pattern, path) in [
            ("/jobs/{id}", "/jobs/"),
            ("/jobs/{id}", "/jobs/x/y"),
            ("/jobs/{id}", "/jobs/%ff"),
            ("/jobs", "/jobs/"),
        ] {
            assert_eq!(fit(pattern, path), None, "{path}");
        }
    }
}
