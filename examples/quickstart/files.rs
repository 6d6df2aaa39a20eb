//! The files that are worth a job.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Larger files are left out.
const LARGEST: u64 = 1 << 20;

/// Every text file below a folder, by its path inside it, in order; hidden ones and those in
/// `target` are left out, and so is what cannot be read.
pub(crate) fn below(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        let Ok(entries) = fs::read_dir(&current) else { continue };
        for entry in entries {
            let (path, name, kind) = entry.and_then(|e| Ok((e.path(), e.file_name(), e.file_type()?)))?;
            let skipped = name == "target" || name.as_encoded_bytes().starts_with(b".");
            if kind.is_dir() && !skipped {
                folders.push(path);
            } else if kind.is_file() && !skipped && is_text(&path).unwrap_or(false) {
                found.extend(path.strip_prefix(folder).ok().and_then(Path::to_str).map(str::to_owned));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether it is small enough and its beginning holds no zero byte.
fn is_text(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    let small = file.metadata()?.len() <= LARGEST;
    let mut beginning = Vec::new();
    file.take(1024).read_to_end(&mut beginning)?;
    Ok(small && !beginning.contains(&0))
}
