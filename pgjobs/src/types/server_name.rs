//! The names of servers, where a program uses several.

use super::error::Error;

/// The name of the server of `Worker::new`, where it is not named.
pub(crate) const MAIN: &str = "main";

/// The longest name, in characters.
const LONGEST: usize = 63;

/// Refuses what is no name: a label of metrics, a word of the command line, and what keys are routed by.
pub(crate) fn check(name: &str) -> Result<(), Error> {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_inner);
    if is_name && name.len() <= LONGEST {
        return Ok(());
    }
    refuse(format!(
        "`{}` is no name of a server: 1 to 63 characters of a-z, 0-9, _ and -, beginning with a letter",
        name.escape_debug()
    ))
}

/// Refuses names of which two are alike.
pub(crate) fn check_all<'n>(names: impl Iterator<Item = &'n str>) -> Result<(), Error> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        check(name)?;
        if !seen.insert(name) {
            return refuse(format!("two servers are named `{name}`: give each a name of its own"));
        }
    }
    Ok(())
}

fn refuse(reason: String) -> Result<(), Error> {
    Err(Error::Option { name: "server", reason })
}

/// Two names of servers mean one database.
pub(crate) fn same_database(one: &str, other: &str) -> Error {
    let reason =
        format!("`{one}` and `{other}` are the same database: give each server a database of its own");
    Error::Option { name: "server", reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_short_word_that_begins_with_a_letter() {
        let long = "a".repeat(63);
        for name in ["eu", "eu-west_2", &long] {
            check(name).unwrap();
        }
        let too_long = "a".repeat(64);
        for name in ["", "2eu", "-eu", "EU", "eu west", "é", "eu=x", &too_long] {
            let refused = check(name).unwrap_err().to_string();
            assert!(refused.starts_with("option `server`: `"), "{refused}");
        }
    }

    #[test]
    fn each_server_has_a_name_of_its_own() {
        check_all(["eu", "us"].into_iter()).unwrap();
        let refused = check_all(["eu", "us", "eu"].into_iter()).unwrap_err().to_string();
        assert_eq!(refused, "option `server`: two servers are named `eu`: give each a name of its own");
    }
}
